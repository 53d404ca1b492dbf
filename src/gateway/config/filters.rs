//! Filters, checked: what looks at requests and answers on their way, where it is and how it is spoken to; and the chains of them
//! that listeners name. Refuses what could not be called, and chains that name a filter twice or one that is not there.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderName, HeaderValue, Uri};
use serde::Deserialize;

use super::{forms, headers, upstream, written::File};
use crate::values::{Endpoint, Fault, Secret, duration, redacted, suggest};

/// Headers of a call that are the gateway's to write, or that belong to one connection.
const OWN_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "mcp-protocol-version",
    "mcp-session-id",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-plano-depth",
    "x-plano-filter-direction",
    "x-request-id",
];

/// How a filter is spoken to, as it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Http,
    Mcp,
}

/// What happens to a request whose filter failed: did not answer, or answered what is no answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It fails too.
    #[default]
    Reject,
    /// It goes on as if the filter were not there.
    Pass,
}

/// One of `filters`, as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    /// Its name, on spans and metrics; must be there.
    pub(super) id: String,
    /// Where it is; must be there. The path of the client's request is added for `http`; `mcp` is called right there.
    pub(super) url: Endpoint,
    /// How it is spoken to: http or mcp. http.
    pub(super) r#type: Kind,
    /// Name of the tool to call, for `mcp`. The filter's own.
    pub(super) tool: String,
    /// How an MCP server is connected to: streamable-http. That.
    pub(super) transport: String,
    /// What happens where it fails: reject or pass. reject.
    pub(super) on_failure: OnFailure,
    /// Longest time for one call. 10s.
    #[serde(with = "duration")]
    pub(super) timeout: Duration,
    /// Headers to add to every call. None.
    pub(super) headers: BTreeMap<String, Secret>,
    /// How much of a streamed answer is held back for it.
    pub(super) stream_window: Window,
}

impl Default for Written {
    fn default() -> Written {
        Written {
            id: String::new(),
            url: Endpoint::default(),
            r#type: Kind::default(),
            tool: String::new(),
            transport: String::new(),
            on_failure: OnFailure::default(),
            timeout: Duration::from_secs(10),
            headers: BTreeMap::new(),
            stream_window: Window::default(),
        }
    }
}

/// The transport of MCP that is spoken.
const TRANSPORT: &str = "streamable-http";

/// How much of a streamed answer is held back, at most, so that an output filter sees more than a word: until either is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// For how long. 250ms.
    #[serde(with = "duration")]
    pub duration: Duration,
    /// How many bytes, with a unit or without. 64KiB.
    #[serde(deserialize_with = "forms::bytes")]
    pub size: usize,
}

impl Default for Window {
    fn default() -> Window {
        Window {
            duration: Duration::from_millis(250),
            size: 64 << 10,
        }
    }
}

/// How a filter is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterKind {
    /// `POST` with the body; the answer is the new body.
    Http,
    /// A tool of an MCP server, over streamable HTTP.
    Mcp {
        /// The tool's name.
        tool: String,
    },
}

/// A filter without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Its name, on spans and metrics.
    pub id: String,
    /// How it is spoken to.
    pub kind: FilterKind,
    /// Where it is. Its query may hold a secret.
    pub url: Uri,
    /// What happens where it fails.
    pub on_failure: OnFailure,
    /// Longest time for one call.
    pub timeout: Duration,
    /// Headers to add to every call.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How much of a streamed answer is held back for it.
    pub window: Window,
}

