//! The load: requests of 1 KB in a closed loop, at a rate with fixed times of sending (a late answer delays no later request's
//! clock, so nothing is hidden), or streams whose chunks say when they were sent.

use std::{
    num::NonZeroU64,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use memchr::memmem;

use crate::{
    connection::Connection,
    upstream::{CHUNKS, INTERVAL, unix_nanos},
};

/// Connections of the closed loop.
pub(crate) const CLOSED: usize = 16;
/// Connections among which the open loop has to find a free one.
pub(crate) const OPEN: usize = 32;
/// Streams at a time.
pub(crate) const STREAMS: usize = 20;

const CONVERSATION: &str = r#"[{"role":"system","content":"You are the assistant of a shop for sports equipment. Answer in short and friendly sentences, and ask for the order number where you need it. Never promise a date of delivery that the tracking does not show."},{"role":"user","content":"Hi, I ordered a pair of running shoes last week and the tracking page has not changed since Tuesday. Where are they now?"},{"role":"assistant","content":"Your parcel left our warehouse on Monday and was scanned at the regional hub on Tuesday evening. The carrier reports a delay of one to two working days."},{"role":"user","content":"Okay. I'd like to change the delivery address then, because I will be at my parents' house until the end of the month. My customer number is 4471-220-93 and the postcode is 22765. The order should be the latest one in the account. Can you still do that?"}]"#;

/// What was answered.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) requests: usize,
    pub(crate) elapsed: Duration,
    /// Of each request, or of each chunk; sorted.
    pub(crate) delays: Vec<Duration>,
}

impl Seen {
    fn new(begun: Instant, requests: usize, mut delays: Vec<Duration>) -> Seen {
        delays.sort_unstable();
        Seen {
            requests,
            elapsed: begun.elapsed(),
            delays,
        }
    }

    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let at = self.delays.len().saturating_sub(1) * percent / 100;
        self.delays.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

/// A chat request with its head, as common clients write it.
fn request(port: u16, stream: bool) -> Vec<u8> {
    let more = if stream { r#","stream":true"# } else { "" };
    let body = format!(r#"{{"model":"bench","messages":{CONVERSATION},"temperature":0.7,"max_tokens":512{more}}}"#);
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: application/json\r\ncontent-type: \
         application/json\r\nuser-agent: bench/1.0\r\nauthorization: Bearer of-the-client\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Runs the same on so many threads, and gathers what each of them gives.
fn on_threads(
    threads: usize,
    work: impl Fn(usize) -> anyhow::Result<Vec<Duration>> + Sync,
) -> anyhow::Result<Vec<Duration>> {
    thread::scope(|scope| {
        let work = &work;
        let started: Vec<_> = (0..threads).map(|number| scope.spawn(move || work(number))).collect();
        let mut all = Vec::new();
        for thread in started {
            all.extend(thread.join().expect("the load generator does not panic")?);
        }
        Ok(all)
    })
}

/// So many requests, each connection sending its next one when the last is answered.
pub(crate) fn closed(port: u16, requests: usize) -> anyhow::Result<Seen> {
    let (request, next, begun) = (request(port, false), AtomicUsize::new(0), Instant::now());
    let delays = on_threads(CLOSED, |_| {
        let mut connection = Connection::open(port)?;
        let mut delays = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < requests {
            let sent = Instant::now();
            connection.exchange(&request, |_| {})?;
            delays.push(sent.elapsed());
        }
        Ok(delays)
    })?;
    Ok(Seen::new(begun, requests, delays))
}

/// So many requests at that rate; the delay of each counts from the time at which it should have been sent.
pub(crate) fn open(port: u16, requests: usize, rate: usize) -> anyhow::Result<Seen> {
    let (request, next) = (request(port, false), AtomicUsize::new(0));
    let gap = Duration::from_secs_f64(1.0 / rate as f64);
    let begun = Instant::now() + Duration::from_millis(50);
    let delays = on_threads(OPEN, |_| {
        // The default is 50 µs, which is as much as we want to measure.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let mut connection = Connection::open(port)?;
        let mut delays = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= requests {
                return Ok(delays);
            }
            let due = begun + gap * u32::try_from(number)?;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            connection.exchange(&request, |_| {})?;
            delays.push(due.elapsed());
        }
    })?;
    Ok(Seen::new(begun, requests, delays))
}

/// So many streams, one after the other on each connection; the delay is that of each chunk, from the upstream's hands to ours.
pub(crate) fn streams(port: u16, requests: usize) -> anyhow::Result<Seen> {
    let (request, next, begun) = (request(port, true), AtomicUsize::new(0), Instant::now());
    let delays = on_threads(STREAMS, |number| {
        // Not all in step.
        thread::sleep(INTERVAL / STREAMS as u32 * u32::try_from(number)?);
        let mut connection = Connection::open(port)?;
        let mut delays = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < requests {
            let mut text = Vec::new();
            let before = delays.len();
            connection.exchange(&request, |piece| {
                text.extend_from_slice(piece);
                let now = unix_nanos();
                while let Some(end) = memmem::find(&text, b"\n\n") {
                    delays.extend(sent_at(&text[..end]).map(|sent| Duration::from_nanos(now.saturating_sub(sent))));
                    text.drain(..end + 2);
                }
            })?;
            let chunks = delays.len() - before;
            anyhow::ensure!(chunks == CHUNKS as usize, "{chunks} chunks came instead of {CHUNKS}");
        }
        Ok(delays)
    })?;
    Ok(Seen::new(begun, requests, delays))
}

/// When an event was sent, where it is a chunk.
fn sent_at(event: &[u8]) -> Option<u64> {
    const BEFORE: &[u8] = b"\"content\":\"";
    let digits = &event[memmem::find(event, BEFORE)? + BEFORE.len()..];
    let end = memchr::memchr(b'"', digits)?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}
