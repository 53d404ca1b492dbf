//! `plano(llm)`: one call of a model, attempts included, with the conversation on it: the signals processor reads that and drops it
//! unless it may be kept. Beside the gateway's names stand those of OTel GenAI, so that backends recognize the span.

use serde::Serialize;
use serde_json::value::RawValue;

use super::draft::{Draft, Kind};
use super::{Common, Failure, Place};
use crate::gateway::exchange::{Api, ReplyFacts, RequestFacts, Usage};
use crate::otlp::keys;

/// Whether the first words of the last user message are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Preview {
    /// No.
    #[default]
    Hidden,
    /// Its first 50 characters.
    Shown,
}

/// Bytes of the attributes beside the conversation, mostly.
const ATTRIBUTES: usize = 1536;
/// Length of a preview, in characters.
const PREVIEW: usize = 50;

/// What is known of a model call at its end.
#[derive(Debug, Clone, Copy)]
pub struct Llm<'a> {
    /// Method of the client's request.
    pub method: &'a str,
    /// Path of the client's request.
    pub path: &'a str,
    /// The API that it is asked for in.
    pub api: Api,
    /// Name of the provider, as the config has it.
    pub provider: &'a str,
    /// Name of the model, as the provider has it.
    pub model: &'a str,
    /// What was asked.
    pub request: &'a RequestFacts,
    /// What was answered, as far as it came; none where nothing did.
    pub reply: Option<&'a ReplyFacts>,
    /// Status of the last attempt.
    pub status: Option<u16>,
    /// When the first token came, nanoseconds since the Unix epoch.
    pub first_token_unix_nano: Option<u64>,
    /// Bytes of the provider's answer, as far as they came.
    pub response_bytes: Option<u64>,
    /// Whether it is a conversation with the client, rather than a question of the gateway's own, whose messages stay off the
    /// span: signals would take them for a conversation.
    pub conversation: bool,
    /// Whether the user message is previewed.
    pub preview: Preview,
    /// Why it failed.
    pub failure: Option<Failure<'a>>,
}

impl Llm<'_> {
    pub(super) fn draft(&self, common: &Common, place: Place) -> Draft {
        let mut name = format!("{} {}", self.method, self.path);
        if !self.model.is_empty() {
            name = name + " " + self.model;
        }
        let texts = self.request.messages.len() + self.reply.map_or(0, |reply| reply.text.len());
        let draft = Draft::new(common, place, Kind::Internal, &name)
            .reserve(texts + ATTRIBUTES)
            .text(keys::LLM_MODEL, self.model)
            .text(keys::LLM_PROVIDER, self.provider)
            .text(keys::LLM_OPERATION_TYPE, operation(self.api))
            .text(keys::GEN_AI_OPERATION_NAME, operation(self.api))
            .text(keys::GEN_AI_PROVIDER_NAME, well_known(self.provider))
            .text(keys::GEN_AI_REQUEST_MODEL, self.model)
            .text(keys::HTTP_METHOD, self.method)
            .text(keys::HTTP_PATH, self.path)
            .int(keys::HTTP_STATUS_CODE, self.status.map(i64::from))
            .size(keys::LLM_RESPONSE_BYTES, self.response_bytes);
        let draft = self.times(asked(draft, self.request), place);
        let draft = match self.reply {
            Some(reply) => used(answered(draft, reply), &reply.usage),
            None => draft,
        };
        let draft = if self.conversation { self.messages(draft) } else { draft };
        draft.failure(self.failure)
    }

    /// Duration, and the time to the first token.
    fn times(&self, draft: Draft, place: Place) -> Draft {
        let draft = draft.int(keys::LLM_DURATION_MS, place.millis_to(place.end_unix_nano));
        let Some(first) = self.first_token_unix_nano else {
            return draft;
        };
        let seconds = first.saturating_sub(place.start_unix_nano) as f64 / 1e9;
        draft
            .int(keys::LLM_TIME_TO_FIRST_TOKEN, place.millis_to(first))
            .double(keys::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, seconds)
            .event(first, keys::LLM_TIME_TO_FIRST_TOKEN)
    }

    /// The messages, and the first words of the last of them.
    fn messages(&self, draft: Draft) -> Draft {
        let last = &self.request.last_user_text;
        let end = last.char_indices().nth(PREVIEW).map_or(last.len(), |(at, _)| at);
        let preview = (self.preview == Preview::Shown).then_some(&last[..end]);
        let input = Some(self.request.messages.as_str()).filter(|messages| *messages != "[]");
        let output = self.reply.map(output_messages);
        draft
            .text(keys::LLM_USER_MESSAGE_PREVIEW, preview)
            .whole_text(keys::GEN_AI_INPUT_MESSAGES, input)
            .whole_text(keys::GEN_AI_OUTPUT_MESSAGES, output.as_deref())
    }
}

