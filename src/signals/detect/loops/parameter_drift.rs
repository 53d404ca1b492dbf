//! The same tool with ever other arguments, and it fails or finds nothing each time: the third attempt fires, and each one after
//! it. Calls that were made together are one attempt, and whatever is learned in between starts the count anew.

use super::{TIMES, metadata};
use crate::signals::detect::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

/// A search through a few places looks the same.
const CONFIDENCE: f64 = 0.7;

pub(in crate::signals::detect) const DETECTOR: Detector = Detector {
    kind: SignalType::ParameterDrift,
    find,
};

fn find(_: &Observed<'_>, memory: &mut Memory) -> Option<Finding> {
    let step = memory.calls.step.as_ref()?;
    if step.drifted < TIMES {
        return None;
    }
    let metadata = metadata(memory, [("attempts", step.drifted)]);
    Some(Finding {
        confidence: CONFIDENCE,
        snippet: None,
        metadata,
    })
}
