//! OTLP out: what the gRPC and the HTTP exporter share, which is headers, compression, and how a server's answer is read
//! (`partial_success`, what may be retried). Refuses settings that this program cannot honor, naming those it can.

mod answer;
pub mod grpc;
pub mod http;

use std::{collections::BTreeMap, time::Instant};

use ::http::{HeaderMap, HeaderName, HeaderValue};
use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    net::compression::{Compressor, Encoding},
    pipeline::{AuthWanted, Authenticates, Authenticator, ExportError, Fault, Outgoing, may_pass_with_others},
    values::Secret,
};

/// `compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// gzip, which every server takes.
    #[default]
    Gzip,
    /// zstd: half the work for the same size.
    Zstd,
    /// zlib's format under the name `deflate`; HTTP only.
    Deflate,
    /// zlib's format under the name `zlib`; HTTP only.
    Zlib,
    /// No compression.
    #[serde(alias = "")]
    None,
}

impl Compression {
    /// The codec and its name in headers; `None` for no compression.
    fn codec(self) -> Option<(Encoding, &'static str)> {
        match self {
            Compression::Gzip => Some((Encoding::Gzip, "gzip")),
            Compression::Zstd => Some((Encoding::Zstd, "zstd")),
            Compression::Deflate => Some((Encoding::Deflate, "deflate")),
            Compression::Zlib => Some((Encoding::Deflate, "zlib")),
            Compression::None => None,
        }
    }
}

/// `compression_params`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompressionParams {
    /// Level: 1–9 for gzip, deflate and zlib, 1–22 for zstd; 0 or −1 = 1, which suits telemetry. 0.
    pub level: i32,
}

impl CompressionParams {
    fn faults(&self, compression: Compression) -> Vec<Fault> {
        let highest = if compression == Compression::Zstd { 22 } else { 9 };
        if (-1..=highest).contains(&self.level) {
            return Vec::new();
        }
        vec![Fault::at(
            "compression_params::level",
            format!(
                "level {} is out of range: 1 to {highest}, or 0 for the default",
                self.level
            ),
        )]
    }
}

/// `auth`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Id of an extension. None.
    pub authenticator: String,
}

impl Auth {
    /// What has to be able to do that.
    fn wanted(&self, on: Authenticates) -> AuthWanted {
        AuthWanted {
            authenticator: self.authenticator.clone(),
            on,
        }
    }
}

/// Puts the credentials of an exporter's extension on a request; gives when they were looked up.
async fn authorize(authenticator: &dyn Authenticator, request: Outgoing<'_>) -> Result<Instant, ExportError> {
    let authorized = authenticator.authorize(request).await;
    authorized.map_err(|source| ExportError::Retry { after: None, source })
}

/// What becomes of a request whose credentials the server did not believe: it goes again with others, where these may have expired.
fn disbelieved(authenticator: &dyn Authenticator, looked_up: Instant, error: ExportError) -> ExportError {
    let may_pass = may_pass_with_others(looked_up, Instant::now());
    authenticator.doubt();
    match error {
        ExportError::Refused { source } if may_pass => ExportError::Retry { after: None, source },
        error => error,
    }
}

/// Compresses request bodies as configured.
struct Packer {
    codec: Option<(Compressor, &'static str)>,
}

impl Packer {
    fn new(compression: Compression, params: &CompressionParams) -> Packer {
        let codec = compression.codec().map(|(encoding, name)| {
            let compressor = Compressor::new(encoding);
            let compressor = if params.level > 0 {
                compressor.level(params.level)
            } else {
                compressor
            };
            (compressor, name)
        });
        Packer { codec }
    }

    /// What bodies are coded as, and its name in HTTP headers; `None` for no compression.
    fn coding(&self) -> Option<(Encoding, &'static str)> {
        self.codec.map(|(compressor, name)| (compressor.encoding(), name))
    }

