//! `sigv4auth` signs the requests of `otlp_http` as AWS wants it (Signature Version 4), such as those to X-Ray's own OTLP endpoint. Service
//! and region are the config's, else those that the endpoint's host names. Has no port and no task.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use anyhow::Context;
use async_trait::async_trait;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::{
    net::aws::{self, Access, Role, Signer},
    pipeline::{Authenticates, Authenticator, Build, Extension, Fault, Host, Outgoing},
};

/// `sigv4auth`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Region of the service. The one in the endpoint's host, `AWS_REGION`, the profile's, the instance's own.
    pub region: String,
    /// Service that is signed for, such as xray. The one in the endpoint's host.
    pub service: String,
    /// Role to take before.
    pub assume_role: AssumeRole,
}

/// `assume_role`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssumeRole {
    /// ARN of the role. None: no role is taken.
    pub arn: String,
    /// Name of the session, which CloudTrail shows. plano.
    pub session_name: String,
    /// Region of the STS that is asked. `region`.
    pub sts_region: String,
    /// Path of a token that the role is taken with, instead of other credentials. None.
    pub web_identity_token_file: String,
    /// External id that the role's trust policy asks for. None.
    pub external_id: String,
}

impl Config {
    fn access(&self) -> Access {
        let AssumeRole {
            arn,
            session_name,
            sts_region,
            web_identity_token_file,
            external_id,
        } = self.assume_role.clone();
        Access {
            region: self.region.clone(),
            role: (!arn.is_empty()).then_some(Role {
                arn,
                session_name,
                external_id,
                sts_region,
                web_identity_token_file,
            }),
            ..Access::default()
        }
    }
}

impl Build<dyn Extension> for Config {
    const TYPE: &'static str = "sigv4auth";
    const AUTHENTICATES: Authenticates = Authenticates::Http;

    fn validate(&self) -> Vec<Fault> {
        let role = &self.assume_role;
        let mut faults = Vec::new();
        for (key, region) in [("region", &self.region), ("assume_role::sts_region", &role.sts_region)] {
            if !region.is_empty() && !aws::is_region(region) {
                faults.push(Fault::at(
                    key,
                    format!("{region:?} is no region; write one like eu-west-1"),
                ));
            }
        }
        if !role.arn.is_empty() && !role.arn.starts_with("arn:") {
            faults.push(Fault::at(
                "assume_role::arn",
                "is no ARN; write it like arn:aws:iam::123456789012:role/NAME",
            ));
        }
        if role.arn.is_empty() && *role != AssumeRole::default() {
            faults.push(Fault::at(
                "assume_role::arn",
                "is missing: the other keys belong to a role",
            ));
        }
        faults
    }

    fn build(self, _host: &Host) -> anyhow::Result<Box<dyn Extension>> {
        Ok(Box::new(SigV4 {
            signers: Arc::new(Signers {
                config: self,
                known: Mutex::new(HashMap::new()),
            }),
        }))
    }
}

struct SigV4 {
    signers: Arc<Signers>,
}

impl Extension for SigV4 {
    fn authenticator(&self) -> Option<Arc<dyn Authenticator>> {
        Some(self.signers.clone())
    }
}

/// One signer for each host that exporters send to; those are as many as the config has.
struct Signers {
    config: Config,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone)]
struct Known {
    signer: Arc<Signer>,
    /// Since when its credentials are not those that were doubted.
    since: Instant,
}

impl Signers {
    /// The service that requests to a host are signed for.
    fn service<'a>(&'a self, host: &'a str) -> anyhow::Result<&'a str> {
        let written = Some(self.config.service.as_str()).filter(|service| !service.is_empty());
        let service = written.or(named(host).map(|(service, _)| service));
        service.with_context(|| format!("sigv4auth: {host} names no service of AWS; set `service`"))
    }

