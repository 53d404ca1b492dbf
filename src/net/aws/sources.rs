//! Which sources of credentials are asked, in the order of AWS' SDKs: environment, web identity, shared files, SSO, container, instance.
//! A source that is set up and fails ends the search: another one's credentials would not be those that the user meant.

use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider,
    EnvCredentialProvider, IMDSv2CredentialProvider, RequestSigner, SSOCredentialProvider,
};
use reqsign_core::{
    Context, Error, ProvideCredential, ProvideCredentialDyn, Result, SigningCredential, time::Timestamp,
};

use super::{Access, Role, profile::Profile};

/// Session name where the user writes none.
const SESSION: &str = "plano";

type Source = Box<dyn ProvideCredentialDyn<Credential = Credential>>;

/// Asks its sources one after the other.
#[derive(Debug)]
pub(super) struct Sources(Vec<(Kind, Source)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Environment,
    WebIdentity,
    Files,
    Sso,
    Container,
    Instance,
    Role,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Environment => "environment",
            Kind::WebIdentity => "web identity",
            Kind::Files => "shared files",
            Kind::Sso => "SSO",
            Kind::Container => "container",
            Kind::Instance => "instance",
            Kind::Role => "role",
        }
    }

    /// Whether its failure says that it was not meant at all.
    fn may_fail(self) -> bool {
        matches!(self, Kind::Sso | Kind::Instance)
    }
}

impl ProvideCredential for Sources {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        let mut out = Vec::new();
        for (kind, source) in &self.0 {
            let name = kind.name();
            match source.provide_credential_dyn(context).await {
                Ok(Some(found)) if found.is_valid_at(Timestamp::now()) => return Ok(Some(found)),
                Ok(Some(found)) => {
                    let is_past = found.expires_in.is_some_and(|end| end <= Timestamp::now());
                    let what = if is_past { "they have expired" } else { "a key is empty" };
                    return Err(Error::credential_invalid(format!("{name}: {what}")));
                }
                Ok(None) => out.push(format!("{name}: none")),
                Err(e) if kind.may_fail() => out.push(format!("{name}: {}", told(&e))),
                Err(e) => return Err(Error::new(e.kind(), format!("{name}: {}", told(&e)))),
            }
        }
        Err(Error::credential_invalid(out.join(", ")))
    }
}

/// What an error says, and those that led to it. Nothing of what an answer held: it may be a key.
pub(super) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let places = error.context().iter().filter(|context| is_place(context));
    places.for_each(|place| text.push_str(&format!(" ({place})")));
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let said = match cause.downcast_ref::<serde_json::Error>() {
            Some(e) if e.is_data() && !e.to_string().starts_with("missing field") => {
                "a member is of another type".into()
            }
            _ => cause.to_string(),
        };
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

/// Whether the context of an error says where it happened, without what could be a password.
fn is_place(context: &str) -> bool {
    let is_told = ["endpoint: ", "url: ", "file: ", "http_status: ", "error_code: "];
    is_told.iter().any(|start| context.starts_with(start)) && !context.contains(['{', '@', '?'])
}

/// Keys of the environment. One of the two is a mistake, not another source's turn.
#[derive(Debug)]
pub(super) struct Environment;

impl ProvideCredential for Environment {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        let [id, secret] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, context.env_var(name)));
        match (id, secret) {
            ((set, Some(_)), (unset, None)) | ((unset, None), (set, Some(_))) => {
                Err(Error::config_invalid(format!("{set} is set, {unset} is not")))
            }
            _ => EnvCredentialProvider::new().provide_credential(context).await,
        }
    }
}

/// The name of a web identity's session: as it is written, as the environment says, or ours.
pub(super) fn web_session(written: Option<&str>, context: &Context) -> String {
    let written = written
        .map(str::to_owned)
        .or_else(|| context.env_var("AWS_ROLE_SESSION_NAME"));
    written.unwrap_or_else(|| SESSION.to_owned())
}

/// The sources that `access` allows.
pub(super) fn of(access: &Access, region: &str, context: &Context) -> Sources {
    let files = Profile::of(access, region);
    // Who names a profile or files means those.
    let is_named = !access.profile.is_empty() || !access.credentials_files.is_empty();
    let mut sources: Vec<(Kind, Source)> = Vec::new();
    let sso = |profile: &str| match profile {
        "" => SSOCredentialProvider::new(),
        name => SSOCredentialProvider::new().with_profile(name),
    };
    if is_named {
        sources.push((Kind::Files, Box::new(files)));
        sources.push((Kind::Sso, Box::new(sso(&access.profile))));
    } else {
        let web = AssumeRoleWithWebIdentityCredentialProvider::new();
        let web = web.with_region(region.to_owned()).with_regional_sts_endpoint();
        let web = web.with_role_session_name(web_session(None, context));
        sources.push((Kind::Environment, Box::new(Environment)));
        sources.push((Kind::WebIdentity, Box::new(web)));
        sources.push((Kind::Files, Box::new(files)));
        sources.push((Kind::Sso, Box::new(sso(""))));
        sources.push((Kind::Container, Box::new(ECSCredentialProvider::new())));
        if access.reach.instance {
            sources.push((Kind::Instance, Box::new(IMDSv2CredentialProvider::new())));
        }
    }
    let found = Sources(sources);
    match &access.role {
        Some(role) if !role.web_identity_token_file.is_empty() => {
            let file = role.web_identity_token_file.clone().into();
            let web = AssumeRoleWithWebIdentityCredentialProvider::with_config(role.arn.clone(), file);
            let web = web
                .with_region(sts_region(role, region).to_owned())
                .with_regional_sts_endpoint();
            let web = web.with_role_session_name(session_name(role).to_owned());
            Sources(vec![(Kind::WebIdentity, Box::new(web))])
        }
        Some(role) => Sources(vec![(Kind::Role, Box::new(assumed(role, region, found, context)))]),
        None => found,
    }
}

fn sts_region<'a>(role: &'a Role, region: &'a str) -> &'a str {
    if role.sts_region.is_empty() {
        region
    } else {
        &role.sts_region
    }
}

fn session_name(role: &Role) -> &str {
    if role.session_name.is_empty() {
        SESSION
    } else {
        &role.session_name
    }
}

/// A role, taken with the credentials of `base`.
pub(super) fn assumed(
    role: &Role,
    region: &str,
    base: impl ProvideCredential<Credential = Credential>,
    context: &Context,
) -> AssumeRoleCredentialProvider {
    let region = sts_region(role, region);
    let sts = reqsign_core::Signer::new(context.clone(), base, RequestSigner::new("sts", region));
    let provider = AssumeRoleCredentialProvider::new(role.arn.clone(), sts)
        .with_region(region.to_owned())
        .with_regional_sts_endpoint()
        .with_role_session_name(session_name(role).to_owned());
    match role.external_id.as_str() {
        "" => provider,
        id => provider.with_external_id(id.to_owned()),
    }
}
