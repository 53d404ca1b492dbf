//! The pipeline behind the gateway: the built-in one, adjusted to the gateway's config, or the file that `tracing.pipeline` names.
//! A local listener is added to whatever either of them exports to.

use http::uri::Authority;
use serde_json::{Map, Value, json};

use crate::{
    config::{self, Lookup, Pipelines, Wiring},
    gateway::config::{Gateway, Tracing},
    pipeline::{Blueprint, Source},
};

/// The pipeline where the config names none.
const BUILT_IN: &str = include_str!("../../../pipelines/gateway.yaml");
/// Id of the pipeline's receiver that takes the gateway's spans.
const RECEIVER: &str = "gateway";
/// Id of the exporter to the local listener.
const LOCAL: &str = "otlp_grpc/local";

/// Checks its config and opens nothing.
///
/// # Errors
/// Every fault of it.
pub(super) fn check(config: &Gateway, env: &Lookup<'_>) -> Result<(), Vec<String>> {
    let wiring = Wiring::default();
    let checked = config::load(&sources(config, None, env)?, &[], env)?.check(&wiring.default_host)?;
    if fed(&checked.service.pipelines).next().is_none() {
        let file = config.tracing.pipeline.as_deref().unwrap_or_default();
        let wanted = "list \"gateway\" under receivers, and in a pipeline";
        return Err(vec![format!("{file}: no pipeline takes the gateway's spans; {wanted}")]);
    }
    Ok(())
}

/// Builds it. `local_port`: where the local listener takes OTLP/gRPC, if there is one.
///
/// # Errors
/// Every fault of its config, one a line; what a component cannot be built of.
pub(super) fn blueprint(
    config: &Gateway,
    source: Source,
    local_port: Option<u16>,
    env: &Lookup<'_>,
) -> anyhow::Result<Blueprint> {
    let in_lines = |faults: Vec<String>| anyhow::anyhow!("{}", faults.join("\n"));
    let sources = sources(config, local_port, env).map_err(in_lines)?;
    let loaded = config::load(&sources, &[], env).map_err(in_lines)?;
    let wiring = Wiring {
        sources: [(RECEIVER.to_owned(), source)].into(),
        ..Wiring::default()
    };
    let checked = loaded.check(&wiring.default_host).map_err(in_lines)?;
    config::assemble(checked, wiring)
}

/// What the config is merged of.
fn sources(config: &Gateway, local_port: Option<u16>, env: &Lookup<'_>) -> Result<Vec<String>, Vec<String>> {
    let Some(file) = &config.tracing.pipeline else {
        let adjusted = adjusted(config, local_port, env);
        return Ok(vec![format!("yaml:{BUILT_IN}"), format!("yaml:{adjusted}")]);
    };
    let mut sources = vec![file.clone()];
    if let Some(port) = local_port {
        let written = config::load(&sources, &[], env)?.check("localhost")?;
        let joined = joined(&written.service.pipelines, port);
        sources.push(format!("yaml:{joined}"));
    }
    Ok(sources)
}

/// The pipelines that take the gateway's spans.
fn fed(pipelines: &Pipelines) -> impl Iterator<Item = &(String, config::PipelineRefs)> {
    let all = pipelines.0.iter();
    all.filter(|(_, refs)| refs.receivers.iter().any(|id| id == RECEIVER))
}

/// A way to the local listener beside the exporters that a file's pipelines have.
fn joined(pipelines: &Pipelines, port: u16) -> Value {
    let with_local = fed(pipelines).map(|(name, refs)| {
        let exporters: Vec<&str> = refs.exporters.iter().map(String::as_str).chain([LOCAL]).collect();
        (name.clone(), json!({"exporters": exporters}))
    });
    let pipelines: Map<String, Value> = with_local.collect();
    json!({"exporters": {LOCAL: to_local(port)}, "service": {"pipelines": pipelines}})
}

/// Host and port of an endpoint that is on this machine for certain.
fn on_this_machine(endpoint: &str) -> Option<Authority> {
    let without_scheme = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority: Authority = without_scheme.trim_end_matches('/').parse().ok()?;
    let loopback = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"].contains(&authority.host());
    loopback.then_some(authority)
}

/// Whether that is the listener on this port of this machine.
fn is_local(endpoint: &str, port: u16) -> bool {
    on_this_machine(endpoint).is_some_and(|authority| authority.port_u16() == Some(port))
}

