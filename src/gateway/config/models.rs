//! The models that are served, checked: each entry of `model_providers` with everything that a request to it needs.

use http::{HeaderName, HeaderValue, uri::Authority};

use super::{
    headers,
    providers::{self, Auth, CUSTOM, Known, PROVIDERS},
    secret,
    upstream::{self, Upstream},
    written::{File, Kind, ModelProvider},
};
use crate::{
    gateway::exchange::{Api, Way},
    values::{Fault, Secret, suggest},
};

/// Headers that are the gateway's to write, or that belong to one connection.
const OWN_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// Headers that carry a key.
const KEY_HEADERS: &[&str] = &["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// A model of a provider, or all of its models.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The provider's name, for `llm.provider`.
    pub name: String,
    /// The model's name at the provider; none for all of them.
    pub model: Option<String>,
    /// The provider whose API this one speaks: its auth style, headers and differences.
    pub known: &'static Known,
    /// The APIs that are spoken, its own first.
    pub upstreams: Vec<Upstream>,
    /// The key.
    pub access_key: Option<Secret>,
    /// The `Host` header to send instead of the URL's.
    pub http_host: Option<HeaderValue>,
    /// Headers to add to every request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether the client's own key is passed on, instead of `access_key`.
    pub passthrough_auth: bool,
    /// Whether it is asked where the routing model finds none.
    pub default: bool,
}

impl Provider {
    /// `provider/model`, `provider/*` for all of its models.
    pub fn id(&self) -> String {
        format!("{}/{}", self.name, self.model.as_deref().unwrap_or("*"))
    }

    /// Where a client's request goes and on which way: to the same API where the provider speaks it, else to the first that the
    /// client's can be translated to.
    pub fn upstream(&self, client: Api) -> (&Upstream, Way) {
        let upstreams = self.upstreams.iter();
        let ways = upstreams.filter_map(|upstream| Some((upstream, Way::between(client, upstream.api)?)));
        ways.min_by_key(|(_, way)| way.crosses())
            .expect("a provider's own API is one that all others can be translated to")
    }

    /// The header that carries `access_key`, if there is one and the client's is not passed on.
    pub fn auth_header(&self) -> Option<(HeaderName, HeaderValue)> {
        let key = self.access_key.as_ref().filter(|_| !self.passthrough_auth)?.reveal();
        let (name, value) = match self.known.auth {
            Auth::Bearer => ("authorization", format!("Bearer {key}")),
            Auth::XApiKey => ("x-api-key", key.to_owned()),
            Auth::ApiKey => ("api-key", key.to_owned()),
        };
        let mut value = HeaderValue::from_str(&value).expect("keys were checked to fit into a header");
        value.set_sensitive(true);
        Some((HeaderName::from_static(name), value))
    }

    /// Whether the model is one of the provider's own, as far as names tell.
    pub(super) fn is_family(&self, model: &str) -> bool {
        providers::known(&self.name).is_some_and(|known| known.is_family(model))
    }

    /// Whether any name may be one of its models.
    pub(super) fn serves_any(&self) -> bool {
        providers::known(&self.name).is_none_or(|known| known.serves_any)
    }
}

