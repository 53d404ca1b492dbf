//! A cycle of two to six calls that comes round without progress: fires when its first call has come for the third time, and
//! once a round after that. A user's turn ends a cycle: many agents look the same things up for every question.

use std::collections::VecDeque;

use super::{Answered, metadata};
use crate::signals::detect::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

/// Longest cycle that is looked for (calls).
const LONGEST: usize = 6;
/// Two whole rounds of the same calls with the same results have hardly another reason.
const CONFIDENCE: f64 = 0.9;

pub(in crate::signals::detect) const DETECTOR: Detector = Detector {
    kind: SignalType::Oscillation,
    find,
};

/// The latest calls, and how many of them in a row were the same as the one that many calls before.
#[derive(Debug, Default, Clone)]
pub(super) struct Cycles {
    latest: VecDeque<Answered>,
    runs: [usize; LONGEST],
}

/// A cycle that has come round.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cycle {
    period: usize,
    /// Calls since its first, that one included.
    calls: usize,
}

impl Cycles {
    pub(super) fn clear(&mut self) {
        self.latest.clear();
        self.runs = [0; LONGEST];
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.latest.capacity() * size_of::<Answered>()
    }

    /// The shortest cycle that the call continues.
    pub(super) fn take(&mut self, answered: Answered) -> Option<Cycle> {
        for (back, run) in self.runs.iter_mut().enumerate() {
            let same = self.latest.get(back).is_some_and(|earlier| answered.repeats(earlier));
            *run = if same { *run + 1 } else { 0 };
        }
        self.latest.truncate(LONGEST - 1);
        self.latest.push_front(answered);
        let equal = self.runs[0];
        (2..=LONGEST)
            .find(|&period| self.runs[period - 1] > period && equal < period - 1)
            .map(|period| Cycle {
                period,
                calls: self.runs[period - 1] + period,
            })
    }
}

fn find(_: &Observed<'_>, memory: &mut Memory) -> Option<Finding> {
    let Cycle { period, calls } = memory.calls.step.as_ref()?.cycle.as_ref()?;
    if calls % period != 1 {
        return None;
    }
    let metadata = metadata(memory, [("period", *period), ("calls", *calls)]);
    Some(Finding {
        confidence: CONFIDENCE,
        snippet: None,
        metadata,
    })
}
