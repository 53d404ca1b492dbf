//! `pprof` serves profiles of a Go program. It is accepted, so that a Collector's config runs unchanged, says that it does nothing here, and
//! does nothing.

use std::net::SocketAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::pipeline::{Build, Extension, Host};

/// What the Collector's extension knows; none of it has an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the Collector would listen. localhost:1777.
    pub endpoint: String,
    /// Share of blocking events that the Collector would record. 0.
    pub block_profile_fraction: i64,
    /// Share of contended locks that the Collector would record. 0.
    pub mutex_profile_fraction: i64,
    /// File that the Collector would write. None.
    pub save_to_file: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoint: "localhost:1777".to_owned(),
            block_profile_fraction: 0,
            mutex_profile_fraction: 0,
            save_to_file: String::new(),
        }
    }
}

impl Build<dyn Extension> for Config {
    const TYPE: &'static str = "pprof";

    fn build(self, _host: &Host) -> anyhow::Result<Box<dyn Extension>> {
        Ok(Box::new(Idle))
    }
}

struct Idle;

#[async_trait]
impl Extension for Idle {
    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        tracing::info!(extension = "pprof", "the extension is accepted and does nothing here");
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
