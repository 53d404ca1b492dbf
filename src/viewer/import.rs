//! Traces out of JSON that somebody kept: OTLP/JSON, and what `planoai trace` prints with `--json` and `--format jsonl`. All
//! become the same wire bytes that a receiver would make of them. Refuses what is none of these, with what would be right.

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::otlp::{
    TraceBatch, Validated,
    json::{self, JsonError},
};

/// What a JSON document holds.
#[derive(Debug)]
pub enum Document {
    /// Spans.
    Spans(Validated),
    /// Metrics or logs, as the Collector writes them to the same kind of file.
    OtherSignal,
}

/// Reads a JSON document.
///
/// # Errors
/// Where in it something is wrong, and what would be right.
pub fn read_document(text: &str) -> Result<Document, JsonError> {
    let Keys(keys) = serde_json::from_str(text).unwrap_or_default();
    let has = |key: &str| keys.iter().any(|known| known == key);
    if has("resourceSpans") || has("resource_spans") || keys.is_empty() {
        return json::read(text.as_bytes()).map(Document::Spans);
    }
    if has("traces") {
        return Traces::read(text).map(Document::Spans);
    }
    if has("spans") {
        let mut traces = Traces::default();
        traces.add(text, "")?;
        return Ok(Document::Spans(traces.into_validated()));
    }
    if ["resourceMetrics", "resourceLogs", "resourceProfiles"]
        .iter()
        .any(|key| has(key))
    {
        return Ok(Document::OtherSignal);
    }
    let reason = match has("trace_ids") {
        true => "these are ids only; `planoai trace --json` without --list has the spans".to_owned(),
        false => {
            r#"no traces; those are {"resourceSpans":[…]}, {"traces":[…]} or {"trace_id":…,"spans":[…]}"#.to_owned()
        }
    };
    let path = keys.first().cloned().unwrap_or_default();
    Err(JsonError { path, reason })
}

/// The keys of an object; none of anything else.
#[derive(Default)]
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Keys, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Keys;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some(key) = map.next_key()? {
                    map.next_value::<de::IgnoredAny>()?;
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// What stands around a span in the viewer's JSON. The span itself is one of OTLP/JSON, with more fields.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Around<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    service: Option<String>,
}

#[derive(Default)]
struct Traces {
    batch: TraceBatch,
    rejected: usize,
    reason: String,
}

impl Traces {
    /// `{"traces":[…]}`, whose newest trace stands first: read from the end, so that the newest arrives last.
    fn read(text: &str) -> Result<Validated, JsonError> {
        #[derive(Deserialize)]
        struct Whole<'a> {
            #[serde(borrow)]
            traces: Vec<&'a RawValue>,
        }
        let whole: Whole<'_> = serde_json::from_str(text).map_err(|error| fault("traces", &error))?;
        let mut traces = Traces::default();
        for (index, trace) in whole.traces.iter().enumerate().rev() {
            traces.add(trace.get(), &format!("traces[{index}]."))?;
        }
        Ok(traces.into_validated())
    }

    /// `{"trace_id":…,"spans":[…]}`; `at` stands before the path of a fault.
    fn add(&mut self, text: &str, at: &str) -> Result<(), JsonError> {
        #[derive(Deserialize)]
        struct Trace<'a> {
            #[serde(borrow)]
            spans: Vec<&'a RawValue>,
        }
        let trace: Trace<'_> = serde_json::from_str(text).map_err(|error| fault(&format!("{at}spans"), &error))?;
        let mut request = Request::default();
        for (index, span) in trace.spans.iter().enumerate() {
            let around: Around<'_> =
                serde_json::from_str(span.get()).map_err(|error| fault(&format!("{at}spans[{index}]"), &error))?;
            request.add(index, span.get(), &around);
        }
        let read = json::read(request.text().as_bytes()).map_err(|error| JsonError {
            path: format!("{at}{}", request.path(&error.path)),
            ..error
        })?;
        if self.rejected == 0 {
            self.reason = read.reason;
        }
        self.rejected += read.rejected_spans;
        self.batch.append(read.batch);
        Ok(())
    }

    fn into_validated(self) -> Validated {
        Validated {
            batch: self.batch,
            rejected_spans: self.rejected,
            reason: self.reason,
        }
    }
}

fn fault(path: &str, error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    JsonError {
        path: path.to_owned(),
        reason: text.split(" at line ").next().unwrap_or_default().to_owned(),
    }
}

/// OTLP/JSON made of spans: those that follow each other under the same resource and scope stand together.
#[derive(Default)]
struct Request {
    parts: Vec<Part>,
}

struct Part {
    /// Number of its first span.
    first: usize,
    head: String,
    spans: String,
}

