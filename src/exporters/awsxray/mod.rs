//! AWS X-Ray by its own API: spans become segments as in the Collector's exporter of that name, and go out in signed PutTraceSegments
//! requests of at most 50. Keys are the Collector's. A segment that is larger than X-Ray takes is shortened and says so; what cannot be
//! sent at all is counted and logged.

mod answer;
mod fit;
#[cfg(test)]
mod tests;
mod translate;

use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use ::http::{HeaderMap, HeaderValue, header};
use anyhow::{Context, anyhow};
use async_trait::async_trait;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use self::{
    answer::Outcome,
    translate::{Resource, Settings},
};
use super::http::{PROXY_EXAMPLE, Rejections, url_fault};
use crate::{
    net::{
        aws::{self, Access, Reach, Role, Signer},
        grpc_client::USER_AGENT,
        http_client::{HttpClient, Options, parse_url},
        tls::ClientTls,
    },
    otlp::TraceBatch,
    pipeline::{Build, Dial, ExportError, Exporter, Fault, Host, queue::Delivery},
    values::Endpoint,
};

/// Most documents that PutTraceSegments takes.
const MOST_DOCUMENTS: usize = 50;

/// `awsxray`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Region of X-Ray. `AWS_REGION`, the profile's, the instance's own.
    pub region: String,
    /// URL of X-Ray, to which `/TraceSegments` is added. `AWS_ENDPOINT_URL_XRAY`, `https://xray.REGION.amazonaws.com`.
    pub endpoint: Endpoint,
    /// Never ask the instance's metadata, neither for the region nor for credentials. false.
    pub local_mode: bool,
    /// Believe any certificate of X-Ray; STS and the other sources of credentials have to have a right one. false.
    pub no_verify_ssl: bool,
    /// Path of the authorities to believe, PEM. The system's.
    pub certificate_file_path: String,
    /// Proxy for every request to X-Ray, such as `http://proxy:3128`. `HTTPS_PROXY` and the like.
    pub proxy_address: Endpoint,
    /// ARN of a role to take. None.
    pub role_arn: String,
    /// External id that the role's trust policy asks for. None.
    pub external_id: String,
    /// Profile of the shared files. `AWS_PROFILE`, "default".
    pub profile: String,
    /// Paths of files with credentials. `AWS_SHARED_CREDENTIALS_FILE`, `~/.aws/credentials`.
    pub shared_credentials_file: Vec<String>,
    /// How often the instance's metadata is asked again that did not answer. 1.
    pub imds_retries: u32,
    /// Attributes that become annotations, which X-Ray can search; those of a resource are written `otel.resource.KEY`. None.
    pub indexed_attributes: Vec<String>,
    /// Make every attribute that can be one an annotation. false.
    pub index_all_attributes: bool,
    /// Log groups of segments whose resource names none. None.
    pub aws_log_groups: Vec<String>,
    /// Take any trace id; else those alone that begin with a time of the last 28 days. true.
    pub skip_timestamp_validation: bool,
    /// Accepted: `sending_queue::num_consumers` is the bound. 8.
    pub num_workers: usize,
    /// Accepted, in seconds: `timeout` is the bound. 30.
    pub request_timeout_seconds: u64,
    /// Accepted: `retry_on_failure` says when and for how long. 2.
    pub max_retries: u32,
    /// Accepted, unused: nothing about this exporter itself is sent.
    pub resource_arn: String,
    /// Accepted, unused: `/metrics` tells about this exporter.
    pub telemetry: Telemetry,
    /// Accepted, unused: id of a middleware of Amazon's own builds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middleware: Option<String>,
}

/// `telemetry`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Accepted, unused. false.
    pub enabled: bool,
    /// Accepted, unused. false.
    pub include_metadata: bool,
    /// Accepted, unused. None.
    pub contributors: Vec<String>,
    /// Accepted, unused. None.
    pub hostname: String,
    /// Accepted, unused. None.
    pub instance_id: String,
    /// Accepted, unused. None.
    pub resource_arn: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            region: String::new(),
            endpoint: Endpoint::default(),
            local_mode: false,
            no_verify_ssl: false,
            certificate_file_path: String::new(),
            proxy_address: Endpoint::default(),
            role_arn: String::new(),
            external_id: String::new(),
            profile: String::new(),
            shared_credentials_file: Vec::new(),
            imds_retries: 1,
            indexed_attributes: Vec::new(),
            index_all_attributes: false,
            aws_log_groups: Vec::new(),
            skip_timestamp_validation: true,
            num_workers: 8,
            request_timeout_seconds: 30,
            max_retries: 2,
            resource_arn: String::new(),
            telemetry: Telemetry::default(),
            middleware: None,
        }
    }
}

