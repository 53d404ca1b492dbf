//! Time of a session: a chat in which every request carries the whole history, through the processor `signals`, with what it
//! remembers and without. The figure is that of all requests together: reading the spans, the analysis, writing the reports. Below it
//! stands what the analysis alone took, by the processor's own histogram.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group};
use plano::otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value};
use plano::pipeline::{Build, ComponentId, Host, Processor};
use plano::processors::signals::{Config, MemoryConfig};
use plano::signals::{Message, Role};
use plano::telemetry::Metrics;

use crate::analyzer::support;

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = sessions
}

fn processor(max_bytes: usize) -> Box<dyn Processor> {
    let host = Host {
        id: ComponentId {
            kind: "signals".to_owned(),
            name: String::new(),
        },
        default_host: "localhost".to_owned(),
        sinks: Arc::new(HashMap::new()),
        sources: Arc::new(HashMap::new()),
        methods: Arc::new(Vec::new()),
        authenticators: Default::default(),
    };
    let config = Config {
        memory: MemoryConfig { max_bytes },
        ..Config::default()
    };
    config.build(&host).expect("the default config is valid")
}

/// Every turn sent with its history: as many requests as turns, every second one with a reply. Sessions of two services are two.
fn session(talk: &[Message<'_>], service: &str) -> Vec<TraceBatch> {
    let request = |length: usize| {
        let mut span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "openai.chat").times(1, 2);
        for (index, message) in talk[..length].iter().enumerate() {
            let role = if message.role == Role::User {
                "user"
            } else {
                "assistant"
            };
            let (side, index) = if index + 1 == length && message.role == Role::Assistant {
                ("completion", 0)
            } else {
                ("prompt", index)
            };
            span = span
                .attribute(&format!("gen_ai.{side}.{index}.role"), Value::Str(role))
                .attribute(&format!("gen_ai.{side}.{index}.content"), Value::Str(&message.text));
        }
        SpanBuilder::batch(&[("service.name", Value::Str(service))], ("scope", ""), [span])
    };
    (1..=talk.len()).map(request).collect()
}

#[expect(clippy::print_stdout, reason = "criterion prints its figures too")]
fn print_analysis(metrics: &Metrics, turns: usize) {
    let text = metrics.render();
    let value = |name: &str| -> Option<f64> {
        let name = format!("plano_signals_analysis_seconds_{name} ");
        text.lines().find_map(|line| line.strip_prefix(&name))?.parse().ok()
    };
    if let (Some(sum), Some(count)) = (value("sum"), value("count").filter(|count| *count > 0.0)) {
        println!(
            "                        analysis alone: {:.3} ms",
            sum / count * turns as f64 * 1e3
        );
    }
}

fn sessions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sessions");
    for turns in [25, 100, 400] {
        let talk = support(turns).messages;
        for (name, max_bytes) in [("remembered", 64 << 20), ("every one whole", 0)] {
            let metrics = Metrics::new();
            let signals = metrics.scope(|| processor(max_bytes));
            let mut number = 0;
            group.bench_function(format!("{turns} turns, {name}"), |bencher| {
                bencher.iter_batched(
                    || {
                        number += 1;
                        session(&talk, &format!("shop {number}"))
                    },
                    |requests| {
                        for request in requests {
                            black_box(signals.process(request)).expect("accepted");
                        }
                    },
                    BatchSize::PerIteration,
                );
            });
            print_analysis(&metrics, turns);
        }
    }
    group.finish();
}
