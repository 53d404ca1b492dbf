//! The language of `--where`: `KEY=VALUE`, `KEY!=V`, `KEY>N`, `KEY>=N`, `KEY<N`, `KEY<=N`, `KEY~REGEX`. Keys are those of
//! span and resource attributes, and the span's own fields: `name`, `status`, `kind`, `duration`, `service`.

use std::{borrow::Cow, collections::BTreeSet};

use regex::Regex;

use super::{
    facts,
    model::{Span, Value},
};

/// Keys that every span has beside its attributes.
const FIELDS: &[&str] = &["duration", "error", "kind", "name", "service", "service.name", "status"];

/// One `--where`.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The key on the left.
    pub key: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Equal(String),
    Unequal(String),
    Greater(f64),
    AtLeast(f64),
    Less(f64),
    AtMost(f64),
    Matches(Regex),
}

/// Longer ones first, so that `>=` is not read as `>`.
const OPERATORS: &[&str] = &["!=", ">=", "<=", "=", ">", "<", "~"];

impl Condition {
    /// Reads one condition.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Condition, String> {
        let fault = |why: &str| {
            format!(
                "invalid --where {text:?}: {why}; write KEY=VALUE, KEY!=VALUE, KEY>NUMBER, KEY>=NUMBER or KEY~REGEX"
            )
        };
        let found = text.char_indices().find_map(|(at, _)| {
            let operator = OPERATORS.iter().find(|operator| text[at..].starts_with(**operator))?;
            Some((at, *operator))
        });
        let (at, operator) = found.ok_or_else(|| fault("there is no operator in it"))?;
        let key = text[..at].trim();
        let value = text[at + operator.len()..].trim();
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(fault("the key is empty or holds white space"));
        }
        if value.is_empty() {
            return Err(fault("the value is empty"));
        }
        let bound = || match number(key, value) {
            Some(number) => Ok(number),
            None if key == "duration" => Err(fault("compare a duration with 500ms, 2s or a number of milliseconds")),
            None => Err(fault("what stands behind the comparison is no number")),
        };
        let test = match operator {
            "=" => Test::Equal(value.to_owned()),
            "!=" => Test::Unequal(value.to_owned()),
            ">" => Test::Greater(bound()?),
            ">=" => Test::AtLeast(bound()?),
            "<" => Test::Less(bound()?),
            "<=" => Test::AtMost(bound()?),
            _ => Test::Matches(Regex::new(value).map_err(|error| fault(&one_line(&error)))?),
        };
        Ok(Condition {
            key: key.to_owned(),
            test,
        })
    }

    /// Whether there is an operator in the text, so that it may be a condition.
    pub(super) fn has_operator(text: &str) -> bool {
        OPERATORS.iter().any(|operator| text.contains(operator))
    }

    /// Whether the span has the key.
    pub fn knows(&self, span: &Span) -> bool {
        FIELDS.contains(&self.key.as_str()) || values(span, &self.key).next().is_some()
    }

    /// Whether the span has the key with a value that passes.
    pub fn holds(&self, span: &Span) -> bool {
        values(span, &self.key).any(|value| self.passes(&value))
    }

    fn passes(&self, value: &Value) -> bool {
        if let Value::Array(values) = value {
            return match self.test {
                Test::Unequal(_) => values.iter().all(|value| self.passes(value)),
                _ => values.iter().any(|value| self.passes(value)),
            };
        }
        match &self.test {
            Test::Equal(wanted) => self.equals(value, wanted),
            Test::Unequal(wanted) => !self.equals(value, wanted),
            Test::Greater(bound) => value.number().is_some_and(|number| number > *bound),
            Test::AtLeast(bound) => value.number().is_some_and(|number| number >= *bound),
            Test::Less(bound) => value.number().is_some_and(|number| number < *bound),
            Test::AtMost(bound) => value.number().is_some_and(|number| number <= *bound),
            Test::Matches(pattern) => pattern.is_match(&value.text()),
        }
    }

    /// By text; numbers also by amount, so that `0.5` is `0.50`.
    fn equals(&self, value: &Value, wanted: &str) -> bool {
        let amount = match value {
            Value::Int(number) => Some(*number as f64),
            Value::Double(number) => Some(*number),
            _ => None,
        };
        value.text() == wanted || amount.is_some_and(|amount| number(&self.key, wanted) == Some(amount))
    }
}

/// A number; for `duration` also one with a unit, in milliseconds.
fn number(key: &str, text: &str) -> Option<f64> {
    let plain = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let timed = || {
        let duration = crate::values::duration::parse(text).ok()?;
        Some(duration.as_secs_f64() * 1e3)
    };
    plain.or_else(|| if key == "duration" { timed() } else { None })
}

