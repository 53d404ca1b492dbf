//! `/v1/responses`: passed through where the provider speaks it, translated where not, and going on from what was said before.

use serde_json::{Value as Json, json};

use super::{
    ANGRY, CHAT, CHUNKS, MESSAGES, RESPONSES, Stage, completion,
    front::{Front, Setup, number, text},
    model::{Model, Script},
};

/// A provider that speaks chat completions only.
fn chat_only(script: Script, listener: &'static str, more: &'static str) -> (Model, Front) {
    let model = Model::start(script);
    let address = model.address;
    let setup = Setup {
        kind: "model",
        listener: listener.to_owned(),
        sampling: 100,
        providers: vec![format!(
            "{{model: custom/m, access_key: secret-of-custom, base_url: 'http://{address}/v1', provider_interface: openai}}"
        )],
        more: more.to_owned(),
    };
    (model, setup.start())
}

fn body_of(reply: &super::support::client::Reply) -> Json {
    serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{error}: {}", reply.text()))
}

fn sent(model: &Model, at: usize) -> Json {
    serde_json::from_str(&model.asked()[at].body).expect("JSON")
}

/// Name and data of each event.
fn events(text: &str) -> Vec<(String, Json)> {
    let event = |block: &str| {
        let (name, data) = block.split_once('\n').expect("two lines");
        let data = data.strip_prefix("data: ").expect("data");
        let name = name.strip_prefix("event: ").expect("a name");
        (name.to_owned(), serde_json::from_str(data).expect("JSON"))
    };
    text.split_terminator("\n\n").map(event).collect()
}

fn response() -> Json {
    json!({"id": "resp_theirs", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-4o-2024-08-06",
        "error": null, "incomplete_details": null,
        "output": [
            {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "Hello!", "annotations": []}]},
            {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}],
        "usage": {"input_tokens": 15, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 22}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_provider_speaks_it_nothing_changes() {
    let stage = Stage::new(Script::json(200, &response()));
    let body = json!({"model": "fast-llm", "previous_response_id": "resp_before", "instructions": "Be kind.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": ANGRY}]}], "x-unknown": {"b": 1},
        "max_output_tokens": 50, "tools": [{"type": "function", "name": "look"}, {"type": "web_search"}]});
    let reply = stage.ask(RESPONSES, &[], &body).await;
    assert_eq!(body_of(&reply), response());
    let asked = &stage.model.asked()[0];
    assert_eq!(asked.path, RESPONSES);
    assert_eq!(asked.body, body.to_string().replace("fast-llm", "gpt-4o"));
    let trace = stage.trace(4).await;
    let llm = &trace["plano(llm)"][0];
    assert_eq!(llm.name, "POST /v1/responses gpt-4o 🚩");
    assert_eq!(text(llm, "gen_ai.operation.name"), "chat");
    assert_eq!(text(llm, "llm.response.id"), "resp_theirs");
    assert_eq!(text(llm, "llm.response.finish_reason"), "completed");
    assert_eq!(text(llm, "signals.escalation.requested"), "true");
    for (key, value) in [
        ("llm.max_tokens", 50),
        ("llm.usage.prompt_tokens", 15),
        ("llm.usage.completion_tokens", 7),
        ("llm.usage.cached_input_tokens", 4),
        ("llm.usage.reasoning_tokens", 2),
    ] {
        assert_eq!(number(llm, key), value, "{key}");
    }
    assert!(!format!("{trace:?}").contains("useless"));
}

