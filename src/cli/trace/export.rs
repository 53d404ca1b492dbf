//! `planoai trace export`: writes traces as OTLP/JSON, a request a line, as the Collector's file exporter does; the oldest first,
//! so that whoever reads the file meets them as they came. A file is there as a whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;

use super::{
    ask::{Source, asking},
    ending::{NOTHING, Stop, complain, counted, until_interrupted},
    select::{SelectArgs, narrow, nothing, refuse_ambiguous},
};
use crate::{
    cli::progress::Progress,
    viewer::{Query, View, harmless_json},
};

/// Traces that are asked for at a time.
const CHUNK: usize = 16;

const EXAMPLES: &str = "\
Examples:
  planoai trace export > trace.jsonl                  the newest trace
  planoai trace export any -o traces.jsonl            all of them
  planoai trace export 7f4e9a1c -o trace.jsonl
  planoai trace export any --flagged --since 1d -o flagged.jsonl
  planoai trace --file trace.jsonl                    look into it, without a listener
";

/// Write traces to a file, as OTLP/JSON
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Where to; `-` is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: String,
}

/// Runs the command.
///
/// # Errors
/// What could not be written.
pub(super) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    asking(&args.select.filter.files, async |source| {
        until_interrupted(export(source, args)).await
    })
}

async fn export(source: &Source, args: &ExportArgs) -> Result<u8, Stop> {
    let place = args.select.place(false);
    let query = narrow(source, &place, &args.select.filter, args.select.limit).await?;
    refuse_ambiguous(source, &place).await?;
    let found = source.all(&query).await?;
    if found.is_empty() {
        return Err(Stop::Said(NOTHING, nothing(source, &found)));
    }
    let mut output = Output::open(&args.output)?;
    let mut progress = Progress::new(true);
    let (mut traces, mut spans) = (0, 0);
    let newest_last: Vec<String> = found
        .summaries
        .into_iter()
        .rev()
        .map(|summary| summary.trace_id)
        .collect();
    for ids in newest_last.chunks(CHUNK) {
        let chunk = Query {
            ids: ids.to_vec(),
            view: View::Otlp,
            ..Query::default()
        };
        for export in source.all(&chunk).await?.exports.iter().rev() {
            output.write(&harmless_json(export.request.get()))?;
            traces += 1;
            spans += export.spans as u64;
        }
        progress.show(|| format!("{} of {}", traces, counted(newest_last.len() as u64, "trace")));
    }
    progress.clear();
    output.finish()?;
    let (spans, to) = (counted(spans, "span"), &args.output);
    let to = if to == "-" { String::new() } else { format!(" to {to}") };
    complain(&format!("exported {spans} of {}{to}", counted(traces, "trace")));
    match (newest_last.len() as u64).saturating_sub(traces) {
        0 => {}
        gone => complain(&format!("the listener dropped {} meanwhile", counted(gone, "trace"))),
    }
    Ok(0)
}

/// Where lines go: beside the file first, so that no half file is taken for a whole one.
struct Output {
    name: String,
    out: Box<dyn Write>,
    part: Option<Part>,
}

/// A file that takes its place when it is whole, and goes where it does not become so.
struct Part {
    path: PathBuf,
    place: PathBuf,
}

impl Drop for Part {
    fn drop(&mut self) {
        // Where it cannot be removed nothing else can be done about it.
        let _ = fs::remove_file(&self.path);
    }
}

impl Output {
    fn open(name: &str) -> anyhow::Result<Output> {
        let cannot = || format!("cannot write {name}");
        let path = Path::new(name);
        let is_special = || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
        let (out, part): (Box<dyn Write>, _) = if name == "-" {
            (Box::new(io::stdout()), None)
        } else if is_special() {
            (
                Box::new(File::options().write(true).open(path).with_context(cannot)?),
                None,
            )
        } else {
            // A link is followed: what it points to is replaced.
            let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            anyhow::ensure!(!place.is_dir(), "cannot write {name}: it is a directory");
            let mut hidden = place.as_os_str().to_owned();
            hidden.push(format!(".{}.part", std::process::id()));
            let hidden = PathBuf::from(hidden);
            let file = File::create(&hidden).with_context(cannot)?;
            let part = Part { path: hidden, place };
            (Box::new(file), Some(part))
        };
        Ok(Output {
            name: name.to_owned(),
            out: Box::new(BufWriter::new(out)),
            part,
        })
    }

    fn write(&mut self, line: &str) -> anyhow::Result<()> {
        let written = self.out.write_all(line.as_bytes());
        written.with_context(|| format!("cannot write {}", self.name))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", self.name);
        self.out.flush().with_context(cannot)?;
        if let Some(part) = &self.part {
            fs::rename(&part.path, &part.place).with_context(cannot)?;
        }
        Ok(())
    }
}