/// Checks `model_providers`. `None` in the place of those with faults.
pub(super) fn check(file: &File, warnings: &mut Vec<String>, faults: &mut Vec<Fault>) -> Vec<Option<Provider>> {
    let serves_models = file
        .listeners
        .iter()
        .any(|listener| listener.r#type != Some(Kind::Agent));
    if file.model_providers.is_empty() && (serves_models || file.listeners.is_empty()) {
        faults.push(Fault::at("model_providers", "must have at least one model"));
    }
    let mut default = None;
    let mut found: Vec<Option<Provider>> = Vec::new();
    for (index, written) in file.model_providers.iter().enumerate() {
        let path = format!("model_providers::{index}");
        let before = &file.model_providers[..index];
        if let Some(first) = before
            .iter()
            .position(|other| other.model == written.model && !other.model.is_empty())
        {
            let reason = format!("{:?} is the model of model_providers[{first}]", written.model);
            faults.push(Fault::at(format!("{path}::model"), reason));
        }
        if let (true, Some(first)) = (written.default, default) {
            let reason = format!("model_providers[{first}] is the default already");
            faults.push(Fault::at(format!("{path}::default"), reason));
        } else if written.default {
            default = Some(index);
        }
        if written.passthrough_auth && !written.access_key.reveal().is_empty() {
            let path = format!("model_providers[{index}].access_key");
            warnings.push(format!("{path}: is not used while passthrough_auth is true"));
        }
        found.push(one(written, &path, faults));
    }
    found
}

fn one(written: &ModelProvider, path: &str, faults: &mut Vec<Fault>) -> Option<Provider> {
    let (faults_before, at) = (faults.len(), |key: &str| format!("{path}::{key}"));
    let (name, model) = match split(&written.model) {
        Ok(parts) => parts,
        Err(reason) => {
            faults.push(Fault::at(at("model"), reason));
            return None;
        }
    };
    if written.default && model.is_none() {
        let reason = "all models of a provider cannot be the default; set it on one model";
        faults.push(Fault::at(at("default"), reason));
    }
    let known = match interface(name, written) {
        Ok(known) => Some(known),
        Err((key, reason)) => {
            faults.push(Fault::at(at(key), reason));
            None
        }
    };
    let upstreams = known.and_then(|known| where_it_is(name, known, written, path, faults));
    let access_key = match (written.access_key.reveal().is_empty(), known) {
        (false, _) => secret::one(&written.access_key).map(Some),
        (true, Some(known)) if needs_key(known, written) => Err(match known.key_variable {
            Some(variable) => format!("requires the key of {name}; write it as ${variable}"),
            None => format!("requires the key of {name}"),
        }),
        (true, _) => Ok(None),
    };
    let access_key = access_key.unwrap_or_else(|reason| {
        faults.push(Fault::at(at("access_key"), reason));
        None
    });
    let http_host = http_host(&written.http_host).unwrap_or_else(|reason| {
        faults.push(Fault::at(at("http_host"), reason));
        None
    });
    let headers = headers::check(&written.headers, refused, path, faults);
    (faults.len() == faults_before).then_some(())?;
    Some(Provider {
        name: name.to_owned(),
        model: model.map(str::to_owned),
        known: known?,
        upstreams: upstreams?,
        access_key,
        http_host,
        headers,
        passthrough_auth: written.passthrough_auth,
        default: written.default,
    })
}

/// Provider and model; no model for `*`.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    const WRITE: &str = "write it as provider/model, or provider/* for all models";
    let (name, model) = text.split_once('/').ok_or_else(|| match text {
        "" => format!("requires a model; {WRITE}"),
        _ => format!("{text:?} names no provider; {WRITE}"),
    })?;
    let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    match model {
        "*" if is_plain(name) => Ok((name, None)),
        _ if is_plain(name) && is_plain(model) && !text.contains('*') => Ok((name, Some(model))),
        _ => Err(format!("{text:?} is no model; {WRITE}")),
    }
}

/// Whose API is spoken.
fn interface(name: &str, written: &ModelProvider) -> Result<&'static Known, (&'static str, String)> {
    let names = || PROVIDERS.iter().map(|known| known.name);
    match (written.provider_interface.as_str(), providers::known(name)) {
        ("", Some(known)) => Ok(known),
        ("", None) if name == "custom" => Ok(&CUSTOM),
        ("openai", Some(known)) if known.chat.is_some() => Ok(known),
        ("openai", _) => Ok(&CUSTOM),
        ("", None) => {
            let hint = suggest::hint(name, names());
            let reason = format!(
                "unknown provider {name:?}{hint}; a provider of your own needs base_url and provider_interface"
            );
            Err(("model", reason))
        }
        (interface, _) => providers::known(interface).ok_or_else(|| {
            let hint = suggest::hint(interface, names());
            let valid = names().collect::<Vec<_>>().join(" ");
            let reason = format!("unknown value {interface:?}{hint} (valid values: [{valid}])");
            ("provider_interface", reason)
        }),
    }
}

fn where_it_is(
    name: &str,
    known: &Known,
    written: &ModelProvider,
    path: &str,
    faults: &mut Vec<Fault>,
) -> Option<Vec<Upstream>> {
    let own_host = providers::known(name).and_then(|known| known.base_url);
    let base_url = Some(written.base_url.reveal())
        .filter(|url| !url.is_empty())
        .or(own_host);
    let reason = match base_url.map(|url| upstream::upstreams(known, url)) {
        Some(Ok(upstreams)) => return Some(upstreams),
        Some(Err(reason)) => reason,
        None => match providers::known(name).and_then(|known| known.base_url_variable) {
            Some(variable) => format!("requires where {name} is; write it as ${variable}"),
            None => format!("requires where {name} is, such as http://localhost:8000"),
        },
    };
    faults.push(Fault::at(format!("{path}::base_url"), reason));
    None
}

/// A known provider at its own host wants its key, unless it comes another way.
fn needs_key(known: &Known, written: &ModelProvider) -> bool {
    let is_elsewhere = known.base_url.is_some() && !written.base_url.is_empty();
    let in_headers = written
        .headers
        .keys()
        .any(|name| KEY_HEADERS.contains(&name.to_ascii_lowercase().as_str()));
    known.needs_key && !is_elsewhere && !written.passthrough_auth && !in_headers
}

fn http_host(text: &str) -> Result<Option<HeaderValue>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_sound = text.parse::<Authority>().is_ok() && !text.contains('@');
    let value = HeaderValue::from_str(text).ok().filter(|_| is_sound);
    value
        .map(Some)
        .ok_or_else(|| format!("{text:?} is no host; write it as host or host:port"))
}

/// Why a header may not be written beside a provider.
fn refused(name: &str) -> Option<&'static str> {
    match name {
        "host" => Some("is not for here; write it as http_host"),
        own if OWN_HEADERS.contains(&own) => Some("is written by the gateway; remove it"),
        _ => None,
    }
}
