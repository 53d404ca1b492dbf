//! Keeps the process within a memory limit: grants room for the bytes of a request before they are decoded, and refuses,
//! retryably, what would not fit. Has no clock: the engine tells it the process's memory at each interval.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    otlp::TraceBatch,
    pipeline::{Admission, Build, Fault, Host, Processor, Refused, Vitals},
    values::duration,
};

const MIB: u64 = 1 << 20;
/// Size of an allocation that makes the allocator give freed memory back to the system, in bytes. mimalloc does so only
/// when a page of blocks is taken or freed, and where everything is refused that would never happen again.
const ALLOCATOR_NUDGE: usize = 1 << 20;

/// `memory_limiter`. Either form of limit must be given; in MiB wins over in percent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Time between measurements of the process's memory. 1s (the Collector has no default and asks for one).
    #[serde(with = "duration")]
    pub check_interval: Duration,
    /// Hard limit of the process's resident memory, in MiB; 0 = not given. 0.
    pub limit_mib: u32,
    /// Room kept for spikes, in MiB: above the hard limit less this, nothing is let in; 0 = 20 % of the limit. 0.
    pub spike_limit_mib: u32,
    /// Hard limit in percent of the memory that the process may use (container limit, else the machine's); 0 = not
    /// given. 0.
    pub limit_percentage: u32,
    /// Room kept for spikes, in percent of the same; 0 = 20 % of the limit. 0.
    pub spike_limit_percentage: u32,
    /// Read for the Collector's sake; there is no garbage collector here. 10s.
    #[serde(with = "duration")]
    pub min_gc_interval_when_soft_limited: Duration,
    /// Read for the Collector's sake; there is no garbage collector here. 0s.
    #[serde(with = "duration")]
    pub min_gc_interval_when_hard_limited: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            check_interval: Duration::from_secs(1),
            limit_mib: 0,
            spike_limit_mib: 0,
            limit_percentage: 0,
            spike_limit_percentage: 0,
            min_gc_interval_when_soft_limited: Duration::from_secs(10),
            min_gc_interval_when_hard_limited: Duration::ZERO,
        }
    }
}

impl Build<dyn Processor> for Config {
    const TYPE: &'static str = "memory_limiter";

    fn validate(&self) -> Vec<Fault> {
        let (mib, percent) = (self.limit_mib, self.limit_percentage);
        let checks = [
            (
                self.check_interval.is_zero(),
                "check_interval",
                "'check_interval' must be greater than zero",
            ),
            (
                mib == 0 && percent == 0,
                "",
                "'limit_mib' or 'limit_percentage' must be greater than zero",
            ),
            (
                percent > 100 || self.spike_limit_percentage > 100,
                "limit_percentage",
                "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred",
            ),
            (
                mib > 0 && self.spike_limit_mib >= mib,
                "spike_limit_mib",
                "'spike_limit_mib' must be smaller than 'limit_mib'",
            ),
            (
                mib == 0 && percent > 0 && self.spike_limit_percentage >= percent,
                "spike_limit_percentage",
                "'spike_limit_percentage' must be smaller than 'limit_percentage'",
            ),
        ];
        let faults = checks.into_iter().filter(|(wrong, ..)| *wrong);
        faults.map(|(_, path, reason)| Fault::at(path, reason)).collect()
    }

    fn build(self, _host: &Host) -> anyhow::Result<Box<dyn Processor>> {
        Ok(Box::new(Limiter {
            config: self,
            meter: Arc::default(),
        }))
    }
}

impl Config {
    /// The hard and the soft limit in bytes, where the process may use `total` bytes; `None` where that is unknown and the
    /// limit is a share of it.
    fn limits(&self, total: u64) -> Option<(u64, u64)> {
        let share = |percent: u32| total / 100 * u64::from(percent);
        let (hard, spike) = if self.limit_mib > 0 {
            (u64::from(self.limit_mib) * MIB, u64::from(self.spike_limit_mib) * MIB)
        } else if total > 0 {
            (share(self.limit_percentage), share(self.spike_limit_percentage))
        } else {
            return None;
        };
        let spike = if spike == 0 { hard / 5 } else { spike };
        Some((hard, hard.saturating_sub(spike)))
    }
}

/// What is known of the process's memory.
#[derive(Default)]
struct Meter {
    /// Resident memory at the last measurement, in bytes.
    resident: AtomicU64,
    /// Memory that the process may use, in bytes; 0 = unknown.
    total: AtomicU64,
    /// Bytes granted and not yet given back.
    granted: AtomicU64,
}

struct Limiter {
    config: Config,
    meter: Arc<Meter>,
}

impl Limiter {
    fn limits(&self) -> Option<(u64, u64)> {
        self.config.limits(self.meter.total.load(Ordering::Relaxed))
    }

    fn refused(&self) -> Refused {
        Refused::Retry {
            after: Some(self.config.check_interval),
            reason: "data refused due to high memory usage".into(),
        }
    }
}

