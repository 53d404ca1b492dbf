//! The providers that the gateway knows by name, as data: where they are, what they speak, how they want their key, and in what
//! they differ. A provider that speaks OpenAI's API and is not here needs only a `base_url`.

use crate::gateway::exchange::Api;

/// How a provider wants its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `x-api-key: KEY`, Anthropic's.
    XApiKey,
    /// `api-key: KEY`, Azure's.
    ApiKey,
}

/// A provider as the world knows it.
#[derive(Debug, PartialEq)]
pub struct Known {
    /// What stands before the slash of a model.
    pub name: &'static str,
    /// Scheme and host. None where every customer has a host of their own.
    pub base_url: Option<&'static str>,
    /// Path of OpenAI's chat API; none where it is not spoken.
    pub chat: Option<&'static str>,
    /// Path of Anthropic's messages API; none where it is not spoken.
    pub messages: Option<&'static str>,
    /// Path of OpenAI's responses API; none where it is not spoken, or without a memory: a provider that knows no
    /// `previous_response_id` is asked for chat completions, so that the gateway can remember for it.
    pub responses: Option<&'static str>,
    /// How the key is sent.
    pub auth: Auth,
    /// Whether it answers nobody without a key.
    pub needs_key: bool,
    /// The environment variable that its own documentation keeps the key in.
    pub key_variable: Option<&'static str>,
    /// The environment variable that its own documentation keeps the host in, where there is no common one.
    pub base_url_variable: Option<&'static str>,
    /// Headers that it wants on every request, unless the client or the config sends them.
    pub headers: &'static [(&'static str, &'static str)],
    /// How the names of its own models begin.
    pub families: &'static [&'static str],
    /// Whether it serves models of many makers, so that any name may be one of its own.
    pub serves_any: bool,
    /// The request's field for the largest number of tokens of a chat reply.
    pub max_tokens: &'static str,
    /// Whether it takes `stream_options.include_usage`. The one that does not sends usage on every stream.
    pub stream_usage: bool,
}

/// What most are.
const COMPATIBLE: Known = Known {
    name: "",
    base_url: None,
    chat: Some("/v1/chat/completions"),
    messages: None,
    responses: None,
    auth: Auth::Bearer,
    needs_key: true,
    key_variable: None,
    base_url_variable: None,
    headers: &[],
    families: &[],
    serves_any: false,
    max_tokens: "max_tokens",
    stream_usage: true,
};

/// All of them, in alphabetical order.
pub static PROVIDERS: &[Known] = &[
    // https://docs.anthropic.com/en/api/messages
    Known {
        name: "anthropic",
        base_url: Some("https://api.anthropic.com"),
        chat: None,
        messages: Some("/v1/messages"),
        auth: Auth::XApiKey,
        key_variable: Some("ANTHROPIC_API_KEY"),
        headers: &[("anthropic-version", "2023-06-01")],
        families: &["claude-"],
        ..COMPATIBLE
    },
    // https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle, the v1 API; names are those of deployments
    Known {
        name: "azure_openai",
        chat: Some("/openai/v1/chat/completions"),
        responses: Some("/openai/v1/responses"),
        auth: Auth::ApiKey,
        key_variable: Some("AZURE_OPENAI_API_KEY"),
        base_url_variable: Some("AZURE_OPENAI_ENDPOINT"),
        serves_any: true,
        max_tokens: "max_completion_tokens",
        ..COMPATIBLE
    },
    // https://api-docs.deepseek.com/guides/anthropic_api
    Known {
        name: "deepseek",
        base_url: Some("https://api.deepseek.com"),
        messages: Some("/anthropic/v1/messages"),
        key_variable: Some("DEEPSEEK_API_KEY"),
        families: &["deepseek-"],
        ..COMPATIBLE
    },
    // https://ai.google.dev/gemini-api/docs/openai
    Known {
        name: "gemini",
        base_url: Some("https://generativelanguage.googleapis.com"),
        chat: Some("/v1beta/openai/chat/completions"),
        key_variable: Some("GEMINI_API_KEY"),
        families: &["gemini-", "gemma-"],
        ..COMPATIBLE
    },
    // https://console.groq.com/docs/openai; its responses are stateless
    Known {
        name: "groq",
        base_url: Some("https://api.groq.com"),
        chat: Some("/openai/v1/chat/completions"),
        key_variable: Some("GROQ_API_KEY"),
        serves_any: true,
        max_tokens: "max_completion_tokens",
        ..COMPATIBLE
    },
    // https://docs.mistral.ai/api; refuses `max_completion_tokens` and `stream_options.include_usage` with 422
    Known {
        name: "mistral",
        base_url: Some("https://api.mistral.ai"),
        key_variable: Some("MISTRAL_API_KEY"),
        families: &[
            "codestral-",
            "devstral-",
            "magistral-",
            "ministral-",
            "mistral-",
            "open-mistral-",
            "open-mixtral-",
            "pixtral-",
        ],
        stream_usage: false,
        ..COMPATIBLE
    },
    // https://docs.ollama.com/api/openai-compatibility; its responses are stateless
    Known {
        name: "ollama",
        base_url: Some("http://localhost:11434"),
        needs_key: false,
        serves_any: true,
        ..COMPATIBLE
    },
    // https://platform.openai.com/docs/api-reference/chat; reasoning models refuse `max_tokens`
    Known {
        name: "openai",
        base_url: Some("https://api.openai.com"),
        responses: Some("/v1/responses"),
        key_variable: Some("OPENAI_API_KEY"),
        families: &["chatgpt-", "codex-", "ft:gpt-", "gpt-", "o1", "o3", "o4"],
        max_tokens: "max_completion_tokens",
        ..COMPATIBLE
    },
    // https://openrouter.ai/docs/quickstart; its responses are stateless
    Known {
        name: "openrouter",
        base_url: Some("https://openrouter.ai"),
        chat: Some("/api/v1/chat/completions"),
        key_variable: Some("OPENROUTER_API_KEY"),
        serves_any: true,
        ..COMPATIBLE
    },
    // https://docs.together.ai/docs/openai-api-compatibility
    Known {
        name: "together",
        base_url: Some("https://api.together.xyz"),
        key_variable: Some("TOGETHER_API_KEY"),
        serves_any: true,
        ..COMPATIBLE
    },
    // https://docs.x.ai/docs/api-reference
    Known {
        name: "xai",
        base_url: Some("https://api.x.ai"),
        responses: Some("/v1/responses"),
        key_variable: Some("XAI_API_KEY"),
        families: &["grok-"],
        max_tokens: "max_completion_tokens",
        ..COMPATIBLE
    },
];

