//! OTLP/JSON both ways. Reading is lenient where the specification is (hex in any case, 64-bit integers as string or number,
//! enums as number or name, `null` as default, unknown fields ignored) and strict where leniency would lose spans in silence
//! (snake_case keys, keys that stand twice, a top-level array, ids of a wrong length).

mod read;
mod tree;
mod write;

pub use read::read;
pub use write::write;

/// The text is no OTLP/JSON trace request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid OTLP/JSON at {path}: {reason}")]
pub struct JsonError {
    /// Where, such as `resourceSpans[0].scopeSpans[0].spans[3].startTimeUnixNano`; line and column for syntax.
    pub path: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

#[cfg(test)]
mod tests;
