//! Which headers go through: to a provider and back. Hop-by-hop headers, whatever `Connection` names, and credentials stay here;
//! trace context is the gateway's to write.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{config::Provider, exchange::Api, spans::is_forbidden_header};

/// Headers of one hop only (RFC 9110, section 7.6.1), and those that describe a body as it was sent.
const OF_ONE_HOP: [&str; 11] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of a request that the gateway writes itself.
const OWN: [&str; 4] = ["accept-encoding", "traceparent", "tracestate", "x-request-id"];

/// Headers that carry a client's key; a provider gets them only where `passthrough_auth` says so.
pub(super) const KEYS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// Names that `Connection` lists.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter();
    let names = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn passing(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let named = named_by_connection(headers);
    headers.iter().filter(move |(name, _)| {
        !OF_ONE_HOP.contains(&name.as_str()) && !named.iter().any(|other| other == name.as_str())
    })
}

/// How the names of headers begin that mean something in one API only.
fn prefix_of(api: Api) -> &'static str {
    match api {
        Api::Chat | Api::Responses => "openai-",
        Api::Messages => "anthropic-",
    }
}

/// The headers of a request in the client's API to a provider that speaks `api`, but for trace context.
pub(super) fn to_provider(
    client: &HeaderMap,
    client_api: Api,
    provider: &Provider,
    api: Api,
    request_id: &HeaderValue,
) -> HeaderMap {
    let foreign = Some(prefix_of(client_api)).filter(|prefix| *prefix != prefix_of(api));
    let mut headers = HeaderMap::with_capacity(client.len() + 4);
    for (name, value) in passing(client) {
        let key = KEYS.contains(&name.as_str());
        let passes = if key {
            provider.passthrough_auth
        } else {
            !is_forbidden_header(name.as_str())
                && !OWN.contains(&name.as_str())
                && !foreign.is_some_and(|prefix| name.as_str().starts_with(prefix))
        };
        if passes {
            headers.append(name, value.clone());
        }
    }
    for (name, value) in provider.known.headers {
        if !headers.contains_key(*name) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    for (name, value) in &provider.headers {
        headers.insert(name, value.clone());
    }
    headers.extend(provider.auth_header());
    if let Some(host) = &provider.http_host {
        headers.insert(header::HOST, host.clone());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Replies are read on their way, so they come as they are.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert("x-request-id", request_id.clone());
    headers
}

/// How many agents and filters stand behind each other: a header that they shall send on with their calls back here.
pub(super) const DEPTH: &str = "x-plano-depth";

/// The headers of a request to an agent, but for trace context. `depth`: that of the request that it is part of.
pub(super) fn to_agent(client: &HeaderMap, request_id: &HeaderValue, depth: u32) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(client.len() + 4);
    for (name, value) in passing(client) {
        let name_text = name.as_str();
        let stays = KEYS.contains(&name_text) || OWN.contains(&name_text) || is_forbidden_header(name_text);
        if !stays {
            headers.append(name, value.clone());
        }
    }
    headers.insert(DEPTH, HeaderValue::from(depth + 1));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert("x-request-id", request_id.clone());
    headers
}

/// The headers of an answer to a client.
pub(super) fn to_client(provider: &HeaderMap) -> HeaderMap {
    let through =
        passing(provider).filter(|(name, _)| !is_forbidden_header(name.as_str()) && name.as_str() != "x-request-id");
    through.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::config::PROVIDERS;

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = headers.iter();
        pairs
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn what_belongs_to_one_hop_and_what_is_secret_stays_here() {
        let answer = to_client(&map(&[
            ("connection", "close, x-private"),
            ("x-private", "1"),
            ("content-length", "5"),
            ("set-cookie", "a=b"),
            ("retry-after", "7"),
            ("content-type", "application/json"),
        ]));
        let mut names: Vec<&str> = answer.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "retry-after"]);
    }

    #[test]
    fn what_means_something_in_one_api_stays_in_it() {
        let client = map(&[("openai-project", "p"), ("anthropic-beta", "b"), ("x-mine", "1")]);
        let check = |from: Api, to: Api, expected: &[&str]| {
            let provider = Provider {
                name: "mine".to_owned(),
                model: None,
                known: &PROVIDERS[0],
                upstreams: Vec::new(),
                access_key: None,
                http_host: None,
                headers: Vec::new(),
                passthrough_auth: false,
                default: false,
            };
            let sent = to_provider(&client, from, &provider, to, &HeaderValue::from_static("id"));
            let mut names: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
            names.retain(|name| client.contains_key(*name));
            assert_eq!(names, expected, "{from:?} {to:?}");
        };
        check(Api::Chat, Api::Chat, &["openai-project", "anthropic-beta", "x-mine"]);
        check(Api::Chat, Api::Messages, &["anthropic-beta", "x-mine"]);
        check(Api::Messages, Api::Chat, &["openai-project", "x-mine"]);
        check(
            Api::Responses,
            Api::Chat,
            &["openai-project", "anthropic-beta", "x-mine"],
        );
        check(Api::Responses, Api::Messages, &["anthropic-beta", "x-mine"]);
    }
}