/// Checks `filters`. Those with faults are left out, so that indices count only where there is no fault.
pub(super) fn check(file: &File, faults: &mut Vec<Fault>) -> Vec<Filter> {
    let mut found = Vec::new();
    for (index, written) in file.filters.iter().enumerate() {
        let path = format!("filters::{index}");
        let earlier = file.filters[..index].iter().position(|other| other.id == written.id);
        if written.id.is_empty() {
            faults.push(Fault::at(format!("{path}::id"), "requires a name"));
        } else if !written.id.chars().all(|c| c.is_ascii_graphic()) {
            let reason = format!("{:?} is no name; write letters, digits, - and _", written.id);
            faults.push(Fault::at(format!("{path}::id"), reason));
        } else if let Some(first) = earlier {
            let reason = format!("{:?} is the name of filters[{first}]", written.id);
            faults.push(Fault::at(format!("{path}::id"), reason));
        }
        found.extend(one(written, &path, faults));
    }
    found
}

fn one(written: &Written, path: &str, faults: &mut Vec<Fault>) -> Option<Filter> {
    let before = faults.len();
    let mut fault = |key: &str, reason: String| faults.push(Fault::at(format!("{path}::{key}"), reason));
    let url = where_it_is(written.url.reveal());
    if let Err(reason) = &url {
        fault("url", reason.clone());
    }
    let kind = match (written.r#type, written.tool.as_str()) {
        (Kind::Http, "") => FilterKind::Http,
        (Kind::Mcp, "") => FilterKind::Mcp {
            tool: written.id.clone(),
        },
        (Kind::Mcp, tool) => FilterKind::Mcp { tool: tool.to_owned() },
        (Kind::Http, _) => {
            fault(
                "tool",
                "is for filters of type mcp; remove it, or write type: mcp".to_owned(),
            );
            FilterKind::Http
        }
    };
    match (written.r#type, written.transport.as_str()) {
        (_, "") | (Kind::Mcp, TRANSPORT) => {}
        (Kind::Mcp, other) => fault("transport", format!("{other:?} is not spoken; write {TRANSPORT}")),
        (Kind::Http, _) => fault("transport", "is for filters of type mcp; remove it".to_owned()),
    }
    if written.timeout.is_zero() {
        fault("timeout", "must be longer than 0s".to_owned());
    }
    if written.stream_window.duration.is_zero() {
        fault("stream_window::duration", "must be longer than 0s".to_owned());
    }
    if written.stream_window.size == 0 {
        fault("stream_window::size", "must be more than 0".to_owned());
    }
    let headers = headers::check(&written.headers, refused, path, faults);
    let url = url.ok().filter(|_| faults.len() == before)?;
    Some(Filter {
        id: written.id.clone(),
        kind,
        url,
        on_failure: written.on_failure,
        timeout: written.timeout,
        headers,
        window: written.stream_window,
    })
}

fn where_it_is(text: &str) -> Result<Uri, String> {
    if text.is_empty() {
        return Err("requires where the filter is, such as http://localhost:10500".to_owned());
    }
    let has_user = text
        .parse::<Uri>()
        .ok()
        .and_then(|uri| Some(uri.authority()?.as_str().contains('@')));
    match has_user {
        Some(true) => Err(format!("{:?} holds credentials; write them as headers", redacted(text))),
        _ => upstream::parse(text),
    }
}

/// Why a header may not be written beside a filter.
fn refused(name: &str) -> Option<&'static str> {
    OWN_HEADERS
        .contains(&name)
        .then_some("is written by the gateway; remove it")
}

/// The chain that a list of ids stands for, as indices into `filters`. `path`: where the list is.
pub(super) fn chain(file: &File, ids: &[String], path: &str, faults: &mut Vec<Fault>) -> Vec<usize> {
    let mut found = Vec::with_capacity(ids.len());
    for (place, id) in ids.iter().enumerate() {
        let reason = match file.filters.iter().position(|filter| filter.id == *id) {
            Some(index) if !found.contains(&index) => {
                found.push(index);
                continue;
            }
            Some(_) => format!("{id:?} is in the list already; remove it"),
            None => {
                let names = file.filters.iter().map(|filter| filter.id.as_str());
                format!("no filter has the id {id:?}{}", suggest::hint(id, names))
            }
        };
        faults.push(Fault::at(format!("{path}::{place}"), reason));
    }
    found
}
