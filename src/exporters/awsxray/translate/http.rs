//! The `http` block of a segment, from the semantic conventions before and after 1.23. Takes the attributes that it reads off those that
//! become metadata, as the Collector does.

use std::net::IpAddr;

use super::{
    Attributes, SERVER, Span,
    object::{Object, text},
};
use crate::otlp::{ValueRef, keys, keys::xray};

/// What is known of the request's URL.
#[derive(Default)]
struct Url<'a> {
    full: Option<&'a str>,
    scheme: Option<&'a str>,
    host: Option<&'a str>,
    target: Option<&'a str>,
    path: Option<&'a str>,
    query: Option<&'a str>,
    server_name: Option<&'a str>,
    host_name: Option<&'a str>,
    net_host_name: Option<&'a str>,
    net_host_port: Option<String>,
    net_peer_name: Option<&'a str>,
    net_peer_ip: Option<&'a str>,
    net_peer_port: Option<String>,
    server_address: Option<&'a str>,
    server_port: Option<String>,
}

/// What was found on a span.
#[derive(Default)]
struct Found<'a> {
    method: &'a str,
    user_agent: &'a str,
    client_ip: &'a str,
    status: Option<i64>,
    url: Url<'a>,
    /// Anything that is of HTTP alone.
    is_http: bool,
    /// Anything that a URL can be made from.
    has_url: bool,
    has_peer: bool,
}

/// The block, and the attributes that it leaves.
pub(super) fn block<'a>(span: &Span<'a>) -> (Attributes<'a>, Option<Object>) {
    let mut left = Attributes::new();
    let mut found = Found::default();
    for &(key, value) in &span.attributes {
        if !(found.take_request(key, value) || found.take_place(key, value)) {
            left.insert(key, value);
        }
    }
    let block = found.is_http.then(|| found.block(span));
    (left, block)
}

impl<'a> Found<'a> {
    /// Attributes of HTTP alone, and the client's address.
    fn take_request(&mut self, key: &str, value: ValueRef<'a>) -> bool {
        let text = text(value);
        match key {
            keys::HTTP_METHOD | keys::HTTP_REQUEST_METHOD => self.method = text,
            xray::HTTP_CLIENT_IP => self.client_ip = text,
            keys::HTTP_USER_AGENT | keys::USER_AGENT_ORIGINAL => self.user_agent = text,
            keys::HTTP_STATUS_CODE | keys::HTTP_RESPONSE_STATUS_CODE => {
                self.status = Some(value.as_int().unwrap_or_default());
            }
            xray::HTTP_URL | keys::URL_FULL => {
                self.url.full = Some(text);
                self.has_url = true;
            }
            keys::HTTP_SCHEME | keys::URL_SCHEME => self.url.scheme = Some(text),
            xray::HTTP_HOST => {
                self.url.host = Some(text);
                self.has_url = true;
            }
            keys::HTTP_TARGET => self.url.target = Some(text),
            xray::HTTP_SERVER_NAME => {
                self.url.server_name = Some(text);
                self.has_url = true;
            }
            xray::NET_HOST_PORT => self.url.net_host_port = Some(port(value)),
            keys::URL_PATH => self.url.path = Some(text),
            keys::URL_QUERY => self.url.query = Some(text),
            keys::CLIENT_ADDRESS => {
                if is_ip(text) {
                    self.client_ip = text;
                }
                // Alone it makes no request of HTTP.
                return true;
            }
            _ => return false,
        }
        self.is_http = true;
        true
    }

