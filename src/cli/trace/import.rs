//! `planoai trace import`: sends traces out of files to the listener, as OTLP, with the times that they have. Files are checked
//! before anything is sent: one that has a fault is not sent at all, unless the user wants what is well-formed of it. What
//! arrived, what was rejected and what was not sent is told in numbers.

use std::{collections::HashSet, fs, process::ExitCode, time::Duration};

use clap::Args;
use tokio::time::sleep;

use super::{
    ask::{Listener, Source, asking},
    ending::{NOTHING, Stop, complain, counted, until_interrupted},
    kept::{Faults, Piece, pieces},
};
use crate::{
    cli::progress::Progress,
    net::grpc::Code,
    otlp::{TraceBatch, TraceId},
    viewer::{Query, View},
};

/// Most spans in a request.
const MOST_SPANS: usize = 512;
/// Most bytes in a request, unless one span alone is larger.
const MOST_BYTES: usize = 1 << 20;
/// Attempts to hand over a request that a busy listener does not take yet.
const ATTEMPTS: u32 = 8;

const EXAMPLES: &str = "\
Examples:
  planoai trace import traces.jsonl                   what `planoai trace export` or the Collector wrote
  planoai trace --json | PLANO_TRACE_PORT=5000 planoai trace import -
  planoai trace import --partial cut-off.jsonl        the part of it that is well-formed
  gzip -dc traces.jsonl.gz | planoai trace import -
";

const FORMS: &str = "A file holds OTLP/JSON documents, usually one a line, as the Collector's file exporter and \
`planoai trace export` write them; or what `planoai trace` prints with --json or --format jsonl; or the file exporter's records in \
protobuf or zstd; or one protobuf request.

Exit codes: 0 all was sent, 1 something could not be, 2 usage, 3 there are no spans, 4 the listener cannot be reached. Standard \
input is sent while it is read; of files nothing is sent unless all of them are well-formed.";

/// Send traces out of files to the listener
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, after_help = FORMS)]
pub(super) struct ImportArgs {
    /// Files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Send what is well-formed, and pass over what is not
    #[arg(long)]
    partial: bool,
}

/// Runs the command.
///
/// # Errors
/// What else went wrong.
pub(super) fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    asking(&[], async |source| {
        let Source::Listener(listener) = source else {
            return Ok(0);
        };
        // Whether it is there, and whether it is one, before files are read.
        let question = Query {
            limit: Some(0),
            view: View::Summary,
            ..Query::default()
        };
        source.page(&question).await?;
        let mut import = Import::new(listener, args.partial);
        let outcome = until_interrupted(import.all(&args.files)).await;
        import.progress.clear();
        import.end(outcome)
    })
}

struct Import<'a> {
    listener: &'a Listener,
    partial: bool,
    faults: Faults,
    progress: Progress,
    /// Read and not sent yet: small documents go together.
    waiting: TraceBatch,
    sent: u64,
    traces: HashSet<TraceId>,
    rejected: u64,
    why: String,
    passed_over: u64,
}

