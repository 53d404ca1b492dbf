//! Tokens and money of one span: what the many instrumentations call them, and the list price where a span tells tokens alone. A
//! price is never guessed: a provider or a model that is not listed has none.

use super::{
    facts::{first_text, model},
    model::Span,
};
use crate::{
    otlp::keys,
    values::prices::{Price, Prices},
};

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

const COST: &[&str] = &[
    keys::GEN_AI_USAGE_COST,
    keys::LLM_COST_TOTAL,
    keys::OPERATION_COST,
    keys::GEN_AI_COST_TOTAL_COST,
    keys::LITELLM_COST_TOTAL,
];
const PROVIDER: &[&str] = &[
    keys::LLM_PROVIDER,
    keys::GEN_AI_PROVIDER_NAME,
    keys::GEN_AI_SYSTEM,
    keys::LLM_SYSTEM,
];

impl Usage {
    /// Of a span that counts tokens or tells its cost.
    pub(super) fn of(span: &Span) -> Option<Usage> {
        let number = |keys: &[&str]| {
            keys.iter()
                .find_map(|key| span.attribute(key)?.number())
                .filter(|n| *n >= 0.0)
        };
        let count = |keys: &[&str]| number(keys).map(|count| count as u64);
        let (input, output, told) = (count(&keys::INPUT_TOKENS), count(&keys::OUTPUT_TOKENS), number(COST));
        if input.is_none() && output.is_none() && told.is_none() {
            return None;
        }
        let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
        let listed = || Some(price(span)?.cost(input, count(&keys::CACHED_TOKENS).unwrap_or(0), output));
        Some(Usage {
            input,
            output,
            cost_usd: told.or_else(listed),
        })
    }
}

/// The list price of the model that answered, else of the one that was asked.
fn price(span: &Span) -> Option<Price> {
    let provider = first_text(span, PROVIDER)?;
    let provider = listed_name(&provider);
    let asked = first_text(span, &[keys::GEN_AI_REQUEST_MODEL]);
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
    use crate::viewer::model::{Attribute, Value};

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
        check("ai.usage.inputTokens=7 ai.usage.outputTokens=3", Some((7, 3, None)));
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
