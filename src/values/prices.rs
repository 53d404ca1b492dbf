//! What models cost: the table that ships, and a user's file over it. Promises that a price belongs to the model that was asked
//! for or to its snapshot, never to a relative of it; what is not listed has no price. Refuses a file that is misspelt, and
//! every price that is none, each with its model.

use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Fault,
    reading::{Originals, Paths, Reading},
    tree,
};

/// The table that ships.
const SHIPPED: &str = include_str!("prices.yaml");
/// The only currency of a table.
const CURRENCY: &str = "USD";
/// What a price is for.
const UNIT: &str = "1M tokens";
/// Tokens in that unit.
const TOKENS: f64 = 1_000_000.0;
/// What is written for a price.
const RIGHT: &str = "write USD per million tokens, 0 or more";

/// A table of prices as it is written.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// When it was put together.
    date: String,
    /// USD.
    currency: String,
    /// 1M tokens.
    unit: String,
    /// Where the prices are from, by provider.
    sources: HashMap<String, Source>,
    /// Prices by `provider/model`; `provider/*` for all others of a provider.
    models: HashMap<String, Price>,
}

/// Where the prices of a provider are from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    /// The provider's own list.
    url: String,
    /// Date of the evidence.
    seen: String,
}

/// What a model costs, in USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Of the request.
    pub input: f64,
    /// Of the reply.
    pub output: f64,
    /// Of the request, read from the provider's cache; none: not listed.
    pub cached_input: Option<f64>,
}

/// A table of prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices(File);

impl Prices {
    /// The table that ships.
    pub fn shipped() -> &'static Prices {
        static TABLE: LazyLock<Prices> = LazyLock::new(|| {
            let file = read(SHIPPED).unwrap_or_else(|faults| panic!("the shipped prices: {faults}"));
            Prices(file)
        });
        &TABLE
    }

    /// The table that ships with a user's file over it: its models replace or add.
    ///
    /// # Errors
    /// Every fault, one a line, with its model and what would be right.
    pub fn with_file(text: &str) -> Result<Prices, String> {
        let over = read(text)?;
        let mut file = Prices::shipped().0.clone();
        file.sources.extend(over.sources);
        file.models.extend(over.models);
        if !over.date.is_empty() {
            file.date = over.date;
        }
        Ok(Prices(file))
    }

    /// The providers of which a model is listed.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.0.sources.keys().map(String::as_str)
    }

    /// What a model costs: under its own id, else under that of the model that it is a snapshot of, else what all models of the
    /// provider cost.
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        let listed = |model: &str| self.0.models.get(&format!("{provider}/{model}")).copied();
        listed(model)
            .or_else(|| listed(without_snapshot(model)?))
            .or_else(|| listed("*"))
    }
}

impl Price {
    /// What that many tokens cost, in USD. `cached`: how many of the input's tokens were read from the provider's cache.
    pub fn cost(&self, input: u64, cached: u64, output: u64) -> f64 {
        let cached = cached.min(input);
        let read = self.cached_input.unwrap_or(self.input) * cached as f64;
        (self.input * (input - cached) as f64 + read + self.output * output as f64) / TOKENS
    }
}

fn read(text: &str) -> Result<File, String> {
    let has_content = |line: &str| !matches!(line.trim_start().as_bytes().first(), None | Some(b'#'));
    let raw = match text.lines().any(has_content) {
        false => Value::Object(Map::new()),
        true => serde_yaml::from_str(text).map_err(|error| {
            let told = error.without_snippet().to_string();
            told.split_whitespace().collect::<Vec<_>>().join(" ")
        })?,
    };
    let originals = Originals::new();
    let reading = Reading::new(&[], raw, &originals, &[]).paths(Paths::Dots);
    let outcome = reading.run(tree::read::<File>, check);
    match outcome.value.filter(|_| outcome.lines.is_empty()) {
        Some(file) => Ok(file),
        None => Err(outcome.lines.join("\n")),
    }
}

