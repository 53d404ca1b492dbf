//! `state_storage`: where the conversations behind `previous_response_id` are kept, checked.

use std::time::Duration;

use serde::Deserialize;

use super::forms;
use crate::values::{Fault, Secret, duration};

/// How much is kept, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateStorage {
    /// Most responses.
    pub max_responses: usize,
    /// Most bytes of all of them.
    pub max_bytes: usize,
    /// How long after its last use.
    pub ttl: Duration,
}

/// What keeps them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Memory,
    Postgres,
}

/// `state_storage` as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    /// `memory`; `postgres` comes in a later version. memory.
    pub(super) r#type: Kind,
    /// Where PostgreSQL is. None.
    pub(super) connection_string: Secret,
    /// Most responses. 10000.
    pub(super) max_responses: usize,
    /// Most bytes of all responses, a number or with a unit. 256MiB.
    #[serde(deserialize_with = "forms::bytes")]
    pub(super) max_bytes: usize,
    /// How long a response is kept after its last use. 24h.
    #[serde(with = "duration")]
    pub(super) ttl: Duration,
}

impl Default for Written {
    fn default() -> Written {
        Written {
            r#type: Kind::default(),
            connection_string: Secret::default(),
            max_responses: 10_000,
            max_bytes: 256 << 20,
            ttl: Duration::from_secs(24 * 60 * 60),
        }
    }
}

pub(super) fn check(written: &Written, faults: &mut Vec<Fault>) -> StateStorage {
    let mut fault = |key: &str, reason: &str| faults.push(Fault::at(format!("state_storage::{key}"), reason));
    match written.r#type {
        Kind::Postgres => fault("type", "PostgreSQL comes in a later version; use memory"),
        Kind::Memory if !written.connection_string.reveal().is_empty() => {
            fault("connection_string", "is for PostgreSQL; remove it");
        }
        Kind::Memory => {}
    }
    if written.max_responses == 0 {
        fault("max_responses", "must be at least 1");
    }
    if written.max_bytes == 0 {
        fault("max_bytes", "must be at least 1");
    }
    if written.ttl.is_zero() {
        fault("ttl", "must be longer than nothing, such as 24h");
    }
    StateStorage {
        max_responses: written.max_responses,
        max_bytes: written.max_bytes,
        ttl: written.ttl,
    }
}
