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
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(super) use self::key::Settings;
use self::{
    concentrator::{BUCKET, Concentrator, Due},
    message::StatsPayload,
};
use super::{AGENT_VERSION, NO_ENVIRONMENT, intake::Intake, map::Payload};
use crate::{
    exporters::http::Rarely,
    pipeline::{ComponentId, ExportError},
};

/// Path of the intake.
pub(super) const PATH: &str = "/api/v0.2/stats";

/// Most requests that wait for an intake that does not take them: five minutes of buckets.
const MOST_WAITING: usize = 30;

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
    waiting: TaskMutex<VecDeque<Bytes>>,
    lost: Lost,
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
                if stop.run_until_cancelled(shared.send(due)).await.is_none() {
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
            self.shared.send(rest).await;
        });
        let _ = ended.await;
        let left = self.shared.waiting.lock().await.len();
        if left > 0 {
            self.shared.lost.note(left, "the program ends");
        }
    }
}

impl Shared {
    fn concentrator(&self) -> std::sync::MutexGuard<'_, Concentrator> {
        self.concentrator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends these buckets after those that wait. One that fails and may pass waits, and so does all that comes after it.
    async fn send(&self, due: Vec<Due>) {
        let mut waiting = self.waiting.lock().await;
        for bucket in due {
            if bucket.overflown > 0 {
                self.lost.overflow(bucket.overflown);
            }
            match self.request(bucket) {
                Ok(body) => waiting.push_back(body),
                Err(error) => self.lost.note(1, &format!("{error:#}")),
            }
        }
        while let Some(body) = waiting.front() {
            match self.post(body.clone()).await {
                Ok(()) => {}
                Err(ExportError::Refused { source } | ExportError::TooLarge { source }) => {
                    self.lost.note(1, &format!("{source:#}"));
                }
                Err(ExportError::Retry { source, .. }) => {
                    let excess = waiting.len().saturating_sub(MOST_WAITING);
                    waiting.drain(..excess);
                    if excess > 0 {
                        self.lost.note(excess, &format!("{source:#}"));
                    }
                    return;
                }
            }
            waiting.pop_front();
        }
    }

    fn request(&self, bucket: Due) -> anyhow::Result<Bytes> {
        let payload = StatsPayload {
            agent_hostname: self.hostname.clone(),
            agent_env: NO_ENVIRONMENT.to_owned(),
            stats: bucket.senders,
            agent_version: AGENT_VERSION.to_owned(),
            client_computed: false,
            split_payload: false,
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