impl Processor for Limiter {
    /// Looks at the hard limit only: whoever asked for admission was let in below the soft one, whoever cannot ask (the
    /// gateway's offers) is stopped here.
    fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        let resident = self.meter.resident.load(Ordering::Relaxed);
        match self.limits() {
            Some((hard, _)) if resident > hard => Err(self.refused()),
            _ => Ok(batch),
        }
    }

    fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        let Some((hard, soft)) = self.limits() else {
            return Ok(Admission::default());
        };
        let bytes = bytes as u64;
        let resident = self.meter.resident.load(Ordering::Relaxed);
        let fits = |granted: u64| {
            let after = granted.checked_add(bytes)?;
            (resident <= soft && resident.saturating_add(after) <= hard).then_some(after)
        };
        let granted = &self.meter.granted;
        if granted
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_err()
        {
            return Err(self.refused());
        }
        let meter = Arc::clone(&self.meter);
        Ok(Admission::new(move || {
            meter.granted.fetch_sub(bytes, Ordering::Relaxed);
        }))
    }

    fn interval(&self) -> Option<Duration> {
        Some(self.config.check_interval)
    }

    fn tick(&self, vitals: &Vitals) {
        self.meter.resident.store(vitals.rss_bytes, Ordering::Relaxed);
        self.meter.total.store(vitals.memory_total_bytes, Ordering::Relaxed);
        if self.limits().is_some_and(|(_, soft)| vitals.rss_bytes > soft) {
            drop(std::hint::black_box(Vec::<u8>::with_capacity(ALLOCATOR_NUDGE)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: usize = 1 << 20;

    fn read(json: &str) -> Config {
        serde_json::from_str(json).expect("a config")
    }

    fn check_faults(json: &str, expected: &[&str]) {
        let faults = read(json).validate();
        let reasons: Vec<_> = faults.iter().map(|fault| fault.reason.as_str()).collect();
        assert_eq!(reasons, expected, "{json}");
    }

    /// A limiter that was told of a process with so much memory, in MiB.
    fn limiter(json: &str, resident: u64, total: u64) -> Limiter {
        let limiter = Limiter {
            config: read(json),
            meter: Arc::default(),
        };
        limiter.tick(&Vitals {
            rss_bytes: resident * MIB,
            memory_total_bytes: total * MIB,
        });
        limiter
    }

    /// Whether so many MiB are let in, with so much resident of so much in all.
    fn check(json: &str, (resident, total): (u64, u64), mib: usize, admitted: bool) {
        let limiter = limiter(json, resident, total);
        assert_eq!(
            limiter.admit(mib * M).is_ok(),
            admitted,
            "{json} {resident}/{total} + {mib}"
        );
    }

    #[test]
    fn says_what_the_collector_says() {
        check_faults(r#"{"limit_mib": 100}"#, &[]);
        check_faults(r#"{"limit_percentage": 75, "spike_limit_percentage": 20}"#, &[]);
        check_faults("{}", &["'limit_mib' or 'limit_percentage' must be greater than zero"]);
        check_faults(
            r#"{"limit_mib": 100, "check_interval": 0}"#,
            &["'check_interval' must be greater than zero"],
        );
        check_faults(
            r#"{"limit_mib": 100, "spike_limit_mib": 100}"#,
            &["'spike_limit_mib' must be smaller than 'limit_mib'"],
        );
        check_faults(
            r#"{"limit_percentage": 50, "spike_limit_percentage": 60}"#,
            &["'spike_limit_percentage' must be smaller than 'limit_percentage'"],
        );
        check_faults(
            r#"{"limit_percentage": 101}"#,
            &[
                "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred",
            ],
        );
        assert!(serde_json::from_str::<Config>(r#"{"limit_mb": 1}"#).is_err());
    }

    #[test]
    fn admits_below_the_limits() {
        let spike = r#"{"limit_mib": 100, "spike_limit_mib": 30}"#;
        check(spike, (70, 1000), 30, true);
        check(spike, (70, 1000), 31, false);
        check(spike, (71, 1000), 0, false);
        let default_spike = r#"{"limit_mib": 100}"#;
        check(default_spike, (80, 1000), 20, true);
        check(default_spike, (81, 1000), 1, false);
        let percent = r#"{"limit_percentage": 50, "spike_limit_percentage": 10}"#;
        check(percent, (400, 1000), 100, true);
        check(percent, (400, 1000), 101, false);
        check(percent, (401, 1000), 1, false);
        check(r#"{"limit_mib": 100, "limit_percentage": 1}"#, (50, 1000), 1, true);
    }

    #[test]
    fn an_unknown_total_cannot_be_shared() {
        check(r#"{"limit_percentage": 50}"#, (400, 0), 100_000, true);
    }

    #[test]
    fn what_is_granted_counts_until_it_is_given_back() {
        let limiter = limiter(r#"{"limit_mib": 100}"#, 50, 1000);
        let first = limiter.admit(30 * M).expect("there is room");
        let second = limiter.admit(20 * M).expect("there is room");
        let refused = limiter.admit(1).err();
        assert_eq!(
            refused,
            Some(Refused::Retry {
                after: Some(Duration::from_secs(1)),
                reason: "data refused due to high memory usage".into(),
            })
        );
        drop(first.and(second));
        assert!(limiter.admit(50 * M).is_ok());
        assert!(limiter.admit(usize::MAX).is_err());
    }

    #[test]
    fn above_the_hard_limit_nothing_passes() {
        let json = r#"{"limit_mib": 100}"#;
        assert!(limiter(json, 100, 1000).process(TraceBatch::default()).is_ok());
        assert!(limiter(json, 101, 1000).process(TraceBatch::default()).is_err());
    }
}
