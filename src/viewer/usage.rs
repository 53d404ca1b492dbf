//! Tokens and money of one span: what the many instrumentations call them, and the list price where a span tells tokens alone. A
//! price is never guessed: a provider or a model that is not listed has none.

use super::{
    facts::{first_text, model},
    model::{Span, Value},
};
use crate::{otlp::keys, values::prices::Prices};

/// What a span used, and what that cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    /// Tokens sent to the model.
    pub(super) input: u64,
    /// Tokens that the model wrote.
    pub(super) output: u64,
    /// USD.
    pub(super) cost_usd: Option<f64>,
}

const INPUT_TOKENS: &[&str] = &[
    "llm.usage.prompt_tokens",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
];
const OUTPUT_TOKENS: &[&str] = &[
    "llm.usage.completion_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
];
const CACHED_TOKENS: &[&str] = &[
    keys::LLM_USAGE_CACHED_INPUT_TOKENS,
    keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    "llm.token_count.prompt_details.cache_read",
];
/// What OpenLIT, OpenInference, Logfire and LiteLLM call what a call cost, USD.
const COST: &[&str] = &[
    "gen_ai.usage.cost",
    "llm.cost.total",
    "operation.cost",
    "gen_ai.cost.total_cost",
];
const PROVIDER: &[&str] = &["llm.provider", "gen_ai.provider.name", "gen_ai.system", "llm.system"];

impl Usage {
    /// Of a span that counts tokens or tells its cost.
    pub(super) fn of(span: &Span) -> Option<Usage> {
        let number = |keys: &[&str]| {
            keys.iter()
                .find_map(|key| span.attribute(key)?.number())
                .filter(|n| *n >= 0.0)
        };
        let count = |keys: &[&str]| number(keys).map(|count| count as u64);
        let (input, output, told) = (count(INPUT_TOKENS), count(OUTPUT_TOKENS), number(COST));
        if input.is_none() && output.is_none() && told.is_none() {
            return None;
        }
        let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
        let listed = || Some(price(span)?.cost(input, count(CACHED_TOKENS).unwrap_or(0), output));
        Some(Usage {
            input,
            output,
            cost_usd: told.or_else(listed),
        })
    }
}

/// The list price of the model that answered, else of the one that was asked.
fn price(span: &Span) -> Option<crate::values::prices::Price> {
    let provider = first_text(span, PROVIDER)?;
    let provider = listed_name(&provider);
    let asked = ["gen_ai.request.model", "llm.request.model"];
    let asked = asked.iter().find_map(|key| match span.attribute(key) {
        Some(Value::Str(model)) => Some(model.clone()),
        _ => None,
    });
    let prices = Prices::shipped();
    let models = model(span).into_iter().chain(asked);
    models.into_iter().find_map(|model| prices.price(provider, &model))
}

/// The price list's name of a provider, which OTel and others spell in their own ways.
fn listed_name(provider: &str) -> &str {
    match provider {
        "gcp.gemini" | "gcp.gen_ai" | "google" | "google_genai" => "gemini",
        "mistral_ai" | "mistralai" => "mistral",
        "x_ai" => "xai",
        "OpenAI" => "openai",
        "Anthropic" => "anthropic",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::model::Attribute;

    fn check(attributes: &str, expected: Option<(u64, u64, Option<f64>)>) {
        let attributes = attributes.split_whitespace().map(|pair| {
            let (key, value) = pair.split_once('=').expect("a pair");
            let value = match value.parse::<f64>() {
                Ok(number) => Value::Double(number),
                Err(_) => Value::Str(value.to_owned()),
            };
            Attribute {
                key: key.to_owned(),
                value,
            }
        });
        let span = Span {
            attributes: attributes.collect(),
            ..Span::default()
        };
        let found = Usage::of(&span).map(|usage| {
            let cost = usage.cost_usd.map(|cost| (cost * 1e9).round() / 1e9);
            (usage.input, usage.output, cost)
        });
        assert_eq!(found, expected, "{attributes:?}", attributes = span.attributes);
    }

    #[test]
    fn what_a_span_says_counts_before_the_list() {
        check("http.method=POST", None);
        check(
            "llm.usage.prompt_tokens=1000 llm.usage.completion_tokens=100",
            Some((1000, 100, None)),
        );
        let ours = "llm.provider=openai llm.model=gpt-4o llm.usage.prompt_tokens=1000 llm.usage.completion_tokens=100";
        check(ours, Some((1000, 100, Some(0.0035))));
        check(
            &format!("{ours} llm.usage.cached_input_tokens=1000"),
            Some((1000, 100, Some(0.00225))),
        );
        check(&format!("{ours} llm.cost.total=0.5"), Some((1000, 100, Some(0.5))));
        check("operation.cost=0.25", Some((0, 0, Some(0.25))));
        let stable = "gen_ai.provider.name=gcp.gemini gen_ai.usage.input_tokens=1000";
        check(
            &format!("{stable} gen_ai.response.model=gemini-2.0-flash-001"),
            Some((1000, 0, Some(0.0001))),
        );
        check(
            &format!("{stable} gen_ai.response.model=x gen_ai.request.model=gemini-2.0-flash"),
            Some((1000, 0, Some(0.0001))),
        );
        check(
            &format!("{stable} gen_ai.response.model=someone-else"),
            Some((1000, 0, None)),
        );
        check("gen_ai.usage.input_tokens=-5", None);
    }

    #[test]
    fn every_provider_of_the_list_is_reached_by_its_own_name() {
        for provider in Prices::shipped().providers() {
            assert_eq!(listed_name(provider), provider);
        }
    }
}
