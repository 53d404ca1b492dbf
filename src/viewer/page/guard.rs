//! Who may read through the page: the same as through the query, and of web pages only this one. A browser carries any page's
//! requests to this machine, so the address of the peer alone says nothing of who asks.

use std::net::SocketAddr;

use http::{
    header::{HOST, HeaderMap, ORIGIN},
    request::Parts,
};

use super::is_api;
use crate::viewer::access::{Access, Reader};

/// Whether that request may read.
///
/// # Errors
/// Why not, for the reader.
pub(super) fn check(access: Access, peer: SocketAddr, head: &Parts) -> Result<(), &'static str> {
    let authority = authority(head).ok_or("the request names no host, or more than one")?;
    access.check(Reader { peer, authority })?;
    if is_foreign(head, authority) {
        return Err("another web page asks; only this page itself may read here");
    }
    Ok(())
}

/// The one host that the request names, on its first line or in its header.
fn authority(head: &Parts) -> Option<&str> {
    let mut headers = head.headers.get_all(HOST).iter();
    let named = headers.next().map(|host| host.to_str().ok());
    if headers.next().is_some() {
        return None;
    }
    match (head.uri.authority().map(http::uri::Authority::as_str), named) {
        (Some(line), Some(header)) => Some(line).filter(|line| header.is_some_and(|h| h.eq_ignore_ascii_case(line))),
        (Some(line), None) => Some(line),
        (None, header) => header?,
    }
}

/// Whether a browser says that another page is behind it.
fn is_foreign(head: &Parts, authority: &str) -> bool {
    let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let own = |origin: &str| {
        let host = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
    };
    if text(ORIGIN.as_str()).is_some_and(|origin| !own(origin)) {
        return true;
    }
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") => false,
        // A link to the page itself, in a chat or a wiki, may be followed: who wrote it sees nothing of what it opens.
        Some(_) => is_api(head.uri.path()) || !is_visit(&head.headers),
    }
}

/// Whether the address in the window changes to what is asked for.
fn is_visit(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &str| headers.get(name).is_some_and(|value| value == wanted);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// A request of this machine; headers as `name: value` lines.
    fn check_request(uri: &str, headers: &[&str], expected: Result<(), &str>) {
        let mut request = Request::get(uri);
        for line in headers {
            let (name, value) = line.split_once(": ").expect("a header");
            request = request.header(name, value);
        }
        let head = request.body(()).expect("a request").into_parts().0;
        let peer = "127.0.0.1:5000".parse().expect("an address");
        match (check(Access::Loopback, peer, &head), expected) {
            (Ok(()), Ok(())) => {}
            (Err(why), Err(part)) => assert!(why.contains(part), "{uri} {headers:?}: {why}"),
            (found, _) => panic!("{uri} {headers:?}: {found:?}"),
        }
    }

    #[test]
    fn one_loopback_name_is_asked_for() {
        let (one, loopback) = (Err("no host, or more than one"), Err("localhost, 127.0.0.1"));
        check_request("/", &["host: localhost:4319"], Ok(()));
        check_request("/", &["host: [::1]:4319"], Ok(()));
        check_request("/", &[], one);
        check_request("/", &["host: localhost", "host: localhost"], one);
        check_request("/", &["host: evil.example"], loopback);
        check_request("http://localhost:1/", &[], Ok(()));
        check_request("http://localhost:1/", &["host: LOCALHOST:1"], Ok(()));
        check_request("http://localhost:1/", &["host: evil.example"], one);
        check_request("http://evil.example/", &["host: localhost"], one);
        check_request("http://evil.example/", &[], loopback);
    }

    #[test]
    fn other_pages_are_refused() {
        let foreign = Err("another web page");
        let host = "host: localhost:4319";
        check_request("/api/info", &[host, "origin: http://localhost:4319"], Ok(()));
        for origin in [
            "http://localhost:3000",
            "http://localhost",
            "http://127.0.0.1:4319",
            "https://evil.example",
            "null",
            "",
            "http://localhost:4319.evil.example",
        ] {
            check_request("/api/info", &[host, &format!("origin: {origin}")], foreign);
        }
        for (site, expected) in [
            ("same-origin", Ok(())),
            ("none", Ok(())),
            ("same-site", foreign),
            ("cross-site", foreign),
            ("", foreign),
        ] {
            check_request("/api/info", &[host, &format!("sec-fetch-site: {site}")], expected);
        }
    }

    #[test]
    fn a_link_to_the_page_may_be_followed() {
        let link = [
            "host: localhost:4319",
            "sec-fetch-site: cross-site",
            "sec-fetch-mode: navigate",
            "sec-fetch-dest: document",
        ];
        check_request("/", &link, Ok(()));
        check_request("/api/traces", &link, Err("another web page"));
        let framed = [link[0], link[1], link[2], "sec-fetch-dest: iframe"];
        check_request("/", &framed, Err("another web page"));
        let included = [link[0], link[1], "sec-fetch-mode: no-cors", "sec-fetch-dest: script"];
        check_request("/app.js", &included, Err("another web page"));
    }
}
