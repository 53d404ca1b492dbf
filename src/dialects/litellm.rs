//! LiteLLM. Its conversation stands in the current OTel attributes (a reply's tool calls in OpenLLMetry's), which their own
//! dialects read. Beside that span it writes `raw_gen_ai_request` with the provider's own fields, `llm.{provider}.messages` and
//! the like, as Python literals: content that repeats the span above it, never read.

use super::Dialect;

pub(super) static DIALECT: Dialect = Dialect {
    name: "litellm",
    starts: b"l",
    carries: |key| {
        let Some(name) = key.strip_prefix(b"llm.") else {
            return false;
        };
        let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
            return false;
        };
        const FIELDS: [&[u8]; 8] = [
            b"messages",
            b"choices",
            b"contents",
            b"candidates",
            b"content",
            b"system",
            b"input",
            b"output",
        ];
        !name[..dot].contains(&b'.') && FIELDS.contains(&&name[dot + 1..])
    },
    unread: |_| true,
    ..Dialect::NONE
};