const STREAM: &[&str] = &[
    "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-4o\",\"output\":[]}}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"output_index\":0,\"delta\":\"Hel\"}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":2,\"output_index\":0,\"delta\":\"lo\"}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":3,\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-4o\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":5,\"output_tokens\":2,\"total_tokens\":7}}}\n\n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_copied_and_read() {
    let stage = Stage::new(Script::events(STREAM).then(Script::events(&STREAM[..2])));
    let body = json!({"model": "gpt-4o", "input": "Hi", "stream": true});
    let reply = stage.ask(RESPONSES, &[], &body).await;
    assert_eq!(reply.text(), STREAM.concat());
    let trace = stage.trace(4).await;
    let llm = &trace["plano(llm)"][0];
    assert_eq!(number(llm, "llm.usage.total_tokens"), 7);
    assert!(number(llm, "llm.time_to_first_token") <= number(llm, "llm.duration_ms"));

    let cut = stage.ask(RESPONSES, &[], &body).await;
    let (name, error) = events(&cut.text()).pop().expect("an event");
    assert_eq!(
        (name.as_str(), &error["type"], &error["sequence_number"]),
        ("error", &json!("error"), &json!(2))
    );
    assert!(
        error["message"]
            .as_str()
            .expect("text")
            .contains("before the reply was complete"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_over_chat_completions() {
    let (model, front) = chat_only(Script::json(200, &completion()), "timeout: 5s", "");
    let first = front
        .ask(
            RESPONSES,
            &[],
            &json!({"model": "m", "input": "My name is Ada.", "metadata": {"a": "b"}}),
        )
        .await;
    let first = body_of(&first);
    assert_eq!(model.asked()[0].path, CHAT);
    assert_eq!(first["output"][0]["content"][0]["text"], "Hello!", "{first}");
    assert_eq!(
        (&first["status"], &first["usage"]["total_tokens"]),
        (&json!("completed"), &json!(22))
    );
    assert_eq!(first["metadata"], json!({"a": "b"}));

    let body =
        json!({"model": "m", "previous_response_id": first["id"], "input": [{"role": "user", "content": ANGRY}]});
    let second = body_of(&front.ask(RESPONSES, &[], &body).await);
    assert_eq!(second["previous_response_id"], first["id"]);
    assert_ne!(second["id"], first["id"]);
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    let history = json!([
        said("user", "My name is Ada."),
        said("assistant", "Hello!"),
        said("user", ANGRY)
    ]);
    assert_eq!(sent(&model, 1)["messages"], history);
    assert_eq!(sent(&model, 1).get("previous_response_id"), None);

    // The span has what the model was asked, the beginning of the conversation included.
    let trace = front.trace(8).await;
    let flagged: Vec<_> = trace["plano(llm)"]
        .iter()
        .filter(|span| span.name.contains('🚩'))
        .collect();
    assert_eq!(flagged.len(), 1);
    assert_eq!(number(flagged[0], "signals.turn_count"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_kept_is_not_found() {
    let (model, front) = chat_only(Script::json(200, &completion()), "timeout: 5s", "");
    let forgotten = front
        .ask(RESPONSES, &[], &json!({"model": "m", "input": "Psst", "store": false}))
        .await;
    for id in [&body_of(&forgotten)["id"], &json!("resp_unknown")] {
        let body = json!({"model": "m", "previous_response_id": id, "input": "Hi"});
        let reply = front.ask(RESPONSES, &[], &body).await;
        let error = &body_of(&reply)["error"];
        assert_eq!(reply.status, 400, "{error}");
        assert_eq!(
            (&error["type"], &error["param"], &error["code"]),
            (
                &json!("invalid_request_error"),
                &json!("previous_response_id"),
                &json!("previous_response_not_found")
            )
        );
        assert!(
            error["message"]
                .as_str()
                .expect("text")
                .contains(id.as_str().expect("text")),
            "{error}"
        );
    }
    assert_eq!(model.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_translated_stream_is_kept_too() {
    let (model, front) = chat_only(Script::events(CHUNKS), "timeout: 5s", "");
    let body = json!({"model": "m", "input": "Hi", "stream": true});
    let reply = front.ask(RESPONSES, &[], &body).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let told = events(&reply.text());
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let response = &told[9].1["response"];
    assert_eq!(response["output"][0]["content"][0]["text"], "Hello");
    assert_eq!(response["usage"]["input_tokens"], 5, "usage is asked for");
    let body = json!({"model": "m", "input": "And?", "previous_response_id": response["id"], "stream": true});
    front.ask(RESPONSES, &[], &body).await;
    assert_eq!(
        sent(&model, 1)["messages"][1],
        json!({"role": "assistant", "content": "Hello"})
    );
    let trace = front.trace(8).await;
    assert_eq!(text(&trace["plano(llm)"][0], "llm.response.id"), "c1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_goes_on_from_what_another_said() {
    let listener = "timeout: 5s, api_keys: [key-a, key-b]";
    let (_model, front) = chat_only(Script::json(200, &completion()), listener, "");
    let a = [("authorization", "Bearer key-a")];
    let first = body_of(
        &front
            .ask(RESPONSES, &a, &json!({"model": "m", "input": "My name is Ada."}))
            .await,
    );
    let body = json!({"model": "m", "previous_response_id": first["id"], "input": "Who am I?"});
    let b = [("authorization", "Bearer key-b")];
    assert_eq!(front.ask(RESPONSES, &b, &body).await.status, 400);
    assert_eq!(front.ask(RESPONSES, &a, &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_bounded() {
    let more = "state_storage: {max_responses: 2}";
    let (_model, front) = chat_only(Script::json(200, &completion()), "timeout: 5s", more);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let reply = front.ask(RESPONSES, &[], &json!({"model": "m", "input": "Hi"})).await;
        ids.push(body_of(&reply)["id"].clone());
    }
    let mut statuses = Vec::new();
    for id in &ids {
        let body = json!({"model": "m", "previous_response_id": id, "input": "Hi", "store": false});
        statuses.push(front.ask(RESPONSES, &[], &body).await.status);
    }
    assert_eq!(statuses, [400, 200, 200]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_answer_responses() {
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-0",
        "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}}],
        "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 2}});
    let stage = Stage::new(Script::json(200, &answer));
    let tools = json!([{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]);
    let body = json!({"model": "claude-sonnet-4-0", "input": "Look", "tools": tools});
    let first = body_of(&stage.ask(RESPONSES, &[], &body).await);
    assert_eq!(stage.model.asked()[0].path, MESSAGES);
    let call = &first["output"][1];
    assert_eq!(
        (&call["type"], &call["call_id"]),
        (&json!("function_call"), &json!("toolu_1")),
        "{first}"
    );
    let output = json!([{"type": "function_call_output", "call_id": "toolu_1", "output": "a cat"}]);
    let body =
        json!({"model": "claude-sonnet-4-0", "input": output, "previous_response_id": first["id"], "tools": tools});
    assert_eq!(stage.ask(RESPONSES, &[], &body).await.status, 200);
    let messages = &sent(&stage.model, 1)["messages"];
    assert_eq!(messages[1]["content"][1]["type"], "tool_use", "{messages}");
    assert_eq!(messages[2]["content"][0]["content"], "a cat", "{messages}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_openais() {
    let broken = json!({"detail": "no"});
    let (model, front) = chat_only(
        Script::json(422, &broken),
        "timeout: 5s, max_request_body_size: 2000",
        "",
    );
    let built_in = json!({"model": "m", "input": "Hi", "tools": [{"type": "web_search"}]});
    for (body, status, param) in [
        (json!({"model": "m"}), 400, json!("input")),
        (json!({"model": "m", "input": 5}), 400, json!("input")),
        (json!({"input": "Hi"}), 400, json!("model")),
        (built_in, 400, json!("tools[0]")),
        (json!({"model": "m", "input": "Hi"}), 422, Json::Null),
    ] {
        let reply = front.ask(RESPONSES, &[], &body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
        let told = body_of(&reply);
        assert_eq!(
            (&told["error"]["type"], &told["error"]["param"]),
            (&json!("invalid_request_error"), &param),
            "{told}"
        );
    }
    assert_eq!(model.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_is_no_larger_than_a_request_may_be() {
    let listener = "timeout: 5s, max_request_body_size: 1000";
    let (model, front) = chat_only(Script::json(200, &completion()), listener, "");
    let long = json!({"model": "m", "input": "x".repeat(900)});
    let first = body_of(&front.ask(RESPONSES, &[], &long).await);
    let body = json!({"model": "m", "previous_response_id": first["id"], "input": "Hi"});
    let reply = front.ask(RESPONSES, &[], &body).await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert_eq!(model.asked().len(), 1);
}
