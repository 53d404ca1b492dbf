//! A gateway between a stand-in for its providers and a sink for its spans.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr};

use opentelemetry_proto::tonic::{common::v1::any_value::Value, trace::v1::Span};
use serde_json::Value as Json;

use super::support::{
    client::{Client, Reply, get},
    process::{Collector, Folder},
    sink::Sink,
    until,
};

/// The spans of one request, by service name.
pub(crate) type Trace = BTreeMap<String, Vec<Span>>;

/// What a test sets of the config.
pub(crate) struct Setup {
    /// `type` of the listener.
    pub(crate) kind: &'static str,
    /// More settings of the listener, as `key: value, …`.
    pub(crate) listener: String,
    /// Percent of new traces.
    pub(crate) sampling: u8,
    /// Items of `model_providers`.
    pub(crate) providers: Vec<String>,
    /// More lines.
    pub(crate) more: String,
}

impl Setup {
    /// Every model of either provider at that address.
    pub(crate) fn any_model(address: SocketAddr, listener: &'static str) -> Setup {
        Setup {
            kind: "model",
            listener: listener.to_owned(),
            sampling: 100,
            providers: vec![
                format!("{{model: openai/*, access_key: secret-of-openai, base_url: 'http://{address}/v1'}}"),
                format!("{{model: anthropic/*, access_key: secret-of-anthropic, base_url: 'http://{address}'}}"),
            ],
            more: String::new(),
        }
    }

    pub(crate) fn start(&self) -> Front {
        let (sink, folder) = (Sink::start(), Folder::new());
        let mut config = format!(
            "version: v0.4.0
listeners: [{{type: {}, name: llm, port: 0, {}}}]
tracing: {{random_sampling: {}, opentracing_grpc_endpoint: 'http://{}', receiver: none,
  span_attributes: {{header_prefixes: [x-acme-], static: {{environment: test}}}}}}
telemetry: {{metrics_address: '127.0.0.1:0'}}
{}
model_providers:
",
            self.kind, self.listener, self.sampling, sink.address, self.more
        );
        for provider in &self.providers {
            writeln!(config, "  - {provider}").expect("text");
        }
        let mut gateway = Collector::up(&folder.write(&config));
        let port = gateway.port_behind("listening listener=llm address=");
        let metrics = gateway.port_behind("listening component=metrics address=");
        gateway.wait_for("Everything is ready");
        Front {
            sink,
            gateway,
            client: Client::to(port),
            metrics,
            _folder: folder,
        }
    }
}

/// A running gateway.
pub(crate) struct Front {
    pub(crate) sink: Sink,
    pub(crate) gateway: Collector,
    pub(crate) client: Client,
    metrics: u16,
    _folder: Folder,
}

impl Front {
    pub(crate) async fn ask(&self, path: &str, headers: &[(&str, &str)], body: &Json) -> Reply {
        let body = body.to_string();
        let asked = self.client.try_http("POST", path, headers, body.as_bytes()).await;
        asked.expect("an answer")
    }

    /// All spans, once there are so many.
    pub(crate) async fn trace(&self, spans: usize) -> Trace {
        until("the trace arrives", || self.sink.spans().len() >= spans).await;
        self.spans(|_| true)
    }

    /// The spans of the trace of that number, once they are there: a request's spans travel together.
    pub(crate) async fn trace_of(&self, number: u32) -> Trace {
        let id = u128::from(number).to_be_bytes();
        let arrived = || {
            self.sink
                .spans()
                .iter()
                .any(|span| span.kind == 2 && span.trace_id == id)
        };
        until("the trace arrives", arrived).await;
        self.spans(|span| span.trace_id == id)
    }

    fn spans(&self, wanted: impl Fn(&Span) -> bool) -> Trace {
        let mut named = Trace::new();
        for received in self.sink.received() {
            for (service, span) in received.spans_by_service() {
                if wanted(&span) {
                    named.entry(service).or_default().push(span);
                }
            }
        }
        named
    }

    /// Sum of the samples of a metric whose labels hold all these texts; 0 where there is none.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = get(self.metrics, "/metrics", 200).await;
        let samples = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let rest = series.strip_prefix(name)?;
            let matches = (rest.is_empty() || rest.starts_with('{')) && labels.iter().all(|label| rest.contains(label));
            matches.then(|| value.parse::<f64>().expect("a number"))
        });
        samples.sum()
    }

    /// Finds it alive, idle and without a complaint.
    pub(crate) async fn is_sound(&mut self) {
        assert!(self.gateway.lives());
        let idle = async || self.metric("plano_http_in_flight_requests", &[]).await == 0.0;
        let started = std::time::Instant::now();
        while !idle().await {
            assert!(started.elapsed() < super::support::PATIENCE, "requests are left");
        }
        let log = self.gateway.log();
        assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
    }
}

/// The `traceparent` of a sampled trace of that number.
pub(crate) fn traceparent(number: u32) -> String {
    format!("00-{number:032x}-00000000000000aa-01")
}

pub(crate) fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a Value> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

pub(crate) fn text<'a>(span: &'a Span, key: &str) -> &'a str {
    match attribute(span, key) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{key} of {}: {other:?}", span.name),
    }
}

pub(crate) fn number(span: &Span, key: &str) -> i64 {
    match attribute(span, key) {
        Some(Value::IntValue(number)) => *number,
        other => panic!("{key} of {}: {other:?}", span.name),
    }
}

/// `error.type`, where the span is one of an error.
pub(crate) fn failure(span: &Span) -> Option<&str> {
    let is_error = span.status.as_ref().is_some_and(|status| status.code == 2);
    let has_type = attribute(span, "error.type").is_some();
    assert_eq!(is_error, has_type, "{span:?}");
    is_error.then(|| text(span, "error.type"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
