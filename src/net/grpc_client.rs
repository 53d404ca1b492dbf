//! A gRPC client for unary calls over hyper's HTTP/2, sending raw bytes as a rope of chunks; connects lazily, reconnects.