/// A provider of one's own with OpenAI's API: servers of many makers understand the older `max_tokens`.
pub(super) static CUSTOM: Known = Known {
    needs_key: false,
    serves_any: true,
    ..COMPATIBLE
};

/// The provider of that name.
pub(super) fn known(name: &str) -> Option<&'static Known> {
    PROVIDERS.iter().find(|known| known.name == name)
}

impl Known {
    /// Path of an API; none where it is not spoken.
    pub fn path(&self, api: Api) -> Option<&'static str> {
        match api {
            Api::Chat => self.chat,
            Api::Messages => self.messages,
            Api::Responses => self.responses,
        }
    }

    /// The API that is its own, chat completions or messages: every client's can be translated to it. Others are spoken beside it.
    pub fn native(&self) -> Api {
        match self.chat {
            Some(_) => Api::Chat,
            None => Api::Messages,
        }
    }

    /// Whether the name is one of its own models, as far as names tell.
    pub fn is_family(&self, model: &str) -> bool {
        self.families.iter().any(|family| model.starts_with(family))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_keeps_its_laws() {
        assert!(PROVIDERS.is_sorted_by(|a, b| a.name < b.name), "sorted and unique");
        for known in PROVIDERS {
            let name = known.name;
            assert!(known.path(known.native()).is_some(), "{name} speaks an API");
            for path in [known.chat, known.messages, known.responses].into_iter().flatten() {
                assert!(path.starts_with('/') && !path.ends_with('/'), "{name}: {path}");
            }
            assert!(
                known.chat.is_some() || known.responses.is_none(),
                "{name}: who speaks responses speaks chat completions"
            );
            match (known.base_url, known.base_url_variable) {
                (Some(url), None) => assert!(!url.ends_with('/') && url.matches('/').count() == 2, "{name}: {url}"),
                (None, Some(_)) => {}
                other => panic!("{name}: a base URL or a variable for it: {other:?}"),
            }
            assert_eq!(known.needs_key, known.key_variable.is_some(), "{name}");
            let others = PROVIDERS.iter().filter(|other| other.name != name);
            for family in known.families {
                assert!(others.clone().all(|other| !other.is_family(family)), "{name}: {family}");
            }
        }
    }

    #[test]
    fn names_tell_their_makers() {
        for (model, maker) in [
            ("gpt-4o-mini", Some("openai")),
            ("o3-mini", Some("openai")),
            ("claude-sonnet-4-0", Some("anthropic")),
            ("gemini-2.5-flash", Some("gemini")),
            ("grok-4", Some("xai")),
            ("mistral-large-latest", Some("mistral")),
            ("llama3.2", None),
        ] {
            let found = PROVIDERS.iter().find(|known| known.is_family(model));
            assert_eq!(found.map(|known| known.name), maker, "{model}");
        }
    }

    #[test]
    fn prices_are_listed_under_names_of_providers() {
        for name in crate::values::prices::Prices::shipped().providers() {
            assert!(PROVIDERS.iter().any(|known| known.name == name), "{name}");
        }
    }
}