    /// The body as it goes on the wire. Large ones are compressed on a thread that may block.
    async fn pack(&self, chunks: Vec<Bytes>) -> anyhow::Result<Vec<Bytes>> {
        let Some((compressor, _)) = self.codec else {
            return Ok(chunks);
        };
        Ok(vec![compressor.compress_aside(chunks).await?])
    }
}

/// Headers as written, with values that are never printed.
type Headers = BTreeMap<String, Secret>;

/// Faults in `headers`: names and values that HTTP cannot carry, and names in `reserved`, which the exporter sets itself.
fn header_faults(headers: &Headers, reserved: &[&str]) -> Vec<Fault> {
    let fault = |name: &str, reason: &str| Some(Fault::at(format!("headers::{name}"), reason));
    let faults = headers.iter().filter_map(|(name, value)| {
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return fault(name, "is no valid header name");
        };
        if reserved.contains(&parsed.as_str()) || parsed.as_str().starts_with("grpc-") {
            return fault(name, "is set by the exporter itself");
        }
        match HeaderValue::from_str(value.reveal()) {
            Err(_) if !is_binary(&parsed) => fault(name, "has a value that no header can carry (a control character?)"),
            _ => None,
        }
    });
    faults.collect()
}

/// Whether gRPC carries that header in base64.
fn is_binary(name: &HeaderName) -> bool {
    name.as_str().ends_with("-bin")
}

/// Headers for the wire. Names that end in `-bin` are sent in base64 where `grpc`'s rules hold.
fn header_map(headers: &Headers, rules: HeaderRules) -> anyhow::Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).with_context(|| format!("header {name:?}"))?;
        let mut value = if rules == HeaderRules::Grpc && is_binary(&name) {
            HeaderValue::from_str(&STANDARD_NO_PAD.encode(value.reveal()))
        } else {
            HeaderValue::from_str(value.reveal())
        }
        .with_context(|| format!("value of header {:?}", name.as_str()))?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

/// Whose rules hold for headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderRules {
    Grpc,
    Http,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], expected: &[(&str, &str)]) {
        let headers: Headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
            .collect();
        let found: Vec<_> = header_faults(&headers, &["content-type"])
            .into_iter()
            .map(|fault| (fault.path, fault.reason))
            .collect();
        let found: Vec<_> = found
            .iter()
            .map(|(path, reason)| (path.as_str(), reason.as_str()))
            .collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((path, reason), (expected_path, part)) in found.iter().zip(expected) {
            assert!(path == expected_path && reason.contains(part), "{path}: {reason}");
        }
    }

    #[test]
    fn headers_that_cannot_be_sent_are_faults() {
        check(&[("x-api-key", "abc"), ("X-Scope-OrgID", "7")], &[]);
        check(
            &[
                ("a b", "x"),
                ("Content-Type", "x"),
                ("grpc-timeout", "1S"),
                ("ok", "a\nb"),
            ],
            &[
                ("headers::Content-Type", "set by the exporter"),
                ("headers::a b", "no valid header name"),
                ("headers::grpc-timeout", "set by the exporter"),
                ("headers::ok", "no header can carry"),
            ],
        );
    }

    #[test]
    fn binary_metadata_is_base64_in_grpc_only() {
        let headers: Headers = [("x-bin".to_owned(), Secret::new("ab?"))].into();
        let grpc = header_map(&headers, HeaderRules::Grpc).unwrap();
        let http = header_map(&headers, HeaderRules::Http).unwrap();
        assert_eq!(
            (&grpc["x-bin"], &http["x-bin"]),
            (&HeaderValue::from_static("YWI/"), &HeaderValue::from_static("ab?"))
        );
        assert!(grpc["x-bin"].is_sensitive());
    }

    #[test]
    fn an_unknown_compression_is_told_the_known_ones() {
        let fault = serde_json::from_str::<Compression>("\"snappy\"")
            .unwrap_err()
            .to_string();
        for known in ["gzip", "zstd", "deflate", "zlib", "none"] {
            assert!(fault.contains(known), "{fault}");
        }
        assert_eq!(serde_json::from_str::<Compression>("\"\"").unwrap(), Compression::None);
    }

    #[test]
    fn levels_out_of_range_are_faults() {
        let faults = |level, compression| CompressionParams { level }.faults(compression).len();
        assert_eq!([-1, 0, 1, 9].map(|level| faults(level, Compression::Gzip)), [0; 4]);
        assert_eq!([-2, 10].map(|level| faults(level, Compression::Gzip)), [1; 2]);
        assert_eq!([22, 23].map(|level| faults(level, Compression::Zstd)), [0, 1]);
    }
}
