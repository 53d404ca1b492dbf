//! Files of traces: JSON documents in any of the forms that we and the Collector write, or the Collector's length-prefixed
//! records. Read in pieces by a thread of its own, a bounded number ahead; a fault is one piece and ends nothing but itself. The
//! thread belongs to nobody: where the pieces are no longer taken it stops at its next one, or with the process where it waits
//! for input.

mod documents;
mod records;

use std::{
    fs::{self, File},
    io::{self, Read},
    sync::Arc,
    thread,
};

use tokio::sync::mpsc::{self, Receiver, Sender};

use super::ending::complain;
use crate::{
    cli::feed::{self, Fed, Pace},
    otlp::{TraceBatch, validate},
    pipeline::Sink,
    viewer::{Limits, Store},
};

/// Faults that are told one by one.
const FAULTS_TOLD: u64 = 10;
/// Pieces that are read ahead.
const AHEAD: usize = 8;
/// Most memory that traces out of files take.
const MOST_BYTES: usize = 2 << 30;

/// Largest file that is tried as one protobuf request, in bytes.
const MOST_REQUEST: u64 = 256 << 20;

/// What comes out of files, in order.
#[derive(Debug)]
pub(super) enum Piece {
    /// Spans.
    Spans(TraceBatch),
    /// Something that cannot be read: where, and what is wrong.
    Fault(String),
    /// Metrics or logs, which are passed over.
    OtherSignal,
}

/// Reads files, `-` being standard input.
pub(super) fn pieces(files: Vec<String>) -> Receiver<Piece> {
    let (out, pieces) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        for file in files {
            let fault = match form(&file) {
                Ok(Form::Json) => json(&file, &out),
                Ok(Form::Records) => File::open(&file).and_then(|source| records::read(&file, source, &out)),
                Ok(Form::Request) => fs::read(&file).map(|bytes| records::request(&file, bytes, &out)),
                Ok(Form::Foreign(what)) => Err(io::Error::other(what)),
                Err(error) => Err(error),
            };
            if let Err(error) = fault
                && out
                    .blocking_send(Piece::Fault(format!("cannot read {file}: {error}")))
                    .is_err()
            {
                return;
            }
        }
    });
    pieces
}

/// Tells of faults, the first ones one by one.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) count: u64,
}

impl Faults {
    pub(super) fn tell(&mut self, fault: &str) {
        self.count += 1;
        if self.count <= FAULTS_TOLD {
            complain(fault);
        }
    }

    /// Says how many were not told.
    pub(super) fn finish(&self) {
        match self.count.saturating_sub(FAULTS_TOLD) {
            0 => {}
            1 => complain("… and 1 fault more"),
            more => complain(&format!("… and {more} faults more")),
        }
    }
}

/// The traces of files, with the number of faults, which are told. Signals are not computed again: what is in a file is shown.
pub(super) fn load(files: &[String]) -> (Store, u64) {
    let store = Store::new(Limits {
        max_traces: usize::MAX,
        max_bytes: MOST_BYTES,
    });
    let mut faults = Faults::default();
    let mut pieces = pieces(files.to_vec());
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            // There is no file to wait for.
            Piece::Spans(batch) => drop(store.take(batch)),
            Piece::Fault(fault) => faults.tell(&fault),
            Piece::OtherSignal => {}
        }
    }
    faults.finish();
    (store, faults.count)
}

/// How a file is written.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    Json,
    /// Records behind their lengths.
    Records,
    /// One protobuf request.
    Request,
    /// Something else, and what to do about it.
    Foreign(&'static str),
}

/// By the first bytes; what cannot be read twice is JSON.
fn form(file: &str) -> io::Result<Form> {
    if file == "-" || !fs::metadata(file)?.is_file() {
        return Ok(Form::Json);
    }
    let mut start = Vec::new();
    File::open(file)?.take(4096).read_to_end(&mut start)?;
    // A request begins with a byte that is a line's end too, and its length may look like a bracket.
    let is_request = start.first() == Some(&0x0a)
        && fs::metadata(file)?.len() <= MOST_REQUEST
        && validate(fs::read(file)?.into()).is_ok();
    Ok(if is_request { Form::Request } else { form_of(&start) })
}

fn form_of(start: &[u8]) -> Form {
    let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
    match (start.trim_ascii_start().first(), start) {
        (Some(b'{' | b'[') | None, _) => Form::Json,
        (_, [0, ..]) => Form::Records,
        (_, [0x1f, 0x8b, ..]) => {
            Form::Foreign("it is compressed with gzip; pipe it in: gzip -dc FILE | planoai trace import -")
        }
        (_, [0x28, 0xb5, 0x2f, 0xfd, ..]) => {
            Form::Foreign("it is compressed with zstd; pipe it in: zstd -dc FILE | planoai trace import -")
        }
        _ => {
            Form::Foreign("it is neither JSON nor what the Collector's file exporter writes; it begins with no { or [")
        }
    }
}

/// Feeds JSON through as many threads as help.
fn json(file: &str, out: &Sender<Piece>) -> io::Result<()> {
    let work = |block: feed::Block| documents::read(&block.file, block.line, &block.bytes);
    for fed in feed::feed(vec![file.to_owned()], Pace::Eager, Arc::new(work)) {
        match fed {
            Fed::Block(done) => {
                // A worker that is gone has panicked, and said so.
                for piece in done.recv().unwrap_or_default() {
                    if out.blocking_send(piece).is_err() {
                        return Ok(());
                    }
                }
            }
            Fed::End { .. } => {}
            Fed::Unreadable { error, .. } => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_file_is_told_by_its_first_bytes() {
        for (start, expected) in [
            (&b"{\"resourceSpans\":[]}"[..], Form::Json),
            (b"\n\n  {", Form::Json),
            (b"\xef\xbb\xbf{", Form::Json),
            (b"[", Form::Json),
            (b"", Form::Json),
            (b"\0\0\x01\x10\x0a", Form::Records),
        ] {
            assert_eq!(form_of(start), expected, "{start:?}");
        }
        for (start, word) in [
            (&b"\x1f\x8b\x08"[..], "gzip"),
            (b"\x28\xb5\x2f\xfd", "zstd"),
            (b"id,name", "neither"),
        ] {
            assert!(
                matches!(form_of(start), Form::Foreign(what) if what.contains(word)),
                "{start:?}"
            );
        }
    }
}