impl Request {
    fn add(&mut self, index: usize, span: &str, around: &Around<'_>) {
        let resource = match (around.resource, &around.service) {
            (Some(resource), _) => resource.get().to_owned(),
            (None, Some(service)) if service != "unknown" => {
                let name = serde_json::Value::from(service.as_str());
                format!(r#"{{"attributes":[{{"key":"service.name","value":{{"stringValue":{name}}}}}]}}"#)
            }
            _ => "{}".to_owned(),
        };
        let scope = around.scope.map_or("{}", RawValue::get);
        let head = format!(r#"{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":["#);
        match self.parts.last_mut() {
            Some(part) if part.head == head => {
                part.spans.push(',');
                part.spans.push_str(span);
            }
            _ => self.parts.push(Part {
                first: index,
                head,
                spans: span.to_owned(),
            }),
        }
    }

    fn text(&self) -> String {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|part| format!("{}{}]}}]}}", part.head, part.spans))
            .collect();
        format!(r#"{{"resourceSpans":[{}]}}"#, parts.join(","))
    }

    /// Where in the list of spans it is what the made text has at that path.
    fn path(&self, made: &str) -> String {
        let found = || {
            let (part, rest) = made.strip_prefix("resourceSpans[")?.split_once(']')?;
            let first = self.parts.get(part.parse::<usize>().ok()?)?.first;
            let Some(rest) = rest.strip_prefix(".scopeSpans[0]") else {
                return Some(format!("spans[{first}]{rest}"));
            };
            let Some((number, rest)) = rest.strip_prefix(".spans[").and_then(|rest| rest.split_once(']')) else {
                return Some(format!("spans[{first}]{rest}"));
            };
            let index = first + number.parse::<usize>().ok()?;
            Some(format!("spans[{index}]{rest}"))
        };
        found().unwrap_or_else(|| "spans".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pipeline::Sink,
        viewer::{Limits, Query, Store, Trace, to_text},
    };

    fn held(batch: TraceBatch) -> Vec<Trace> {
        let store = Store::new(Limits::default());
        store.take(batch);
        Query::default()
            .answer(&store.newest_first(), 0)
            .expect("an answer")
            .traces
    }

    fn spans(text: &str) -> Validated {
        match read_document(text) {
            Ok(Document::Spans(read)) => read,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_the_viewer_prints_can_be_read_again() {
        let text = include_str!("../../docs/examples/conversation.json");
        let more = text
            .replace("7f4e9a1c", "7f4e9a1d")
            .replace("customer-support-agent", "shop");
        let mut batch = spans(text).batch;
        batch.append(spans(&more).batch);
        let first = held(batch);
        assert_eq!(first.len(), 2);
        let again = held(spans(&to_text(&first)).batch);
        assert_eq!(again, first, "the order of the traces too");
        let line = serde_json::to_string(&first[0]).expect("plain data");
        assert_eq!(held(spans(&line).batch), first[..1]);
    }

    #[test]
    fn the_service_stands_for_a_resource_that_is_not_there() {
        let span = r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x""#;
        for (more, service) in [
            (r#","service":"a\"b""#, "a\"b"),
            (r#","service":"unknown""#, "unknown"),
            ("", "unknown"),
        ] {
            let text = format!(r#"{{"traces":[{{"trace_id":"x","spans":[{{{span}{more}}}]}}]}}"#);
            let traces = held(spans(&text).batch);
            assert_eq!(traces[0].spans[0].service, service, "{more}");
            assert_eq!(
                traces[0].spans[0].resource.attributes.len(),
                usize::from(service != "unknown")
            );
        }
    }

    fn check_refused(text: &str, expected: &str) {
        let error = read_document(text).expect_err(text);
        assert_eq!(format!("{}: {}", error.path, error.reason), expected, "{text}");
    }

    #[test]
    fn faults_name_the_place_and_what_would_be_right() {
        let shapes = r#"no traces; those are {"resourceSpans":[…]}, {"traces":[…]} or {"trace_id":…,"spans":[…]}"#;
        check_refused(r#"{"messages":[]}"#, &format!("messages: {shapes}"));
        check_refused(
            r#"{"trace_ids":["a"]}"#,
            "trace_ids: these are ids only; `planoai trace --json` without --list has the spans",
        );
        check_refused(
            r#"{"resource_spans":[]}"#,
            r#"resource_spans: OTLP/JSON spells this key "resourceSpans""#,
        );
        check_refused(
            "[]",
            r#"the top level: an array, but a request is an object: {"resourceSpans": [...]}"#,
        );
        check_refused(
            r#"{"traces":7}"#,
            "traces: invalid type: integer `7`, expected a sequence",
        );
        check_refused(r#"{"traces":[{}]}"#, "traces[0].spans: missing field `spans`");
        let one = r#"{"resource":{},"scope":{"name":"a"}}"#;
        let two = |bad: &str| format!(r#"{{"traces":[{{"spans":[{one},{one},{{"scope":{{"name":"b"}}}},{bad}]}}]}}"#);
        check_refused(
            &two(r#"{"scope":{"name":"b"},"kind":"CLIENT"}"#),
            "traces[0].spans[3].kind: \"CLIENT\" is none of SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, \
             SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER",
        );
        check_refused(
            &two(r#"{"resource":7}"#),
            "traces[0].spans[3].resource: expected an object, got a number",
        );
        check_refused(
            &two(r#"{"scope":{"name":7}}"#),
            "traces[0].spans[3].scope.name: expected a string, got a number",
        );
        let rejected = spans(r#"{"spans":[{"name":"x"}]}"#);
        assert_eq!((rejected.batch.span_count(), rejected.rejected_spans), (0, 1));
        assert!(rejected.reason.contains("trace_id"), "{}", rejected.reason);
    }

    #[test]
    fn metrics_and_logs_are_told_from_traces() {
        for text in [r#"{"resourceMetrics":[]}"#, r#"{"resourceLogs":[{}]}"#] {
            assert!(matches!(read_document(text), Ok(Document::OtherSignal)), "{text}");
        }
        assert_eq!(spans("{}").batch.span_count(), 0);
    }
}
