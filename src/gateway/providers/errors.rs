//! Errors in an API's own shape: those of the gateway, and those of a provider that speaks another API.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{json::Json, text_at};
use crate::gateway::exchange::Api;

/// How much of an unreadable error body is passed on, in characters.
const MAX_MESSAGE: usize = 1000;

/// An error's body: OpenAI's `{"error":{"message","type","param","code"}}`, Anthropic's
/// `{"type":"error","error":{"type","message"}}`. The type follows from the status; Anthropic has no place for the last two.
pub fn error_body(api: Api, status: u16, message: &str, param: Option<&str>, code: Option<&str>) -> Bytes {
    error_tree(api, status, message, param, code).to_string().into()
}

pub(in crate::gateway) fn error_tree(
    api: Api,
    status: u16,
    message: &str,
    param: Option<&str>,
    code: Option<&str>,
) -> Value {
    let kind = kind(api, status);
    match api {
        Api::Chat | Api::Responses => {
            json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
        }
        Api::Messages => json!({"type": "error", "error": {"type": kind, "message": message}}),
    }
}

/// The API's word for a status.
fn kind(api: Api, status: u16) -> &'static str {
    match (api, status) {
        (Api::Chat | Api::Responses, 401) => "authentication_error",
        (Api::Chat | Api::Responses, 403) => "permission_error",
        (Api::Chat | Api::Responses, 429) => "rate_limit_error",
        (Api::Chat | Api::Responses, 500..) => "server_error",
        (Api::Messages, 401) => "authentication_error",
        (Api::Messages, 402) => "billing_error",
        (Api::Messages, 403) => "permission_error",
        (Api::Messages, 404) => "not_found_error",
        (Api::Messages, 413) => "request_too_large",
        (Api::Messages, 429) => "rate_limit_error",
        (Api::Messages, 504) => "timeout_error",
        (Api::Messages, 503 | 529) => "overloaded_error",
        (Api::Messages, 500..) => "api_error",
        _ => "invalid_request_error",
    }
}

/// The status that an error's type or code stands for, where an event of a stream carries no status.
fn status_of(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" | "context_length_exceeded" => 400,
        "authentication_error" | "invalid_api_key" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" | "model_not_found" => 404,
        "request_too_large" => 413,
        "rate_limit_error" | "rate_limit_exceeded" | "insufficient_quota" | "requests" | "tokens" => 429,
        "timeout_error" => 504,
        "overloaded_error" | "overloaded" => 529,
        _ => 500,
    }
}

/// A provider's error body in the client's API. What is no such body becomes the message as it is.
pub fn translate_error(from: Api, to: Api, status: u16, body: &[u8]) -> Bytes {
    if from == to {
        return Bytes::copy_from_slice(body);
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(tree) if tree.get("error").is_some() => translate_tree(to, Some(status), &tree["error"]).to_string().into(),
        _ => {
            let text = String::from_utf8_lossy(body);
            let text: String = text.trim().chars().take(MAX_MESSAGE).collect();
            let message = match text.as_str() {
                "" => format!("the provider answered with status {status}"),
                text => text.to_owned(),
            };
            error_body(to, status, &message, None, None)
        }
    }
}

/// The status that an error stands for by its code, which some write as a number, else by its type.
pub(super) fn status_told(error: &impl Json) -> u16 {
    let number = error.get("code").and_then(Json::as_i64);
    if let Some(status) = number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (400..600).contains(number))
    {
        return status;
    }
    match status_of(error.text_at("code")) {
        500 => status_of(error.text_at("type")),
        status => status,
    }
}

/// The `error` object of either API as an error of `to`. Anthropic's type, finer than OpenAI's, becomes the code.
pub(in crate::gateway) fn translate_tree(to: Api, status: Option<u16>, error: &Value) -> Value {
    let message = error.as_str().unwrap_or_else(|| text_at(error, "message"));
    let kind = text_at(error, "type");
    let code = Some(text_at(error, "code")).filter(|code| !code.is_empty());
    let status = status.unwrap_or_else(|| status_told(error));
    let code = code.or(Some(kind)).filter(|code| !code.is_empty());
    error_tree(to, status, message, error.get("param").and_then(Value::as_str), code)
}

/// An error as an event of a stream that has begun already.
pub fn error_event(api: Api, status: u16, message: &str, code: Option<&str>) -> Vec<u8> {
    event_of(api, &error_tree(api, status, message, None, code))
}

/// An error of the gateway's own as an event of a stream of responses.
pub(super) fn own_numbered_event(status: u16, message: &str, number: u64) -> Vec<u8> {
    numbered_event(
        &error_tree(Api::Responses, status, message, None, None)["error"],
        number,
    )
}

/// An error as an event of a stream of responses, which has a number. `error`: what stands below that key in a body.
pub(in crate::gateway) fn numbered_event(error: &Value, number: u64) -> Vec<u8> {
    let kind = &error["type"];
    let code = Some(&error["code"]).filter(|code| !code.is_null()).unwrap_or(kind);
    let tree = json!({
        "type": "error",
        "sequence_number": number,
        "code": code,
        "message": error["message"],
        "param": error["param"],
    });
    let mut out = Vec::new();
    crate::gateway::stream::write(&mut out, "error", &tree.to_string());
    out
}

/// An error's tree as an event.
pub(in crate::gateway) fn event_of(api: Api, tree: &Value) -> Vec<u8> {
    let name = match api {
        Api::Chat => "",
        Api::Messages => "error",
        Api::Responses => return numbered_event(&tree["error"], 0),
    };
    let mut out = Vec::new();
    crate::gateway::stream::write(&mut out, name, &tree.to_string());
    out
}