/// The kind of operation, as OTel names it.
fn operation(api: Api) -> &'static str {
    match api {
        Api::Chat | Api::Messages | Api::Responses => "chat",
    }
}

/// OTel's name of a provider, which is mostly ours too.
fn well_known(provider: &str) -> &str {
    match provider {
        "azure_openai" => "azure.ai.openai",
        "gemini" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        other => other,
    }
}

fn asked(draft: Draft, request: &RequestFacts) -> Draft {
    let tools: Vec<&str> = request.tools.iter().map(String::as_str).collect();
    draft
        .boolean(keys::LLM_IS_STREAMING, request.stream)
        .double(keys::LLM_TEMPERATURE, request.temperature)
        .int(keys::LLM_MAX_TOKENS, request.max_tokens)
        .double(keys::LLM_TOP_P, request.top_p)
        .texts(keys::LLM_TOOLS, &tools)
        .boolean(keys::GEN_AI_REQUEST_STREAM, request.stream)
        .double(keys::GEN_AI_REQUEST_TEMPERATURE, request.temperature)
        .int(keys::GEN_AI_REQUEST_MAX_TOKENS, request.max_tokens)
        .double(keys::GEN_AI_REQUEST_TOP_P, request.top_p)
}

fn answered(draft: Draft, reply: &ReplyFacts) -> Draft {
    let reason = reply.finish_reason.as_deref();
    draft
        .text(keys::LLM_RESPONSE_ID, reply.id.as_deref())
        .text(keys::LLM_RESPONSE_FINISH_REASON, reason)
        .text(keys::GEN_AI_RESPONSE_ID, reply.id.as_deref())
        .text(keys::GEN_AI_RESPONSE_MODEL, reply.model.as_deref())
        .texts(keys::GEN_AI_RESPONSE_FINISH_REASONS, reason.as_slice())
}

fn used(draft: Draft, usage: &Usage) -> Draft {
    let both = || usage.prompt?.checked_add(usage.completion?);
    let total = usage.total.or_else(both);
    draft
        .int(keys::LLM_USAGE_PROMPT_TOKENS, usage.prompt)
        .int(keys::LLM_USAGE_COMPLETION_TOKENS, usage.completion)
        .int(keys::LLM_USAGE_TOTAL_TOKENS, total)
        .int(keys::LLM_USAGE_CACHED_INPUT_TOKENS, usage.cached_input)
        .int(keys::LLM_USAGE_CACHE_CREATION_TOKENS, usage.cache_creation)
        .int(keys::LLM_USAGE_REASONING_TOKENS, usage.reasoning)
        .int(keys::GEN_AI_USAGE_INPUT_TOKENS, usage.prompt)
        .int(keys::GEN_AI_USAGE_OUTPUT_TOKENS, usage.completion)
        .int(keys::GEN_AI_USAGE_TOTAL_TOKENS, total)
        .int(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, usage.cached_input)
        .int(keys::GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS, usage.cache_creation)
        .int(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, usage.reasoning)
}

/// One message of `gen_ai.output.messages`.
#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    parts: Vec<Part<'a>>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text {
        content: &'a str,
    },
    ToolCall {
        id: &'a str,
        name: &'a str,
        arguments: Arguments<'a>,
    },
}

/// The arguments of a call: the JSON as it came, else the text, which may have been cut.
#[derive(Serialize)]
#[serde(untagged)]
enum Arguments<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

/// The reply as `gen_ai.output.messages`; empty where it says nothing.
fn output_messages(reply: &ReplyFacts) -> String {
    let text = (!reply.text.is_empty()).then_some(Part::Text { content: &reply.text });
    let calls = reply.calls.iter().map(|call| Part::ToolCall {
        id: &call.id,
        name: &call.name,
        arguments: match serde_json::from_str(&call.arguments) {
            Ok(json) => Arguments::Json(json),
            Err(_) => Arguments::Text(&call.arguments),
        },
    });
    let parts: Vec<Part<'_>> = text.into_iter().chain(calls).collect();
    if parts.is_empty() {
        return String::new();
    }
    let message = Message {
        role: "assistant",
        parts,
        finish_reason: finish_reason(reply),
    };
    serde_json::to_string(&[message]).unwrap_or_default()
}

/// Why a reply ended, in OpenTelemetry's words; `error` for one that was cut off.
fn finish_reason(reply: &ReplyFacts) -> &str {
    match reply.finish_reason.as_deref() {
        // A response does not say that it ends with calls.
        Some("completed") if !reply.calls.is_empty() => "tool_call",
        Some("completed" | "stop" | "end_turn" | "stop_sequence" | "pause_turn") => "stop",
        Some("length" | "max_tokens" | "max_output_tokens" | "model_context_window_exceeded") => "length",
        Some("tool_calls" | "tool_use" | "function_call") => "tool_call",
        Some("content_filter" | "refusal") => "content_filter",
        Some(other) => other,
        None => "error",
    }
}
