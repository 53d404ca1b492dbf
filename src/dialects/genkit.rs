//! Firebase Genkit: `genkit:input` and `genkit:output`, JSON of Genkit's request and response. Its flows repeat its models (see
//! `outer`).

use super::{Dialect, whole};

pub(super) static DIALECT: Dialect = Dialect {
    name: "genkit",
    starts: b"g",
    carries: |key| key == b"genkit:input" || key == b"genkit:output",
    read: |span| whole::read(span, "genkit:input", "genkit:output", whole::Plain::Nothing),
    ..Dialect::NONE
};
