//! One condition on a trace: `KEY=VALUE`, `KEY!=V`, `KEY>N`, `KEY>=N`, `KEY<N`, `KEY<=N`, `KEY~REGEX`, met by any span of it; with
//! `!` before it, by none. Keys are those of span and resource attributes, and what every span has ([`FIELDS`]).

use std::{borrow::Cow, collections::BTreeSet};

use regex::Regex;

use super::{
    facts,
    model::{Span, Trace, Value},
};
use crate::values::civil::Civil;

/// Keys that stand beside the attributes, whatever an emitter calls them: of the span, and of what it tells in one of many ways.
pub(super) const FIELDS: &[&str] = &[
    "duration",
    "error",
    "flagged",
    "kind",
    "model",
    "name",
    "quality",
    "service",
    "service.name",
    "session",
    "status",
    "time",
    TRACE_DURATION,
];

/// The one key that is the trace's and no span's: from its earliest start to its latest end.
const TRACE_DURATION: &str = "trace.duration";

/// One `--where`, or one term of a [`super::Filter`].
#[derive(Debug, Clone)]
pub struct Condition {
    /// The key on the left; empty for text that may stand anywhere.
    pub key: String,
    test: Test,
    /// Whether no span may meet it.
    negated: bool,
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
    /// Lower-case text that a name or a value holds.
    Contains(String),
}

/// Longer ones first, so that `>=` is not read as `>`.
const OPERATORS: &[&str] = &["!=", ">=", "<=", "=", ">", "<", "~"];

