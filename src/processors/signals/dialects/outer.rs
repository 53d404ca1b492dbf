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

use crate::otlp::{KeyValueRef, SpanRef, ValueRef, keys};

/// OTLP's number for a span of kind CLIENT.
const CLIENT: i32 = 3;

/// Whether the span says that the spans inside it carry the conversation, or that it carries none.
pub(super) fn is_outer(span: &SpanRef<'_>) -> bool {
    span.attributes().any(|attribute| says_so(&attribute, span))
}

fn says_so(attribute: &KeyValueRef<'_>, span: &SpanRef<'_>) -> bool {
    let is_other_than = |kinds: &[&str]| match attribute.value() {
        ValueRef::Str(kind) => !kinds
            .iter()
            .any(|known| kind.trim_matches('"').eq_ignore_ascii_case(known)),
        _ => false,
    };
    match attribute.key_bytes() {
        b"all_messages_events" | b"pydantic_ai.all_messages" => true,
        b"genkit:metadata:subtype" => is_other_than(&["model"]),
        b"langsmith.span.kind" | b"langtrace.service.type" => is_other_than(&["llm"]),
        b"logfire.span_type" => matches!(attribute.value(), ValueRef::Str("pending_span")),
        b"mlflow.spanType" => is_other_than(&["LLM", "CHAT_MODEL", "UNKNOWN"]),
        key if key == keys::AI_OPERATION_ID.as_bytes() => {
            matches!(attribute.value(), ValueRef::Str(id) if !id.contains(".do"))
        }
        key if key == keys::GEN_AI_OPERATION_NAME.as_bytes() => {
            matches!(attribute.value(), ValueRef::Str(name) if is_outer_operation(name, span.kind()))
        }
        key if key == keys::LANGFUSE_OBSERVATION_TYPE.as_bytes() => is_other_than(&["generation"]),
        key if key == keys::OPENINFERENCE_SPAN_KIND.as_bytes() => is_other_than(&["LLM"]),
        key if key == keys::TRACELOOP_SPAN_KIND.as_bytes() => is_other_than(&[]),
        _ => false,
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