impl Config {
    fn access(&self) -> Access {
        let role = (!self.role_arn.is_empty()).then(|| Role {
            arn: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            ..Role::default()
        });
        Access {
            region: self.region.clone(),
            profile: self.profile.clone(),
            credentials_files: self.shared_credentials_file.clone(),
            role,
            reach: Reach {
                instance: !self.local_mode,
                instance_retries: self.imds_retries,
                // Keys and tokens pass there: `no_verify_ssl` is for X-Ray alone.
                tls: ClientTls {
                    insecure_skip_verify: false,
                    ..self.tls()
                },
            },
        }
    }

    fn tls(&self) -> ClientTls {
        ClientTls {
            insecure_skip_verify: self.no_verify_ssl,
            ca_file: Some(self.certificate_file_path.clone()).filter(|path| !path.is_empty()),
            ..ClientTls::default()
        }
    }

    /// Where segments go. `usual` is where they go unless the config has an endpoint.
    fn url(&self, usual: &str) -> Result<Url, String> {
        let base = match self.endpoint.reveal() {
            "" => usual,
            written => written,
        };
        let mut url = parse_url(base, "https://xray.eu-west-1.amazonaws.com")?;
        let path = format!("{}/TraceSegments", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(url)
    }

    /// Keys of the Collector that are set and have their meaning elsewhere, with where that is.
    fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let usual = Config::default();
        let keys = [
            (
                self.num_workers != usual.num_workers,
                "num_workers",
                "sending_queue::num_consumers",
            ),
            (
                self.request_timeout_seconds != usual.request_timeout_seconds,
                "request_timeout_seconds",
                "timeout",
            ),
            (self.max_retries != usual.max_retries, "max_retries", "retry_on_failure"),
        ];
        let set = keys.into_iter().filter(|(is_set, ..)| *is_set);
        set.map(|(_, key, instead)| (key, instead)).collect()
    }

    fn settings(&self) -> Settings {
        Settings {
            indexed: self.indexed_attributes.clone(),
            index_all: self.index_all_attributes,
            log_groups: self.aws_log_groups.clone(),
            check_epoch: !self.skip_timestamp_validation,
        }
    }

    fn client(&self, region: &str, of_environment: Option<(String, String)>) -> anyhow::Result<HttpClient> {
        let (said_by, usual) = of_environment.unwrap_or_else(|| ("region".to_owned(), aws::endpoint("xray", region)));
        let said_by = if self.endpoint.is_empty() { &said_by } else { "endpoint" };
        let url = self.url(&usual).map_err(|reason| anyhow!("{said_by}: {reason}"))?;
        let options = Options {
            tls: self.tls(),
            proxy_url: self.proxy_address.reveal().to_owned(),
            ..Options::default()
        };
        HttpClient::new(url, &options)
    }
}

impl Build<dyn Exporter> for Config {
    const TYPE: &'static str = "awsxray";

    fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !self.region.is_empty() && !aws::is_region(&self.region) {
            faults.push(Fault::at(
                "region",
                format!("{:?} is no region; write one like eu-west-1", self.region),
            ));
        }
        if let Err(reason) = self.url("https://xray.us-east-1.amazonaws.com") {
            faults.push(Fault::at("endpoint", reason));
        }
        faults.extend(url_fault("proxy_address", &self.proxy_address, PROXY_EXAMPLE));
        if !self.role_arn.is_empty() && !self.role_arn.starts_with("arn:") {
            let right = "write it like arn:aws:iam::123456789012:role/NAME";
            faults.push(Fault::at("role_arn", format!("is no ARN; {right}")));
        }
        if self.role_arn.is_empty() && !self.external_id.is_empty() {
            faults.push(Fault::at("external_id", "belongs to a role; set `role_arn`"));
        }
        let tls = self.tls().faults().into_iter();
        faults.extend(tls.map(|(_, reason)| Fault::at("certificate_file_path", reason)));
        faults
    }

    fn dials(&self) -> Vec<Dial> {
        let endpoint = match self.endpoint.is_empty() {
            true => Endpoint::new(aws::endpoint(
                "xray",
                if self.region.is_empty() { "region" } else { &self.region },
            )),
            false => self.endpoint.clone(),
        };
        vec![Dial {
            endpoint,
            protocol: "xray",
        }]
    }

    fn delivery() -> Delivery {
        Delivery {
            timeout: std::time::Duration::from_secs(30),
            ..Delivery::default()
        }
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Exporter>> {
        if self.telemetry.enabled {
            tracing::info!(exporter = %host.id, "telemetry about the exporter is not sent to X-Ray; /metrics has it");
        }
        for (key, instead) in self.without_effect() {
            tracing::info!(exporter = %host.id, key, "has no effect; {instead} is the bound");
        }
        if self.no_verify_ssl {
            tracing::warn!(exporter = %host.id, "no_verify_ssl: whoever stands on the way to X-Ray can read and change spans");
        }
        Ok(Box::new(AwsXray {
            settings: self.settings(),
            config: self,
            open: OnceLock::new(),
            rejections: Rejections::new(host.id.clone()),
        }))
    }
}

