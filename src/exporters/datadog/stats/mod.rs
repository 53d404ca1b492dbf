//! The statistics that Datadog's service pages are made of, computed here as its agent would: without them a service that sends traces has no
//! requests, errors and latencies. One request for each bucket of ten seconds goes out about twenty seconds after the bucket began.
//!
//! Why not with each batch: the intake takes one count for a bucket, a host and a group, as metrics are; a second one would take the place of
//! the first. (The agent's aggregator of tracers' statistics says and does so: it adds up counts that fall into one bucket, and only sketches
//! may be sent in parts. It also never opens a bucket again that it has sent.)
//!
//! Promises: a span is counted once, when the traces of its batch were taken; a request that may pass is sent again for five minutes; memory has
//! a bound. What `kill -9` takes is the statistics of the open buckets: at most the last thirty seconds; the traces themselves are the queue's.

mod concentrator;
mod key;
mod message;
mod peer;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::HeaderMap;
use metrics::Counter;
use tokio::{
    sync::Mutex as TaskMutex,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(super) use self::key::Settings;
use self::{
    concentrator::{BUCKET, Concentrator, Due},
    message::{ClientStatsPayload, StatsPayload},
};
use super::{AGENT_VERSION, NO_ENVIRONMENT, intake::Intake, map::Payload};
use crate::pipeline::{ComponentId, ExportError, Rarely};

/// Path of the intake.
pub(super) const PATH: &str = "/api/v0.2/stats";

/// Most requests that wait for an intake that does not take them: five minutes of buckets.
const MOST_WAITING: usize = 30;

/// Longest wait that the intake can ask for: as long as statistics are kept.
const MOST_PAUSE: Duration = Duration::from_secs(300);

/// Most bytes of a request before compression, more or less: what the agent's writer of traces has, too.
const MOST_BYTES: usize = 3_000_000;

/// Longest time for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest time for what is left at the end; the engine gives little more.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(3);

/// The statistics of one exporter, and the task that sends them.
pub(super) struct Stats {
    shared: Arc<Shared>,
    tasks: TaskMutex<JoinSet<()>>,
    stop: CancellationToken,
}

struct Shared {
    hostname: String,
    intake: Intake,
    /// Nanoseconds since the Unix epoch.
    clock: fn() -> i64,
    concentrator: Mutex<Concentrator>,
    waiting: TaskMutex<Waiting>,
    lost: Lost,
}

/// What the intake did not take yet.
#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    /// Before that the intake wants no more.
    not_before: Option<Instant>,
}

/// One request that is to be sent: groups of one bucket, none of which is in another request.
struct Request {
    senders: Vec<ClientStatsPayload>,
    is_part: bool,
}

impl Request {
    /// Both halves of its groups; `None` where there is one at most.
    fn halves(&self) -> Option<[Request; 2]> {
        let halves = message::halves(&self.senders)?;
        Some(halves.map(|senders| Request { senders, is_part: true }))
    }

    /// Adds itself, in as many parts as its size wants, behind what is there.
    fn cut(self, into: &mut VecDeque<Request>) {
        let halves = if message::estimate(&self.senders) > MOST_BYTES {
            self.halves()
        } else {
            None
        };
        match halves {
            Some(halves) => halves.into_iter().for_each(|half| half.cut(into)),
            None => into.push_back(self),
        }
    }
}

/// Counts and tells of statistics that are not sent.
struct Lost {
    id: ComponentId,
    requests: Counter,
    rarely: Rarely,
}

impl Stats {
    /// Starts nothing yet. `intake` is that of [`PATH`].
    pub(super) fn new(id: ComponentId, settings: Settings, intake: Intake) -> Stats {
        Stats::with_clock(id, settings, intake, system_time)
    }

    fn with_clock(id: ComponentId, settings: Settings, intake: Intake, clock: fn() -> i64) -> Stats {
        let requests = metrics::counter!("plano_exporter_lost_stats_total", "exporter" => id.to_string());
        let lost = Lost {
            id,
            requests,
            rarely: Rarely::default(),
        };
        Stats {
            shared: Arc::new(Shared {
                hostname: settings.hostname.clone(),
                intake,
                clock,
                concentrator: Mutex::new(Concentrator::new(settings, clock())),
                waiting: TaskMutex::default(),
                lost,
            }),
            tasks: TaskMutex::default(),
            stop: CancellationToken::new(),
        }
    }

