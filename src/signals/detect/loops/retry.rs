//! The same call again without progress: the third result that tells nothing new fires, and each one after it. What comes
//! round in a cycle of calls is left to the oscillation, which says more about it.

use super::{TIMES, metadata};
use crate::signals::detect::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

/// Some calls are repeated for a reason that cannot be seen, such as waiting.
const CONFIDENCE: f64 = 0.8;

pub(in crate::signals::detect) const DETECTOR: Detector = Detector {
    kind: SignalType::Retry,
    find,
};

fn find(_: &Observed<'_>, memory: &mut Memory) -> Option<Finding> {
    let step = memory.calls.step.as_ref()?;
    if step.again < TIMES || step.cycle.is_some() {
        return None;
    }
    let metadata = metadata(memory, [("times", step.again)]);
    Some(Finding {
        confidence: CONFIDENCE,
        snippet: None,
        metadata,
    })
}
