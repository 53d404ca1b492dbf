//! Where a provider's API is: the URL that requests go to, made of what the config says and what is known of the provider.
//! Refuses what could not be connected to, and credentials in a URL.

use std::fmt;

use http::Uri;

use super::providers::Known;
use crate::{gateway::exchange::Api, values::redacted};

/// One API of a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    /// What is spoken there.
    pub api: Api,
    uri: Uri,
}

impl Upstream {
    /// The whole URL, query included; to connect to and not to print.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }
}

/// The URL without what may be secret in its query.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.uri.to_string()))
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {self}", self.api)
    }
}

/// The APIs of a provider at a base URL, its own first. Where the URL has a path, that replaces the provider's up to
/// the last words (`/chat/completions`, `/v1/messages`), as clients of these APIs read a base URL; responses are beside chat
/// completions there where it ends in `/v1`.
///
/// # Errors
/// Why there could be no connection.
pub(super) fn upstreams(known: &Known, base_url: &str) -> Result<Vec<Upstream>, String> {
    let base = parse(base_url)?;
    let native = known.native();
    let path = base.path().trim_end_matches('/');
    if !path.is_empty() {
        let beside = known
            .responses
            .filter(|_| path.ends_with("/v1"))
            .map(|_| Api::Responses);
        let apis = std::iter::once(native).chain(beside);
        return apis.map(|api| at(&base, api, &completed(api, path))).collect();
    }
    let apis = [native, Api::Chat, Api::Messages, Api::Responses]
        .into_iter()
        .enumerate();
    let spoken = apis.filter(|(index, api)| *index == 0 || *api != native);
    let paths = spoken.filter_map(|(_, api)| known.path(api).map(|path| (api, path)));
    paths.map(|(api, path)| at(&base, api, path)).collect()
}

/// A base URL's path with what an API's clients add to it.
fn completed(api: Api, path: &str) -> String {
    let end = match api {
        Api::Chat => "/chat/completions",
        Api::Responses => "/responses",
        Api::Messages if path.ends_with("/v1") => "/messages",
        Api::Messages => "/v1/messages",
    };
    match path.ends_with(end) {
        true => path.to_owned(),
        false => format!("{path}{end}"),
    }
}

/// A path below a URL, unless the URL ends with it.
///
/// # Errors
/// Where that is no URL.
pub(super) fn below(base: &Uri, path: &str) -> Result<Uri, String> {
    let own = base.path().trim_end_matches('/');
    let whole = match own.ends_with(path) {
        true => own.to_owned(),
        false => format!("{own}{path}"),
    };
    with_path(base, &whole)
}

fn at(base: &Uri, api: Api, path: &str) -> Result<Upstream, String> {
    let uri = with_path(base, path)?;
    Ok(Upstream { api, uri })
}

fn with_path(base: &Uri, path: &str) -> Result<Uri, String> {
    let mut parts = base.clone().into_parts();
    let whole = match base.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    parts.path_and_query = Some(whole.parse().map_err(|_| "is no URL".to_owned())?);
    Uri::from_parts(parts).map_err(|_| "is no URL".to_owned())
}

/// Reads an address that may be connected to over HTTP.
pub(super) fn parse(text: &str) -> Result<Uri, String> {
    let shown = redacted(text);
    let fault = |what: &str| format!("{shown:?} {what}; write it as https://host or http://host:port");
    let uri: Uri = text.parse().map_err(|_| fault("is no URL"))?;
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(fault("is no URL of http or https"));
    };
    if authority.as_str().contains('@') {
        return Err(format!(
            "{shown:?} holds credentials; write them as access_key or headers"
        ));
    }
    if text.contains('#') {
        return Err(fault("has a fragment"));
    }
    let after_host = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    if authority.host().is_empty() || !(after_host.is_empty() || authority.port_u16().is_some()) {
        return Err(fault("has no sound host and port"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::{super::providers::known, *};

    fn check(name: &str, base_url: Option<&str>, expected: &[&str]) {
        let known = known(name).expect(name);
        let base = base_url.or(known.base_url).expect("a host");
        let found = upstreams(known, base).expect(name);
        let found: Vec<String> = found.iter().map(|it| format!("{:?} {}", it.api, it.uri())).collect();
        assert_eq!(found, expected, "{name} {base_url:?}");
    }

    #[test]
    fn a_base_url_replaces_what_it_says() {
        check(
            "openai",
            None,
            &[
                "Chat https://api.openai.com/v1/chat/completions",
                "Responses https://api.openai.com/v1/responses",
            ],
        );
        check(
            "openai",
            Some("https://proxy/llm/v1"),
            &[
                "Chat https://proxy/llm/v1/chat/completions",
                "Responses https://proxy/llm/v1/responses",
            ],
        );
        check("anthropic", None, &["Messages https://api.anthropic.com/v1/messages"]);
        check(
            "deepseek",
            None,
            &[
                "Chat https://api.deepseek.com/v1/chat/completions",
                "Messages https://api.deepseek.com/anthropic/v1/messages",
            ],
        );
        check(
            "gemini",
            None,
            &["Chat https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"],
        );
        check(
            "openai",
            Some("http://localhost:11223"),
            &[
                "Chat http://localhost:11223/v1/chat/completions",
                "Responses http://localhost:11223/v1/responses",
            ],
        );
        check(
            "openai",
            Some("http://[::1]:9/"),
            &[
                "Chat http://[::1]:9/v1/chat/completions",
                "Responses http://[::1]:9/v1/responses",
            ],
        );
        check(
            "groq",
            Some("https://proxy/llm/v1/"),
            &["Chat https://proxy/llm/v1/chat/completions"],
        );
    }

    #[test]
    fn customers_have_hosts_and_paths_of_their_own() {
        check(
            "azure_openai",
            Some("https://me.openai.azure.com"),
            &[
                "Chat https://me.openai.azure.com/openai/v1/chat/completions",
                "Responses https://me.openai.azure.com/openai/v1/responses",
            ],
        );
        check(
            "azure_openai",
            Some("https://me.openai.azure.com/openai/deployments/d?api-version=2024-10-21"),
            &["Chat https://me.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"],
        );
        check(
            "deepseek",
            Some("https://proxy/v1/chat/completions"),
            &["Chat https://proxy/v1/chat/completions"],
        );
        for base in ["https://proxy/a", "https://proxy/a/v1", "https://proxy/a/v1/messages"] {
            check("anthropic", Some(base), &["Messages https://proxy/a/v1/messages"]);
        }
        let keyed = upstreams(known("openai").expect("known"), "http://h/v1?key=hunter2").expect("sound");
        assert_eq!(
            format!("{:?}", keyed[0]),
            "Chat at http://h/v1/chat/completions?key=[REDACTED]"
        );
    }

    #[test]
    fn refuses_what_cannot_be_connected_to() {
        for wrong in [
            "",
            "localhost:11223",
            "ftp://h",
            "http://",
            "http://h:99999",
            "http://h:x",
            "http://h:",
            "http://:9",
            "http://h/#x",
            "http://a b",
            "/v1",
        ] {
            let fault = parse(wrong).expect_err(wrong);
            assert!(
                fault.ends_with("write it as https://host or http://host:port"),
                "{fault}"
            );
        }
        let fault = parse("http://u:hunter2@h").expect_err("credentials");
        assert!(!fault.contains("hunter2") && fault.contains("access_key"), "{fault}");
    }
}