    /// Starts the task that sends each bucket once it is old enough.
    pub(super) async fn open(&self) {
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        self.tasks.lock().await.spawn(async move {
            let mut ticks = interval(Duration::from_nanos(BUCKET.unsigned_abs()));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                let due = shared.concentrator().due((shared.clock)());
                // What has left the concentrator waits before anything can be cancelled.
                shared.hold(due).await;
                if stop.run_until_cancelled(shared.send()).await.is_none() {
                    break;
                }
            }
        });
    }

    /// Counts spans that the intake took.
    pub(super) fn add(&self, payloads: &[Payload]) {
        let (mut concentrator, now) = (self.shared.concentrator(), (self.shared.clock)());
        payloads.iter().for_each(|payload| concentrator.add(payload, now));
    }

    /// Ends the task and sends what is left, the open buckets included.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        let ended = timeout(CLOSING_TIMEOUT, async {
            while self.tasks.lock().await.join_next().await.is_some() {}
            let rest = self.shared.concentrator().rest();
            self.shared.hold(rest).await;
            // There is no later.
            self.shared.waiting.lock().await.not_before = None;
            self.shared.send().await;
        });
        let _ = ended.await;
        let left = self.shared.waiting.lock().await.requests.len();
        if left > 0 {
            self.shared.lost.note(left, "the program ends");
        }
    }
}

impl Shared {
    fn concentrator(&self) -> std::sync::MutexGuard<'_, Concentrator> {
        self.concentrator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts these buckets behind those that wait.
    async fn hold(&self, due: Vec<Due>) {
        let mut waiting = self.waiting.lock().await;
        for bucket in due {
            if bucket.overflown > 0 {
                self.lost.overflow(bucket.overflown);
            }
            let request = Request {
                senders: bucket.senders,
                is_part: false,
            };
            request.cut(&mut waiting.requests);
        }
    }

    /// Sends what waits. One request that fails and may pass goes on waiting, and so does all that comes after it.
    async fn send(&self) {
        let mut waiting = self.waiting.lock().await;
        if waiting.not_before.is_some_and(|time| Instant::now() < time) {
            return self.bound(&mut waiting, "the intake wants no more for a while");
        }
        while let Some(request) = waiting.requests.front() {
            let posted = match self.body(request) {
                Ok(body) => self.post(body).await,
                Err(source) => Err(ExportError::Refused { source }),
            };
            match posted {
                Ok(()) => {}
                Err(ExportError::TooLarge { source }) => match request.halves() {
                    Some([first, second]) => {
                        waiting.requests.pop_front();
                        waiting.requests.push_front(second);
                        waiting.requests.push_front(first);
                        continue;
                    }
                    None => self.lost.note(1, &format!("{source:#}")),
                },
                Err(ExportError::Refused { source }) => self.lost.note(1, &format!("{source:#}")),
                Err(ExportError::Retry { after, source }) => {
                    waiting.not_before = after.map(|after| Instant::now() + after.min(MOST_PAUSE));
                    return self.bound(&mut waiting, &format!("{source:#}"));
                }
            }
            waiting.requests.pop_front();
        }
    }

    /// Gives up the oldest of what waits, where there is too much.
    fn bound(&self, waiting: &mut Waiting, reason: &str) {
        let excess = waiting.requests.len().saturating_sub(MOST_WAITING);
        waiting.requests.drain(..excess);
        if excess > 0 {
            self.lost.note(excess, reason);
        }
    }

    fn body(&self, request: &Request) -> anyhow::Result<Bytes> {
        let payload = StatsPayload {
            agent_hostname: self.hostname.clone(),
            agent_env: NO_ENVIRONMENT.to_owned(),
            stats: request.senders.clone(),
            agent_version: AGENT_VERSION.to_owned(),
            client_computed: false,
            split_payload: request.is_part,
        };
        Ok(Bytes::from(payload.packed()?))
    }

    async fn post(&self, body: Bytes) -> Result<(), ExportError> {
        let posted = self.intake.post(vec![body], HeaderMap::new());
        let answered = timeout(REQUEST_TIMEOUT, posted).await;
        answered
            .map(|posted| posted.map(|_answer| ()))
            .unwrap_or_else(|_elapsed| {
                let source = anyhow::anyhow!("no answer within {REQUEST_TIMEOUT:?}");
                Err(ExportError::Retry { after: None, source })
            })
    }
}

impl Lost {
    fn note(&self, requests: usize, reason: &str) {
        self.requests.increment(requests as u64);
        if let Some(unlogged_before) = self.rarely.may_log(std::time::Instant::now()) {
            warn!(exporter = %self.id, requests, reason, unlogged_before, "Datadog does not get statistics of ten seconds each; its traces are not affected");
        }
    }

    fn overflow(&self, spans: u64) {
        if let Some(unlogged_before) = self.rarely.may_log(std::time::Instant::now()) {
            warn!(exporter = %self.id, spans, unlogged_before, "too many different spans in ten seconds: the statistics count some together as agent_blocked_value");
        }
    }
}

/// Nanoseconds since the Unix epoch.
fn system_time() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
