//! Which headers go through: to a provider and back. Hop-by-hop headers, whatever `Connection` names, and credentials stay here;
//! trace context is the gateway's to write.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{config::Provider, spans::is_forbidden_header};

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
const KEYS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

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

/// The headers of a request to a provider, but for trace context.
pub(super) fn to_provider(client: &HeaderMap, provider: &Provider, request_id: &HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(client.len() + 4);
    for (name, value) in passing(client) {
        let key = KEYS.contains(&name.as_str());
        let passes = if key {
            provider.passthrough_auth
        } else {
            !is_forbidden_header(name.as_str()) && !OWN.contains(&name.as_str())
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

/// The headers of an answer to a client.
pub(super) fn to_client(provider: &HeaderMap) -> HeaderMap {
    let through =
        passing(provider).filter(|(name, _)| !is_forbidden_header(name.as_str()) && name.as_str() != "x-request-id");
    through.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
