//! `api::fail_on_invalid_key`: asks Datadog at the start whether it knows the key. Only a clear no is a fault: an outage there must not keep a
//! pipeline from starting.

use std::time::Duration;

use anyhow::bail;
use http::{HeaderMap, HeaderName, StatusCode};
use tracing::warn;

use super::{Config, intake::options};
use crate::net::http_client::{HttpClient, parse_url};

/// Longest wait for the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The question.
pub(super) struct KeyCheck {
    client: HttpClient,
    headers: HeaderMap,
    site: String,
}

impl KeyCheck {
    /// `None` where the user does not ask for it. Opens nothing yet.
    pub(super) fn new(config: &Config) -> anyhow::Result<Option<KeyCheck>> {
        if !config.api.fail_on_invalid_key {
            return Ok(None);
        }
        let base = match config.metrics.endpoint.reveal() {
            "" => format!("https://api.{}", config.api.site),
            own => own.trim_end_matches('/').to_owned(),
        };
        let url =
            parse_url(&format!("{base}/api/v1/validate"), "https://api.datadoghq.com").map_err(anyhow::Error::msg)?;
        let key = config.api.header();
        Ok(Some(KeyCheck {
            client: HttpClient::new(url, &options(config))?,
            headers: key
                .into_iter()
                .map(|key| (HeaderName::from_static("dd-api-key"), key))
                .collect(),
            site: config.api.site.clone(),
        }))
    }

    /// Asks.
    ///
    /// # Errors
    /// Datadog does not know the key.
    pub(super) async fn ask(&self) -> anyhow::Result<()> {
        match self.client.get(self.headers.clone(), TIMEOUT).await {
            Ok(answer) if answer.status == StatusCode::FORBIDDEN => {
                bail!(
                    "Datadog's site {} does not know api::key: check both (api::fail_on_invalid_key is on)",
                    self.site
                )
            }
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => {
                warn!(
                    status = answer.status.as_u16(),
                    "Datadog did not say whether api::key is valid; going on"
                );
                Ok(())
            }
            Err(unsent) => {
                warn!(
                    error = format!("{:#}", unsent.source),
                    "Datadog could not be asked whether api::key is valid; going on"
                );
                Ok(())
            }
        }
    }
}
