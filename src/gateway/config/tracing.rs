//! What is recorded and where it goes, checked: sampling, headers on spans, attributes of one's own, the endpoint.

use std::collections::BTreeMap;

use http::HeaderName;

use super::{Lookup, listeners, upstream, written::File};
use crate::{
    gateway::spans::is_forbidden_header,
    values::{Endpoint, Fault},
};

/// Request headers on inbound spans where the config names none.
const DEFAULT_HEADERS: &[&str] = &["content-type", "user-agent", "accept"];

/// Where the built-in pipeline sends traces where nobody says.
const DEFAULT_ENDPOINT: &str = "http://localhost:4317";

/// Environment variables that say where traces go, the first that is set.
const ENDPOINT_VARIABLES: &[&str] = &["OTEL_TRACING_GRPC_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// `tracing` without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracing {
    /// Where the config sends traces. Ask [`Tracing::chosen_endpoint`].
    pub configured_endpoint: Option<Endpoint>,
    /// A pipeline's config that replaces the built-in one: a path, from the working directory.
    pub pipeline: Option<String>,
    /// Whether messages stay on the exported spans.
    pub capture_content: bool,
    /// Whether the first characters of the user's message stay on them.
    pub message_preview: bool,
    /// Request headers on inbound spans.
    pub headers: Vec<HeaderName>,
    /// `host:port` where the built-in pipeline takes OTLP over gRPC; none: nowhere.
    pub receiver_grpc: Option<String>,
    /// `host:port` where the built-in pipeline takes OTLP over HTTP; none: nowhere.
    pub receiver_http: Option<String>,
    /// How the names of request headers begin that become attributes; lower case.
    pub header_prefixes: Vec<String>,
    /// Attributes that are always the same.
    pub static_attributes: BTreeMap<String, String>,
}

impl Tracing {
    /// Where somebody wants the built-in pipeline to send traces: the config's endpoint, `OTEL_TRACING_GRPC_ENDPOINT`,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, in this order. A variable that is empty is not set.
    pub fn chosen_endpoint(&self, env: &Lookup<'_>) -> Option<Endpoint> {
        let set = |name: &&str| env(name).filter(|text| !text.is_empty());
        let variable = || ENDPOINT_VARIABLES.iter().find_map(set).map(Endpoint::new);
        self.configured_endpoint.clone().or_else(variable)
    }

    /// Where it sends them otherwise: `http://localhost:4317`.
    pub fn default_endpoint() -> Endpoint {
        Endpoint::new(DEFAULT_ENDPOINT.to_owned())
    }
}

/// Checks `tracing`.
pub(super) fn check(file: &File, warnings: &mut Vec<String>, faults: &mut Vec<Fault>) -> Tracing {
    let written = &file.tracing;
    listeners::percent(written.random_sampling, "tracing::random_sampling", faults);
    let endpoint = &written.opentracing_grpc_endpoint;
    if !endpoint.is_empty()
        && let Err(reason) = grpc_endpoint(endpoint.reveal())
    {
        faults.push(Fault::at("tracing::opentracing_grpc_endpoint", reason));
    }
    if !endpoint.is_empty() && !written.pipeline.is_empty() {
        warnings.push(
            "tracing.opentracing_grpc_endpoint: is not used, as tracing.pipeline says where traces go".to_owned(),
        );
    }
    let attributes = &written.span_attributes;
    for name in attributes.r#static.keys().filter(|name| name.trim().is_empty()) {
        let path = format!("tracing::span_attributes::static::{name}");
        faults.push(Fault::at(path, "requires the name of an attribute"));
    }
    Tracing {
        configured_endpoint: Some(endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
        pipeline: Some(written.pipeline.clone()).filter(|path| !path.is_empty()),
        capture_content: written.capture_content,
        message_preview: written.message_preview,
        headers: headers(written.headers.as_deref(), faults),
        receiver_grpc: listeners::opened(&written.receiver.0.grpc),
        receiver_http: listeners::opened(&written.receiver.0.http),
        header_prefixes: prefixes(&attributes.header_prefixes, faults),
        static_attributes: attributes.r#static.clone(),
    }
}

/// A URL, or `host:port` as exporters take it.
fn grpc_endpoint(text: &str) -> Result<(), String> {
    match text.contains("://") {
        true => upstream::parse(text).map(drop),
        false => {
            let with_scheme = upstream::parse(&format!("http://{text}"));
            let has_port = with_scheme.is_ok_and(|uri| uri.port().is_some());
            let shown = Endpoint::new(text);
            has_port
                .then_some(())
                .ok_or_else(|| format!("{shown:?} is no endpoint; write it as http://host:port"))
        }
    }
}

fn headers(written: Option<&[String]>, faults: &mut Vec<Fault>) -> Vec<HeaderName> {
    let Some(written) = written else {
        return DEFAULT_HEADERS
            .iter()
            .map(|name| HeaderName::from_static(name))
            .collect();
    };
    let mut found: Vec<HeaderName> = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let reason = match text.parse::<HeaderName>() {
            Ok(name) if is_forbidden_header(name.as_str()) => {
                format!("{text:?} may hold a secret and never comes on a span; remove it")
            }
            Ok(name) => {
                if !found.contains(&name) {
                    found.push(name);
                }
                continue;
            }
            Err(_) => format!("{text:?} is no name of a header"),
        };
        faults.push(Fault::at(format!("tracing::headers::{index}"), reason));
    }
    found
}

fn prefixes(written: &[String], faults: &mut Vec<Fault>) -> Vec<String> {
    let mut found = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let reason = match text.parse::<HeaderName>() {
            Ok(name) if is_forbidden_header(name.as_str()) => {
                format!("{text:?} may hold a secret and never comes on a span; remove it")
            }
            Ok(name) => {
                found.push(name.as_str().to_owned());
                continue;
            }
            Err(_) => format!("{text:?} is no beginning of a header's name; write it like x-acme-"),
        };
        faults.push(Fault::at(
            format!("tracing::span_attributes::header_prefixes::{index}"),
            reason,
        ));
    }
    found
}
