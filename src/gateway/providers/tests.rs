//! Requests, replies and streams of both APIs in, facts and bytes out.

use proptest::prelude::*;
use serde_json::json;

use super::errors::{error_body, translate_error};
use super::*;
use crate::gateway::exchange::Usage;
use crate::gateway::stream::Parser;

fn request(api: Api, body: &str) -> Request {
    read_request(api, &Bytes::copy_from_slice(body.as_bytes())).expect("a sound request")
}

/// A request's messages as OpenTelemetry's, one line each.
fn check_messages(api: Api, body: &str, expected: &[&str]) {
    let facts = request(api, body).facts;
    let messages: Vec<Value> = serde_json::from_str(&facts.messages).expect("a list");
    let shown: Vec<String> = messages.iter().map(Value::to_string).collect();
    assert_eq!(shown, expected, "{body}");
}

#[test]
fn messages_of_chat_completions() {
    check_messages(
        Api::Chat,
        r#"{"model":"m","messages":[
            {"role":"developer","content":"Be brief."},
            {"role":"user","content":[{"type":"text","text":"What is this?"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
                {"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"low"}},
                {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},
                {"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA"}}]},
            {"role":"assistant","content":null,"reasoning_content":"Hm.","tool_calls":[
                {"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}},
                {"id":"call_2","type":"function","function":{"name":"look","arguments":"{cut"}}]},
            {"role":"tool","tool_call_id":"call_1","content":[{"type":"text","text":"a cat"}]},
            {"role":"assistant","content":null,"refusal":"I will not."}]}"#,
        &[
            r#"{"role":"developer","parts":[{"type":"text","content":"Be brief."}]}"#,
            r#"{"role":"user","parts":[{"type":"text","content":"What is this?"},{"type":"blob","modality":"image","mime_type":"image/png"},{"type":"uri","modality":"image","uri":"https://example.com/a.png"},{"type":"blob","modality":"audio","mime_type":"audio/wav"},{"type":"blob","modality":"document","mime_type":"application/pdf"}]}"#,
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."},{"type":"tool_call","id":"call_1","name":"look","arguments":{"at":1}},{"type":"tool_call","id":"call_2","name":"look","arguments":"{cut"}]}"#,
            r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","response":"a cat"}]}"#,
            r#"{"role":"assistant","parts":[{"type":"text","content":"I will not."}]}"#,
        ],
    );
}

#[test]
fn messages_of_messages() {
    check_messages(
        Api::Messages,
        r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[
            {"role":"user","content":"Look."},
            {"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},
                {"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"look","input":{"at":1}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"a cat"}]},
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
                {"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}},
                {"type":"text","text":"And now?"}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_2","content":"b","is_error":true}]}]}"#,
        &[
            r#"{"role":"system","parts":[{"type":"text","content":"Be brief."}]}"#,
            r#"{"role":"user","parts":[{"type":"text","content":"Look."}]}"#,
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."},{"type":"text","content":"I look."},{"type":"tool_call","id":"toolu_1","name":"look","arguments":{"at":1}}]}"#,
            r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"toolu_1","response":"a cat"}]}"#,
            r#"{"role":"user","parts":[{"type":"blob","modality":"image","mime_type":"image/png"},{"type":"uri","modality":"document","uri":"https://example.com/a.pdf"},{"type":"text","content":"And now?"}]}"#,
            r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"toolu_2","response":"b"}]}"#,
        ],
    );
}