impl Condition {
    /// Reads one condition.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Condition, String> {
        let whole = text;
        let fault = |why: &str| {
            format!(
                "invalid condition {whole:?}: {why}; write KEY=VALUE, KEY!=VALUE, KEY>NUMBER, KEY>=NUMBER or KEY~REGEX"
            )
        };
        let (negated, text) = match text.trim_start().strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if let "flagged" | "error" = text.trim() {
            let (key, test) = (text.trim().to_owned(), Test::Equal("true".to_owned()));
            return Ok(Condition { key, test, negated });
        }
        let found = text.char_indices().find_map(|(at, _)| {
            let operator = OPERATORS.iter().find(|operator| text[at..].starts_with(**operator))?;
            Some((at, *operator))
        });
        let (at, operator) = found.ok_or_else(|| fault("there is no operator in it"))?;
        let key = text[..at].trim();
        let value = text[at + operator.len()..].trim();
        if key.is_empty() || key.starts_with('!') || key.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(fault("the key is empty, or holds white space or a second `!`"));
        }
        if value.is_empty() {
            return Err(fault("the value is empty"));
        }
        let bound = || match number(key, value) {
            Some(number) => Ok(number),
            None if key == "time" => Err(fault("compare a time with one like 2026-11-23T12:44:26Z or 2026-11-23")),
            None if key == "duration" || key == TRACE_DURATION => {
                Err(fault("compare a duration with 500ms, 2s or a number of milliseconds"))
            }
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
            negated,
        })
    }

    /// That a name, a service or a value holds this text, in any case of letters.
    pub(super) fn contains(text: &str) -> Condition {
        let (negated, text) = match text.strip_prefix('!') {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, text),
        };
        Condition {
            key: String::new(),
            test: Test::Contains(text.to_lowercase()),
            negated,
        }
    }

    /// Whether there is an operator in the text, so that it must be a condition.
    pub(super) fn has_operator(text: &str) -> bool {
        let text = text.strip_prefix('!').unwrap_or(text);
        OPERATORS.iter().any(|operator| text.contains(operator))
    }

    /// Whether no span may meet it.
    pub(super) fn is_negated(&self) -> bool {
        self.negated
    }

    /// Whether the trace meets it.
    pub fn selects(&self, trace: &Trace) -> bool {
        let holds = if self.key == TRACE_DURATION {
            let (start, end) = trace.bounds();
            self.passes(&Value::Double((end - start) as f64 / 1e6))
        } else {
            trace.spans.iter().any(|span| self.holds(span))
        };
        holds != self.negated
    }

    /// Whether the span has the key.
    pub fn knows(&self, span: &Span) -> bool {
        self.key.is_empty() || FIELDS.contains(&self.key.as_str()) || values(span, &self.key).next().is_some()
    }

    /// Whether the span has the key with a value that passes, whatever the trace then makes of it.
    fn holds(&self, span: &Span) -> bool {
        match &self.test {
            Test::Contains(text) => says(span, text),
            _ => values(span, &self.key).any(|value| self.passes(&value)),
        }
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
            Test::Contains(text) => value.text().to_lowercase().contains(text),
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

/// A number; for `duration` also one with a unit, in milliseconds; for `time` a date, in seconds since the Unix epoch.
fn number(key: &str, text: &str) -> Option<f64> {
    let plain = || text.parse::<f64>().ok().filter(|number| number.is_finite());
    match key {
        "time" => Civil::parse(text).map(|nanos| nanos as f64 / 1e9),
        "duration" | TRACE_DURATION => plain().or_else(|| {
            let duration = crate::values::duration::parse(text).ok()?;
            Some(duration.as_secs_f64() * 1e3)
        }),
        _ => plain(),
    }
}

/// Whether a name or a value of the span holds the lower-case text.
fn says(span: &Span, text: &str) -> bool {
    let holds = |place: &str| place.to_lowercase().contains(text);
    let events = span.events.iter().flat_map(|event| &event.attributes);
    let attributes = span.attributes.iter().chain(&span.resource.attributes).chain(events);
    let names = [&span.name, &span.service, &span.status.message];
    names.into_iter().any(|name| holds(name))
        || span.events.iter().any(|event| holds(&event.name))
        || attributes.into_iter().any(|attribute| holds(&attribute.value.text()))
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
        "flagged" => Some(Value::Bool(facts::is_flagged(span))),
        "model" => facts::model(span).map(Value::Str),
        "quality" => facts::quality(span).map(|quality| Value::Str(quality.name().to_owned())),
        "session" => facts::session(span).map(Value::Str),
        "time" => Some(Value::Double(span.start_time_unix_nano as f64 / 1e9)),
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
                attribute("session.id", Value::Str("s-1".into())),
            ],
            resource: Resource {
                attributes: vec![attribute("deployment.environment", Value::Str("prod".into()))],
            },
            ..Span::default()
        }
    }

    fn check(text: &str, expected: bool) {
        let condition = Condition::parse(text).expect(text);
        let trace = Trace {
            spans: vec![span()],
            ..Trace::default()
        };
        assert_eq!(condition.selects(&trace), expected, "{text}");
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
            ("trace.duration>=1.5s", true),
            ("trace.duration>1.5s", false),
            ("!llm.model=gpt-4o", false),
            ("!llm.model=gpt", true),
            ("!duration>2s", true),
            ("flagged", false),
            ("!flagged", true),
            ("flagged=false", true),
            ("error", true),
            ("model=gpt-4o", true),
            ("session=s-1", true),
            ("quality=Severe", false),
            ("time>=1970-01-01", true),
            ("time<1970-01-01T00:00:01Z", true),
            ("time>1970-01-02T00:00:00+01:00", false),
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
            ("!!key=x", "second `!`"),
            ("n>many", "no number"),
            ("n>NaN", "no number"),
            ("n>5s", "no number"),
            ("duration>long", "500ms"),
            ("trace.duration>long", "500ms"),
            ("time>noon", "2026-11-23T12:44:26Z"),
            ("time>5", "2026-11-23T12:44:26Z"),
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
            ("llm.providers", "did you mean \"llm.provider\"?"),
            ("provider", "did you mean \"llm.provider\"?"),
            ("duraton", "did you mean \"duration\"?"),
            ("zzz", "-v` shows"),
        ] {
            let error = unknown_key(key, &known);
            assert!(error.contains(expected), "{error}");
        }
    }
}
