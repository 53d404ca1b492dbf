//! What the benches of whole processes share: a process under test with what it used, and the sink behind it.
#![allow(dead_code, reason = "each bench uses a part of it")]

pub(crate) mod process;
pub(crate) mod sink;
