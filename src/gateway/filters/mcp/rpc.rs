//! JSON-RPC as MCP has it: the messages that a filter's client sends, and what it reads in those that it gets. Pure: bytes in,
//! verdicts out. A server's own words are a reason to a client at most; faults, which go on spans, never quote them.

use ::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::super::{
    Content, Verdict,
    answer::{invalid, shown},
};
use crate::gateway::{providers, record::Fault};

/// Version that is asked for.
const WANTED: &str = "2025-06-18";
/// Versions that are spoken; in what a filter does with them they are the same.
const SPOKEN: [&str; 3] = ["2025-11-25", WANTED, "2025-03-26"];

/// The result of a request, JSON.
pub(super) type Answer = Box<RawValue>;

/// Opens a session.
pub(super) fn initialize(id: u64) -> Bytes {
    let client = json!({"name": "plano", "version": env!("CARGO_PKG_VERSION")});
    let params = json!({"protocolVersion": WANTED, "capabilities": {}, "clientInfo": client});
    request(id, "initialize", &params)
}

/// Says that it is open.
pub(super) fn initialized() -> Bytes {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
        .to_string()
        .into()
}

/// Asks for a page of the list of tools.
pub(super) fn list_tools(id: u64, cursor: Option<&str>) -> Bytes {
    let params = cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
    request(id, "tools/list", &params)
}

fn request(id: u64, method: &str, params: &Value) -> Bytes {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        .to_string()
        .into()
}

/// Calls a tool with a body, an object where it is JSON and text where it is events, and the path of the client's request.
///
/// # Errors
/// Where the body is not what it is said to be.
pub(super) fn call(id: u64, tool: &str, path: &str, content: Content, body: &[u8]) -> Result<Bytes, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| invalid("the body is no UTF-8"))?;
    let body = match content {
        Content::Json => {
            let _checked: &RawValue = serde_json::from_str(text).map_err(|_| invalid("the body is no JSON"))?;
            text.to_owned()
        }
        Content::Events => Value::from(text).to_string(),
    };
    // The body goes in as it is: a tree of it would be large, and might not say the same.
    let (tool, path) = (Value::from(tool), Value::from(path));
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":{tool},"arguments":{{"body":{body},"path":{path}}}}}}}"#
    );
    Ok(call.into())
}

#[derive(Deserialize)]
struct Message {
    id: Option<Value>,
    result: Option<Box<RawValue>>,
    error: Option<Told>,
}

#[derive(Deserialize)]
struct Told {
    code: Option<i64>,
}

/// The result of the request with that id, in a message or a batch of messages; none where they are about something else.
///
/// # Errors
/// Where it is an error, or where that is no JSON-RPC.
pub(super) fn find(data: &[u8], id: u64) -> Result<Option<Answer>, Fault> {
    let no_rpc = |_| invalid("the MCP server's answer is no JSON-RPC");
    let messages: Vec<Message> = match data.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(data).map_err(no_rpc)?,
        _ => vec![serde_json::from_slice(data).map_err(no_rpc)?],
    };
    for message in messages {
        // An error about what could not be read has no id.
        let is_ours = match &message.id {
            Some(other) => other.as_u64() == Some(id),
            None => message.error.is_some(),
        };
        match (message.result, message.error) {
            (Some(result), None) if is_ours => return Ok(Some(result)),
            (_, Some(error)) if is_ours => {
                let code = error
                    .code
                    .map_or_else(|| "without a code".to_owned(), |code| code.to_string());
                return Err(invalid(format!(
                    "the MCP server answered with a JSON-RPC error ({code})"
                )));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The version that the server chose.
///
/// # Errors
/// Where it is none that is spoken here.
pub(super) fn version(answer: &Answer) -> Result<&'static str, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Opened {
        protocol_version: String,
    }
    let opened: Opened = serde_json::from_str(answer.get())
        .map_err(|_| invalid("the MCP server's answer to initialize names no version of the protocol"))?;
    let spoken = SPOKEN.into_iter().find(|spoken| *spoken == opened.protocol_version);
    let told = || shown(&opened.protocol_version).unwrap_or_default();
    spoken.ok_or_else(|| {
        invalid(format!(
            "the MCP server speaks version {:?}, not one of {}",
            told(),
            SPOKEN.join(", ")
        ))
    })
}

/// A page of the list of tools.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools {
    pub(super) tools: Vec<Tool>,
    pub(super) next_cursor: Option<String>,
}

/// One of them.
#[derive(Deserialize)]
pub(super) struct Tool {
    pub(super) name: String,
}

