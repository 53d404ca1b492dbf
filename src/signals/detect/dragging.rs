//! The conversation goes on far beyond the baseline: fires on the turn that passes three times the baseline, and again at
//! every doubling, so that its count grows with the logarithm of the length and never outweighs what was said.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;
use crate::signals::report::{Detail, as_f64};

/// How many times the baseline a conversation may take.
const PATIENCE: usize = 3;
/// Length alone says little.
const CONFIDENCE: f64 = 0.6;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Dragging,
    find,
};

/// Turns so far, and the number of them that fires next.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Turns {
    count: usize,
    limit: usize,
}

impl Turns {
    pub(super) fn new(baseline: u32) -> Self {
        Self {
            count: 0,
            limit: PATIENCE * baseline.max(1) as usize,
        }
    }
}

fn find(observed: &Observed<'_>, memory: &mut Memory) -> Option<Finding> {
    let turns = &mut memory.dragging;
    if !observed.is_turn {
        return None;
    }
    turns.count += 1;
    if turns.count <= turns.limit {
        return None;
    }
    turns.limit *= 2;
    let metadata = vec![("turns", Detail::Number(as_f64(turns.count)))];
    Some(Finding {
        confidence: CONFIDENCE,
        snippet: None,
        metadata,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::indexes;

    #[test]
    fn length_far_beyond_the_baseline_fires_ever_more_rarely() {
        let turns = |count| vec![("u", "next page please"); count];
        assert_eq!(indexes(DETECTOR.kind, &turns(15)), [0_usize; 0]);
        assert_eq!(indexes(DETECTOR.kind, &turns(16)), [15]);
        assert_eq!(indexes(DETECTOR.kind, &turns(70)), [15, 30, 60]);
    }
}
