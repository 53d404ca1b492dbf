//! Addresses as configs write them, `host:port` or a URL, which may carry credentials: user and password before the host, keys
//! in the query. Promises that those are never printed, in logs, faults or a printed config.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// What stands in the place of a secret.
const REDACTED: &str = "[REDACTED]";

/// An address whose credentials are `[REDACTED]` in `Debug`, in `Display` and when serialized.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Endpoint(String);

impl Endpoint {
    /// The endpoint of that text.
    pub fn new(text: impl Into<String>) -> Endpoint {
        Endpoint(text.into())
    }
    /// The text itself, to connect to and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
    /// Whether none is written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redacted(&self.0))
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&redacted(&self.0))
    }
}

/// The text with its user, password, values in the query and fragment replaced. What is no valid URL is read so that too
/// much is hidden rather than too little.
pub fn redacted(text: &str) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let mut out = scheme.to_owned();
    if let Some((_, host)) = authority.rsplit_once('@') {
        out.push_str(&format!("{REDACTED}@{host}"));
    } else if let Some((_, host)) = rest.rsplit_once('@').filter(|_| !is_host_and_port(authority)) {
        // A password with a slash in it.
        return format!("{out}{REDACTED}@{}", redacted(host));
    } else {
        out.push_str(authority);
    }
    let (tail, fragment) = match tail.split_once('#') {
        Some((tail, _)) => (tail, true),
        None => (tail, false),
    };
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (tail, None),
    };
    out.push_str(path);
    if let Some(query) = query {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((key, _)) => format!("{key}={REDACTED}"),
            None => REDACTED.to_owned(),
        });
        out.push('?');
        out.push_str(&pairs.collect::<Vec<_>>().join("&"));
    }
    if fragment {
        out.push('#');
        out.push_str(REDACTED);
    }
    out
}

/// Whether what stands before the first slash is whole by itself, so that an `@` behind it belongs to the path.
fn is_host_and_port(authority: &str) -> bool {
    let port = match authority.rsplit_once(']') {
        Some((_, rest)) => rest.strip_prefix(':'),
        None => authority.split_once(':').map(|(_, port)| port),
    };
    port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(redacted(text), expected, "{text}");
        let endpoint = Endpoint::new(text);
        assert_eq!(endpoint.reveal(), text);
        assert_eq!(endpoint.to_string(), expected);
        assert_eq!(format!("{endpoint:?}"), format!("{expected:?}"));
        assert_eq!(serde_json::to_value(&endpoint).expect("a string"), expected);
    }

    #[test]
    fn credentials_are_hidden_and_nothing_else() {
        for plain in [
            "",
            "localhost:4317",
            "[::1]:4317",
            "dns:///backend:4317",
            "https://[::1]:9/v1/traces",
            "http://h/a@b",
            "http://h:9/@",
        ] {
            check(plain, plain);
        }
        check("http://u:PW@h:9/x", "http://[REDACTED]@h:9/x");
        check("http://token@h", "http://[REDACTED]@h");
        check("u:PW@h:9", "[REDACTED]@h:9");
        check("http://u:P@W@h:9", "http://[REDACTED]@h:9");
        check(
            "https://h/x?api_key=Q&b=&plain#f",
            "https://h/x?api_key=[REDACTED]&b=[REDACTED]&[REDACTED]#[REDACTED]",
        );
        check("http://u:p@h?k=v", "http://[REDACTED]@h?k=[REDACTED]");
    }

    #[test]
    fn a_password_that_breaks_the_url_is_hidden_too() {
        check("http://u:P/W@h:9?k=v", "http://[REDACTED]@h:9?k=[REDACTED]");
        check("http://u:P?W@h:9", "http://[REDACTED]@h:9");
        check("http://u:P#W@h:9/x", "http://[REDACTED]@h:9/x");
        check("http://u:/W@h", "http://[REDACTED]@h");
    }
}