    async fn of(&self, url: &Url) -> anyhow::Result<Known> {
        let host = url.host_str().unwrap_or_default();
        if let Some(known) = self.known.lock().expect("no holder panics").get(host) {
            return Ok(known.clone());
        }
        let service = self.service(host)?;
        let mut access = self.config.access();
        if let (true, Some((_, region))) = (access.region.is_empty(), named(host)) {
            access.region = region.to_owned();
        }
        let region = aws::region(&access).await?;
        let known = Known {
            signer: Arc::new(Signer::new(access, service, &region)?),
            since: Instant::now(),
        };
        let mut all = self.known.lock().expect("no holder panics");
        all.insert(host.to_owned(), known.clone());
        Ok(known)
    }
}

#[async_trait]
impl Authenticator for Signers {
    fn check(&self, url: &str) -> anyhow::Result<()> {
        let url = Url::parse(url).context("sigv4auth")?;
        self.service(url.host_str().unwrap_or_default()).map(drop)
    }

    async fn authorize(&self, request: Outgoing<'_>) -> anyhow::Result<Instant> {
        let url = Url::parse(request.url).context("sigv4auth")?;
        let Known { signer, since } = self.of(&url).await?;
        match request.body {
            [whole] => signer.sign(&url, request.headers, whole).await?,
            pieces => signer.sign(&url, request.headers, &pieces.concat()).await?,
        }
        Ok(since)
    }

    fn doubt(&self) {
        let mut known = self.known.lock().expect("no holder panics");
        for known in known.values_mut() {
            known.signer.forget();
            known.since = Instant::now();
        }
    }
}

/// Service and region of a host of AWS: `xray.eu-west-1.amazonaws.com`.
fn named(host: &str) -> Option<(&str, &str)> {
    let mut labels = host.split('.');
    let (service, region, domain) = (labels.next()?, labels.next()?, labels.next()?);
    let is_aws = domain.starts_with("amazonaws") && aws::is_region(region);
    // Workspaces of Prometheus have the service's name before a dash, and so have hosts with cryptography after FIPS 140.
    let service = service.strip_suffix("-fips").unwrap_or(service);
    let service = if service == "aps-workspaces" { "aps" } else { service };
    is_aws.then_some((service, region))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header};

    use super::*;

    #[test]
    fn hosts_name_service_and_region() {
        let check = |host: &str, expected: Option<(&str, &str)>| assert_eq!(named(host), expected, "{host}");
        check("xray.eu-west-1.amazonaws.com", Some(("xray", "eu-west-1")));
        check("aps-workspaces.us-east-1.amazonaws.com", Some(("aps", "us-east-1")));
        check("xray-fips.us-east-1.amazonaws.com", Some(("xray", "us-east-1")));
        check("logs.cn-north-1.amazonaws.com.cn", Some(("logs", "cn-north-1")));
        check("localhost", None);
        check("collector.example.com", None);
        check("xray.EU.amazonaws.com", None);
    }

    #[test]
    fn faults_have_their_path() {
        let config = Config {
            region: "Frankfurt".to_owned(),
            assume_role: AssumeRole {
                external_id: "x".to_owned(),
                ..AssumeRole::default()
            },
            ..Config::default()
        };
        let paths: Vec<String> = config.validate().into_iter().map(|fault| fault.path).collect();
        assert_eq!(paths, ["region", "assume_role::arn"]);
    }

    #[tokio::test]
    async fn without_a_service_nothing_is_signed() {
        let signers = Signers {
            config: Config::default(),
            known: Mutex::default(),
        };
        let mut headers = HeaderMap::new();
        let request = Outgoing {
            url: "http://127.0.0.1:9/v1/traces",
            headers: &mut headers,
            body: &[],
        };
        let told = signers.authorize(request).await.expect_err("no service").to_string();
        assert!(told.contains("set `service`"), "{told}");
        assert!(!headers.contains_key(header::AUTHORIZATION));
    }
}
