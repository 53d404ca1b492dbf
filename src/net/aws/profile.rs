//! Profiles of the files that AWS' tools share (`~/.aws/credentials`, `~/.aws/config`): keys, and roles that are taken with another
//! profile's, the environment's, the container's or the instance's credentials or with a web identity. Refuses chains without an end,
//! roles that want a code typed in, and programs that print credentials.

use std::collections::HashMap;

use reqsign_aws_v4::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider, IMDSv2CredentialProvider,
    StaticCredentialProvider,
};
use reqsign_core::{BoxedFuture, Context, Error, ProvideCredential, Result};

use super::{
    Access, Role,
    sources::{Environment, assumed, web_session},
};

/// Most profiles that a role may be taken through.
const DEEPEST: usize = 5;

type Section = HashMap<String, String>;

/// Credentials of a profile.
#[derive(Debug)]
pub(super) struct Profile {
    name: String,
    files: Vec<String>,
    region: String,
}

impl Profile {
    pub(super) fn of(access: &Access, region: &str) -> Profile {
        Profile {
            name: access.profile.clone(),
            files: access.credentials_files.clone(),
            region: region.to_owned(),
        }
    }

    fn wanted(&self, context: &Context) -> Option<String> {
        let named = Some(self.name.clone()).filter(|name| !name.is_empty());
        named.or_else(|| context.env_var("AWS_PROFILE").filter(|name| !name.is_empty()))
    }

    /// All profiles by name; what the credentials file says of one wins.
    async fn read(&self, context: &Context) -> Result<HashMap<String, Section>> {
        let path = |variable: &str, usual: &str| {
            let written = context.env_var(variable).filter(|path| !path.is_empty());
            let path = written.clone().unwrap_or_else(|| usual.to_owned());
            (context.expand_home_dir(&path), written.is_some())
        };
        let (config, is_config_named) = path("AWS_CONFIG_FILE", "~/.aws/config");
        let mut files = vec![(config, is_config_named, true)];
        if self.files.is_empty() {
            let (credentials, is_named) = path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
            files.push((credentials, is_named, false));
        }
        files.extend(
            self.files
                .iter()
                .map(|path| (context.expand_home_dir(path), true, false)),
        );
        let mut found: HashMap<String, Section> = HashMap::new();
        for (path, is_named, is_config) in files {
            let Some(path) = path else { continue };
            let text = match context.file_read_as_string(&path).await {
                Ok(text) => text,
                Err(e) if is_named => return Err(e),
                Err(_) => continue,
            };
            for (name, section) in sections(&text, is_config) {
                found.entry(name).or_default().extend(section);
            }
        }
        Ok(found)
    }
}

impl ProvideCredential for Profile {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        let wanted = self.wanted(context);
        let profiles = self.read(context).await?;
        let name = wanted.clone().unwrap_or_else(|| "default".to_owned());
        if wanted.is_some() && !profiles.contains_key(&name) {
            return Err(Error::config_invalid(format!("there is no profile {name:?}")));
        }
        self.resolve(&profiles, &name, DEEPEST, context).await
    }
}

