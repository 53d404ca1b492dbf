//! The last resort: `input` and `output`, in which anybody may write anything. Only where they hold messages are they taken for a
//! conversation, and for content.

use super::{Content, Dialect, whole};

pub(super) static DIALECT: Dialect = Dialect {
    name: "generic",
    starts: b"io",
    carries: |key| key == b"input" || key == b"output",
    read: |span| Content {
        // What is no JSON of messages was never meant to be.
        unparsed: 0,
        ..whole::read(span, "input", "output", whole::Plain::Nothing)
    },
    ..Dialect::NONE
};
