//! Time per span of the wire-level work: `validate`, and the splice that the signals processor does.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group};
use plano::otlp::{Edit, SpanBuilder, SpanId, TraceBatch, TraceId, Value, edit_spans, validate};

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(3));
    targets = otlp
}

/// A service's span as the SDKs write it: 577 bytes, 12 attributes.
fn std_span(index: u64) -> SpanBuilder {
    let (trace, span) = ids(index);
    SpanBuilder::new(trace, span, "POST /api/v1/checkout/orders")
        .parent(SpanId([7; 8]))
        .kind(2)
        .flags(0x101)
        .times(1_700_000_000_000_000_000 + index, 1_700_000_000_120_000_000 + index)
        .attribute("http.request.method", Value::Str("POST"))
        .attribute("http.route", Value::Str("/api/v1/checkout/orders"))
        .attribute("url.path", Value::Str("/api/v1/checkout/orders"))
        .attribute("url.scheme", Value::Str("https"))
        .attribute("server.address", Value::Str("checkout.shop.example.com"))
        .attribute("server.port", Value::Int(443))
        .attribute("client.address", Value::Str("198.51.100.23"))
        .attribute(
            "user_agent.original",
            Value::Str("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"),
        )
        .attribute("http.response.status_code", Value::Int(201))
        .attribute("network.protocol.version", Value::Str("1.1"))
        .attribute("app.tenant.identifier", Value::Str("tenant-0042"))
        .attribute("app.cart.total", Value::Double(129.95))
        .status(1, "")
}

/// An LLM span as OpenLLMetry writes it: 4.6 KB, a conversation of 8 messages.
fn chat_span(index: u64) -> SpanBuilder {
    let (trace, span) = ids(index);
    let text = "I would like to change the delivery address of my order, as I am not at home on that day. ".repeat(6);
    let builder = SpanBuilder::new(trace, span, "openai.chat")
        .kind(3)
        .times(1_700_000_000_000_000_000 + index, 1_700_000_002_000_000_000 + index)
        .attribute("llm.request.type", Value::Str("chat"))
        .attribute("gen_ai.system", Value::Str("openai"))
        .attribute("gen_ai.request.model", Value::Str("gpt-4o"))
        .attribute("gen_ai.usage.prompt_tokens", Value::Int(900))
        .attribute("gen_ai.usage.completion_tokens", Value::Int(120));
    let builder = (0..7).fold(builder, |builder, message| {
        let role = if message % 2 == 0 { "user" } else { "assistant" };
        builder
            .attribute(&format!("gen_ai.prompt.{message}.role"), Value::Str(role))
            .attribute(&format!("gen_ai.prompt.{message}.content"), Value::Str(&text[..520]))
    });
    builder
        .attribute("gen_ai.completion.0.role", Value::Str("assistant"))
        .attribute("gen_ai.completion.0.content", Value::Str(&text[..280]))
}

fn ids(index: u64) -> (TraceId, SpanId) {
    let mut random = fastrand::Rng::with_seed(index);
    (
        TraceId(random.u128(1..).to_be_bytes()),
        SpanId(random.u64(1..).to_be_bytes()),
    )
}

fn request(span: fn(u64) -> SpanBuilder, spans: u64) -> Bytes {
    let resource = [
        ("service.name", Value::Str("checkout")),
        ("service.version", Value::Str("1.42.0")),
    ];
    SpanBuilder::batch(&resource, ("io.opentelemetry.http", "2.1.0"), (0..spans).map(span)).into_contiguous()
}

fn otlp(criterion: &mut Criterion) {
    for (name, span, spans) in [
        ("std", std_span as fn(u64) -> SpanBuilder, 100),
        ("chat", chat_span, 50),
    ] {
        let wire = request(span, spans);
        let mut group = criterion.benchmark_group(format!("otlp/{name} ({} B a span)", span(0).byte_len()));
        group.throughput(Throughput::Elements(spans));
        group.bench_function("memcpy", |bencher| bencher.iter(|| black_box(wire.to_vec())));
        group.bench_function("validate", |bencher| {
            bencher.iter(|| validate(black_box(wire.clone())).map(|valid| valid.batch.span_count()));
        });
        let batch = validate(wire).expect("valid").batch;
        group.bench_function("keys", |bencher| bencher.iter(|| keys(black_box(&batch))));
        group.bench_function("splice", |bencher| bencher.iter(|| splice(black_box(batch.clone()))));
        group.bench_function("split in two", |bencher| {
            bencher.iter(|| batch.clone().split(spans as usize / 2, 0));
        });
        group.finish();
    }
}

/// What recognizing a conversation costs: one pass over the keys.
fn keys(batch: &TraceBatch) -> usize {
    let spans = batch
        .resource_spans()
        .flat_map(|resource| resource.scope_spans())
        .flat_map(|scope| scope.spans());
    spans
        .flat_map(|span| span.attributes())
        .filter(|attribute| attribute.key_bytes().starts_with(b"gen_ai."))
        .count()
}

/// Three attributes and a name suffix on every span.
fn splice(batch: TraceBatch) -> TraceBatch {
    edit_spans(batch, |_, _, _, edit| {
        edit.append_to_name(" 🚩");
        edit.set("signals.quality", Value::Str("Severe"));
        edit.set("signals.turn_count", Value::Int(8));
        edit.set("signals.efficiency_score", Value::Double(0.526));
        Edit::Apply
    })
}
