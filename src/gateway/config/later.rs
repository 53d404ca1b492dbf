//! What the format of the config has and this version does not serve yet: read, so that misspelt keys are found, and refused
//! with its path. When one of these is served, its struct moves to `written.rs` and its line here goes.

use serde::Deserialize;

use super::written::{File, Listener};
use crate::values::Fault;

/// How a filter is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FilterKind {
    Http,
    Mcp,
}

/// What happens to a request whose filter failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnFailure {
    Reject,
    Pass,
}

/// One of `filters`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filter {
    /// Its name.
    pub(super) id: String,
    /// Where it is.
    pub(super) url: String,
    /// How it is spoken to.
    pub(super) r#type: Option<FilterKind>,
    /// Name of the tool to call, with MCP.
    pub(super) tool: String,
    /// What happens where it fails. reject.
    pub(super) on_failure: Option<OnFailure>,
}

/// One fault for each thing that is written and not served yet.
pub(super) fn refuse(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    let refuse = |faults: &mut Vec<Fault>, written: bool, path: String, what: &str| {
        if written {
            let reason = format!("{what} not available yet in this version; remove it");
            faults.push(Fault::at(path, reason));
        }
    };
    for (index, listener) in file.listeners.iter().enumerate() {
        for (key, written, what) in of_a_listener(listener) {
            refuse(&mut faults, written, format!("listeners::{index}::{key}"), what);
        }
    }
    refuse(
        &mut faults,
        !file.filters.is_empty(),
        "filters".to_owned(),
        "filters are",
    );
    faults
}

fn of_a_listener(listener: &Listener) -> [(&'static str, bool, &'static str); 2] {
    [
        ("input_filters", !listener.input_filters.is_empty(), "filters are"),
        ("output_filters", !listener.output_filters.is_empty(), "filters are"),
    ]
}
