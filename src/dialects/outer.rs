//! Spans that repeat what the spans inside them say. Signals belong on the innermost span that carries the conversation, and
//! the inner spans may come in another batch, so a span is judged by what it says of itself:
//!
//! - `gen_ai.operation.name` of an agent, a workflow, a cycle or a tool. An `invoke_agent` of kind CLIENT calls an agent
//!   elsewhere, whose spans are not ours: it is the only one to carry the conversation, and counts.
//! - `traceloop.span.kind`: any, since only workflows, tasks, agents and tools have one.
//! - `openinference.span.kind` other than LLM, `langfuse.observation.type` other than generation, `langsmith.span.kind` other
//!   than llm, `mlflow.spanType` other than a model's, `genkit:metadata:subtype` other than model, `langtrace.service.type`
//!   other than llm.
//! - Vercel's `ai.operationId` without `.do…`: `ai.generateText` repeats `ai.generateText.doGenerate`.
//! - Pydantic AI's `all_messages_events` and `pydantic_ai.all_messages`, which are the agent's; Logfire's pending spans, which come
//!   again when they end.
//!
//! What says nothing of the kind counts. Content on an outer span is content all the same: `content: drop` removes it.

use crate::otlp::{SpanRef, keys};

/// OTLP's number for a span of kind CLIENT.
const CLIENT: i32 = 3;

/// How a span stands to the conversation that it carries, the later the less it is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is the innermost span that carries it.
    Own,
    /// It repeats what the spans inside it say.
    Repeats,
    /// It is of a tool, a search or an embedding, whose content is no conversation.
    NoConversation,
}

/// Kinds of spans, in every emitter's words, whose content is no conversation. Any other that is outer repeats one.
const NO_CONVERSATION: [&str; 15] = [
    "create_agent",
    "embedder",
    "embedding",
    "embeddings",
    "evaluator",
    "event",
    "execute_tool",
    "guardrail",
    "indexer",
    "parser",
    "reranker",
    "retrieval",
    "retriever",
    "tool",
    "vectordb",
];

/// Whether the span says that the spans inside it carry the conversation, or that it carries none.
pub(super) fn is_outer(span: &SpanRef<'_>) -> bool {
    let kind = || span.kind();
    (span.attributes())
        .any(|attribute| standing(attribute.key_bytes(), || attribute.value().as_str(), kind) != Standing::Own)
}

impl Standing {
    /// What an attribute of a span of an OTLP kind says of it; the text of its value, where it is one.
    #[must_use]
    pub fn said_by(key: &str, text: Option<&str>, kind: i32) -> Standing {
        standing(key.as_bytes(), || text, || kind)
    }

    /// Of a whole span.
    pub(super) fn of(span: &SpanRef<'_>) -> Standing {
        let kind = || span.kind();
        (span.attributes())
            .map(|attribute| standing(attribute.key_bytes(), || attribute.value().as_str(), kind))
            .max()
            .unwrap_or(Standing::Own)
    }

    fn outer(kind: &str) -> Standing {
        let is_it = |known: &&str| kind.trim_matches('"').eq_ignore_ascii_case(known);
        if NO_CONVERSATION.iter().any(is_it) {
            Standing::NoConversation
        } else {
            Standing::Repeats
        }
    }
}

fn standing<'a>(key: &[u8], text: impl Fn() -> Option<&'a str>, kind: impl Fn() -> i32) -> Standing {
    let unless = |inner: &[&str]| match text() {
        Some(named)
            if !inner
                .iter()
                .any(|known| named.trim_matches('"').eq_ignore_ascii_case(known)) =>
        {
            Standing::outer(named)
        }
        _ => Standing::Own,
    };
    match key {
        b"all_messages_events" | b"pydantic_ai.all_messages" => Standing::Repeats,
        b"genkit:metadata:subtype" => unless(&["model"]),
        b"langsmith.span.kind" | b"langtrace.service.type" => unless(&["llm"]),
        b"logfire.span_type" if text() == Some("pending_span") => Standing::Repeats,
        b"mlflow.spanType" => unless(&["LLM", "CHAT_MODEL", "UNKNOWN"]),
        key if key == keys::AI_OPERATION_ID.as_bytes() => match text() {
            Some(id) if id.contains(".do") => Standing::Own,
            Some(id) if id.contains("toolCall") || id.contains("embed") => Standing::NoConversation,
            Some(_) => Standing::Repeats,
            None => Standing::Own,
        },
        key if key == keys::GEN_AI_OPERATION_NAME.as_bytes() => match text() {
            Some(name) if is_outer_operation(name, kind()) => Standing::outer(name),
            _ => Standing::Own,
        },
        key if key == keys::LANGFUSE_OBSERVATION_TYPE.as_bytes() => unless(&["generation"]),
        key if key == keys::OPENINFERENCE_SPAN_KIND.as_bytes() => unless(&["LLM"]),
        key if key == keys::TRACELOOP_SPAN_KIND.as_bytes() => unless(&[]),
        _ => Standing::Own,
    }
}

fn is_outer_operation(name: &str, kind: i32) -> bool {
    match name {
        "invoke_agent" => kind != CLIENT,
        "create_agent"
        | "embeddings"
        | "execute_event_loop_cycle"
        | "execute_tool"
        | "invoke_workflow"
        | "retrieval" => true,
        _ => false,
    }
}