fn to_local(port: u16) -> Value {
    to(&format!("http://127.0.0.1:{port}"))
}

fn to(endpoint: &str) -> Value {
    // Nothing is gained by compressing what stays here, and it takes as long as the analysis of the conversation.
    let compression = if on_this_machine(endpoint).is_some() {
        "none"
    } else {
        "gzip"
    };
    json!({"endpoint": endpoint, "tls": {"insecure": endpoint.starts_with("http://")}, "compression": compression})
}

/// What the gateway's config says of the built-in pipeline.
fn adjusted(config: &Gateway, local_port: Option<u16>, env: &Lookup<'_>) -> Value {
    let tracing = &config.tracing;
    let port = |endpoint: &Option<String>| match endpoint {
        Some(endpoint) => json!({"endpoint": endpoint}),
        None => json!({"enabled": false}),
    };
    let mut receivers = vec![RECEIVER];
    let mut protocols = json!({});
    // A receiver that no pipeline names stays as the file has it, and closed.
    if tracing.receiver_grpc.is_some() || tracing.receiver_http.is_some() {
        receivers.push("otlp");
        protocols = json!({"grpc": port(&tracing.receiver_grpc), "http": port(&tracing.receiver_http)});
    }
    let content = if tracing.capture_content { "keep" } else { "drop" };
    let signals = match config.signals {
        true => json!({"content": content}),
        false => json!({"content": content, "flag": false, "attributes": [], "events": false}),
    };
    let mut exporters = Map::new();
    if let Some(port) = local_port {
        exporters.insert(LOCAL.to_owned(), to_local(port));
    }
    // The local listener stands where the default one would; an endpoint that somebody chose gets the traces all the same,
    // unless it is that very listener, which would get them twice.
    let chosen = tracing.chosen_endpoint(env);
    let elsewhere = chosen.filter(|chosen| !local_port.is_some_and(|port| is_local(chosen.reveal(), port)));
    if let Some(endpoint) = elsewhere.or_else(|| local_port.is_none().then(Tracing::default_endpoint)) {
        exporters.insert("otlp_grpc".to_owned(), to(endpoint.reveal()));
    }
    let named: Vec<&String> = exporters.keys().collect();
    json!({
        "receivers": {"otlp": {"protocols": protocols}},
        "processors": {"signals": signals},
        "service": {"pipelines": {"traces": {"receivers": receivers, "exporters": named}}},
        "exporters": exporters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_local(endpoint: &str, expected: bool) {
        assert_eq!(is_local(endpoint, 4317), expected, "{endpoint}");
    }

    #[test]
    fn the_local_listener_is_known_by_any_name() {
        for endpoint in [
            "http://localhost:4317",
            "127.0.0.1:4317",
            "http://[::1]:4317/",
            "https://localhost:4317",
        ] {
            check_local(endpoint, true);
        }
        for endpoint in [
            "http://localhost:4318",
            "http://collector:4317",
            "localhost",
            "http://",
            "",
        ] {
            check_local(endpoint, false);
        }
    }

    #[test]
    fn what_stays_on_this_machine_is_not_compressed() {
        let compression = |endpoint: &str| to(endpoint)["compression"].clone();
        assert_eq!(compression("http://localhost:4317"), "none");
        assert_eq!(compression("127.0.0.1:4317"), "none");
        assert_eq!(compression("https://collector.example.com:4317"), "gzip");
        assert_eq!(compression("localhost.example.com:4317"), "gzip");
    }

    #[test]
    fn a_files_pipelines_keep_their_exporters() {
        let refs = |receivers: &[&str], exporters: &[&str]| config::PipelineRefs {
            receivers: receivers.iter().map(ToString::to_string).collect(),
            exporters: exporters.iter().map(ToString::to_string).collect(),
            ..config::PipelineRefs::default()
        };
        let pipelines = Pipelines(vec![
            ("traces".to_owned(), refs(&["otlp", "gateway"], &["debug", "file"])),
            ("traces/other".to_owned(), refs(&["otlp"], &["debug"])),
        ]);
        let expected = json!({
            "exporters": {"otlp_grpc/local": {"endpoint": "http://127.0.0.1:9", "tls": {"insecure": true}, "compression": "none"}},
            "service": {"pipelines": {"traces": {"exporters": ["debug", "file", "otlp_grpc/local"]}}},
        });
        assert_eq!(joined(&pipelines, 9), expected);
    }
}
