//! How X-Ray's answers are read: what it took, what of it was refused, and which failures may pass. Pure. A success that is none of
//! X-Ray's, as of a proxy's login page, is a failure.

use std::time::SystemTime;

use ::http::{HeaderName, StatusCode, header};
use anyhow::anyhow;
use serde_json::Value;

use crate::{exporters::http::refusal, net::http_client::Answer, pipeline::ExportError, values::foreign::harmless};

/// Longest text of X-Ray that is kept, in characters.
const TEXT_LIMIT: usize = 300;

/// Clocks that differ by less are not worth a word, in seconds. AWS refuses signatures from five minutes on.
const SKEW: u64 = 60;

/// Statuses that may pass.
const RETRYABLE: &[u16] = &[408, 425, 429, 500, 502, 503, 504];

/// What became of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// X-Ray has all of it.
    Taken,
    /// X-Ray has all but so many segments.
    InPart {
        segments: u64,
        /// Why, of the first one.
        reason: String,
    },
    /// X-Ray has nothing of it, or what is left may be sent again.
    Failed {
        error: ExportError,
        /// The credentials may be at fault, and others in their place.
        is_stale: bool,
    },
}

/// Reads an answer that came at `now`.
pub(super) fn read(answer: &Answer, now: SystemTime) -> Outcome {
    if answer.status.is_success() {
        return taken(answer);
    }
    let code = code(answer);
    let told = |source: String| match code.as_str() {
        "" => anyhow!("X-Ray answered HTTP {}{source}", answer.status),
        code => anyhow!("X-Ray answered HTTP {} {code}{source}", answer.status),
    };
    let message = match answer.message().as_str() {
        "" => String::new(),
        text => format!(": {text}"),
    };
    let failed = |error| Outcome::Failed { error, is_stale: false };
    let retry = |source| ExportError::Retry {
        after: answer.retry_after(),
        source,
    };
    if answer.status.is_redirection() {
        return failed(refusal(answer, &[]));
    }
    if answer.status == StatusCode::PAYLOAD_TOO_LARGE {
        return failed(ExportError::TooLarge { source: told(message) });
    }
    if is_passing(&code) || RETRYABLE.contains(&answer.status.as_u16()) || answer.status.is_server_error() {
        return failed(retry(told(message)));
    }
    if is_late(&code, &message) {
        let error = retry(told(format!("{message}{}", clock(answer, now))));
        return Outcome::Failed { error, is_stale: true };
    }
    // Credentials that may not do this are known well: others would be no newer.
    let is_unknown = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let is_stale = is_unknown && !code.contains("AccessDenied");
    let error = ExportError::Refused {
        source: told(format!("{message}{}", advice(&code))),
    };
    Outcome::Failed { error, is_stale }
}

fn taken(answer: &Answer) -> Outcome {
    let body = serde_json::from_slice::<Value>(&answer.body).ok().filter(is_of_xray);
    let Some(body) = body else {
        let source = anyhow!(
            "HTTP {} came, but not from X-Ray (a proxy?): {}",
            answer.status,
            harmless(&String::from_utf8_lossy(&answer.body), TEXT_LIMIT)
        );
        let error = ExportError::Retry { after: None, source };
        return Outcome::Failed { error, is_stale: false };
    };
    let unprocessed = body["UnprocessedTraceSegments"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let Some(first) = unprocessed.first() else {
        return Outcome::Taken;
    };
    let text = |segment: &Value, key: &str| harmless(segment[key].as_str().unwrap_or_default(), TEXT_LIMIT);
    let passing = unprocessed
        .iter()
        .find(|segment| is_passing(&text(segment, "ErrorCode")));
    let told = passing.unwrap_or(first);
    let reason = format!(
        "{}: {} (segment {})",
        text(told, "ErrorCode"),
        text(told, "Message"),
        text(told, "Id")
    );
    if passing.is_some() {
        // The ones that it has, it has once: a segment's id is the same at each attempt.
        let source = anyhow!("X-Ray had no time for {} segments: {reason}", unprocessed.len());
        let error = ExportError::Retry {
            after: answer.retry_after(),
            source,
        };
        return Outcome::Failed { error, is_stale: false };
    }
    Outcome::InPart {
        segments: unprocessed.len() as u64,
        reason,
    }
}

/// Whether a success' body is one that X-Ray answers with; with nothing in it, it took all.
fn is_of_xray(body: &Value) -> bool {
    let members = body.as_object();
    members.is_some_and(|members| members.is_empty() || members.contains_key("UnprocessedTraceSegments"))
}

/// The error's name, without what some services put around it.
fn code(answer: &Answer) -> String {
    let header = answer.header(HeaderName::from_static("x-amzn-errortype")).to_owned();
    let of_body = || {
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let code = ["__type", "code", "Code"].iter().find_map(|key| body[*key].as_str())?;
        Some(code.to_owned())
    };
    let code = Some(header)
        .filter(|code| !code.is_empty())
        .or_else(of_body)
        .unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    harmless(code.rsplit('#').next().unwrap_or_default(), TEXT_LIMIT)
}

fn is_passing(code: &str) -> bool {
    let names = [
        "Throttl",
        "TooManyRequests",
        "RequestLimitExceeded",
        "SlowDown",
        "Internal",
        "ServiceUnavailable",
    ];
    names.iter().any(|name| code.contains(name))
}

/// Whether the credentials or the signature are too old, or not yet valid.
fn is_late(code: &str, message: &str) -> bool {
    let names = [
        "ExpiredToken",
        "TokenRefreshRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
    ];
    names.iter().any(|name| code.contains(name))
        || code.contains("InvalidSignature") && (message.contains("expired") || message.contains("not yet current"))
}

/// What to say of this machine's clock, where the server's differs.
fn clock(answer: &Answer, now: SystemTime) -> String {
    let Ok(theirs) = httpdate::parse_http_date(answer.header(header::DATE)) else {
        return String::new();
    };
    let (difference, side) = match now.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    match difference.as_secs() {
        ..SKEW => String::new(),
        seconds => format!(" (this machine's clock is {seconds} s {side} that of AWS)"),
    }
}

/// What to do about an error.
fn advice(code: &str) -> &'static str {
    match code {
        _ if code.contains("AccessDenied") => "; the credentials need xray:PutTraceSegments",
        _ if code.contains("UnrecognizedClient") || code.contains("InvalidClientTokenId") => {
            "; are the credentials those of this region's partition?"
        }
        _ if code.contains("InvalidSignature") || code.contains("SignatureDoesNotMatch") => {
            "; is the secret key whole, and the region that of the endpoint?"
        }
        _ => "",
    }
}
