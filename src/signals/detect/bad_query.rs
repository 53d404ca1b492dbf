//! A query that the agent wrote does not hold: SQL, a filter, an expression.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::BadQuery,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::BadQuery,
    words: &[
        "syntax error",
        "sql syntax",
        "no such table",
        "no such column",
        "unknown column",
        "unknown table",
        "unknown field in query",
        "ambiguous column",
        "invalid query",
        "malformed query",
        "bad query",
        "query failed",
        "error in query",
        "invalid filter",
        "invalid expression",
        "operationalerror",
        "programmingerror",
        "cannot query field",
        "invalid regex",
        "invalid regular expression",
        "parse error near",
        "column does not exist",
    ],
    statuses: &[],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::BadQuery)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            "sqlite3.OperationalError: no such column: prise",
            r#"ERROR:  syntax error at or near "FORM""#,
            r#"{"errors":[{"message":"Cannot query field \"nme\" on type \"User\""}]}"#,
        ];
        let silent = [r#"{"chapter":"syntax errors","pages":[1,2]}"#];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