/// The page in an answer.
///
/// # Errors
/// Where there is none.
pub(super) fn tools(answer: &Answer) -> Result<Tools, Fault> {
    serde_json::from_str(answer.get()).map_err(|_| invalid("the MCP server's answer holds no list of tools"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(default)]
    is_error: bool,
    structured_content: Option<Box<RawValue>>,
    #[serde(default)]
    content: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    text: Option<String>,
}

/// What a tool's answer says of the body.
///
/// # Errors
/// Where it is no answer of a tool.
pub(super) fn verdict(answer: &RawValue, content: Content) -> Result<Verdict, Fault> {
    if providers::are_too_many(answer.get().as_bytes()) {
        return Err(invalid("its answer holds more JSON values than a body may"));
    }
    let outcome: Outcome =
        serde_json::from_str(answer.get()).map_err(|_| invalid("the MCP server's answer is no result of a tool"))?;
    let texts = outcome.content.iter().filter(|block| block.r#type == "text");
    let text: String = texts.filter_map(|block| block.text.as_deref()).collect();
    if outcome.is_error {
        return Ok(Verdict::Refuse {
            status: StatusCode::BAD_REQUEST,
            reason: shown(&text),
        });
    }
    let structured = outcome.structured_content.and_then(|raw| structured(&raw, content));
    let body = structured.unwrap_or(text);
    Ok(match body.trim() {
        "" | "{}" => Verdict::Pass,
        _ => Verdict::Body(body.into()),
    })
}

/// The body in structured content; none where the text must tell. The Python SDK wraps what a tool returns that is no object as
/// `{"result": …}`, which no body of a request or an answer is.
fn structured(raw: &RawValue, content: Content) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped {
        result: Box<RawValue>,
    }
    let wrapped = serde_json::from_str::<Wrapped>(raw.get()).ok();
    let inner = wrapped.as_ref().map_or(raw, |wrapped| &wrapped.result);
    let text = serde_json::from_str::<String>(inner.get());
    match (text, content) {
        (Ok(text), _) => Some(text),
        (Err(_), _) if inner.get() == "null" => Some(String::new()),
        (Err(_), Content::Json) => Some(inner.get().to_owned()),
        (Err(_), Content::Events) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &Value, content: Content, expected: &Verdict) {
        let raw = serde_json::value::to_raw_value(answer).expect("JSON");
        assert_eq!(verdict(&raw, content).as_ref(), Ok(expected), "{answer}");
    }

    fn body(text: &str) -> Verdict {
        Verdict::Body(text.to_owned().into())
    }

    #[test]
    fn a_tools_answer_is_a_verdict() {
        let text = |text: &str| json!([{"type": "text", "text": text}]);
        let new = r#"{"model":"m"}"#;
        check(
            &json!({"structuredContent": {"model": "m"}, "content": text("other")}),
            Content::Json,
            &body(new),
        );
        check(&json!({"content": text(new)}), Content::Json, &body(new));
        for wrapped in [json!(new), json!({"model": "m"})] {
            check(
                &json!({"structuredContent": {"result": wrapped}, "content": text(new)}),
                Content::Json,
                &body(new),
            );
        }
        for nothing in [
            json!({"content": []}),
            json!({"content": text(" \n")}),
            json!({"content": [{"type": "image", "data": "AA=="}]}),
            json!({"structuredContent": {"result": null}, "content": text("x")}),
            json!({"structuredContent": {}}),
            json!({}),
        ] {
            check(&nothing, Content::Json, &Verdict::Pass);
        }
        let events = "data: {}\n\n";
        check(
            &json!({"structuredContent": {"result": events}}),
            Content::Events,
            &body(events),
        );
        check(
            &json!({"structuredContent": {"some": "thing"}, "content": text(events)}),
            Content::Events,
            &body(events),
        );
        let refused = |reason: Option<&str>| Verdict::Refuse {
            status: StatusCode::BAD_REQUEST,
            reason: reason.map(str::to_owned),
        };
        check(
            &json!({"isError": true, "content": text("no\u{1b}way\n"), "structuredContent": {"model": "m"}}),
            Content::Json,
            &refused(Some("no way")),
        );
        check(&json!({"isError": true}), Content::Json, &refused(None));
    }

    #[test]
    fn only_the_answer_to_the_request_counts() {
        let find =
            |message: Value| find(message.to_string().as_bytes(), 7).map(|found| found.map(|raw| raw.to_string()));
        assert_eq!(
            find(json!({"jsonrpc": "2.0", "id": 7, "result": {"a": 1}})),
            Ok(Some(r#"{"a":1}"#.to_owned()))
        );
        for other in [
            json!({"jsonrpc": "2.0", "id": 8, "result": {}}),
            json!({"jsonrpc": "2.0", "id": 7, "method": "ping"}),
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}),
            json!([]),
        ] {
            assert_eq!(find(other.clone()), Ok(None), "{other}");
        }
        let batch = json!([{"id": 6, "result": {}}, {"id": 7, "result": {"b": 2}}]);
        assert_eq!(find(batch), Ok(Some(r#"{"b":2}"#.to_owned())));
        for (wrong, code) in [
            (
                json!({"id": 7, "error": {"code": -32602, "message": "secret words"}}),
                "(-32602)",
            ),
            (
                json!({"id": null, "error": {"message": "secret words"}}),
                "(without a code)",
            ),
        ] {
            let fault = find(wrong).expect_err("an error");
            assert!(fault.message.ends_with(code), "{}", fault.message);
        }
        assert!(super::find(b"<html>", 7).is_err());
    }

    #[test]
    fn a_body_goes_into_a_call_as_it_is() {
        let exact = br#"{"n": 1.10, "n2":12345678901234567890123}"#;
        let call_of = |content, body: &[u8]| {
            let call = call(3, "a\"b", "/v1", content, body).expect("a call");
            String::from_utf8(call.to_vec()).expect("text")
        };
        let sent = call_of(Content::Json, exact);
        assert!(sent.contains(std::str::from_utf8(exact).expect("text")), "{sent}");
        let tree: Value = serde_json::from_str(&sent).expect("JSON");
        assert_eq!(tree["params"]["name"], "a\"b");
        assert_eq!((&tree["method"], &tree["id"]), (&json!("tools/call"), &json!(3)));
        let tree: Value = serde_json::from_str(&call_of(Content::Events, b"data: \"x\"\n\n")).expect("JSON");
        assert_eq!(
            tree["params"]["arguments"],
            json!({"body": "data: \"x\"\n\n", "path": "/v1"})
        );
        assert!(call(1, "t", "/", Content::Json, b"{} {}").is_err());
    }
}