    /// Attributes of the two ends, which other protocols have as well.
    fn take_place(&mut self, key: &str, value: ValueRef<'a>) -> bool {
        let text = text(value);
        match key {
            keys::HOST_NAME => self.url.host_name = Some(text),
            xray::NET_HOST_NAME => self.url.net_host_name = Some(text),
            xray::NET_PEER_NAME => self.url.net_peer_name = Some(text),
            keys::SERVER_ADDRESS => self.url.server_address = Some(text),
            xray::NET_PEER_PORT => {
                self.url.net_peer_port = Some(port(value));
                return true;
            }
            keys::SERVER_PORT => {
                self.url.server_port = Some(port(value));
                return true;
            }
            xray::NET_PEER_IP => {
                self.peer(text);
                self.url.net_peer_ip = Some(text);
            }
            keys::NETWORK_PEER_ADDRESS if is_ip(text) => self.peer(text),
            keys::NETWORK_PEER_ADDRESS => return true,
            _ => return false,
        }
        self.has_url = true;
        true
    }

    /// The other end is the client, unless a header said who that is.
    fn peer(&mut self, address: &'a str) {
        if self.client_ip.is_empty() {
            self.client_ip = address;
        }
        self.has_peer = true;
    }

    fn block(&self, span: &Span<'a>) -> Object {
        let mut request = Object::default();
        if !self.has_peer && !self.client_ip.is_empty() {
            request.set("x_forwarded_for", true);
        }
        request.text("method", self.method);
        if self.has_url {
            request.text("url", &self.url.of(span.kind));
        }
        request.text("user_agent", self.user_agent);
        request.text("client_ip", self.client_ip);
        let mut response = Object::default();
        response.maybe("status", self.status);
        response.set("content_length", size_of_response(span));
        let mut block = Object::default();
        block.set("request", request);
        block.set("response", response);
        block
    }
}

impl Url<'_> {
    /// The URL as the conventions put it together from its parts.
    fn of(&self, kind: i32) -> String {
        if let Some(full) = self.full {
            return full.to_owned();
        }
        let scheme = self.scheme.unwrap_or("http");
        let (host, port) = match self.host {
            Some(host) => (host, None),
            None if kind == SERVER => self.server(),
            None => self.peer(),
        };
        let mut url = format!("{scheme}://{host}");
        let is_usual = |port: &str| matches!((scheme, port), (_, "") | ("http", "80") | ("https", "443"));
        if let Some(port) = port.filter(|port| !is_usual(port)) {
            url.push(':');
            url.push_str(port);
        }
        if let Some(target) = self.target {
            url.push_str(target);
            return url;
        }
        url.push_str(self.path.unwrap_or("/"));
        if let Some(query) = self.query {
            if !query.starts_with('?') {
                url.push('?');
            }
            url.push_str(query);
        }
        url
    }

    fn server(&self) -> (&str, Option<&str>) {
        let names = [
            self.server_name,
            self.net_host_name,
            self.host_name,
            self.server_address,
        ];
        let port = self.net_host_port.as_deref().or(self.server_port.as_deref());
        (names.into_iter().flatten().next().unwrap_or_default(), port)
    }

    fn peer(&self) -> (&str, Option<&str>) {
        let host = self.net_peer_name.or(self.net_peer_ip).unwrap_or_default();
        (host, self.net_peer_port.as_deref())
    }
}

/// A port, which some write as text.
fn port(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Str(text) if !text.is_empty() => text.to_owned(),
        other => other.as_int().unwrap_or_default().to_string(),
    }
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// The size that the span or one of its events gives for the message that was received.
fn size_of_response(span: &Span<'_>) -> i64 {
    let size = |attributes: &mut dyn Iterator<Item = (&str, ValueRef<'_>)>| {
        let (mut is_received, mut size) = (None, None);
        for (key, value) in attributes {
            match key {
                xray::MESSAGE_TYPE => is_received = is_received.or(Some(text(value) == "RECEIVED")),
                xray::MESSAGING_MESSAGE_PAYLOAD_SIZE_BYTES => size = size.or(value.as_int()),
                _ => {}
            }
        }
        size.filter(|&size| is_received == Some(true) && size != 0)
    };
    let own = size(&mut span.attributes.iter().copied());
    let of_events = || {
        let mut events = span.wire.events();
        events.find_map(|event| size(&mut event.attributes().map(|a| (a.key(), a.value()))))
    };
    own.or_else(of_events).unwrap_or_default()
}
