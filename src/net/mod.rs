//! The network shell that components share: listening with caps and time-outs, TLS settings, bounded compression, gRPC framing and
//! status, and the HTTP/2 client. Knows nothing of pipelines or spans.

pub mod aws;
pub mod body;
pub mod compression;
pub mod grpc;
pub mod grpc_client;
pub mod http_client;
pub mod listen;
pub mod rope;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;
