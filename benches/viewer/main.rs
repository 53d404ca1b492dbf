//! What the store behind `planoai trace` costs: `cargo bench --bench viewer`. Prints figures and judges none: spans taken a second
//! with and without a file, time to list, to filter and to open, how long a reader keeps others waiting, memory beside what the
//! store counts, and the size of a file that much has passed through. Linux reads its memory; elsewhere it prints 0.

use std::{
    io::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use plano::{
    otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value},
    pipeline::Sink as _,
    viewer::{Limits, Opening, Query, Store, View},
};

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is measured: traces, spans of each, spans that come together, and whether they are as long as those of model calls are.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    traces: u64,
    spans: u64,
    together: u64,
    long: bool,
}

const USUAL: Shape = Shape {
    name: "usual",
    traces: 1000,
    spans: 50,
    together: 10,
    long: true,
};

const SHAPES: &[Shape] = &[
    USUAL,
    Shape {
        name: "small spans one by one",
        traces: 1000,
        spans: 50,
        together: 1,
        long: false,
    },
    Shape {
        name: "traces of one small span",
        traces: 50_000,
        spans: 1,
        together: 1,
        long: false,
    },
];

const LIMITS: Limits = Limits {
    max_traces: 100_000,
    max_bytes: 1 << 30,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let shape = SHAPES
        .iter()
        .find(|shape| arguments.get(1).is_some_and(|name| name == shape.name));
    match shape {
        Some(shape) => memory(*shape),
        None => all(),
    }
}

fn all() {
    let program = std::env::current_exe().expect("this program");
    for shape in SHAPES {
        // Each in a process of its own: what another left behind would count.
        let status = std::process::Command::new(&program).arg(shape.name).status();
        assert!(status.expect("this program runs").success());
    }
    questions();
    large_trace();
    busy();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(file());
}

fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").expect("stdout");
}

fn ids(number: u64) -> (TraceId, u64) {
    let mut random = fastrand::Rng::with_seed(number);
    (TraceId(random.u128(1..).to_be_bytes()), random.u64(1..u64::MAX / 2))
}