fn check(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (key, written, right) in [("currency", &file.currency, CURRENCY), ("unit", &file.unit, UNIT)] {
        if !written.is_empty() && written != right {
            let reason = format!("{written:?} is not understood; prices are in {right}");
            faults.push(Fault::at(key, reason));
        }
    }
    let mut models: Vec<_> = file.models.iter().collect();
    models.sort_by_key(|(id, _)| *id);
    for (id, price) in models {
        if !is_id(id) {
            let reason = "names no provider; write it as provider/model, or provider/* for all of its models";
            faults.push(Fault::at(format!("models::{id}"), reason));
        }
        let parts = [
            ("input", Some(price.input)),
            ("output", Some(price.output)),
            ("cached_input", price.cached_input),
        ];
        for (key, value) in parts {
            if let Some(value) = value.filter(|value| !value.is_finite() || *value < 0.0) {
                let reason = format!("{value} is no price; {RIGHT}");
                faults.push(Fault::at(format!("models::{id}::{key}"), reason));
            }
        }
    }
    faults
}

fn is_id(text: &str) -> bool {
    let parts = text.split_once('/');
    parts.is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty())
}

/// The model that a name is a snapshot of: without its date, its number, `-latest`, or the `-0` of a first version.
fn without_snapshot(model: &str) -> Option<&str> {
    let (rest, last) = model.rsplit_once('-')?;
    if last == "latest" || last == "0" || is_number(last) {
        return Some(rest);
    }
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if digits(last, 8) {
        return is_date(&last[..4], &last[4..6], &last[6..]).then_some(rest);
    }
    let (rest, month) = rest.rsplit_once('-')?;
    let (rest, year) = rest.rsplit_once('-')?;
    let is_split = digits(last, 2) && digits(month, 2) && digits(year, 4);
    (is_split && is_date(year, month, last)).then_some(rest)
}

