//! What a client is told of a limit: headers and a message. The name of the selecting header, never its value: that may be a
//! secret, and is the client's own.

use std::{fmt, time::Duration};

use http::{HeaderName, HeaderValue, header};

use super::{
    super::config::{Limited, RateLimit},
    seconds,
    window::{self, Refused},
};

/// How a limit is spoken of.
pub(super) struct Told {
    tokens: u64,
    unit: Duration,
    /// `rate limit "free" (1000 tokens per minute for openai/gpt-4o, by the header x-user-id)`.
    text: String,
}

impl Told {
    pub(super) fn new(index: usize, config: &RateLimit) -> Told {
        let name = match &config.name {
            Some(name) => format!("{name:?}"),
            None => format!("ratelimits[{index}]"),
        };
        let model = match &config.model {
            Limited::All => String::new(),
            Limited::Alias(name) => format!(" for {name}"),
            Limited::Provider(name) => format!(" for {name}/*"),
            Limited::Model { provider, model } => format!(" for {provider}/{model}"),
        };
        let selector = match &config.selector {
            None => String::new(),
            Some(selector) if selector.value.is_some() => format!(", for one value of the header {}", selector.header),
            Some(selector) => format!(", for each value of the header {}", selector.header),
        };
        let (tokens, unit) = (config.tokens, config.unit.as_str());
        Told {
            tokens,
            unit: config.unit.duration(),
            text: format!("rate limit {name} ({tokens} tokens per {unit}{model}{selector})"),
        }
    }

    pub(super) fn standing(&self, standing: window::Standing) -> Standing {
        Standing {
            limit: self.tokens,
            remaining: standing.remaining,
            reset: standing.reset,
        }
    }

    pub(super) fn exceeded(&self, refused: Refused, standing: window::Standing, tokens: u64) -> Exceeded {
        let (wait, is_too_large) = match refused {
            Refused::For(wait) => (wait, false),
            Refused::Forever => (self.unit, true),
        };
        Exceeded {
            limit: self.text.clone(),
            wait,
            is_too_large,
            asked: tokens,
            standing: self.standing(standing),
        }
    }
}

/// What is left under a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    limit: u64,
    pub(super) remaining: u64,
    reset: Duration,
}

impl Standing {
    pub(super) fn headers(self) -> [(HeaderName, HeaderValue); 3] {
        let name = HeaderName::from_static;
        let reset = HeaderValue::from_str(&clock(self.reset)).expect("digits and letters fit into a header");
        [
            (name("x-ratelimit-limit-tokens"), self.limit.into()),
            (name("x-ratelimit-remaining-tokens"), self.remaining.into()),
            (name("x-ratelimit-reset-tokens"), reset),
        ]
    }
}

/// A time as OpenAI writes it: `250ms`, `12s`, `6m0s`, `1h0m0s`. Rounded up.
fn clock(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{}ms", time.as_nanos().div_ceil(1_000_000));
    }
    let seconds = seconds(time);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// A limit that has no room for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Exceeded {
    limit: String,
    /// How long to wait.
    pub(super) wait: Duration,
    is_too_large: bool,
    asked: u64,
    standing: Standing,
}

impl Exceeded {
    /// The error's code.
    pub(in crate::gateway) const CODE: &'static str = "rate_limit_exceeded";

    /// `Retry-After`, and what is left.
    pub(in crate::gateway) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        let after = (header::RETRY_AFTER, HeaderValue::from(seconds(self.wait)));
        std::iter::once(after).chain(self.standing.headers())
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, asked) = (&self.limit, self.asked);
        if self.is_too_large {
            return write!(
                f,
                "{limit} is smaller than this request, which may take {asked} tokens by its messages and max_tokens; ask for less"
            );
        }
        let (left, wait) = (self.standing.remaining, seconds(self.wait));
        write!(
            f,
            "{limit} is used up: {left} tokens are left and this request may take {asked}; try again in {wait} s"
        )
    }
}
