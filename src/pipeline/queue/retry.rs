//! When to try again: exponential back-off with jitter, the server's word, and the time after which a batch is given up.
//! Pure: time and chance come as arguments.

use std::time::Duration;

use tokio::time::Instant;

use super::RetrySettings;

/// Shortest delay, whatever the settings say: a back-off of zero would be a busy loop against a server in trouble.
const SHORTEST: Duration = Duration::from_millis(10);

/// Longest back-off while the process drains, so that a batch gets more than one chance before the deadline.
const LONGEST_IN_DRAIN: Duration = Duration::from_secs(1);

/// Whether the process is about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Business as usual.
    Normal,
    /// The queues empty themselves before a deadline.
    Draining,
}

/// One batch's history of failures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    first_attempt: Instant,
    interval: Duration,
}

impl Retry {
    /// Before the first attempt, which starts `now`.
    pub(super) fn new(settings: &RetrySettings, now: Instant) -> Retry {
        Retry {
            first_attempt: now,
            interval: settings.initial_interval,
        }
    }

    /// How long to wait before the next attempt, or `None` to give up. `chance` is uniform in 0–1.
    ///
    /// The back-off is the Collector's: an interval that grows by `multiplier` up to `max_interval`, randomized by
    /// ±`randomization_factor`. The server's word `after` is a lower bound.
    pub(super) fn next(
        &mut self,
        settings: &RetrySettings,
        after: Option<Duration>,
        mode: Mode,
        now: Instant,
        chance: f64,
    ) -> Option<Duration> {
        if !settings.enabled {
            return None;
        }
        let spread = 1.0 + settings.randomization_factor * (2.0 * chance - 1.0);
        let mut backoff = scale(self.interval, spread);
        self.interval = scale(self.interval, settings.multiplier).min(settings.max_interval);
        if mode == Mode::Draining {
            backoff = backoff.min(LONGEST_IN_DRAIN);
        }
        let delay = backoff.max(after.unwrap_or_default()).max(SHORTEST);
        let elapsed = now.saturating_duration_since(self.first_attempt);
        let limit = settings.max_elapsed_time;
        (limit.is_zero() || elapsed.saturating_add(delay) <= limit).then_some(delay)
    }
}

/// `duration × factor`, without the panics of `mul_f64`.
fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The delays in milliseconds of a batch whose attempts fail at once, until it is given up or `n` are known.
    fn check(settings: &RetrySettings, after: Option<Duration>, mode: Mode, chance: f64, expected: &[u128]) {
        let mut now = Instant::now();
        let mut retry = Retry::new(settings, now);
        let mut delays = Vec::new();
        while delays.len() < 6 {
            let Some(delay) = retry.next(settings, after, mode, now, chance) else {
                break;
            };
            delays.push(delay.as_millis());
            now += delay;
        }
        assert_eq!(delays, expected);
    }

    fn settings() -> RetrySettings {
        RetrySettings {
            max_elapsed_time: Duration::ZERO,
            ..RetrySettings::default()
        }
    }

    #[test]
    fn grows_to_the_longest_interval() {
        check(
            &settings(),
            None,
            Mode::Normal,
            0.5,
            &[5000, 7500, 11250, 16875, 25312, 30000],
        );
    }

    #[test]
    fn chance_spreads_by_the_factor() {
        check(
            &settings(),
            None,
            Mode::Normal,
            0.0,
            &[2500, 3750, 5625, 8437, 12656, 15000],
        );
        check(
            &settings(),
            None,
            Mode::Normal,
            1.0,
            &[7500, 11250, 16875, 25312, 37968, 45000],
        );
    }

    #[test]
    fn the_servers_word_is_a_lower_bound() {
        let word = Some(Duration::from_secs(12));
        check(
            &settings(),
            word,
            Mode::Normal,
            0.5,
            &[12000, 12000, 12000, 16875, 25312, 30000],
        );
    }

    #[test]
    fn gives_up_when_the_next_attempt_would_be_too_late() {
        let bounded = RetrySettings {
            max_elapsed_time: Duration::from_secs(20),
            ..settings()
        };
        check(&bounded, None, Mode::Normal, 0.5, &[5000, 7500]);
        check(&bounded, Some(Duration::from_secs(21)), Mode::Normal, 0.5, &[]);
    }

    #[test]
    fn never_tries_again_when_switched_off() {
        let off = RetrySettings {
            enabled: false,
            ..settings()
        };
        check(&off, None, Mode::Normal, 0.5, &[]);
    }

    #[test]
    fn tries_often_while_draining() {
        check(&settings(), None, Mode::Draining, 0.5, &[1000; 6]);
    }

    #[test]
    fn never_spins() {
        let zero = RetrySettings {
            initial_interval: Duration::ZERO,
            ..settings()
        };
        check(&zero, None, Mode::Normal, 0.5, &[10; 6]);
    }

    proptest! {
        #[test]
        fn stays_between_its_bounds(factor in 0.0..=1.0, multiplier in 0.0..100.0, chance in 0.0..=1.0, initial in 0_u64..100_000) {
            let settings = RetrySettings {
                randomization_factor: factor,
                multiplier,
                initial_interval: Duration::from_millis(initial),
                max_interval: Duration::from_secs(100),
                ..settings()
            };
            let now = Instant::now();
            let mut retry = Retry::new(&settings, now);
            for _ in 0..20 {
                let delay = retry.next(&settings, None, Mode::Normal, now, chance).expect("never given up");
                prop_assert!(delay >= SHORTEST && delay <= Duration::from_secs(200));
            }
        }
    }
}