/// The number of a stable version: `001`.
fn is_number(text: &str) -> bool {
    text.len() == 3 && text.starts_with("00") && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_date(year: &str, month: &str, day: &str) -> bool {
    let within =
        |text: &str, range: std::ops::RangeInclusive<u16>| text.parse().is_ok_and(|number| range.contains(&number));
    within(year, 2020..=2099) && within(month, 1..=12) && within(day, 1..=31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(provider: &str, model: &str, expected: Option<(f64, f64)>) {
        let price = Prices::shipped().price(provider, model);
        assert_eq!(
            price.map(|price| (price.input, price.output)),
            expected,
            "{provider}/{model}"
        );
    }

    fn check_file(text: &str, expected: &[&str]) {
        let told = Prices::with_file(text).expect_err(text);
        assert_eq!(told.lines().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn the_table_that_ships_is_sane() {
        let file = &Prices::shipped().0;
        let date = |text: &str| matches!(text.split('-').collect::<Vec<_>>()[..], [y, m, d] if is_date(y, m, d));
        assert!(date(&file.date), "{}", file.date);
        assert_eq!((file.currency.as_str(), file.unit.as_str()), (CURRENCY, UNIT));
        assert!(file.models.len() > 100, "{}", file.models.len());
        for (id, price) in &file.models {
            let (provider, model) = id.split_once('/').expect("checked");
            assert!(file.sources.contains_key(provider), "{id}: no source");
            if model == "*" {
                continue;
            }
            assert!(price.input > 0.0 && price.input <= 200.0, "{id}: {price:?}");
            assert!(
                price.output >= price.input && price.output <= price.input * 12.0,
                "{id}: {price:?}"
            );
            let cached = price.cached_input.unwrap_or(price.input / 2.0);
            assert!(cached > 0.0 && cached < price.input, "{id}: {price:?}");
        }
        for (provider, source) in &file.sources {
            let prefix = format!("{provider}/");
            assert!(
                file.models.keys().any(|id| id.starts_with(&prefix)),
                "{provider}: no model"
            );
            assert!(source.url.starts_with("https://"), "{provider}: {source:?}");
            assert!(date(&source.seen) && source.seen <= file.date, "{provider}: {source:?}");
        }
        assert_eq!(
            Prices::shipped()
                .0
                .sources
                .get("openai")
                .map(|source| source.seen.len()),
            Some(10)
        );
        assert_eq!(Prices::shipped().0.date, file.date);
    }

    #[test]
    fn a_snapshot_costs_what_its_model_costs() {
        let (gpt, sonnet) = (Some((2.5, 10.0)), Some((3.0, 15.0)));
        check("openai", "gpt-4o", gpt);
        check("openai", "gpt-4o-2024-08-06", gpt);
        check("anthropic", "claude-sonnet-4-20250514", sonnet);
        check("anthropic", "claude-sonnet-4-0", sonnet);
        check("anthropic", "claude-3-5-sonnet-latest", sonnet);
        check("anthropic", "claude-opus-4-1-20250805", Some((15.0, 75.0)));
        check("gemini", "gemini-2.0-flash-001", Some((0.1, 0.4)));
        check("together", "openai/gpt-oss-120b", Some((0.15, 0.6)));
    }

    #[test]
    fn a_snapshot_with_a_price_of_its_own_keeps_it() {
        check("mistral", "mistral-large-2411", Some((2.0, 6.0)));
        check("mistral", "mistral-large-latest", Some((0.5, 1.5)));
        check("mistral", "mistral-large", None);
    }

    #[test]
    fn a_relative_is_another_model() {
        check("openai", "gpt-4o-mini-2024-07-18", Some((0.15, 0.6)));
        check("anthropic", "claude-opus-4-5", Some((5.0, 25.0)));
        for model in [
            "gpt-4o-audio-preview",
            "gpt-4",
            "gpt",
            "",
            "*x",
            "gpt-4o-2024-13-06",
            "gpt-4o-12345678",
            "gpt-4o-08-06",
            "gpt-4o-2024-8-6",
            "gpt-4o-００１",
            "ft:gpt-4o:acme::1",
        ] {
            check("openai", model, None);
        }
        check("anthropic", "gpt-4o", None);
        check("groq", "gpt-oss-120b", None);
    }

    #[test]
    fn what_runs_at_home_costs_nothing() {
        check("ollama", "llama3.2", Some((0.0, 0.0)));
    }

    #[test]
    fn tokens_are_paid_by_the_million() {
        let price = Prices::shipped().price("openai", "gpt-4o").expect("listed");
        assert!((price.cost(1_000_000, 0, 100_000) - 3.5).abs() < 1e-9);
        assert!((price.cost(1_000_000, 400_000, 0) - 2.0).abs() < 1e-9);
        assert!((price.cost(10, 20, 0) - 10.0 * 1.25 / TOKENS).abs() < 1e-12);
        assert!((price.cost(0, 0, 0)).abs() < 1e-9);
    }

    #[test]
    fn a_file_replaces_and_adds() {
        let text = "{models: {openai/gpt-4o: {input: 1, output: 2}, custom/*: {input: 0, output: 0}}}";
        let prices = Prices::with_file(text).expect("sound");
        let of = |provider, model| prices.price(provider, model).map(|price| (price.input, price.output));
        assert_eq!(of("openai", "gpt-4o"), Some((1.0, 2.0)));
        assert_eq!(of("openai", "gpt-4o-mini"), Some((0.15, 0.6)));
        assert_eq!(of("custom", "anything"), Some((0.0, 0.0)));
        for text in ["", "# nothing yet"] {
            assert_eq!(Prices::with_file(text).expect("nothing to change"), *Prices::shipped());
        }
    }

    #[test]
    fn every_fault_of_a_file_is_told_with_its_model() {
        check_file(
            "{currency: EUR, unit: 1k tokens, models: {gpt-4o: {input: 1, output: 2}, openai/a: {input: -1, output: 2}}}",
            &[
                "currency: \"EUR\" is not understood; prices are in USD",
                "unit: \"1k tokens\" is not understood; prices are in 1M tokens",
                "models.gpt-4o: names no provider; write it as provider/model, or provider/* for all of its models",
                "models.openai/a.input: -1 is no price; write USD per million tokens, 0 or more",
            ],
        );
    }

    #[test]
    fn what_is_no_number_is_no_price() {
        for text in ["cheap", "[1]", ".nan", ".inf", "~", "\"1\"", "1e999"] {
            let text = format!("{{models: {{openai/gpt-4o: {{input: {text}, output: 2}}}}}}");
            let told = Prices::with_file(&text).expect_err(&text);
            assert!(
                told.contains("models.openai/gpt-4o") || told.contains("line 1"),
                "{text}: {told}"
            );
        }
        for text in [
            "models: {openai/a: {input: 1, output: 2, inptu: 3}}",
            "models: {openai/a: {input: 1}}",
            "modles: {}",
            "models: [1]",
            "{",
            "models: {a/b: {input: 1, output: 2}, a/b: {input: 1, output: 2}}",
        ] {
            assert!(Prices::with_file(text).is_err(), "{text}");
        }
    }
}
