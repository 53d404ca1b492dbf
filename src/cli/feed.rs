//! Files in, results out in the order of the files: one thread reads blocks that end where a document ends, as many as the machine
//! has cores work on them. Holds a bounded number of blocks, whatever the size of the files. The threads belong to nobody: where
//! the reader of the results goes away they stop at their next block, or with the process where they wait for input.

use std::{
    fs::File,
    io::{self, Read},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use crate::processors::signals::last_boundary;

/// Bytes that are asked for at once; a block is as long unless a document is longer.
const BLOCK: usize = 256 << 10;
/// More threads are of no use to what a disk delivers.
const MAX_WORKERS: usize = 8;

/// Whole documents of a file.
pub(super) struct Block {
    /// The name that the user gave.
    pub(super) file: Arc<str>,
    /// Number of the first line.
    pub(super) line: usize,
    pub(super) bytes: Vec<u8>,
}

/// What comes out, in order.
pub(super) enum Fed<T> {
    /// The result of a block, when it is done.
    Block(Receiver<T>),
    /// The file before is over.
    End { file: Arc<str> },
    /// The file could not be read, or not to its end.
    Unreadable { file: Arc<str>, error: io::Error },
}

type Job<T> = (Block, SyncSender<T>);

/// When a block is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As soon as a document is there: who reads a slow source is not kept waiting.
    Eager,
    /// Once it is full: what is made of a small file is made of one block.
    Full,
}

/// Has the files worked on, `-` being standard input.
pub(super) fn feed<T: Send + 'static>(
    files: Vec<String>,
    pace: Pace,
    work: Arc<impl Fn(Block) -> T + Send + Sync + 'static>,
) -> Receiver<Fed<T>> {
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_WORKERS));
    let (jobs, queue) = sync_channel::<Job<T>>(workers);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..workers {
        let (queue, work) = (Arc::clone(&queue), Arc::clone(&work));
        thread::spawn(move || {
            while let Some((block, done)) = next(&queue) {
                // Nobody waits for it once the output is closed.
                let _ = done.send(work(block));
            }
        });
    }
    let (out, fed) = sync_channel(2 * workers);
    thread::spawn(move || {
        for file in files {
            let file: Arc<str> = file.into();
            let read = open(&file).and_then(|mut source| blocks(&file, &mut source, pace, &jobs, &out));
            let end = match read {
                Ok(true) => Fed::End { file },
                Ok(false) => return,
                Err(error) => Fed::Unreadable { file, error },
            };
            if out.send(end).is_err() {
                return;
            }
        }
    });
    fed
}

