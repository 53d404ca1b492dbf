//! What the gateway knows of one exchange with a model, whatever API it is spoken in: the request's parameters and messages, the
//! reply's text, usage and end. Pure data; filled by `providers/`, read by routing and by `spans/`.

/// An API that clients and providers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI's `POST /v1/chat/completions`.
    Chat,
    /// Anthropic's `POST /v1/messages`.
    Messages,
}

impl Api {
    /// The path at which clients of the gateway speak it.
    pub fn path(self) -> &'static str {
        match self {
            Api::Chat => "/v1/chat/completions",
            Api::Messages => "/v1/messages",
        }
    }
}

/// What a request says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequestFacts {
    /// The model as the client names it.
    pub model: String,
    /// Whether the reply shall be streamed.
    pub stream: bool,
    /// `temperature`.
    pub temperature: Option<f64>,
    /// `top_p`.
    pub top_p: Option<f64>,
    /// `max_tokens`, `max_completion_tokens`.
    pub max_tokens: Option<i64>,
    /// Names of the tools that the model may call.
    pub tools: Vec<String>,
    /// `metadata.user_id` or `metadata.session_id`.
    pub session_id: Option<String>,
    /// The messages as OpenTelemetry's `gen_ai.input.messages` (a JSON array of `{role, parts}`, as text), system prompt included.
    pub messages: String,
    /// Text of the last user message; empty where there is none.
    pub last_user_text: String,
    /// Number of messages in the request.
    pub message_count: usize,
}

/// Tokens by kind; none where the provider did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt: Option<i64>,
    /// Tokens of the reply.
    pub completion: Option<i64>,
    /// Both.
    pub total: Option<i64>,
    /// Tokens of the request that were read from a cache.
    pub cached_input: Option<i64>,
    /// Tokens of the request that were written into a cache.
    pub cache_creation: Option<i64>,
    /// Tokens of the reply that were spent on reasoning.
    pub reasoning: Option<i64>,
}

/// A tool call of a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The call's id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, JSON as text.
    pub arguments: String,
}

/// What a reply says, as far as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReplyFacts {
    /// The reply's id.
    pub id: Option<String>,
    /// The model as the provider names it.
    pub model: Option<String>,
    /// The reply's text.
    pub text: String,
    /// The tool calls in it.
    pub calls: Vec<Call>,
    /// Why it ended, in the words of the provider's API.
    pub finish_reason: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// Whether the stream came to its regular end. Yes for a reply in one piece.
    pub complete: bool,
    /// An error that came inside the stream, or in the reply's place.
    pub error: Option<ReplyError>,
}

/// An error that a provider tells with a status of success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyError {
    /// The provider's words.
    pub message: String,
    /// The status that it would have had.
    pub status: u16,
}
