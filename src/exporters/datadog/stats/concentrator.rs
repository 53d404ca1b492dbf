//! Counts spans into buckets of ten seconds, by everything that Datadog's service pages can be filtered by. Promises: the same numbers as the
//! agent's concentrator, memory with a bound, and no bucket twice. Pure: the time is an argument.

use std::collections::{BTreeMap, HashMap};

use libdd_ddsketch::DDSketch;

use super::{
    key::{Group, Sender, Settings, is_counted, weight},
    message,
};
use crate::exporters::datadog::{
    map::{Payload, root},
    wire::Span,
};

/// Length of a bucket, in nanoseconds: the granularity of Datadog's trace metrics.
pub(super) const BUCKET: i64 = 10_000_000_000;

/// A bucket is sent once it began this many bucket lengths ago, so that spans which come a little late still find it.
const KEPT: i64 = 2;

/// Most groups in one bucket. The agent puts that many in one request at most, and has no bound of its own; beyond it, spans are counted
/// together in the group that stands for what was too varied.
const MOST_GROUPS: usize = 4000;

/// Senders of which such a group is kept; those of all others is one, too.
const MOST_OVERFLOWS: usize = 100;

type Groups = HashMap<Group, Counts, foldhash::fast::RandomState>;

/// One bucket: its groups, by who sent the spans.
#[derive(Debug, Default)]
struct Bucket {
    senders: HashMap<Sender, Groups, foldhash::fast::RandomState>,
    groups: usize,
    overflown: u64,
}

impl Bucket {
    fn count(&mut self, sender: &Sender, group: Group, span: &Span, weight: f64) {
        let has = |group: &Group| {
            self.senders
                .get(sender)
                .is_some_and(|groups| groups.contains_key(group))
        };
        let is_full = self.groups >= MOST_GROUPS && !has(&group);
        let group = if is_full { Group::overflow() } else { group };
        let is_known = self.senders.contains_key(sender);
        let has_room = is_known && (self.groups < MOST_GROUPS + MOST_OVERFLOWS || has(&group));
        let others;
        let sender = if is_full && !has_room {
            others = Sender::overflow();
            &others
        } else {
            sender
        };
        self.overflown += u64::from(is_full);
        if !self.senders.contains_key(sender) {
            self.senders.insert(sender.clone(), Groups::default());
        }
        let Some(groups) = self.senders.get_mut(sender) else {
            return;
        };
        let counts = groups.entry(group).or_insert_with(|| {
            self.groups += 1;
            Counts::default()
        });
        counts.add(span, weight);
    }
}

/// What is known of a group. Numbers of spans are not whole where an application samples.
#[derive(Debug, Default)]
struct Counts {
    hits: f64,
    errors: f64,
    top_level_hits: f64,
    duration: f64,
    good: DDSketch,
    bad: DDSketch,
}

/// A bucket that is due.
#[derive(Debug, PartialEq)]
pub(super) struct Due {
    /// What is sent of it.
    pub(super) senders: Vec<message::ClientStatsPayload>,
    /// Spans that found no group of their own.
    pub(super) overflown: u64,
}

/// The open buckets.
#[derive(Debug)]
pub(super) struct Concentrator {
    settings: Settings,
    buckets: BTreeMap<i64, Bucket>,
    /// Start of the oldest bucket that was not sent: what is older is counted there, since a bucket must not be sent twice.
    oldest: i64,
    random: fastrand::Rng,
}

impl Concentrator {
    /// `now` in nanoseconds since the Unix epoch, as everywhere here.
    pub(super) fn new(settings: Settings, now: i64) -> Concentrator {
        Concentrator {
            settings,
            buckets: BTreeMap::new(),
            oldest: aligned(now),
            random: fastrand::Rng::new(),
        }
    }

    /// Counts the spans of a resource; all of them, whatever sampling says of their traces.
    pub(super) fn add(&mut self, payload: &Payload, now: i64) {
        if payload.stats_computed {
            return;
        }
        let Concentrator {
            settings,
            buckets,
            oldest,
            ..
        } = self;
        for chunk in &payload.tracer.chunks {
            let Some(root) = chunk.spans.get(root(&chunk.spans)) else {
                continue;
            };
            let (sender, weight) = (Sender::of(&payload.tracer, root, settings), weight(root));
            for span in chunk.spans.iter().filter(|span| is_counted(span, settings)) {
                let end = span.start.saturating_add(span.duration);
                // A clock that is ahead would open buckets that stay open until the world has caught up.
                let start = aligned(end).min(aligned(now)).max(*oldest);
                let bucket = buckets.entry(start).or_default();
                bucket.count(&sender, Group::of(span, &chunk.origin, settings), span, weight);
            }
        }
    }

    /// Takes out the buckets that are old enough.
    pub(super) fn due(&mut self, now: i64) -> Vec<Due> {
        let last = now - KEPT * BUCKET;
        let young = self.buckets.split_off(&last.saturating_add(1));
        let due = std::mem::replace(&mut self.buckets, young);
        self.oldest = self.oldest.max(aligned(now) - (KEPT - 1) * BUCKET);
        self.told(due)
    }

    /// Takes out all buckets, at the end.
    pub(super) fn rest(&mut self) -> Vec<Due> {
        let all = std::mem::take(&mut self.buckets);
        self.told(all)
    }

    fn told(&mut self, buckets: BTreeMap<i64, Bucket>) -> Vec<Due> {
        let mut round = |number: f64| rounded(number, self.random.f64());
        let told = |(start, bucket): (i64, Bucket)| Due {
            overflown: bucket.overflown,
            senders: bucket
                .senders
                .into_iter()
                .map(|(sender, groups)| {
                    let stats = groups.into_iter().map(|(group, counts)| counts.told(group, &mut round));
                    sender.told(message::ClientStatsBucket {
                        start: start.unsigned_abs(),
                        duration: BUCKET.unsigned_abs(),
                        stats: stats.collect(),
                        agent_time_shift: 0,
                    })
                })
                .collect(),
        };
        buckets.into_iter().map(told).collect()
    }
}

impl Counts {
    fn add(&mut self, span: &Span, weight: f64) {
        let failed = span.error != 0;
        self.hits += weight;
        self.errors += if failed { weight } else { 0.0 };
        self.top_level_hits += if super::key::is_top_level(span) { weight } else { 0.0 };
        self.duration += span.duration as f64 * weight;
        let sketch = if failed { &mut self.bad } else { &mut self.good };
        // Fails on negative numbers only, which the mapping has put right.
        let _ = sketch.add(span.duration.max(0) as f64);
    }

    fn told(self, group: Group, round: &mut impl FnMut(f64) -> u64) -> message::ClientGroupedStats {
        message::ClientGroupedStats {
            hits: round(self.hits),
            errors: round(self.errors),
            duration: round(self.duration),
            top_level_hits: round(self.top_level_hits),
            ok_summary: self.good.encode_to_vec(),
            error_summary: self.bad.encode_to_vec(),
            ..group.told()
        }
    }
}

/// Start of the bucket of a time.
fn aligned(time: i64) -> i64 {
    time.saturating_sub(time.rem_euclid(BUCKET))
}

/// A whole number that is right on average: 3.3 is 3, or 4 in three of ten cases. `chance` is in 0..1.
fn rounded(number: f64, chance: f64) -> u64 {
    let whole = number.trunc();
    whole as u64 + u64::from(chance < number - whole)
}

#[cfg(test)]
mod tests;
