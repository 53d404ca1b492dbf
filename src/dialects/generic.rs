//! The last resort: `input` and `output`, in which anybody may write anything. Only where they hold messages are they taken for a
//! conversation, and for content; and what looks like JSON and cannot be read is content too, since it may be messages that were
//! cut off at a limit on attributes.

use super::{Content, Dialect, whole};

pub(super) static DIALECT: Dialect = Dialect {
    name: "generic",
    starts: b"io",
    carries: |key| key == b"input" || key == b"output",
    read: |span| {
        let read = whole::read(span, "input", "output", whole::Plain::Nothing);
        Content {
            may_hide_messages: read.unparsed > 0,
            // What is no JSON of messages was never meant to be.
            unparsed: 0,
            ..read
        }
    },
    ..Dialect::NONE
};
