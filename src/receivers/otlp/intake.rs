//! From the bytes of a request to its outcome, the same for every protocol: room is asked for, the body inflated within its
//! limit, checked, and handed to the pipelines. What became of it is data; `status` says it in the client's terms.

use std::{borrow::Cow, future::Future, time::Duration};

use bytes::Bytes;

use crate::{
    net::compression::{Encoding, InflateError, inflate},
    otlp::{self, TraceBatch, Validated},
    pipeline::{Admission, Inlet, Refused},
};

/// Memory that a value of a JSON text takes while it is read, in bytes.
const JSON_VALUE: usize = 150;
/// Most that is set aside for the values of one request, in bytes.
const JSON_MOST: usize = 64 << 20;

/// The way into the pipelines, as far as a request needs it.
pub(super) trait Intake: Clone + Send + Sync + 'static {
    /// See [`Inlet::admit`].
    fn admit(&self, bytes: usize) -> Result<Admission, Refused>;
    /// See [`Inlet::send`].
    fn send(&self, batch: TraceBatch) -> impl Future<Output = Result<(), Refused>> + Send;
    /// See [`Inlet::refused`].
    fn refused(&self, spans: usize);
    /// See [`Inlet::turned_away`].
    fn turned_away(&self, why: &Refused);
}

impl Intake for Inlet {
    fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        Inlet::admit(self, bytes)
    }

    async fn send(&self, batch: TraceBatch) -> Result<(), Refused> {
        Inlet::send(self, batch).await
    }

    fn refused(&self, spans: usize) {
        Inlet::refused(self, spans);
    }

    fn turned_away(&self, why: &Refused) {
        Inlet::turned_away(self, why);
    }
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Protobuf.
    Proto,
    /// OTLP/JSON.
    Json,
}

/// What the pipelines hold now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    /// Spans that were rejected for their ids.
    pub(super) rejected: usize,
    /// Why the first of them was.
    pub(super) reason: String,
}

/// Why nothing was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Not now.
    Busy {
        after: Option<Duration>,
        reason: Cow<'static, str>,
    },
    /// Never: the data themselves are at fault.
    Invalid(String),
    /// Larger than the limit, on the wire or inflated.
    TooLarge(String),
    /// Reading took too long.
    Slow(String),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        match refused {
            Refused::Retry { after, reason } => Failure::Busy { after, reason },
            Refused::Permanent { reason } => Failure::Invalid(reason.into_owned()),
        }
    }
}

/// A request's body as it was read.
pub(super) struct Message {
    /// The bytes on the wire.
    pub(super) wire: Bytes,
    /// How they are coded.
    pub(super) encoding: Encoding,
    /// How the message in them is written.
    pub(super) format: Format,
    /// Most bytes that it may inflate to.
    pub(super) limit: usize,
    /// The config's key for the limit.
    pub(super) limit_key: &'static str,
}

/// Takes one request in. The room for its bytes on the wire must be held by the caller.
pub(super) async fn take(intake: &impl Intake, message: Message) -> Result<Accepted, Failure> {
    let (plain, _room) = match message.encoding {
        Encoding::Identity => (message.wire, Admission::default()),
        encoding => {
            let plain = inflate(encoding, &message.wire, message.limit).map_err(|error| match error {
                InflateError::TooLarge { limit } => too_large(None, limit, message.limit_key),
                InflateError::Corrupt { .. } => Failure::Invalid(error.to_string()),
            })?;
            let room = intake.admit(plain.len())?;
            (plain, room)
        }
    };
    let Validated {
        batch,
        rejected_spans,
        reason,
    } = match message.format {
        Format::Proto => otlp::validate(plain).map_err(|fault| Failure::Invalid(fault.to_string()))?,
        Format::Json => {
            let _tree = intake.admit(tree_size(&plain))?;
            otlp::json::read(&plain).map_err(|fault| Failure::Invalid(fault.to_string()))?
        }
    };
    if rejected_spans > 0 {
        intake.refused(rejected_spans);
    }
    if !batch.is_empty() {
        intake.send(batch).await?;
    }
    Ok(Accepted {
        rejected: rejected_spans,
        reason,
    })
}

/// About as many bytes as the values of a JSON text take while they are read: many times the text where they are short. What
/// divides them may be text too, so the estimate ends where a large request of prose or tables could no longer be taken.
fn tree_size(text: &[u8]) -> usize {
    let values = memchr::memchr3_iter(b',', b'[', b'{', text).count();
    values.saturating_mul(JSON_VALUE).min(JSON_MOST)
}

/// A body above the limit, with the key that raises it.
pub(super) fn too_large(length: Option<usize>, limit: usize, key: &'static str) -> Failure {
    let size = length.map_or_else(String::new, |length| format!(" ({length} bytes)"));
    Failure::TooLarge(format!(
        "the request{size} is larger than {limit} bytes, the limit that {key} sets"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_take_more_room_than_their_text() {
        let check = |text: &str, expected| assert_eq!(tree_size(text.as_bytes()), expected, "{text:.20}");
        check("", 0);
        check("{}", JSON_VALUE);
        check(r#"{"a":[1,2],"b":{}}"#, 5 * JSON_VALUE);
        check(&"{},".repeat(5_000_000), JSON_MOST);
    }
}