/// One span: every fifth a model call with a conversation, the others as servers and clients write them.
fn span(shape: Shape, trace: u64, number: u64) -> SpanBuilder {
    let (id, first) = ids(trace);
    let start = now() + trace * 1_000_000 + number * 1000;
    let builder = SpanBuilder::new(id, SpanId((first + number).to_be_bytes()), "POST /v1/chat/completions")
        .kind(3)
        .times(start, start + 5_000_000)
        .attribute("http.request.method", Value::Str("POST"))
        .attribute("http.response.status_code", Value::Int(200));
    let builder = match number {
        0 => builder,
        _ => builder.parent(SpanId((first + number / 2).to_be_bytes())),
    };
    if !shape.long {
        return builder;
    }
    let builder = builder
        .attribute("http.route", Value::Str("/v1/chat/completions"))
        .attribute("server.address", Value::Str("api.example.com"))
        .attribute("server.port", Value::Int(443))
        .attribute(
            "user_agent.original",
            Value::Str("example-sdk/1.54.0 (linux; x86_64) python/3.12"),
        )
        .attribute("app.tenant.identifier", Value::Str("tenant-0042"))
        .attribute("guid:x-request-id", Value::Str("5b0c1f3e-7a52-4d39-9a53-0e6c56d6b1a4"));
    if !number.is_multiple_of(5) {
        return builder;
    }
    let text = "I would like to change the delivery address of my order, as I am not at home on that day. ".repeat(8);
    let builder = builder
        .attribute(
            "llm.model",
            Value::Str(if trace.is_multiple_of(2) {
                "gpt-4o"
            } else {
                "gpt-4o-mini"
            }),
        )
        .attribute("llm.usage.prompt_tokens", Value::Int(900))
        .attribute("llm.usage.completion_tokens", Value::Int(120))
        .attribute("signals.quality", Value::Str("Good"));
    (0..7).fold(builder, |builder, message| {
        let role = if message % 2 == 0 { "user" } else { "assistant" };
        builder
            .attribute(&format!("gen_ai.prompt.{message}.role"), Value::Str(role))
            .attribute(&format!("gen_ai.prompt.{message}.content"), Value::Str(&text))
    })
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// The batches of a shape, traces mixed as they are when they run at the same time.
fn batches(shape: Shape) -> impl Iterator<Item = TraceBatch> {
    let resource = [
        ("service.name", Value::Str("plano(llm)")),
        ("service.version", Value::Str("1.42.0")),
        ("telemetry.sdk.language", Value::Str("rust")),
    ];
    let at_once = 20.min(shape.traces);
    (0..shape.traces / at_once).flat_map(move |group| {
        (0..shape.spans / shape.together).flat_map(move |part| {
            (0..at_once).map(move |member| {
                let trace = group * at_once + member;
                let numbers = part * shape.together..(part + 1) * shape.together;
                SpanBuilder::batch(
                    &resource,
                    ("bench", "1"),
                    numbers.map(|number| span(shape, trace, number)),
                )
            })
        })
    })
}

fn filled(shape: Shape) -> Store {
    let store = Store::new(LIMITS);
    batches(shape).for_each(|batch| drop(store.take(batch)));
    store
}

fn memory(shape: Shape) {
    // Code and buffers that the first use brings are not the store's.
    drop(filled(Shape { traces: 20, ..shape }));
    let before = resident();
    let (mut wire, mut spans) = (0, 0);
    let store = Store::new(LIMITS);
    for batch in batches(shape) {
        wire += batch.byte_len();
        spans += batch.span_count();
        drop(store.take(batch));
    }
    let held = resident().saturating_sub(before);
    let list = list(&store, "");
    let listed = resident().saturating_sub(before);
    let again: Vec<TraceBatch> = batches(shape).collect();
    let (other, begun) = (Store::new(LIMITS), computed());
    again.into_iter().for_each(|batch| drop(other.take(batch)));
    let taking = computed().saturating_sub(begun);
    say(&format!(
        "{}: {} traces of {} spans, {} B a span on the wire; {:.0} spans/s on one core; counted {:.1} MiB, resident {:.1} MiB ({:.2}), after a \
         list of {list} {:.1} MiB ({:.2})",
        shape.name,
        shape.traces,
        shape.spans,
        wire / spans,
        spans as f64 / taking.as_secs_f64(),
        mebibytes(store.bytes()),
        mebibytes(held),
        held as f64 / store.bytes() as f64,
        mebibytes(listed),
        listed as f64 / store.bytes() as f64
    ));
}

fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Resident memory of this process.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

fn list(store: &Store, filter: &str) -> usize {
    let query = Query {
        view: View::Summary,
        filter: filter.to_owned(),
        ..Query::default()
    };
    let reply = query.answer(&store.newest_first(), now()).expect("an answer");
    let text = serde_json::to_vec(&reply).expect("plain data");
    std::hint::black_box(text);
    reply.summaries.len()
}

fn timed<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let (begun, before) = (Instant::now(), computed());
    let out = work();
    let took = begun.elapsed();
    say(&format!(
        "{name}: {took:?}, of which it computed for {:?}",
        computed().saturating_sub(before)
    ));
    out
}

/// How long this thread has had a processor; what is waited for one on a busy machine is not in it.
fn computed() -> Duration {
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = ran.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn questions() {
    let store = filled(USUAL);
    say("1,000 traces of 50 spans, answered as JSON:");
    timed("  first list", || list(&store, ""));
    timed("  list again", || list(&store, ""));
    for batch in batches(Shape { traces: 20, ..USUAL }).take(20) {
        drop(store.take(batch));
    }
    let new = SpanBuilder::batch(&[], ("bench", "1"), [span(USUAL, 5, 99)]);
    drop(store.take(new));
    timed("  list after one trace changed", || list(&store, ""));
    timed("  a new filter", || list(&store, "llm.model=gpt-4o duration>1ms"));
    timed("  the same filter", || list(&store, "llm.model=gpt-4o duration>1ms"));
    timed("  the newest trace", || {
        let query = Query {
            limit: Some(1),
            ..Query::default()
        };
        serde_json::to_vec(&query.answer(&store.newest_first(), now()).expect("an answer"))
            .expect("plain data")
            .len()
    });
}

fn large_trace() {
    let shape = Shape {
        traces: 1,
        spans: 10_000,
        together: 50,
        ..USUAL
    };
    let store = timed("a trace of 10,000 spans: made and taken", || filled(shape));
    for name in ["  list", "  list again"] {
        timed(name, || list(&store, ""));
    }
    let bytes = timed("  opened: decoded and written as JSON", || {
        let reply = Query::default()
            .answer(&store.newest_first(), now())
            .expect("an answer");
        serde_json::to_vec(&reply).expect("plain data").len()
    });
    say(&format!("  that is {:.1} MiB of JSON", mebibytes(bytes)));
}

/// The longest that anybody who brings spans waits while others ask without a break.
fn busy() {
    let store = Arc::new(filled(USUAL));
    let stop = AtomicBool::new(false);
    let (longest, taken, asked) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !stop.load(Ordering::Relaxed) {
                list(&store, "");
                asked += 1;
            }
            asked
        });
        let (mut longest, mut taken) = (Duration::ZERO, 0);
        for batch in batches(Shape { traces: 400, ..USUAL }) {
            let begun = Instant::now();
            drop(store.take(batch));
            longest = longest.max(begun.elapsed());
            taken += 1;
        }
        stop.store(true, Ordering::Relaxed);
        (longest, taken, asking.join().expect("no panic"))
    });
    say(&format!(
        "while lists are asked for without a break ({asked}): the longest of {taken} requests took {longest:?}"
    ));
}

