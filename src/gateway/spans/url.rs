//! Parts of URLs as spans have them: host and port apart, and nothing that may be a secret: no user, no values of the query.

use http::Uri;
use http::uri::Authority;

use crate::values::redacted;

/// Host, without the brackets of an IPv6 address, and the port: the one written, else the scheme's.
pub(super) fn server<'a>(authority: &'a Authority, scheme: &str) -> (&'a str, Option<i64>) {
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = authority.port_u16().map(i64::from).or(usual);
    (bare.unwrap_or(host), port)
}

/// `host[:port]`, the port only where one is written.
pub(super) fn host_and_port(uri: &Uri) -> String {
    match (uri.host().unwrap_or_default(), uri.port_u16()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    }
}

/// The whole URL without user, password and values of the query.
pub(super) fn without_secrets(uri: &Uri) -> String {
    let mut url = String::with_capacity(64);
    if let Some(scheme) = uri.scheme_str() {
        url.push_str(scheme);
        url.push_str("://");
    }
    url.push_str(&host_and_port(uri));
    url.push_str(&target(uri.path(), uri.query()));
    url
}

/// Path and query, without the query's values.
pub(super) fn target(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{path}?{}", self::query(query)),
        None => path.to_owned(),
    }
}

/// The query's names.
pub(super) fn query(query: &str) -> String {
    // Whole URLs only: in anything less a URL within the query would be taken for the one around it.
    const BEFORE: &str = "http://host/?";
    let whole = redacted(&(BEFORE.to_owned() + query));
    whole.strip_prefix(BEFORE).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str, address: &str, port: Option<i64>) {
        let uri: Uri = url.parse().expect("a URI");
        assert_eq!(without_secrets(&uri), expected);
        let authority = uri.authority().expect("an authority");
        let scheme = uri.scheme_str().unwrap_or_default();
        assert_eq!(server(authority, scheme), (address, port), "{url}");
    }

    #[test]
    fn urls_without_their_secrets() {
        check(
            "https://user:secret@api.openai.com/v1/chat?api-version=2&key=secret&secret#secret",
            "https://api.openai.com/v1/chat?api-version=[REDACTED]&key=[REDACTED]&[REDACTED]",
            "api.openai.com",
            Some(443),
        );
        check("http://[::1]:8080/a@b", "http://[::1]:8080/a@b", "::1", Some(8080));
        check("http://localhost", "http://localhost/", "localhost", Some(80));
        assert_eq!(query("a=http://u:secret@h/?secret#x"), "a=[REDACTED]#[REDACTED]");
        assert_eq!(target("/x", Some("")), "/x?[REDACTED]");
        assert_eq!(target("/x", None), "/x");
    }
}
