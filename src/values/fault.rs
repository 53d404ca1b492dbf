//! A mistake in a config with its place, so that all of them can be told at once.

/// One mistake in a config, for the user's eyes: where, what is wrong, what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Path inside what was read, such as a component's mapping, `::`-separated; empty for the whole of it.
    pub path: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl Fault {
    /// A fault at a path inside what was read.
    pub fn at(path: impl Into<String>, reason: impl Into<String>) -> Fault {
        Fault {
            path: path.into(),
            reason: reason.into(),
        }
    }
}
