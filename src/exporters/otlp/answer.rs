//! How an OTLP server's answer is read: what it rejected although it said yes, and which of its refusals may be tried again.
//! Pure but for the counter and the log of partial successes. Refusals nobody knows are final, as in the Collector.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{info, warn};

use crate::{
    exporters::http::Rejections,
    net::{
        grpc::{Code, Field, Fields},
        grpc_client::CallError,
        http_client::MESSAGE_LIMIT,
    },
    pipeline::{ComponentId, ExportError},
    values::foreign::harmless,
};

/// What a server rejected of a request that it accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Partial {
    /// Spans that it rejected.
    pub(super) rejected_spans: u64,
    /// Why, or a warning where it rejected none.
    pub(super) message: String,
}

impl Partial {
    /// Reads an `ExportTraceServiceResponse`. What is no such message says nothing.
    pub(super) fn read_proto(reply: &[u8]) -> Partial {
        let mut partial = Partial::default();
        for field in Fields(reply).flatten() {
            let (1, Field::Bytes(inner)) = field else { continue };
            for field in Fields(inner).flatten() {
                match field {
                    (1, Field::Number(n)) => partial.rejected_spans = u64::try_from(n.cast_signed()).unwrap_or(0),
                    (2, Field::Bytes(text)) => {
                        partial.message = harmless(&String::from_utf8_lossy(text), MESSAGE_LIMIT)
                    }
                    _ => {}
                }
            }
        }
        partial
    }

    /// Reads the body of a success over HTTP; `None` where it is no `ExportTraceServiceResponse`. An empty body is one in
    /// every encoding.
    pub(super) fn read_http(content_type: &str, reply: &[u8]) -> Option<Partial> {
        if reply.is_empty() {
            return Some(Partial::default());
        }
        if content_type.starts_with("application/x-protobuf") {
            let is_one = Fields(reply)
                .all(|field| matches!(field, Some((tag, field)) if tag != 1 || matches!(field, Field::Bytes(_))));
            return is_one.then(|| Partial::read_proto(reply));
        }
        let json = Some(content_type).filter(|kind| kind.starts_with("application/json"));
        let reply: serde_json::Value = json.and_then(|_| serde_json::from_slice(reply).ok())?;
        reply.is_object().then(|| Partial::of_json(&reply))
    }

    fn of_json(reply: &serde_json::Value) -> Partial {
        let partial = &reply["partialSuccess"];
        let rejected = &partial["rejectedSpans"];
        Partial {
            rejected_spans: rejected
                .as_u64()
                .or_else(|| rejected.as_str()?.parse().ok())
                .unwrap_or(0),
            message: harmless(partial["errorMessage"].as_str().unwrap_or_default(), MESSAGE_LIMIT),
        }
    }
}

/// Counts and logs partial successes of one exporter, and logs successes that are no OTLP.
pub(super) struct Partials {
    id: ComponentId,
    rejections: Rejections,
    /// Whether the last success was no OTLP: the log tells the changes, not every answer.
    foreign: AtomicBool,
}

impl Partials {
    /// The counter is made under the metrics recorder that is current now.
    pub(super) fn new(id: ComponentId) -> Partials {
        Partials {
            rejections: Rejections::new(id.clone()),
            id,
            foreign: AtomicBool::new(false),
        }
    }

    /// Takes note of the body of a success over HTTP. One that is no OTLP is still a success, as in the Collector, but it
    /// may well come from a web server that knows nothing of traces.
    pub(super) fn note_http(&self, content_type: &str, reply: &[u8]) {
        let partial = Partial::read_http(content_type, reply);
        let foreign = partial.is_none();
        if self.foreign.swap(foreign, Ordering::Relaxed) != foreign {
            if foreign {
                warn!(
                    exporter = %self.id,
                    content_type = harmless(content_type, MESSAGE_LIMIT),
                    "the server says success, but not in OTLP: it may not take traces; check the endpoint"
                );
            } else {
                info!(exporter = %self.id, "the server answers in OTLP again");
            }
        }
        if let Some(partial) = partial {
            self.note(&partial);
        }
    }