/// Everything that the span says under a key: attributes of its own, of its resource, its fields.
fn values<'a>(span: &'a Span, key: &str) -> impl Iterator<Item = Cow<'a, Value>> {
    let field = match key {
        "name" => Some(Value::Str(span.name.clone())),
        "service" | "service.name" => Some(Value::Str(span.service.clone())),
        "duration" => Some(Value::Double(span.duration_nanos() as f64 / 1e6)),
        "status" => Some(Value::Str(name(&["unset", "ok", "error"], span.status.code))),
        "kind" => Some(Value::Str(name(KINDS, span.kind))),
        "error" => Some(Value::Bool(facts::error(span).is_some())),
        _ => None,
    };
    let attributes = span.attributes.iter().chain(&span.resource.attributes);
    let found: Vec<_> = attributes
        .filter(|attribute| attribute.key == key)
        .map(|attribute| Cow::Borrowed(&attribute.value))
        .collect();
    found.into_iter().chain(field.map(Cow::Owned))
}

/// OTLP's span kinds by number.
pub(super) const KINDS: &[&str] = &["unspecified", "internal", "server", "client", "producer", "consumer"];

fn name(names: &[&str], number: i32) -> String {
    let known = usize::try_from(number).ok().and_then(|number| names.get(number));
    known.map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

fn one_line(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().trim().to_owned()
}

/// The error for a key that no span has, with the key that was probably meant.
pub(super) fn unknown_key(key: &str, known: &BTreeSet<String>) -> String {
    let candidates = known.iter().map(String::as_str).chain(FIELDS.iter().copied());
    let best = candidates
        .map(|candidate| (distance(key, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= key.len().max(candidate.len()) / 3 || candidate.ends_with(key))
        .min();
    match best {
        Some((_, candidate)) => format!("no span has the attribute {key:?}; did you mean {candidate:?}?"),
        None => format!("no span has the attribute {key:?}; `planoai trace -v` shows those that are there"),
    }
}

/// Levenshtein's distance over bytes, of keys of at most 256.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 256 || right.len() > 256 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let cost = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::model::{Attribute, Resource, Status};

    fn span() -> Span {
        let attribute = |key: &str, value| Attribute { key: key.into(), value };
        Span {
            name: "POST /v1/chat/completions gpt-4o".into(),
            kind: 3,
            service: "plano(llm)".into(),
            start_time_unix_nano: 1_000_000,
            end_time_unix_nano: 1_501_000_000,
            status: Status {
                code: 2,
                message: "late".into(),
            },
            attributes: vec![
                attribute("llm.model", Value::Str("gpt-4o".into())),
                attribute("n", Value::Int(225)),
                attribute("score", Value::Double(0.5)),
                attribute("text.number", Value::Str("42".into())),
                attribute("llm.is_streaming", Value::Bool(true)),
                attribute(
                    "tools",
                    Value::Array(vec![Value::Str("a".into()), Value::Str("b".into())]),
                ),
                attribute("name", Value::Str("an attribute".into())),
            ],
            resource: Resource {
                attributes: vec![attribute("deployment.environment", Value::Str("prod".into()))],
            },
            ..Span::default()
        }
    }

    fn check(text: &str, expected: bool) {
        let condition = Condition::parse(text).expect(text);
        assert_eq!(condition.holds(&span()), expected, "{text}");
    }

    #[test]
    fn conditions_hold_or_not() {
        for (text, expected) in [
            ("llm.model=gpt-4o", true),
            ("llm.model=gpt", false),
            ("llm.model = gpt-4o", true),
            ("llm.model!=gpt-4o", false),
            ("llm.model!=gpt", true),
            ("absent!=x", false),
            ("llm.model~^gpt-4", true),
            ("llm.model~mini$", false),
            ("llm.model~a=b|o$", true),
            ("n=225", true),
            ("n=225.0", true),
            ("n>224", true),
            ("n>225", false),
            ("n>=225", true),
            ("n<226", true),
            ("n<=224", false),
            ("score>=0.5", true),
            ("score=0.50", true),
            ("text.number>41", true),
            ("llm.model>1", false),
            ("llm.is_streaming=true", true),
            ("tools=b", true),
            ("tools!=b", false),
            ("tools!=c", true),
            ("deployment.environment=prod", true),
            ("service.name=plano(llm)", true),
            ("service=plano(llm)", true),
            ("status=error", true),
            ("kind=client", true),
            ("error=true", true),
            ("name~gpt", true),
            ("name=an attribute", true),
            ("duration>1s", true),
            ("duration=1.5s", true),
            ("duration>=1500", true),
            ("duration>2s", false),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn what_is_no_condition_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "no operator"),
            ("llm.model", "no operator"),
            ("=x", "key is empty"),
            ("a b=x", "white space"),
            ("key=", "value is empty"),
            ("n>many", "no number"),
            ("n>NaN", "no number"),
            ("n>5s", "no number"),
            ("duration>long", "500ms"),
            ("key~(", "unclosed"),
        ] {
            let error = Condition::parse(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn an_unknown_key_is_answered_with_a_near_one() {
        let known: BTreeSet<String> = ["llm.model", "llm.provider", "http.method"].map(String::from).into();
        for (key, expected) in [
            ("llm.modle", "did you mean \"llm.model\"?"),
            ("model", "did you mean \"llm.model\"?"),
            ("duraton", "did you mean \"duration\"?"),
            ("zzz", "-v` shows"),
        ] {
            let error = unknown_key(key, &known);
            assert!(error.contains(expected), "{error}");
        }
    }
}