impl<'a> Import<'a> {
    fn new(listener: &'a Listener, partial: bool) -> Import<'a> {
        Import {
            listener,
            partial,
            faults: Faults::default(),
            progress: Progress::new(true),
            waiting: TraceBatch::default(),
            sent: 0,
            traces: HashSet::new(),
            rejected: 0,
            why: String::new(),
            passed_over: 0,
        }
    }

    async fn all(&mut self, files: &[String]) -> Result<(), Stop> {
        let can_be_read_twice = |file: &String| file != "-" && fs::metadata(file).is_ok_and(|found| found.is_file());
        if !self.partial && files.iter().all(can_be_read_twice) {
            self.check(files).await?;
        }
        let mut pieces = pieces(files.to_vec());
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Spans(batch) => {
                    self.waiting.append(batch);
                    if self.waiting.span_count() >= MOST_SPANS || self.waiting.byte_len() >= MOST_BYTES {
                        self.send_waiting().await?;
                    }
                }
                Piece::Fault(fault) => {
                    self.fault(&fault);
                    if !self.partial {
                        self.send_waiting().await?;
                        return Err(Stop::Said(1, String::new()));
                    }
                }
                Piece::OtherSignal => self.passed_over += 1,
            }
            self.progress.show(|| counted(self.sent, "span"));
        }
        self.send_waiting().await
    }

    /// Sends what was gathered.
    async fn send_waiting(&mut self) -> Result<(), Stop> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        for part in waiting.split(MOST_SPANS, MOST_BYTES) {
            self.send(part).await?;
        }
        Ok(())
    }

    /// Reads all files, to tell of every fault in them.
    async fn check(&mut self, files: &[String]) -> Result<(), Stop> {
        let mut pieces = pieces(files.to_vec());
        let mut spans = 0;
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Spans(batch) => spans += batch.span_count() as u64,
                Piece::Fault(fault) => self.fault(&fault),
                Piece::OtherSignal => {}
            }
            self.progress.show(|| format!("{} checked", counted(spans, "span")));
        }
        match self.faults.count {
            0 => Ok(()),
            _ => Err(Stop::Said(1, String::new())),
        }
    }

    fn fault(&mut self, fault: &str) {
        self.progress.clear();
        self.faults.tell(fault);
    }

    /// Hands over a request. A listener that is busy is asked again, a little later each time.
    async fn send(&mut self, batch: TraceBatch) -> Result<(), Stop> {
        let spans = batch.span_count() as u64;
        for attempt in 1.. {
            match self.listener.export(batch.clone()).await {
                Ok(rejected) => {
                    self.sent += spans;
                    self.rejected += rejected.spans.min(spans);
                    if self.why.is_empty() {
                        self.why = rejected.why;
                    }
                    break;
                }
                Err(error) => {
                    let is_busy = matches!(error.code, Code::Unavailable | Code::ResourceExhausted);
                    if !is_busy || attempt == ATTEMPTS {
                        return Err(Stop::Ask(self.listener.refused(error)));
                    }
                    let pause = Duration::from_millis(50 << attempt);
                    sleep(error.retry_after.unwrap_or(pause).min(Duration::from_secs(10))).await;
                }
            }
        }
        let resources = batch.resource_spans().flat_map(|resource| resource.scope_spans());
        self.traces
            .extend(resources.flat_map(|scope| scope.spans()).map(|span| span.trace_id()));
        Ok(())
    }

    /// Says what arrived and what did not.
    fn end(&self, outcome: Result<(), Stop>) -> Result<u8, Stop> {
        self.faults.finish();
        let arrived = self.sent - self.rejected;
        let traces = counted(self.traces.len() as u64, "trace");
        let imported = format!("imported {} of {traces}", counted(arrived, "span"));
        if self.rejected > 0 {
            let why = if self.why.is_empty() {
                String::new()
            } else {
                format!(": {}", self.why)
            };
            complain(&format!(
                "the listener rejected {}{why}",
                counted(self.rejected, "span")
            ));
        }
        if self.passed_over > 0 {
            complain(&format!(
                "passed over {} of metrics or logs",
                counted(self.passed_over, "document")
            ));
        }
        match outcome {
            Err(Stop::Said(code, _)) if self.sent == 0 => {
                complain("nothing was sent; --partial sends what is well-formed");
                Err(Stop::Said(code, String::new()))
            }
            Err(stop) => {
                complain(&match stop {
                    Stop::Interrupted => format!("interrupted: {imported}; the rest was not sent"),
                    _ => format!("{imported}; the rest was not sent"),
                });
                Err(stop)
            }
            Ok(()) if self.sent == 0 && self.faults.count == 0 => {
                Err(Stop::Said(NOTHING, "there are no spans in it".to_owned()))
            }
            Ok(()) => {
                complain(&imported);
                Ok(u8::from(self.faults.count > 0 || self.rejected > 0))
            }
        }
    }
}
