//! The pipeline as a whole process: load generator → program under test → sink, over loopback gRPC, with a TCP relay of the same
//! run beside it. Prints CPU-seconds per million spans (user + system of the process under test), throughput, latency of a
//! request, peak RSS and lost spans. Never fails by time; fails where spans are lost or not enriched.
//!
//! `cargo bench --bench pipeline [-- [std|chat] [--spans N] [--rate SPANS_PER_SECOND]]`; a Collector named by `OTELCOL_BIN` runs beside it.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod client;
mod load;
mod relay;
mod subjects;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use client::Sent;
use load::{Encoding, Load};
use subjects::Subject;
use support::{process::Usage, sink};

/// One line of the table.
struct Row {
    path: String,
    cpu_per_million: f64,
    sent: Sent,
    usage: Usage,
    lost: i64,
}

struct Options {
    only: Option<String>,
    spans: Option<usize>,
    rate: Option<usize>,
}

fn options() -> Options {
    let mut options = Options {
        only: None,
        spans: None,
        rate: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        match word.as_str() {
            "--spans" => options.spans = number(words.next()),
            "--rate" => options.rate = number(words.next()),
            "std" | "chat" => options.only = Some(word),
            // Cargo passes `--bench`.
            _ => {}
        }
    }
    options
}

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some("relay") {
        return relay::run(words);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(tables(options()))
}

async fn tables(options: Options) -> anyhow::Result<()> {
    for kind in [load::Kind::Std, load::Kind::Chat] {
        if options.only.as_deref().is_some_and(|only| only != kind.name()) {
            continue;
        }
        for encoding in [Encoding::Identity, Encoding::Gzip] {
            let spans = options.spans.unwrap_or(kind.spans(encoding));
            let load = Load::new(kind, encoding, spans);
            println!(
                "\n{} spans of {} bytes in requests of {}, {} in and out",
                load.spans,
                load.bytes_per_span,
                kind.request_spans(),
                encoding.name()
            );
            let mut rows = Vec::new();
            for subject in subjects::subjects(kind, encoding) {
                match measure(&subject, &load, options.rate).await {
                    Ok(row) => rows.push(row),
                    Err(error) => println!("{}: FAILED: {error:#}", subject.name),
                }
            }
            print(&rows);
            anyhow::ensure!(rows.iter().all(|row| row.lost == 0), "spans were lost");
        }
    }
    Ok(())
}

/// One run: starts the sink and the subject, warms it up, sends the load, waits until everything has arrived.
async fn measure(subject: &Subject, load: &Load, rate: Option<usize>) -> anyhow::Result<Row> {
    let sink = sink::Sink::start().await?;
    let running = subject.start(sink.port).await?;
    client::send(running.port, load, load.spans / 20 + 1, None).await?;
    sink.settle().await;
    let warm = sink.spans();
    let before = running.usage()?;
    let sent = client::send(running.port, load, load.spans, rate).await?;
    sink.settle().await;
    let usage = running.usage()?.since(&before);
    let lost = sent.spans as i64 - (sink.spans() - warm) as i64;
    if subject.enriches {
        anyhow::ensure!(sink.enriched() > 0, "no span that arrived carries signals.quality");
    }
    running.stop(Duration::from_secs(10))?;
    Ok(Row {
        path: subject.name.clone(),
        cpu_per_million: usage.cpu_seconds * 1e6 / sent.spans as f64,
        sent,
        usage,
        lost,
    })
}

fn print(rows: &[Row]) {
    let relay = rows
        .iter()
        .find(|row| row.path.starts_with("TCP relay"))
        .map(|row| row.cpu_per_million);
    println!(
        "{:<34} {:>8} {:>8} {:>11} {:>8} {:>8} {:>8} {:>6}",
        "path", "cpu-s/M", "× relay", "spans/s", "p50 ms", "p99 ms", "RSS MB", "lost"
    );
    for row in rows {
        println!(
            "{:<34} {:>8.3} {:>8} {:>11.0} {:>8.2} {:>8.2} {:>8.1} {:>6}",
            row.path,
            row.cpu_per_million,
            relay.map_or("-".to_owned(), |relay| format!("{:.2}", row.cpu_per_million / relay)),
            row.sent.spans as f64 / row.sent.elapsed.as_secs_f64(),
            row.sent.percentile(50).as_secs_f64() * 1e3,
            row.sent.percentile(99).as_secs_f64() * 1e3,
            row.usage.peak_rss_bytes as f64 / 1e6,
            row.lost,
        );
    }
}
