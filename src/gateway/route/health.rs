//! How one model does, as seen from here: how fast it answered, whether it fails and is left out for that. Pure; times are
//! arguments.

use std::time::{Duration, Instant};

/// Failures in a row after which a model is left out.
const MOST_FAILURES: u32 = 3;
/// The longest time for which a model is left out.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest wait that a provider may ask for by `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long one request alone tries a model that was left out.
const TRIAL: Duration = Duration::from_secs(30);
/// Weight of the newest sample, at least.
const WEIGHT: f64 = 0.3;
/// A sample counts as that many times the average at most: one answer that was held up is no model that has become slow.
const MOST: f64 = 4.0;
/// Age at which what was measured counts half.
const HALF_LIFE: Duration = Duration::from_secs(60);

/// A moving average that forgets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Average {
    /// Milliseconds.
    pub(super) millis: f64,
    /// The newest sample, milliseconds.
    pub(super) newest: f64,
    /// When it came.
    pub(super) at: Instant,
}

impl Average {
    fn add(before: Option<Average>, sample: Duration, now: Instant) -> Average {
        let newest = sample.as_secs_f64() * 1e3;
        let millis = before.map_or(newest, |before| {
            let age = now.saturating_duration_since(before.at).as_secs_f64();
            let weight = (1.0 - 0.5_f64.powf(age / HALF_LIFE.as_secs_f64())).max(WEIGHT);
            before.millis + weight * (newest.min(MOST * before.millis.max(1.0)) - before.millis)
        });
        Average {
            millis,
            newest,
            at: now,
        }
    }
}

/// What is known of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Health {
    first_token: Option<Average>,
    whole: Option<Average>,
    failures: u32,
    left_out: Option<(Instant, Duration)>,
    /// Until when one request tries whether it is well again; the others wait for what that finds.
    tried: Option<Instant>,
}

impl Health {
    /// How fast it is: to the first token for streams, to the end for the rest.
    pub(super) fn speed(&self, stream: bool) -> Option<Average> {
        if stream { self.first_token } else { self.whole }
    }

    /// Whether it is left out.
    pub(super) fn cools(&self, now: Instant) -> bool {
        self.left_out.is_some_and(|(until, _)| now < until) || self.tried.is_some_and(|until| now < until)
    }

    /// Notes that it is the first to be asked: after it was left out, this request alone tries it.
    pub(super) fn chosen(&mut self, now: Instant) {
        if self.left_out.is_some_and(|(until, _)| now >= until) {
            self.tried = Some(now + TRIAL);
        }
    }

    /// Notes an answer. Where it was streamed, its whole duration says how much was asked rather than how fast it is.
    pub(super) fn answered(&mut self, first_token: Option<Duration>, whole: Duration, now: Instant) {
        match first_token {
            Some(first) => self.first_token = Some(Average::add(self.first_token, first, now)),
            None => self.whole = Some(Average::add(self.whole, whole, now)),
        }
        self.failures = 0;
        (self.left_out, self.tried) = (None, None);
    }

    /// Notes a failure; tells for how long the model is left out, where that begins here.
    pub(super) fn failed(&mut self, time: Duration, wait: Option<Duration>, now: Instant) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        self.tried = None;
        if self.cools(now) {
            return None;
        }
        let again = self
            .left_out
            .map(|(_, before)| before.saturating_mul(2).min(LONGEST.max(time)));
        let tired = (self.failures >= MOST_FAILURES).then(|| again.unwrap_or(time));
        let left_out = tired.max(wait.map(|wait| wait.min(LONGEST_WAIT)))?;
        self.left_out = Some((now + left_out, tired.unwrap_or(time)));
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn three_failures_in_a_row_leave_it_out_longer_each_time() {
        let (mut health, now) = (Health::default(), Instant::now());
        assert_eq!(health.failed(SECOND, None, now), None);
        health.answered(None, SECOND, now);
        assert_eq!(health.failed(SECOND, None, now), None);
        assert_eq!(health.failed(SECOND, None, now), None);
        assert!(!health.cools(now));
        assert_eq!(health.failed(SECOND, None, now), Some(SECOND));
        assert!(health.cools(now) && !health.cools(now + SECOND));
        assert_eq!(health.failed(SECOND, None, now), None, "it is left out already");
        for (round, expected) in [(1, 2), (4, 4), (9, 8)] {
            let now = now + SECOND * round;
            assert_eq!(health.failed(SECOND, None, now), Some(SECOND * expected), "{round}");
        }
        health.answered(None, SECOND, now);
        assert_eq!(health.failed(SECOND, None, now), None);
        assert!(!health.cools(now));
    }

    #[test]
    fn one_request_alone_tries_whether_it_is_well_again() {
        let (mut health, now) = (Health::default(), Instant::now());
        for _ in 0..3 {
            health.failed(SECOND, None, now);
        }
        let later = now + SECOND;
        assert!(!health.cools(later));
        health.chosen(later);
        assert!(health.cools(later), "the others wait");
        assert_eq!(health.failed(SECOND, None, later), Some(SECOND * 2));
        let later = later + SECOND * 2;
        health.chosen(later);
        health.answered(None, SECOND, later);
        assert!(!health.cools(later));
        health.chosen(later);
        assert!(!health.cools(later), "nothing is tried of one that is well");
    }

    #[test]
    fn it_is_left_alone_as_long_as_it_asks_within_reason() {
        let check = |wait: u64, expected: u64| {
            let (mut health, now) = (Health::default(), Instant::now());
            let found = health.failed(SECOND, Some(SECOND * u32::try_from(wait).unwrap()), now);
            assert_eq!(found, Some(Duration::from_secs(expected)), "{wait}");
        };
        check(5, 5);
        check(3600, 60);
    }

    #[test]
    fn one_that_was_held_up_moves_little_and_many_move_all() {
        let (mut health, now) = (Health::default(), Instant::now());
        let millis = |health: &Health| health.speed(false).unwrap().millis;
        health.answered(None, Duration::from_millis(10), now);
        health.answered(None, Duration::from_secs(60), now);
        assert_eq!(millis(&health), 19.0);
        for _ in 0..30 {
            health.answered(None, Duration::from_secs(1), now);
        }
        assert!((990.0..=1000.0).contains(&millis(&health)), "{}", millis(&health));
    }

    #[test]
    fn what_is_old_counts_little() {
        let (mut health, start) = (Health::default(), Instant::now());
        let millis = |health: &Health| health.speed(false).unwrap().millis;
        health.answered(None, Duration::from_millis(1000), start);
        health.answered(None, Duration::from_millis(0), start);
        assert_eq!(millis(&health), 700.0);
        health.answered(None, Duration::from_millis(0), start + HALF_LIFE);
        assert_eq!(millis(&health), 350.0);
        assert_eq!(health.speed(true), None);
    }
}
