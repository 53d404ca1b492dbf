//! One log line a second for what may happen thousands of times, with the number of those that went without one.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// Least time between two log lines of one kind.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// Lets one log line through per second and counts the others.
#[derive(Debug, Default)]
pub struct Rarely {
    /// When the last line was logged, and how many occurrences since went without one.
    logged: Mutex<(Option<Instant>, u64)>,
}

impl Rarely {
    /// Whether a line is due, and how many went unlogged before it.
    ///
    /// # Panics
    /// Never: no holder of the lock panics.
    pub fn may_log(&self, now: Instant) -> Option<u64> {
        let mut logged = self.logged.lock().expect("no holder panics");
        match logged.0 {
            Some(last) if now.duration_since(last) < LOG_EVERY => {
                logged.1 += 1;
                None
            }
            _ => {
                logged.0 = Some(now);
                Some(std::mem::take(&mut logged.1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_kind_are_rare() {
        let rarely = Rarely::default();
        let start = Instant::now();
        let at = |millis| rarely.may_log(start + Duration::from_millis(millis));
        assert_eq!(
            [at(0), at(10), at(999), at(1000), at(1500), at(2100)],
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }
}
