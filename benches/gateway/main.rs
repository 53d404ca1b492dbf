//! The gateway as a whole process: load generator → program under test → mock upstream, with a minimal hyper pass-through in the
//! same run and nothing at all (direct) beside it. Prints CPU per request (user + system of the process under test, and of its two
//! kinds of threads), what it adds to the latency of a request and of a streamed chunk, peak RSS, and spans received against requests
//! sent. Rounds alternate between the subjects; printed are the median of CPU and the least of delays. Never fails by time; fails where
//! spans are lost uncounted.
//!
//! `cargo bench --bench gateway [-- [closed|open|sse] [--requests N] [--rate N] [--rounds N]]`

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod connection;
mod load;
mod pass;
mod subjects;
#[path = "../support/mod.rs"]
mod support;
mod upstream;

use std::time::Duration;

use load::Seen;
use subjects::Subject;
use support::process::Usage;
use tokio::runtime::Runtime;

struct Options {
    only: Option<String>,
    requests: usize,
    rate: usize,
    rounds: usize,
}

/// What kind of load a table is about.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Closed,
    Open,
    Sse,
}

/// The rounds of one subject.
struct Row {
    name: &'static str,
    rounds: Vec<(Seen, Usage)>,
}

fn options() -> Options {
    let mut options = Options {
        only: None,
        requests: 10_000,
        rate: 3000,
        rounds: 3,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = |default: usize| words.next().and_then(|text| text.parse().ok()).unwrap_or(default);
        match word.as_str() {
            "--requests" => options.requests = number(options.requests),
            "--rate" => options.rate = number(options.rate),
            "--rounds" => options.rounds = number(options.rounds).max(1),
            "closed" | "open" | "sse" => options.only = Some(word),
            // Cargo passes `--bench`.
            _ => {}
        }
    }
    options
}

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    match words.next().as_deref() {
        Some("upstream") => return upstream::run(words),
        Some("pass") => return pass::run(words),
        _ => {}
    }
    let options = options();
    // Of the sinks alone; the load has threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let upstream = subjects::role(&runtime, "upstream", &[])?;
    let mut subjects = subjects::start(&runtime, upstream.port)?;
    for subject in &mut subjects {
        subject.warm_up(options.requests.min(2000))?;
    }
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores, shared by load generator, upstream, sink and the program under test");
    for (name, mode) in [("closed", Mode::Closed), ("open", Mode::Open), ("sse", Mode::Sse)] {
        if options.only.as_deref().is_none_or(|only| only == name) {
            print(mode, &options, &rounds(mode, &options, &runtime, &mut subjects)?);
        }
    }
    let lost = print_spans(&subjects)?;
    for subject in subjects {
        subject.stop()?;
    }
    anyhow::ensure!(lost == 0, "{lost} spans were lost uncounted");
    Ok(())
}

fn rounds(mode: Mode, options: &Options, runtime: &Runtime, subjects: &mut [Subject]) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = subjects
        .iter()
        .map(|subject| Row {
            name: subject.name,
            rounds: Vec::new(),
        })
        .collect();
    for _ in 0..options.rounds {
        for (subject, row) in subjects.iter_mut().zip(&mut rows) {
            row.rounds.push(subject.measure(runtime, |port| match mode {
                Mode::Closed => load::closed(port, options.requests),
                Mode::Open => load::open(port, options.requests, options.rate),
                Mode::Sse => load::streams(port, (options.requests / 250).max(load::STREAMS)),
            })?);
        }
    }
    Ok(rows)
}

impl Row {
    fn of_each(&self, figure: impl Fn(&Seen, &Usage) -> f64) -> Vec<f64> {
        let mut all: Vec<f64> = self.rounds.iter().map(|(seen, usage)| figure(seen, usage)).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn median(&self, figure: impl Fn(&Seen, &Usage) -> f64) -> f64 {
        let all = self.of_each(figure);
        all.get(all.len() / 2).copied().unwrap_or_default()
    }

    /// Of the round that was disturbed least: what else runs on the machine only ever adds.
    fn percentile(&self, percent: usize) -> f64 {
        let all = self.of_each(|seen, _| millis(seen.percentile(percent)));
        all.first().copied().unwrap_or_default()
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn print(mode: Mode, options: &Options, rows: &[Row]) {
    let (what, each) = match mode {
        Mode::Closed => (format!("closed loop, {} connections", load::CLOSED), "request"),
        Mode::Open => (
            format!(
                "open loop, {} requests/s wanted, {} connections",
                options.rate,
                load::OPEN
            ),
            "request",
        ),
        Mode::Sse => (
            format!(
                "server-sent events, {} streams at a time, a chunk every {:?}",
                load::STREAMS,
                upstream::INTERVAL
            ),
            "chunk",
        ),
    };
    println!(
        "\n{what}; {} rounds, median of CPU and least of delays; CPU in µs per {each}",
        options.rounds
    );
    println!(
        "{:<28} {:>7} {:>13} {:>8} {:>8} {:>6} {:>8} {:>8} {:>8} {:>9} {:>9} {:>7}",
        "path",
        "CPU",
        "least–most",
        "gateway",
        "telem.",
        "× pass",
        "req/s",
        "p50 ms",
        "p99 ms",
        "+p50 ms",
        "+p99 ms",
        "RSS MB"
    );
    let micros = |seconds: f64, seen: &Seen| seconds * 1e6 / seen.delays.len() as f64;
    let cpu = |seen: &Seen, usage: &Usage| micros(usage.cpu_seconds, seen);
    let (direct, pass) = (&rows[0], rows[1].median(cpu));
    for row in rows {
        let all = row.of_each(cpu);
        let threads = |name: &str| row.median(|seen, usage| micros(usage.of_threads(name), seen));
        println!(
            "{:<28} {:>7.1} {:>13} {:>8.1} {:>8.1} {:>6.2} {:>8.0} {:>8.3} {:>8.3} {:>9.3} {:>9.3} {:>7.1}",
            row.name,
            row.median(cpu),
            format!("{:.1}–{:.1}", all[0], all[all.len() - 1]),
            threads("gateway"),
            threads("telemetry"),
            row.median(cpu) / pass,
            row.median(|seen, _| seen.rate()),
            row.percentile(50),
            row.percentile(99),
            row.percentile(50) - direct.percentile(50),
            row.percentile(99) - direct.percentile(99),
            row.rounds
                .last()
                .map_or(0.0, |(_, usage)| usage.peak_rss_bytes as f64 / 1e6),
        );
    }
}

/// Prints what became of the spans; gives how many are missing and were not counted as dropped.
fn print_spans(subjects: &[Subject]) -> anyhow::Result<i64> {
    println!("\nspans of all requests, those of the warm-up included");
    println!(
        "{:<28} {:>10} {:>10} {:>10} {:>10}",
        "path", "expected", "offered", "received", "dropped"
    );
    let mut lost = 0;
    for subject in subjects {
        let spans = subject.spans()?;
        println!(
            "{:<28} {:>10} {:>10.0} {:>10} {:>10.0}",
            subject.name, spans.expected, spans.offered, spans.received, spans.dropped
        );
        // What waits for a dead exporter is neither.
        if spans.received > 0 {
            lost += spans.expected as i64 - spans.received as i64 - spans.dropped as i64;
        }
    }
    Ok(lost)
}
