//! The one check at the door: everything behind it may trust the bytes. Accepts what prost accepts, plus our rules on ids;
//! refuses malformed protobuf as a whole, with the place, and spans with bad ids one by one.

use bytes::Bytes;

use super::TraceBatch;

/// What came through the door.
#[derive(Debug)]
pub struct Validated {
    /// The good spans; the very bytes that came in where none was rejected.
    pub batch: TraceBatch,
    /// How many spans were rejected for their ids.
    pub rejected_spans: usize,
    /// Why the first of them was rejected; empty when none was.
    pub reason: String,
}

/// The message is no `ExportTraceServiceRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed OTLP at byte {offset} ({path}): {reason}")]
pub struct Malformed {
    /// Byte offset in the message.
    pub offset: usize,
    /// Field path, such as `resource_spans.scope_spans.spans.attributes.key`.
    pub path: String,
    /// What is wrong.
    pub reason: &'static str,
}

/// Walks the message once: field numbers, wire types, lengths, UTF-8 of every string, id sizes, nesting depth ≤ 100.
///
/// # Errors
/// [`Malformed`] where a strict decoder would refuse the message.
pub fn validate(wire: Bytes) -> Result<Validated, Malformed> {
    let _ = wire;
    todo!()
}