    /// Takes note; nothing where the server accepted everything without a word.
    pub(super) fn note(&self, partial: &Partial) {
        if *partial != Partial::default() {
            let what = "the server accepted a request only in part";
            self.rejections.note(partial.rejected_spans, &partial.message, what);
        }
    }
}

/// The engine's view of a failed gRPC call: the specification's retryable codes, RESOURCE_EXHAUSTED only with `RetryInfo`.
pub(super) fn of_call(error: CallError) -> ExportError {
    let after = error.retry_after;
    let retryable = match error.code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => after.is_some(),
        _ => false,
    };
    if retryable {
        ExportError::Retry {
            after,
            source: error.into(),
        }
    } else {
        ExportError::Refused { source: error.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exporters::testing::json_log;

    fn describe(error: &ExportError) -> (bool, Option<Duration>, String) {
        match error {
            ExportError::Retry { after, .. } => (true, *after, error.to_string()),
            ExportError::Refused { .. } | ExportError::TooLarge { .. } => (false, None, error.to_string()),
        }
    }

    #[test]
    fn every_grpc_code_has_its_class() {
        let retryable = [1, 4, 10, 11, 14, 15];
        for number in 1..=17 {
            for retry_after in [None, Some(Duration::from_secs(3))] {
                let mut error = CallError::new(Code::from_number(number), "why");
                error.retry_after = retry_after;
                let (retry, after, text) = describe(&of_call(error));
                let expected = retryable.contains(&number) || (number == 8 && retry_after.is_some());
                assert_eq!(retry, expected, "code {number}, RetryInfo {retry_after:?}");
                assert_eq!(after, retry_after.filter(|_| expected), "code {number}");
                assert!(text.ends_with(": why"), "{text}");
            }
        }
    }

    #[test]
    fn partial_success_in_both_encodings() {
        let check = |found: Partial, rejected_spans: u64, message: &str| {
            assert_eq!(
                (found.rejected_spans, found.message.as_str()),
                (rejected_spans, message)
            );
        };
        check(Partial::read_proto(&[]), 0, "");
        check(Partial::read_proto(&[10, 6, 8, 3, 18, 2, b'n', b'o']), 3, "no");
        check(Partial::read_proto(&[10, 4, 18, 2, b'\x1b', b'o']), 0, " o");
        check(Partial::read_proto(b"<html>"), 0, "");
        let json = |text: &str| Partial::read_http("application/json; charset=utf-8", text.as_bytes()).expect("OTLP");
        check(
            json(r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#),
            3,
            "no",
        );
        check(json(r#"{"partialSuccess":{"rejectedSpans":4}}"#), 4, "");
        check(json("{}"), 0, "");
    }

    #[test]
    fn a_success_that_is_no_otlp_is_told_once() {
        let (proto, html) = ("application/x-protobuf", "text/html; charset=utf-8");
        let partials = partials();
        let check = |content_type: &str, reply: &str, expected: &str| {
            let log = json_log(|| partials.note_http(content_type, reply.as_bytes()));
            assert_eq!(log.is_empty(), expected.is_empty(), "{log}");
            assert!(log.contains(expected), "{log}");
        };
        check(html, "", "");
        check(html, "<html>", r#""content_type":"text/html; charset=utf-8""#);
        check(proto, "<html>", "");
        check("application/json", "[]", "");
        check("", "thanks", "");
        check(proto, "", "in OTLP again");
        check("application/json", r#"{"message":"added"}"#, "");
        check("application/json", "no JSON", "not in OTLP");
    }

    fn partials() -> Partials {
        Partials::new(ComponentId {
            kind: "otlp_grpc".to_owned(),
            name: String::new(),
        })
    }

    #[test]
    fn a_line_about_a_partial_success_names_each_field_once() {
        let partial = Partial {
            rejected_spans: 3,
            message: "no".to_owned(),
        };
        let log = json_log(|| partials().note(&partial));
        assert_eq!(log.matches("\"message\":").count(), 1, "{log}");
        assert!(log.contains(r#""reason":"no""#), "{log}");
    }
}
