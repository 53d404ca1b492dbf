//! Requests to AWS: who signs them, with which credentials, for which region. Signature Version 4 and the sources of credentials are
//! `reqsign`'s; which of them are asked, in which order, and what is said where none has any, is decided here. Never logs a credential,
//! and asks nobody before the first request.

mod profile;
mod reach;
mod sources;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::PathBuf, sync::Mutex};

use anyhow::{Context as _, anyhow, bail};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{Context, Env, OsEnv, hash::hex_sha256};
use reqwest::Url;

pub use self::reach::Reach;
use crate::values::foreign::harmless;

/// Longest explanation that is kept of why there are no credentials, in characters.
const MESSAGE_LIMIT: usize = 600;

/// Longest text that is told of what should be a region, in characters.
const REGION_LIMIT: usize = 64;

/// Whose credentials sign, and where that is looked up. Empty texts are not written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Access {
    /// Region of the service.
    pub region: String,
    /// Profile of the shared files, instead of `AWS_PROFILE`.
    pub profile: String,
    /// Files with credentials, instead of `AWS_SHARED_CREDENTIALS_FILE`.
    pub credentials_files: Vec<String>,
    /// Role to take with the credentials found.
    pub role: Option<Role>,
    /// How the network is reached.
    pub reach: Reach,
}

/// A role that is taken through STS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// Name of the session in CloudTrail.
    pub session_name: String,
    /// External id that its trust policy may ask for.
    pub external_id: String,
    /// Region of the STS that is asked; the service's without one.
    pub sts_region: String,
    /// Path of a token that it is taken with, instead of other credentials.
    pub web_identity_token_file: String,
}

/// The region that a component works in: what its config says, the environment, the profile, and at last the instance's own.
///
/// # Errors
/// None of them knows one.
pub async fn region(access: &Access) -> anyhow::Result<String> {
    region_in(access, &context(access, OsEnv)?).await
}

async fn region_in(access: &Access, context: &Context) -> anyhow::Result<String> {
    let variable = |name| (name, context.env_var(name).unwrap_or_default());
    let written = [
        ("region", access.region.clone()),
        variable("AWS_REGION"),
        variable("AWS_DEFAULT_REGION"),
    ];
    if let Some((name, region)) = written.into_iter().find(|(_, region)| !region.is_empty()) {
        if !is_region(&region) {
            let told = harmless(&region, REGION_LIMIT);
            bail!("{name}: {told:?} is no region; write one like eu-west-1");
        }
        return Ok(region);
    }
    if let Some(region) = profile::region(access, context).await? {
        return Ok(region);
    }
    if !access.reach.instance {
        bail!("no region: set `region`, AWS_REGION, or one in the profile");
    }
    reach::instance_region(context)
        .await
        .context("no region: set `region` or AWS_REGION; the instance's metadata has none either")
}

/// Whether the text may be the name of a region, which becomes part of a host's name.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= 63
        && text.chars().all(is_label)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// The address of a service in a region, such as `https://xray.eu-west-1.amazonaws.com`.
#[must_use]
pub fn endpoint(service: &str, region: &str) -> String {
    // The partitions that have other domains.
    let domain = match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("us-isof-") => "csp.hci.ic.gov",
        _ if region.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        _ if region.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("https://{service}.{region}.{domain}")
}

/// The address that the environment gives a service in the place of AWS' own, as the SDKs read it: `AWS_ENDPOINT_URL_XRAY`,
/// `AWS_ENDPOINT_URL`. The variable's name, and what it says.
#[must_use]
pub fn endpoint_of_environment(service: &str) -> Option<(String, String)> {
    endpoint_in(service, OsEnv)
}

fn endpoint_in(service: &str, env: impl Env) -> Option<(String, String)> {
    let env = Written(env);
    let own = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
    [own, "AWS_ENDPOINT_URL".to_owned()].into_iter().find_map(|name| {
        let url = env.var(&name)?;
        Some((name, url))
    })
}

