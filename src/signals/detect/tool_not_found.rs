//! The agent called a tool that does not exist.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::ToolNotFound,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::ToolNotFound,
    words: &[
        "unknown tool",
        "unknown function",
        "unknown method",
        "unknown command",
        "tool not found",
        "function not found",
        "command not found",
        // As JSON-RPC says it; a payment method is no tool.
        ": method not found",
        "\"method not found",
        "no such tool",
        "no such function",
        "no such command",
        "no tool named",
        "no function named",
        "not a valid tool",
        "is not a known tool",
        "tool does not exist",
        "function does not exist",
        "not recognized as an internal or external command",
        "unsupported tool",
    ],
    statuses: &[],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::ToolNotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            "Error: Unknown tool: serach_web",
            "bash: jqq: command not found",
            r#"{"error":{"code":-32601,"message":"Method not found"}}"#,
        ];
        let silent = [r#"{"tools":["search"],"unknown tool":"ignored"}"#];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
