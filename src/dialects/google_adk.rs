//! Google's Agent Development Kit: `gcp.vertex.agent.llm_request` and `.llm_response`, JSON of Gemini's contents and parts. The
//! arguments and results on its tool spans are content that is no conversation.

use super::{Dialect, whole};

pub(super) static DIALECT: Dialect = Dialect {
    name: "google_adk",
    starts: b"g",
    carries: |key| {
        key.strip_prefix(b"gcp.vertex.agent.").is_some_and(|name| {
            matches!(
                name,
                b"llm_request" | b"llm_response" | b"tool_call_args" | b"tool_response" | b"data"
            )
        })
    },
    unread: |key| !matches!(key, b"gcp.vertex.agent.llm_request" | b"gcp.vertex.agent.llm_response"),
    read: |span| {
        let (input, output) = ("gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response");
        whole::read(span, input, output, whole::Plain::Nothing)
    },
    ..Dialect::NONE
};
