//! Values that a gateway's config may write in more than one form: addresses that may be closed, sizes with units.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::written::ReceiverPorts;
use crate::values::size;

/// Where a port is opened: `host:port`, a port on 127.0.0.1, or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opens {
    Nowhere,
    At(String),
}

impl<'de> Deserialize<'de> for Opens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Opens, D::Error> {
        struct Form;
        impl Visitor<'_> for Form {
            type Value = Opens;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as 127.0.0.1:4327, a port, or none")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Opens, E> {
                Ok(match text {
                    "none" => Opens::Nowhere,
                    at => Opens::At(at.to_owned()),
                })
            }
            fn visit_u64<E: Error>(self, port: u64) -> Result<Opens, E> {
                Ok(Opens::At(format!("127.0.0.1:{port}")))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// `tracing.receiver`: its ports, or `none` for both.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Receiver(pub(super) ReceiverPorts);

impl<'de> Deserialize<'de> for Receiver {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Receiver, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Receiver;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping with grpc and http, or none")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Receiver, E> {
                match text {
                    "none" => Ok(Receiver(ReceiverPorts {
                        grpc: Opens::Nowhere,
                        http: Opens::Nowhere,
                    })),
                    _ => Err(E::custom("expected a mapping with grpc and http, or none")),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Receiver, A::Error> {
                ReceiverPorts::deserialize(MapAccessDeserializer::new(map)).map(Receiver)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// For `#[serde(deserialize_with = "…")]`: bytes as a number, or with a unit.
pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    struct Form;
    impl Visitor<'_> for Form {
        type Value = usize;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size such as 20971520 or 20MiB")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
            size::parse(text).map_err(E::custom)
        }
        fn visit_u64<E: Error>(self, bytes: u64) -> Result<usize, E> {
            usize::try_from(bytes).map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Form)
}
