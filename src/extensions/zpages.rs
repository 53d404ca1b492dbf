//! `zpages` serves the Collector's debugging pages. It is accepted, so that a Collector's config runs unchanged, says that it does nothing here, and
//! does nothing.

use std::net::SocketAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::pipeline::{Build, Extension, Host};

/// What the Collector's extension knows; none of it has an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the Collector would listen. localhost:55679.
    pub endpoint: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoint: "localhost:55679".to_owned(),
        }
    }
}

impl Build<dyn Extension> for Config {
    const TYPE: &'static str = "zpages";

    fn build(self, _host: &Host) -> anyhow::Result<Box<dyn Extension>> {
        Ok(Box::new(Idle))
    }
}

struct Idle;

#[async_trait]
impl Extension for Idle {
    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        tracing::info!(extension = "zpages", "the extension is accepted and does nothing here");
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn opens_nothing() {
        assert!(Idle.bind().await.expect("nothing to take").is_empty());
    }
}