/// Senders that wait for their answer, side by side, into a file; then its size, and how long it takes to open it.
async fn file() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("traces.db");
    let quiet: Arc<Opening> = Arc::new(|_: &str, _| {});
    let limits = Limits {
        max_traces: 1000,
        max_bytes: 256 << 20,
    };
    for senders in [1, 8, 64] {
        let path = folder.path().join(format!("{senders}"));
        let store = Arc::new(Store::open(limits, &path, &quiet).expect("a store"));
        let share = if senders == 1 { 20 } else { 400 };
        let sent = Shape { traces: share, ..USUAL };
        pass(&store, batches(sent).collect(), senders, share * USUAL.spans).await;
    }
    let store = Arc::new(Store::open(limits, &path, &quiet).expect("a store"));
    for round in 0..20 {
        let all = batches(USUAL).collect::<Vec<_>>();
        let moved = all.into_iter().map(|batch| moved(&batch, round)).collect();
        pass(
            &store,
            moved,
            64,
            if round == 19 { USUAL.traces * USUAL.spans } else { 0 },
        )
        .await;
    }
    sizes(&store, &path, "20,000 traces passed");
    drop(store);
    let store = timed("opened again", || Store::open(limits, &path, &quiet).expect("a store"));
    sizes(&store, &path, "opened again");
}

/// The same spans under other trace ids.
fn moved(batch: &TraceBatch, round: u8) -> TraceBatch {
    let mut wire = batch.clone().into_contiguous().to_vec();
    let ids: Vec<TraceId> = batch
        .resource_spans()
        .flat_map(|resource| resource.scope_spans())
        .flat_map(|scope| scope.spans())
        .map(|span| span.trace_id())
        .collect();
    for at in 0..wire.len() - 16 {
        if ids.iter().any(|id| id.0 == wire[at..at + 16]) {
            wire[at] = wire[at].wrapping_add(round);
        }
    }
    plano::otlp::validate(bytes::Bytes::from(wire)).expect("valid").batch
}

async fn pass(store: &Arc<Store>, batches: Vec<TraceBatch>, senders: usize, spans: u64) {
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let queue = Arc::new(std::sync::Mutex::new(batches));
    for _ in 0..senders {
        let (store, queue) = (Arc::clone(store), Arc::clone(&queue));
        tasks.spawn(async move {
            loop {
                let Some(batch) = queue.lock().expect("no panic").pop() else {
                    return;
                };
                if let Some(kept) = store.take(batch) {
                    kept.await.expect("kept");
                }
            }
        });
    }
    tasks.join_all().await;
    if spans > 0 {
        let rate = spans as f64 / begun.elapsed().as_secs_f64();
        say(&format!(
            "into a file, {senders} senders with 10 spans a request: {rate:.0} spans/s"
        ));
    }
}

fn sizes(store: &Store, path: &Path, what: &str) {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len() as usize);
    say(&format!(
        "{what}: the store counts {:.1} MiB, the file is {:.1} MiB",
        mebibytes(store.bytes()),
        mebibytes(size)
    ));
}
