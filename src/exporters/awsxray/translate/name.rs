//! Names of segments. X-Ray names a segment after a service, not after what it does, so a service is looked for first. Names are made of
//! the characters that X-Ray takes, at most 200 bytes of them; a name of none is `span`.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

use super::{CLIENT, CONSUMER, INTERNAL, PRODUCER, Resource, SERVER, Span, object::text};
use crate::otlp::{keys, keys::xray};

/// Longest name, in bytes: X-Ray counts 200 characters, the Collector bytes, and this satisfies both.
const LONGEST: usize = 200;

/// Characters that the Collector takes out of a name.
static REFUSED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[^ 0-9\p{L}N_.:/%&#=+\-@]+").expect("the pattern is constant"));

/// The name of a segment.
pub(super) struct Name {
    pub(super) text: String,
    /// Whether the segment is a call to AWS.
    pub(super) is_aws: bool,
}

/// The name of a span's segment: the first of many that is there.
pub(super) fn of(span: &Span<'_>, resource: &Resource<'_>) -> Name {
    let mut is_aws = span.is_aws_api();
    let peer = service(span).or_else(|| span.text(xray::PEER_SERVICE));
    if peer.is_none() && span.get(xray::AWS_SERVICE).is_some() {
        is_aws = true;
    }
    let found = peer.or_else(|| span.text(xray::AWS_SERVICE)).map(Cow::Borrowed);
    let found = found.or_else(|| database(span)).or_else(|| {
        let service = resource.first_text(keys::SERVICE_NAME);
        (span.kind == SERVER && !service.is_empty()).then_some(Cow::Borrowed(service))
    });
    let remote = [xray::RPC_SERVICE, xray::HTTP_HOST, xray::NET_PEER_NAME];
    let found = found.or_else(|| remote.iter().find_map(|key| span.text(key)).map(Cow::Borrowed));
    Name {
        text: found.map_or_else(|| of_span(span.wire.name()), |name| of_service(&name)),
        is_aws,
    }
}

/// The service as Application Signals names it.
fn service<'a>(span: &Span<'a>) -> Option<&'a str> {
    match span.kind {
        SERVER => span.text(xray::AWS_LOCAL_SERVICE),
        INTERNAL if span.is_local_root() => span.text(xray::AWS_LOCAL_SERVICE),
        CLIENT | PRODUCER | CONSUMER => {
            let name = without_prefix(span.text(xray::AWS_REMOTE_SERVICE)?, span);
            Some(name).filter(|name| !name.is_empty())
        }
        _ => None,
    }
}

/// Calls through an AWS SDK name the service with a prefix.
pub(super) fn without_prefix<'a>(name: &'a str, span: &Span<'_>) -> &'a str {
    let plain = name.strip_prefix("AWS.SDK.").or_else(|| name.strip_prefix("AWS::"));
    plain.filter(|_| span.is_aws_api()).unwrap_or(name)
}

/// `database@host`.
fn database<'a>(span: &Span<'a>) -> Option<Cow<'a, str>> {
    // An empty name with a host behind it is a name too.
    let database = text(span.get(xray::DB_NAME)?);
    let connection = span.get(xray::DB_CONNECTION_STRING).map(text).unwrap_or_default();
    let name: Cow<'_, str> = match host_of(connection.strip_prefix("jdbc:").unwrap_or(connection)) {
        Some(host) => format!("{database}@{host}").into(),
        None => database.into(),
    };
    Some(name).filter(|name| !name.is_empty())
}

/// The host of a URL, as it is written; `None` where it has none or is no URL.
fn host_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("//")?;
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    if !scheme.is_empty() && !scheme.strip_suffix(':').is_some_and(is_scheme) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?,
        None => place.rfind(':').map_or((place, ""), |colon| place.split_at(colon)),
    };
    let is_port = port
        .strip_prefix(':')
        .unwrap_or(port)
        .bytes()
        .all(|b| b.is_ascii_digit());
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_control() || " \\^`{|}".contains(c));
    (is_port && is_host).then_some(host)
}

/// A span's name, of the characters that X-Ray takes.
pub(super) fn of_span(name: &str) -> String {
    // With the flag goes the blank before it; what it said is an annotation.
    let plain = name.strip_suffix(keys::FLAG_SUFFIX).unwrap_or(name);
    bounded(REFUSED.replace_all(plain, "").into_owned())
}

/// A service's name, of the characters that X-Ray takes: `plano(inbound)` is `plano-inbound`. The Collector sends it as it is.
pub(super) fn of_service(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut rest = 0;
    for refused in REFUSED.find_iter(name) {
        clean.push_str(&name[rest..refused.start()]);
        rest = refused.end();
        let ends = [clean.chars().next_back(), name[rest..].chars().next()];
        if ends.into_iter().all(|end| end.is_some_and(char::is_alphanumeric)) {
            clean.push('-');
        }
    }
    clean.push_str(&name[rest..]);
    bounded(if rest == 0 { clean } else { clean.trim().to_owned() })
}

fn bounded(mut name: String) -> String {
    if name.len() > LONGEST {
        name.truncate(name.floor_char_boundary(LONGEST));
    }
    if name.is_empty() { "span".to_owned() } else { name }
}
