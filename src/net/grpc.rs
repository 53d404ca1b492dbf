//! gRPC on the wire: message frames, status codes, trailers, `google.rpc.Status` with `RetryInfo`, percent-encoded messages.
