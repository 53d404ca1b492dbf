//! Which traces that start here are recorded: a share of them, decided by the trace id alone, so that everyone who follows the
//! same rule keeps the same traces. The rule is OpenTelemetry's consistent probability sampling: the last seven bytes of the
//! id, as a number, against a threshold.

/// One more than the largest number of seven bytes.
const RANGE: u64 = 1 << 56;

/// A share of traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Ids from here on are taken; [`RANGE`] = none, and nothing is recorded.
    threshold: u64,
}

impl Sampling {
    /// Nothing is recorded, whatever came in.
    pub const OFF: Sampling = Sampling { threshold: RANGE };
    /// Every trace that starts here.
    pub const ALL: Sampling = Sampling { threshold: 0 };

    /// Percent of the traces that start here. From 100 on all; at 0, below and for what is no number: [`Sampling::OFF`].
    pub fn percent(percent: f64) -> Sampling {
        if percent.is_nan() || percent <= 0.0 {
            return Sampling::OFF;
        }
        let rejected = (1.0 - percent.min(100.0) / 100.0) * RANGE as f64;
        // A share that is not zero never means off.
        let threshold = (rejected.round() as u64).min(RANGE - 1);
        Sampling { threshold }
    }

    /// Nothing is recorded, whatever came in.
    pub fn is_off(self) -> bool {
        self.threshold == RANGE
    }

    /// Whether a trace with this id, which starts here, is taken.
    pub fn takes(self, trace_id: [u8; 16]) -> bool {
        let [.., a, b, c, d, e, f, g] = trace_id;
        u64::from_be_bytes([0, a, b, c, d, e, f, g]) >= self.threshold
    }
}