/// An environment whose empty variables are not set, as AWS' SDKs read it: `docker compose` sets those that its file only passes on.
#[derive(Debug)]
struct Written<E>(E);

/// What says that the instance's metadata is not asked.
const METADATA_DISABLED: &str = "AWS_EC2_METADATA_DISABLED";

impl<E: Env> Env for Written<E> {
    fn var(&self, key: &str) -> Option<String> {
        let value = self.0.var(key).filter(|value| !value.trim().is_empty())?;
        // The SDKs take `True`, too; `reqsign` does not.
        let is_switch = key == METADATA_DISABLED;
        Some(if is_switch { value.to_ascii_lowercase() } else { value })
    }

    fn vars(&self) -> HashMap<String, String> {
        let all = self.0.vars().into_keys();
        all.filter_map(|key| self.var(&key).map(|value| (key, value))).collect()
    }

    fn home_dir(&self) -> Option<PathBuf> {
        self.0.home_dir()
    }
}

fn context(access: &Access, env: impl Env) -> anyhow::Result<Context> {
    let context = Context::new().with_env(Written(env)).with_file_read(reach::Files);
    Ok(context.with_http_send(reach::Network::new(&access.reach)?))
}

/// Signs requests to one service. Credentials are kept until shortly before they expire.
pub struct Signer {
    access: Access,
    context: Context,
    service: String,
    region: String,
    signer: Mutex<reqsign_core::Signer<Credential>>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("service", &self.service)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// A client for the sources of credentials cannot be made.
    pub fn new(access: Access, service: &str, region: &str) -> anyhow::Result<Signer> {
        let context = context(&access, OsEnv)?;
        Ok(Signer::within(access, service, region, context))
    }

    fn within(access: Access, service: &str, region: &str, context: Context) -> Signer {
        let signer = Signer::fresh(&access, service, region, &context);
        Signer {
            access,
            context,
            service: service.to_owned(),
            region: region.to_owned(),
            signer: Mutex::new(signer),
        }
    }

    fn fresh(access: &Access, service: &str, region: &str, context: &Context) -> reqsign_core::Signer<Credential> {
        let sources = sources::of(access, region, context);
        reqsign_core::Signer::new(context.clone(), sources, RequestSigner::new(service, region))
    }

    /// Puts the signature of a POST on its headers.
    ///
    /// # Errors
    /// No credentials, with what each of their sources said.
    pub async fn sign(&self, url: &Url, headers: &mut HeaderMap, body: &[u8]) -> anyhow::Result<()> {
        let mut request = Request::post(url.as_str()).header("x-amz-content-sha256", hex_sha256(body));
        // No more than what nobody on the way may change.
        if let Some(kind) = headers.get(header::CONTENT_TYPE) {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let (mut parts, ()) = request.body(()).context("the endpoint cannot be signed")?.into_parts();
        let signer = self.signer.lock().expect("no holder panics").clone();
        signer.sign(&mut parts, None).await.map_err(|e| {
            anyhow!(
                "no AWS credentials to sign with: {}",
                harmless(&sources::told(&e), MESSAGE_LIMIT)
            )
        })?;
        for (name, value) in &parts.headers {
            if name == header::AUTHORIZATION || name.as_str().starts_with("x-amz-") {
                headers.insert(name.clone(), sensitive(name, value));
            }
        }
        Ok(())
    }

    /// Forgets the credentials: the service calls them expired.
    pub fn forget(&self) {
        let fresh = Signer::fresh(&self.access, &self.service, &self.region, &self.context);
        *self.signer.lock().expect("no holder panics") = fresh;
    }
}

fn sensitive(name: &HeaderName, value: &HeaderValue) -> HeaderValue {
    let mut value = value.clone();
    value.set_sensitive(name == header::AUTHORIZATION || name.as_str() == "x-amz-security-token");
    value
}
