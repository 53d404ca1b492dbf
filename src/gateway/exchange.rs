//! What the gateway knows of one exchange with a model, whatever API it is spoken in: the request's parameters and messages, the
//! reply's text, usage and end. Pure data; filled by `providers/`, read by routing and by `spans/`.

/// An API that clients and providers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI's `POST /v1/chat/completions`.
    Chat,
    /// Anthropic's `POST /v1/messages`.
    Messages,
    /// OpenAI's `POST /v1/responses`.
    Responses,
}

impl Api {
    /// The path at which clients of the gateway speak it.
    pub fn path(self) -> &'static str {
        match self {
            Api::Chat => "/v1/chat/completions",
            Api::Messages => "/v1/messages",
            Api::Responses => "/v1/responses",
        }
    }
}

/// The APIs on the two sides of an exchange. Nothing is translated *to* responses: who speaks them speaks chat completions too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The client's API is the provider's.
    Straight(Api),
    /// What is said is translated.
    Across(Crossing),
}

/// Two APIs that can be translated between: a client's, and a provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// A client of chat completions, a provider of messages.
    ChatToMessages,
    /// A client of messages, a provider of chat completions.
    MessagesToChat,
    /// A client of responses, a provider of chat completions.
    ResponsesToChat,
    /// A client of responses, a provider of messages.
    ResponsesToMessages,
}

impl Way {
    /// The way from a client's API to a provider's; none where there is no translation.
    pub fn between(client: Api, provider: Api) -> Option<Way> {
        match (client, provider) {
            (client, provider) if client == provider => Some(Way::Straight(client)),
            (Api::Chat, Api::Messages) => Some(Way::Across(Crossing::ChatToMessages)),
            (Api::Messages, Api::Chat) => Some(Way::Across(Crossing::MessagesToChat)),
            (Api::Responses, Api::Chat) => Some(Way::Across(Crossing::ResponsesToChat)),
            (Api::Responses, Api::Messages) => Some(Way::Across(Crossing::ResponsesToMessages)),
            _ => None,
        }
    }

    /// The API of the client.
    pub fn client(self) -> Api {
        match self {
            Way::Straight(api) => api,
            Way::Across(Crossing::ChatToMessages) => Api::Chat,
            Way::Across(Crossing::MessagesToChat) => Api::Messages,
            Way::Across(Crossing::ResponsesToChat | Crossing::ResponsesToMessages) => Api::Responses,
        }
    }

    /// The API of the provider.
    pub fn provider(self) -> Api {
        match self {
            Way::Straight(api) => api,
            Way::Across(Crossing::MessagesToChat | Crossing::ResponsesToChat) => Api::Chat,
            Way::Across(Crossing::ChatToMessages | Crossing::ResponsesToMessages) => Api::Messages,
        }
    }

    /// Whether what is said is translated.
    pub fn crosses(self) -> bool {
        matches!(self, Way::Across(_))
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
    /// `max_tokens`, `max_completion_tokens`, `max_output_tokens`.
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