#[test]
fn parameters() {
    let facts = request(
        Api::Chat,
        r#"{"model":"gpt-4o","stream":true,"temperature":0.5,"top_p":1,"max_completion_tokens":7,"max_tokens":8,
            "metadata":{"session_id":"s1"},"tools":[{"type":"function","function":{"name":"a"}},{"type":"custom","custom":{"name":"b"}}],
            "messages":[{"role":"user","content":"one"},{"role":"user","content":[{"type":"text","text":"two"},{"type":"text","text":"three"}]},
                {"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}"#,
    )
    .facts;
    assert_eq!(
        (facts.model.as_str(), facts.stream, facts.message_count),
        ("gpt-4o", true, 3)
    );
    assert_eq!(
        (facts.temperature, facts.top_p, facts.max_tokens),
        (Some(0.5), Some(1.0), Some(7))
    );
    assert_eq!(
        (facts.tools.join(" ").as_str(), facts.session_id.as_deref()),
        ("a b", Some("s1"))
    );
    assert_eq!(facts.last_user_text, "two\nthree");

    let facts = request(
        Api::Messages,
        r#"{"model":"m","max_tokens":5,"metadata":{"user_id":"u1"},"tools":[{"name":"a"},{"type":"bash_20250124","name":"bash"}],
            "messages":[{"role":"user","content":"one"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}]}"#,
    )
    .facts;
    assert_eq!(
        (facts.tools.join(" ").as_str(), facts.session_id.as_deref()),
        ("a bash", Some("u1"))
    );
    assert_eq!(
        (facts.last_user_text.as_str(), facts.max_tokens, facts.message_count),
        ("one", Some(5), 2)
    );
}

#[test]
fn bad_requests_say_which() {
    let check = |body: &str, expected: &str| {
        let error = read_request(Api::Chat, &Bytes::copy_from_slice(body.as_bytes())).expect_err(body);
        assert_eq!(error.to_string(), expected, "{body}");
    };
    check(
        "{\"model\":\"m\",\n \"messages\":[}",
        "the body is no valid JSON: expected value (line 2, column 14)",
    );
    check(
        "",
        "the body is no valid JSON: EOF while parsing a value (line 1, column 0)",
    );
    check("[]", "the body is no JSON object");
    check(
        r#"{"model":7,"messages":[]}"#,
        "`model` is missing: it must be the name of a model",
    );
    for body in [r#"{"model":"m"}"#, r#"{"model":"m","messages":{}}"#] {
        check(body, "`messages` must be a list");
    }
}

#[test]
fn only_the_model_changes() {
    let check = |body: &str, expected: &str| {
        let request = request(Api::Chat, body);
        let sent = request.body_for("a \"b\"", true);
        assert_eq!(String::from_utf8_lossy(&sent), expected);
    };
    check(
        " {\"messages\" : [{\"model\":1}],\n\"model\"\t:\"x\", \"n\": 1.0e0 }\n",
        " {\"messages\" : [{\"model\":1}],\n\"model\"\t:\"a \\\"b\\\"\", \"n\": 1.0e0 }\n",
    );
    check(
        r#"{"model":"x","mod\u0065l":"y","messages":[]}"#,
        r#"{"model":"a \"b\"","mod\u0065l":"a \"b\"","messages":[]}"#,
    );
    // Where none is named, one may have been chosen.
    check(r#"{"messages":[] }"#, r#"{"messages":[] ,"model":"a \"b\""}"#);
    check(
        r#"{"model":null,"messages":[]}"#,
        r#"{"model":"a \"b\"","messages":[]}"#,
    );
    check(
        r#"{"model":"x","messages":[],"stream":true }"#,
        r#"{"model":"a \"b\"","messages":[],"stream":true ,"stream_options":{"include_usage":true}}"#,
    );
    check(
        r#"{"stream_options":{"include_usage":false,"include_obfuscation":false},"model":"x","messages":[],"stream":true}"#,
        r#"{"stream_options":{"include_usage":true,"include_obfuscation":false},"model":"a \"b\"","messages":[],"stream":true}"#,
    );
    check(
        r#"{"stream_options":null,"model":"x","messages":[],"stream":true}"#,
        r#"{"stream_options":{"include_usage":true},"model":"a \"b\"","messages":[],"stream":true}"#,
    );
    let asked = r#"{"stream_options":{"include_usage":true},"model":"x","messages":[],"stream":true}"#;
    assert!(request(Api::Chat, asked).client_asked_usage());
    assert_eq!(request(Api::Chat, asked).body_for("x", true), asked);
    let messages = r#"{"model":"x","messages":[],"stream":true}"#;
    assert_eq!(request(Api::Messages, messages).body_for("x", true), messages);
}

fn json_trees() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("model|messages|\\PC{0,4}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_body_with_its_own_model_back_is_the_body(
        before in json_trees(), after in json_trees(), model in "\\PC{1,8}", pretty in any::<bool>(),
    ) {
        let tree = json!({"before": before, "model": model, "messages": [], "after": after});
        let text = if pretty { format!("{tree:#}") } else { tree.to_string() };
        let body = Bytes::from(text);
        let request = read_request(Api::Messages, &body).expect("sound");
        let other = read_request(Api::Messages, &request.body_for("other", true)).expect("sound");
        prop_assert_eq!(&other.facts.model, "other");
        prop_assert_eq!(other.body_for(&model, true), body);
    }

    #[test]
    fn no_body_panics(tree in json_trees(), chat in any::<bool>()) {
        let api = if chat { Api::Chat } else { Api::Messages };
        let body = Bytes::from(json!({"model": "m", "messages": [tree.clone()], "system": tree, "tools": [tree]}).to_string());
        let facts = read_request(api, &body).expect("sound").facts;
        prop_assert_eq!(facts.message_count, 1);
        read_reply(api, tree.to_string().as_bytes());
    }
}

#[test]
fn replies_in_one_piece() {
    let reply = read_reply(
        Api::Chat,
        br#"{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant",
            "content":"Hello","refusal":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"look","arguments":"{}"}}]},
            "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,
            "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}"#,
    )
    .expect("an object");
    assert_eq!(reply.id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(reply.model.as_deref(), Some("gpt-4o-2024-08-06"));
    let usage = Usage {
        prompt: Some(9),
        completion: Some(3),
        total: Some(12),
        cached_input: Some(4),
        cache_creation: None,
        reasoning: Some(2),
    };
    assert_eq!((reply.usage, reply.complete), (usage, true));
    assert_eq!(
        (reply.calls[0].name.as_str(), reply.finish_reason.as_deref()),
        ("look", Some("tool_calls"))
    );

    let reply = read_reply(
        Api::Messages,
        br#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-0","content":[{"type":"text","text":"Hi"},
            {"type":"tool_use","id":"toolu_1","name":"look","input":{"at":1}}],"stop_reason":"tool_use","stop_sequence":null,
            "usage":{"input_tokens":5,"cache_creation_input_tokens":20,"cache_read_input_tokens":100,"output_tokens":7}}"#,
    )
    .expect("an object");
    let usage = Usage {
        prompt: Some(125),
        completion: Some(7),
        total: Some(132),
        cached_input: Some(100),
        cache_creation: Some(20),
        reasoning: None,
    };
    assert_eq!((reply.usage, reply.text.as_str()), (usage, "Hi"));
    assert_eq!(reply.calls[0].arguments, r#"{"at":1}"#);
    let object = read_reply(Api::Chat, br#"{"error":{"message":"no"}}"#).expect("an object");
    assert_eq!(
        (object.complete, object.error.map(|error| error.message).as_deref()),
        (false, Some("no"))
    );
    for (error, status) in [
        (r#"{"code":429}"#, 429),
        (r#"{"code":7,"type":"authentication_error"}"#, 401),
        (r#"{"code":"context_length_exceeded","type":"x"}"#, 400),
        (r#""no""#, 500),
    ] {
        let told = read_reply(Api::Chat, format!(r#"{{"error":{error}}}"#).as_bytes()).expect("an object");
        assert_eq!(told.error.map(|error| error.status), Some(status), "{error}");
    }
    for nothing in [&b"<html>"[..], b"", b"[1]", b"data: {}\n\n"] {
        assert_eq!(read_reply(Api::Chat, nothing), None);
    }
}

/// Reads a stream; gives what each event was, and the facts.
fn streamed(api: Api, text: &str) -> (String, ReplyFacts) {
    let mut parser = Parser::default();
    parser.feed(text.as_bytes());
    let mut reader = ReplyReader::new(api);
    let mut marks = String::new();
    while let Some(event) = parser.next_event().expect("small") {
        let seen = reader.read(&event);
        marks.push(match (seen.first_token, seen.usage_only) {
            (true, _) => 'F',
            (_, true) => 'U',
            _ => '.',
        });
    }
    (marks, reader.into_facts())
}

#[test]
fn streams_of_chat_completions() {
    let (marks, facts) = streamed(
        Api::Chat,
        concat!(
            ": comment\n\n",
            "data: {\"id\":\"\",\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n",
            "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"He\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"llo\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"[]\"}}]}}]}\n\n",
            "data: {cut\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n",
            "data: [DONE]\n\n",
        ),
    );
    assert_eq!(marks, "...F.......U.");
    assert_eq!((facts.text.as_str(), facts.complete), ("Hello", true));
    let calls: Vec<String> = facts
        .calls
        .iter()
        .map(|call| format!("{} {} {}", call.id, call.name, call.arguments))
        .collect();
    assert_eq!(calls, ["a f {}", "b g []"]);
    assert_eq!((facts.id.as_deref(), facts.usage.total), (Some("c1"), Some(3)));
}

#[test]
fn streams_of_messages() {
    let (marks, facts) = streamed(
        Api::Messages,
        concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":10,\"output_tokens\":1}}}\n\n",
            "event: ping\ndata: {\"type\":\"ping\"}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":9}}\n\n",
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
        ),
    );
    assert_eq!(marks, "...F.....");
    assert_eq!(
        (facts.text.as_str(), facts.calls[0].arguments.as_str()),
        ("Hi", r#"{"a":1}"#)
    );
    assert_eq!((facts.usage.prompt, facts.usage.completion), (Some(15), Some(9)));
    let error = facts.error.as_ref().map(|error| (error.message.as_str(), error.status));
    assert_eq!((facts.complete, error), (false, Some(("Overloaded", 529))));
}

#[test]
fn errors_in_the_api_s_own_shape() {
    let chat = error_body(Api::Chat, 404, "no model `x`", Some("model"), Some("model_not_found"));
    let expected = r#"{"error":{"message":"no model `x`","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#;
    assert_eq!(chat, expected);
    let messages = error_body(
        Api::Messages,
        404,
        "no model `x`",
        Some("model"),
        Some("model_not_found"),
    );
    assert_eq!(
        messages,
        r#"{"type":"error","error":{"type":"not_found_error","message":"no model `x`"}}"#
    );
    assert_eq!(
        translate_error(
            Api::Chat,
            Api::Messages,
            429,
            &error_body(Api::Chat, 429, "slow down", None, None)
        ),
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#
    );
    assert_eq!(
        translate_error(
            Api::Messages,
            Api::Chat,
            529,
            &error_body(Api::Messages, 529, "Overloaded", None, None)
        ),
        r#"{"error":{"message":"Overloaded","type":"server_error","param":null,"code":"overloaded_error"}}"#
    );
    assert_eq!(
        translate_error(Api::Chat, Api::Messages, 502, b"<html>Bad gateway</html>"),
        r#"{"type":"error","error":{"type":"api_error","message":"<html>Bad gateway</html>"}}"#
    );
}