struct AwsXray {
    config: Config,
    settings: Settings,
    /// Set when it is opened: the region may have to be asked for.
    open: OnceLock<Open>,
    rejections: Rejections,
}

struct Open {
    client: HttpClient,
    signer: Signer,
}

#[async_trait]
impl Exporter for AwsXray {
    async fn check(&self) -> anyhow::Result<()> {
        self.connect().await.map(drop)
    }

    async fn open(&self) -> anyhow::Result<()> {
        let open = self.connect().await?;
        // Opened once; a second time changes nothing.
        let _ = self.open.set(open);
        Ok(())
    }

    fn requests(&self, batch: TraceBatch) -> Vec<TraceBatch> {
        let makes_two = batch
            .resource_spans()
            .flat_map(|spans| spans.scope_spans())
            .flat_map(|scope| scope.spans())
            .any(|span| translate::count(&span) > 1);
        batch.split(MOST_DOCUMENTS / if makes_two { 2 } else { 1 }, 0)
    }

    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        let documents = self.documents(batch, SystemTime::now())?;
        if documents.is_empty() {
            return Ok(());
        }
        let retry = |source| ExportError::Retry { after: None, source };
        let Open { client, signer } = self.open.get().context("not opened").map_err(retry)?;
        let body = serde_json::json!({ "TraceSegmentDocuments": documents }).to_string();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        signer
            .sign(client.url(), &mut headers, body.as_bytes())
            .await
            .map_err(retry)?;
        let answer = client.post(headers, body).await?;
        match answer::read(&answer, SystemTime::now()) {
            Outcome::Taken => Ok(()),
            Outcome::InPart { segments, reason } => {
                self.rejections
                    .note(segments, &reason, "X-Ray did not take all segments of a request");
                Ok(())
            }
            Outcome::Failed { error, is_stale } => {
                if is_stale {
                    signer.forget();
                }
                Err(error)
            }
        }
    }
}

impl AwsXray {
    async fn connect(&self) -> anyhow::Result<Open> {
        let access = self.config.access();
        let region = aws::region(&access).await?;
        Ok(Open {
            client: self.config.client(&region, aws::endpoint_of_environment("xray"))?,
            signer: Signer::new(access, "xray", &region)?,
        })
    }

    /// The documents of a batch, each no larger than X-Ray takes. Spans that cannot have one are counted and logged.
    ///
    /// # Errors
    /// No span of the batch can have one: that is a request refused, which the engine counts.
    fn documents(&self, batch: &TraceBatch, now: SystemTime) -> Result<Vec<String>, ExportError> {
        let now = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs().cast_signed());
        let mut documents = Vec::with_capacity(batch.span_count());
        let (mut old, mut large) = (0, 0);
        for spans in batch.resource_spans() {
            let resource = Resource::of(&spans);
            for span in spans.scope_spans().flat_map(|scope| scope.spans()) {
                let Ok(made) = translate::documents(span, &resource, &self.settings, now) else {
                    old += 1;
                    continue;
                };
                let fitting: Option<Vec<String>> = made.into_iter().map(fit::text).collect();
                match fitting {
                    Some(texts) => documents.extend(texts),
                    None => large += 1,
                }
            }
        }
        let reasons = [
            (old, translate::WrongEpoch.to_string()),
            (large, "the segment is larger than 64 kB even when shortened".to_owned()),
        ];
        let refused: Vec<_> = reasons.into_iter().filter(|(spans, _)| *spans > 0).collect();
        if documents.is_empty()
            && let Some((_, reason)) = refused.first()
        {
            let source = anyhow!("not sent, X-Ray would refuse it: {reason}");
            return Err(ExportError::Refused { source });
        }
        for (spans, reason) in &refused {
            self.rejections
                .note(*spans, reason, "spans that X-Ray would refuse are not sent");
        }
        Ok(documents)
    }
}