impl Profile {
    fn resolve<'a>(
        &'a self,
        profiles: &'a HashMap<String, Section>,
        name: &'a str,
        depth: usize,
        context: &'a Context,
    ) -> BoxedFuture<'a, Result<Option<Credential>>> {
        Box::pin(async move {
            let fault = |what: &str| Error::config_invalid(format!("profile {name:?} {what}"));
            let Some(section) = profiles.get(name) else {
                return Ok(None);
            };
            let get = |key: &str| section.get(key).map(String::as_str).filter(|value| !value.is_empty());
            let Some(arn) = get("role_arn") else {
                return match keys(name, section)? {
                    None if get("credential_process").is_some() => {
                        Err(fault("has a credential_process, which is not run here"))
                    }
                    keys => Ok(keys),
                };
            };
            if get("mfa_serial").is_some() {
                return Err(fault("wants a code of an MFA device, which nobody can type in here"));
            }
            if depth == 0 {
                return Err(fault("is reached through too many others: do they name each other?"));
            }
            let region = get("region").unwrap_or(&self.region);
            if let Some(file) = get("web_identity_token_file") {
                let web = AssumeRoleWithWebIdentityCredentialProvider::with_config(arn.to_owned(), file.into());
                let web = web.with_region(region.to_owned()).with_regional_sts_endpoint();
                let web = web.with_role_session_name(web_session(get("role_session_name"), context));
                return web.provide_credential(context).await;
            }
            let base = match (get("source_profile"), get("credential_source")) {
                // A profile may take a role with keys of its own.
                (Some(source), _) if source == name => keys(name, section)?,
                (Some(source), _) => self.resolve(profiles, source, depth - 1, context).await?,
                (None, Some("Environment")) => Environment.provide_credential(context).await?,
                (None, Some("EcsContainer")) => ECSCredentialProvider::new().provide_credential(context).await?,
                (None, Some("Ec2InstanceMetadata")) => {
                    IMDSv2CredentialProvider::new().provide_credential(context).await?
                }
                _ => {
                    return Err(fault(
                        "has a role_arn without source_profile, credential_source or web_identity_token_file",
                    ));
                }
            };
            let base = base.ok_or_else(|| fault("has a role, but no credentials to take it with"))?;
            let role = Role {
                arn: arn.to_owned(),
                session_name: get("role_session_name").unwrap_or_default().to_owned(),
                external_id: get("external_id").unwrap_or_default().to_owned(),
                ..Role::default()
            };
            let base = match &base.session_token {
                Some(token) => StaticCredentialProvider::new(&base.access_key_id, &base.secret_access_key)
                    .with_session_token(token),
                None => StaticCredentialProvider::new(&base.access_key_id, &base.secret_access_key),
            };
            assumed(&role, region, base, context).provide_credential(context).await
        })
    }
}

/// The keys of a profile. One of the two is a mistake, not another source's turn.
fn keys(name: &str, section: &Section) -> Result<Option<Credential>> {
    let get = |key: &str| section.get(key).filter(|value| !value.is_empty()).cloned();
    let fault = |has: &str, lacks: &str| {
        Err(Error::config_invalid(format!(
            "profile {name:?} has {has}, but no {lacks}"
        )))
    };
    let (id, secret) = ("aws_access_key_id", "aws_secret_access_key");
    match (get(id), get(secret)) {
        (None, None) => Ok(None),
        (Some(_), None) => fault(id, secret),
        (None, Some(_)) => fault(secret, id),
        (Some(access_key_id), Some(secret_access_key)) => Ok(Some(Credential {
            access_key_id,
            secret_access_key,
            session_token: get("aws_session_token"),
            expires_in: None,
        })),
    }
}

/// The region of the profile in use.
///
/// # Errors
/// A file that is named and cannot be read.
pub(super) async fn region(access: &Access, context: &Context) -> anyhow::Result<Option<String>> {
    let profile = Profile::of(access, "");
    let name = profile.wanted(context).unwrap_or_else(|| "default".to_owned());
    let profiles = profile.read(context).await?;
    let region = profiles.get(&name).and_then(|section| section.get("region")).cloned();
    Ok(region.filter(|region| super::is_region(region)))
}

/// The sections of such a file. In the config file all but `default` are called `profile NAME`.
pub(super) fn sections(text: &str, is_config: bool) -> Vec<(String, Section)> {
    let mut found: Vec<(String, Section)> = Vec::new();
    let mut is_profile = false;
    // How far the last key without a value is indented: what stands further in belongs to it, and is not read.
    let mut outer = None;
    for whole in text.lines() {
        let line = whole.trim_start();
        let indent = whole.len() - line.len();
        if line.is_empty() || line.starts_with(['#', ';']) || outer.is_some_and(|outer| indent > outer) {
            continue;
        }
        outer = None;
        if let Some(head) = line.strip_prefix('[') {
            let head = head.split_once(']').map_or(head, |(head, _)| head).trim();
            let name = match head.strip_prefix("profile ") {
                Some(name) if is_config => Some(name.trim()),
                _ if is_config => (head == "default").then_some(head),
                _ => Some(head),
            };
            is_profile = name.is_some();
            found.extend(name.map(|name| (name.trim_matches('"').to_owned(), Section::new())));
        } else if let (Some((key, value)), true) = (line.split_once('='), is_profile)
            && let Some((_, section)) = found.last_mut()
        {
            // A comment stands behind a blank.
            let value = [" #", " ;"]
                .iter()
                .filter_map(|mark| value.find(mark))
                .min()
                .map_or(value, |at| &value[..at]);
            outer = value.trim().is_empty().then_some(indent);
            section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}
