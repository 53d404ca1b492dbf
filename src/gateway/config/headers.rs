//! Headers that a config adds to every request of one kind, checked.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

use crate::values::{Fault, Secret};

/// Checks `headers`; their values are marked as secrets. `refused`: why a header may not be written there.
pub(super) fn check(
    written: &BTreeMap<String, Secret>,
    refused: impl Fn(&str) -> Option<&'static str>,
    path: &str,
    faults: &mut Vec<Fault>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut found = Vec::new();
    for (name, value) in written {
        let reason = match (name.parse::<HeaderName>(), HeaderValue::from_str(value.reveal())) {
            (Ok(parsed), value) => match (refused(parsed.as_str()), value) {
                (Some(reason), _) => reason,
                (None, Ok(mut value)) => {
                    value.set_sensitive(true);
                    found.push((parsed, value));
                    continue;
                }
                (None, Err(_)) => "its value holds control characters, which no header does",
            },
            (Err(_), _) => "is no name of a header",
        };
        faults.push(Fault::at(format!("{path}::headers::{name}"), reason));
    }
    found
}
