//! The questions of the page's API, read from an address. Whatever is not understood is refused with what would be right.

use super::{answer::Fault, params::Params};
use crate::viewer::query::{Query, Target, View};

/// A question.
#[derive(Debug, PartialEq)]
pub(super) enum Ask {
    /// `/api/info`: the listener and its limits.
    Info,
    /// `/api/keys`: what a filter may name.
    Keys,
    /// `/api/live`: news, as they come.
    Live,
    /// `/api/traces`: a page of the list.
    Traces(Query),
    /// `/api/sessions`: the sessions of the traces that match.
    Sessions(Query),
    /// `/api/traces/{id}`: one trace, without what its spans say in full.
    Outline(String),
    /// `/api/traces/{id}/spans/{span_id}`: one span in full.
    Span(SpanPlace),
    /// `/api/traces/{id}/download`: one trace as a file.
    Download(String, Form),
}

/// Where a span is.
#[derive(Debug, PartialEq)]
pub(super) struct SpanPlace {
    /// The trace that it is shown in, or the start of its id.
    pub(super) trace: String,
    pub(super) span_id: String,
    /// Its own trace id, where the trace is joined of several.
    pub(super) trace_id: Option<String>,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As `planoai trace --json` prints it.
    Json,
    /// OTLP/JSON.
    Otlp,
}

impl Ask {
    /// Reads a path below `/api` and what stands behind its `?`.
    ///
    /// # Errors
    /// No such path; parameters that are not understood.
    pub(super) fn parse(path: &str, query: Option<&str>) -> Result<Ask, Fault> {
        let parts: Vec<&str> = path.strip_prefix("/api/").unwrap_or_default().split('/').collect();
        let params = |known: &[&str]| Params::read(query, known);
        Ok(match parts[..] {
            ["info"] => params(&[]).map(|_| Ask::Info)?,
            ["keys"] => params(&[]).map(|_| Ask::Keys)?,
            ["live"] => params(&[]).map(|_| Ask::Live)?,
            ["traces"] => {
                let params = params(&["filter", "flagged", "since", "limit", "cursor", "newer_than"])?;
                Ask::Traces(Query {
                    limit: params.number("limit")?,
                    cursor: params.number("cursor")?,
                    newer_than: params.number("newer_than")?,
                    ..selection(&params)?
                })
            }
            ["sessions"] => Ask::Sessions(selection(&params(&["filter", "flagged", "since"])?)?),
            ["traces", id] => {
                params(&[])?;
                Ask::Outline(trace(id)?)
            }
            ["traces", id, "spans", span_id] => {
                let params = params(&["trace_id"])?;
                Ask::Span(SpanPlace {
                    trace: trace(id)?,
                    span_id: hex("span id", span_id, 16)?,
                    trace_id: params.text("trace_id").map(|id| hex("trace id", id, 32)).transpose()?,
                })
            }
            ["traces", id, "download"] => {
                let params = params(&["format"])?;
                let form = match params.text("format") {
                    None | Some("json") => Form::Json,
                    Some("otlp") => Form::Otlp,
                    Some(text) => return Err(Fault::unclear(format!("format is {text:?}; it must be json or otlp"))),
                };
                Ask::Download(trace(id)?, form)
            }
            _ => {
                let served = "/api/info, /api/keys, /api/live, /api/sessions, /api/traces, /api/traces/ID, \
                              /api/traces/ID/spans/SPAN_ID and /api/traces/ID/download";
                return Err(Fault::absent(format!("no such path; served are {served}")));
            }
        })
    }
}

/// Which traces a list is about.
fn selection(params: &Params) -> Result<Query, Fault> {
    Ok(Query {
        filter: params.text("filter").unwrap_or_default().to_owned(),
        flagged: params.flag("flagged")?,
        since: params.text("since").map(str::to_owned),
        view: View::Summary,
        ..Query::default()
    })
}

/// A trace id, or the start of one.
fn trace(text: &str) -> Result<String, Fault> {
    match text.parse() {
        Ok(Target::Id(id)) => Ok(id),
        _ => Err(Fault::unclear(format!(
            "{text:?} is no trace id; write 32 hex digits, or the first 4 or more"
        ))),
    }
}

fn hex(what: &str, text: &str, digits: usize) -> Result<String, Fault> {
    if text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Fault::unclear(format!(
        "{text:?} is no {what}; it has {digits} hex digits"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: &str) {
        let (path, query) = match address.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (address, None),
        };
        let shown = match Ask::parse(path, query) {
            Ok(Ask::Traces(query) | Ask::Sessions(query)) => serde_json::to_string(&query).expect("plain data"),
            read => format!("{read:?}"),
        };
        assert!(shown.contains(expected), "{address}: {shown}");
    }

    #[test]
    fn addresses_are_questions() {
        check("/api/info", "Ok(Info)");
        check("/api/traces", r#""filter":"","flagged":false,"limit":null"#);
        check(
            "/api/traces?filter=status%3Derror+duration%3E2s&flagged=true&since=5m&limit=7&cursor=9&newer_than=3",
            r#""since":"5m","filter":"status=error duration>2s","flagged":true,"limit":7,"cursor":9,"newer_than":3,"view":"summary""#,
        );
        check("/api/sessions?filter=&flagged=", r#""filter":"","flagged":false"#);
        check("/api/traces/7F4E", r#"Outline("7f4e")"#);
        check(
            "/api/traces/7f4e/spans/00F067aa0ba902b7?trace_id=4bf92f3577b34da6a3ce929d0e0e4736",
            r#"span_id: "00f067aa0ba902b7", trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736")"#,
        );
        check("/api/traces/7f4e/download", "Json");
        check("/api/traces/7f4e/download?format=otlp", "Otlp");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for nowhere in [
            "/api",
            "/api/",
            "/api/nothing",
            "/api/info/",
            "/api/traces/../../etc/passwd",
            "/api/traces/7f4e/spans",
            "/api//traces",
            "/api/api/info",
            "/api/traces/7f4e/spans/0/0",
        ] {
            check(nowhere, "404");
        }
        for unclear in [
            "/api/traces/",
            "/api/traces/7f4",
            "/api/traces/..",
            "/api/traces/%2e%2e",
            "/api/traces/last",
            "/api/traces/<script>",
            "/api/traces/7f4e/spans/xyz",
            "/api/traces/7f4e/spans/00f067aa0ba902b",
            "/api/traces/7f4e/spans/00f067aa0ba902b7?trace_id=7",
            "/api/traces/7f4e/download?format=xml",
            "/api/traces?limit=many",
            "/api/traces?where=x",
            "/api/traces/7f4e?filter=x",
            "/api/sessions?limit=1",
            "/api/info?x",
        ] {
            check(unclear, "400");
        }
    }
}