fn next<T>(queue: &Mutex<Receiver<Job<T>>>) -> Option<Job<T>> {
    // A worker holds the lock while it waits and never while it works.
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn open(file: &str) -> io::Result<Box<dyn Read>> {
    Ok(match file {
        "-" => Box::new(io::stdin().lock()),
        path => Box::new(File::open(path)?),
    })
}

/// Cuts a source into blocks; false where nobody takes them any more.
fn blocks<T>(
    file: &Arc<str>,
    source: &mut impl Read,
    pace: Pace,
    jobs: &SyncSender<Job<T>>,
    out: &SyncSender<Fed<T>>,
) -> io::Result<bool> {
    let mut buffer = Vec::new();
    let mut line = 1;
    // Where no boundary was found, none is looked for until there is twice as much: a long document is not read over and over.
    let least = if pace == Pace::Eager { 0 } else { BLOCK };
    let mut enough = least;
    let mut send = |bytes: Vec<u8>| {
        let lines = memchr::memchr_iter(b'\n', &bytes).count();
        let (file, (done, result)) = (Arc::clone(file), sync_channel(1));
        let block = Block { file, line, bytes };
        line += lines;
        out.send(Fed::Block(result)).is_ok() && jobs.send((block, done)).is_ok()
    };
    let mut is_first = true;
    loop {
        let is_last = more(source, &mut buffer)? == 0;
        if is_first && buffer.len() >= 3 {
            // Some editors put a byte order mark first, which is no JSON.
            if buffer.starts_with("\u{feff}".as_bytes()) {
                buffer.drain(..3);
            }
            is_first = false;
        }
        if is_last {
            return Ok(buffer.is_empty() || send(buffer));
        }
        if buffer.len() < enough {
            continue;
        }
        match last_boundary(&buffer) {
            Some(end) => {
                let rest = buffer.split_off(end);
                if !send(std::mem::replace(&mut buffer, rest)) {
                    return Ok(false);
                }
                enough = least;
            }
            None => enough = 2 * buffer.len(),
        }
    }
}

/// Reads once, as much as is there; a slow source is not waited for.
fn more(source: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let start = buffer.len();
    buffer.resize(start + BLOCK, 0);
    let read = loop {
        match source.read(&mut buffer[start..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => break outcome,
        }
    };
    buffer.truncate(start + *read.as_ref().unwrap_or(&0));
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, as a pipe does.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(size);
            buffer[..size].copy_from_slice(now);
            self.0 = later;
            Ok(size)
        }
    }

    fn cut(text: &str, size: usize, pace: Pace) -> Vec<(usize, String)> {
        let (jobs, queue) = sync_channel::<Job<()>>(1000);
        let (out, _fed) = sync_channel(1000);
        let sent = blocks(&"x".into(), &mut Trickle(text.as_bytes(), size), pace, &jobs, &out).expect("no fault");
        assert!(sent);
        drop(jobs);
        let blocks = queue.iter().map(|(block, _)| {
            let text = String::from_utf8(block.bytes).expect("text");
            (block.line, text)
        });
        blocks.collect()
    }

    #[test]
    fn blocks_hold_whole_documents_and_know_their_lines() {
        let text = "{\"a\":1}\n\n{\n\"b\": [\n{},\n{}\n]\n}\n{\"c\":1}\n[]";
        let starts = [(1, "{\"a"), (3, "{\n\"b"), (9, "{\"c"), (10, "[]")];
        for size in 1..=text.len() {
            let blocks = cut(text, size, Pace::Eager);
            let joined: String = blocks.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(joined, text);
            for (line, block) in &blocks {
                let start = block.trim_start();
                let blank = block.len() - start.len();
                let line = line + block[..blank].matches('\n').count();
                assert!(
                    starts.iter().any(|(at, begin)| *at == line && start.starts_with(begin)),
                    "{size}: {line} {block:?}"
                );
            }
        }
    }

    #[test]
    fn a_small_file_is_one_block_where_that_matters() {
        assert_eq!(cut("{}\n{}\n{}", 4, Pace::Full).len(), 1);
        assert_eq!(cut("{}\n{}\n{}", 4, Pace::Eager).len(), 3);
        let large = "{}\n".repeat(BLOCK);
        let blocks = cut(&large, 10_000, Pace::Full);
        assert!(blocks.len() <= 4, "{}", blocks.len());
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        for size in 1..5 {
            assert_eq!(cut("\u{feff}{}", size, Pace::Eager), [(1, "{}".to_owned())]);
        }
        assert_eq!(cut("", 1, Pace::Eager), []);
    }

    #[test]
    fn results_come_in_the_order_of_the_input() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("many.jsonl");
        let text: String = (0..200_000).map(|i| format!("{{\"i\":{i}}}\n")).collect();
        std::fs::write(&path, &text).expect("written");
        let files = vec![path.display().to_string(), "/no/such/file".to_owned()];
        let (mut joined, mut ends) = (Vec::new(), Vec::new());
        for item in feed(files, Pace::Eager, Arc::new(|block: Block| block.bytes)) {
            match item {
                Fed::Block(done) => joined.extend(done.recv().expect("done")),
                Fed::End { .. } => ends.push("end"),
                Fed::Unreadable { .. } => ends.push("unreadable"),
            }
        }
        assert!(joined == text.as_bytes());
        assert_eq!(ends, ["end", "unreadable"]);
    }
}
