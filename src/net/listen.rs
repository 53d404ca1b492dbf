//! Listening: binding with clear errors, a cap on connections, header and idle time-outs that fire, TLS, graceful end.
