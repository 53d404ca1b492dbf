//! Time of a session: a chat in which every request carries the whole history, through the processor `signals`, with what it
//! remembers and without. The figure is that of all requests together.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group};
use plano::otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value};
use plano::pipeline::{Build, ComponentId, Host, Processor};
use plano::processors::signals::{Config, MemoryConfig};
use plano::signals::Role;

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
    };
    let config = Config {
        memory: MemoryConfig { max_bytes },
        ..Config::default()
    };
    config.build(&host).expect("the default config is valid")
}

/// Every turn sent with its history: as many requests as turns, every second one with a reply.
fn session(turns: usize) -> Vec<TraceBatch> {
    let talk = support(turns).messages;
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
        SpanBuilder::batch(&[("service.name", Value::Str("shop"))], ("scope", ""), [span])
    };
    (1..=turns).map(request).collect()
}

fn sessions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sessions");
    for turns in [25, 100, 400] {
        let requests = session(turns);
        for (name, max_bytes) in [("remembered", 64 << 20), ("every one whole", 0)] {
            group.bench_function(format!("{turns} turns, {name}"), |bencher| {
                bencher.iter_batched(
                    || processor(max_bytes),
                    |signals| {
                        for request in &requests {
                            black_box(signals.process(request.clone())).expect("accepted");
                        }
                        signals
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}
