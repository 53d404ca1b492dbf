//! Items with several results, and with words beside results, in every dialect that has them.

use super::super::tests::{check, check_events, check_in};

#[test]
fn each_result_of_an_otel_message_is_a_message() {
    check(
        &[(
            "gen_ai.input.messages",
            r#"[{"role":"user","parts":[{"type":"text","content":"Weather?"}]},
                {"role":"tool","parts":[{"type":"tool_call_response","id":"1","response":"sunny"},
                    {"type":"tool_call_response","id":"2","response":"Error: no such city"}]},
                {"role":"user","parts":[{"type":"tool_call_response","id":"3","response":"rainy"},
                    {"type":"text","content":"so"},{"type":"text","content":"what?"}]},
                {"role":"assistant","parts":[{"type":"text","content":"Rain."}]}]"#,
        )],
        "otel\nUser: Weather?\nTool: sunny\nTool@1: Error: no such city\nTool@2: rainy\nUser@2: so\nwhat?\nAssistant@3: Rain.",
    );
}

#[test]
fn blocks_of_bedrock_and_parts_of_vercel() {
    let two = r#"[{"toolResult":{"toolUseId":"1","content":[{"text":"sunny"}]}},
        {"toolResult":{"toolUseId":"2","content":[{"text":"Error: no such city"}]}},{"text":"Go on."}]"#;
    check_events(
        &[
            ("gen_ai.user.message", &[("content", two), ("role", "user")]),
            ("gen_ai.choice", &[("message", r#"[{"text":"ok"}]"#)]),
        ],
        "otel_events\nTool: sunny\nTool@0: Error: no such city\nUser@0: Go on.\nAssistant@1: ok",
    );
    let parts = r#"[{"role":"tool","content":[{"type":"tool-result","toolCallId":"1","output":{"type":"text","value":"sunny"}},
        {"type":"tool-result","toolCallId":"2","output":{"type":"text","value":"Error: no such city"}}]}]"#;
    check_in(
        "ai",
        &[("ai.prompt.messages", parts), ("ai.response.text", "ok")],
        "vercel_ai\nTool: sunny\nTool@0: Error: no such city\nAssistant@1: ok",
    );
}

#[test]
fn words_beside_a_result_stay_the_users() {
    let content =
        r#"[{"type":"tool_result","tool_use_id":"1","content":"sunny"},{"type":"text","text":"This is useless."}]"#;
    let message = format!(r#"[{{"role":"user","content":{content}}}]"#);
    check(
        &[("langfuse.observation.input", &message)],
        "langfuse\nTool: sunny\nUser@0: This is useless.",
    );
    // Indexed, whatever order the attributes are in.
    let (role, content) = (("gen_ai.prompt.0.role", "user"), ("gen_ai.prompt.0.content", content));
    let next = ("gen_ai.prompt.1.content", "ok");
    for attributes in [[role, content, next], [content, next, role]] {
        check(
            &attributes,
            "openllmetry\nTool: sunny\nUser@0: This is useless.\nUser@1: ok",
        );
    }
    let events = format!(r#"[{{"event.name":"gen_ai.user.message","content":{}}}]"#, content.1);
    check_in(
        "pydantic-ai",
        &[("events", &events)],
        "pydantic_ai\nTool: sunny\nUser@0: This is useless.",
    );
}

#[test]
fn both_sides_keep_their_places() {
    check(
        &[
            (
                "langfuse.observation.input",
                r#"[{"role":"user","content":[{"type":"tool_result","content":"a"},{"type":"text","text":"b"}]}]"#,
            ),
            (
                "langfuse.observation.output",
                r#"[{"role":"assistant","content":[{"type":"tool_use","name":"f","input":{}},{"type":"tool_result","content":"c"},
                    {"type":"text","text":"d"}]},{"role":"assistant","content":"e"}]"#,
            ),
        ],
        "langfuse\nTool: a\nUser@0: b\nAssistant@1:  f({})\nTool@1: c\nAssistant@1: d\nAssistant@2: e",
    );
}

#[test]
fn marks_of_failure_are_read() {
    for (key, result, is_marked) in [
        (
            "a",
            r#"{"type":"tool_result","is_error":true,"content":"closed"}"#,
            true,
        ),
        (
            "b",
            r#"{"type":"tool_result","is_error":false,"content":"closed"}"#,
            false,
        ),
        (
            "c",
            r#"{"toolResult":{"status":"error","content":[{"text":"closed"}]}}"#,
            true,
        ),
        (
            "d",
            r#"{"toolResult":{"status":"success","content":[{"text":"closed"}]}}"#,
            false,
        ),
        (
            "e",
            r#"{"type":"tool-result","output":{"type":"error-text","value":"closed"}}"#,
            true,
        ),
        (
            "f",
            r#"{"type":"tool-result","output":{"type":"text","value":"closed"}}"#,
            false,
        ),
        ("g", r#"{"type":"tool-result","isError":true,"result":"closed"}"#, true),
    ] {
        let message = format!(r#"[{{"role":"user","content":[{result},{{"type":"text","text":"so?"}}]}}]"#);
        let mark = if is_marked { "!" } else { "" };
        let expected = format!("langfuse\nTool{mark}: closed\nUser@0: so?");
        check(&[("langfuse.observation.input", &message), ("key", key)], &expected);
    }
    let lang_chain =
        r#"[{"type":"tool","status":"error","content":"closed"},{"type":"human","status":"error","content":"a"}]"#;
    check(
        &[("langfuse.observation.input", lang_chain)],
        "langfuse\nTool!: closed\nUser: a",
    );
}

#[test]
fn further_choices_are_not_what_was_said_next() {
    let (user, one, two) = (
        r#"{"role":"user","content":"hi"}"#,
        r#"{"role":"assistant","content":"a"}"#,
        r#"{"role":"assistant","content":"b"}"#,
    );
    let input = format!("[{user}]");
    let output = format!("[{one},{two},{one}]");
    let said = "User: hi\nAssistant: a";
    for (dialect, keys) in [
        ("otel", ["gen_ai.input.messages", "gen_ai.output.messages"]),
        ("otel_json", ["gen_ai.prompt", "gen_ai.completion"]),
    ] {
        check(&[(keys[0], &input), (keys[1], &output)], &format!("{dialect}\n{said}"));
    }
    check_events(
        &[
            ("gen_ai.user.message", &[("content", "hi")]),
            ("gen_ai.choice", &[("index", "0"), ("message", one)]),
            ("gen_ai.choice", &[("index", "1"), ("message", two)]),
        ],
        &format!("otel_events\n{said}"),
    );
    check(
        &[
            ("gen_ai.prompt.0.content", "hi"),
            ("gen_ai.completion.1.content", "b"),
            ("gen_ai.completion.0.content", "a"),
        ],
        &format!("openllmetry\n{said}"),
    );
    let choices = format!(r#"{{"choices":[{{"index":0,"message":{one}}},{{"index":1,"message":{two}}}]}}"#);
    check(
        &[
            ("langfuse.observation.input", &input),
            ("langfuse.observation.output", &choices),
        ],
        &format!("langfuse\n{said}"),
    );
    check(
        &[
            ("llm.input_messages.0.message.content", "hi"),
            ("llm.output_messages.0.message.content", "a"),
            ("llm.output_messages.1.message.content", "b"),
        ],
        &format!("openinference\n{said}"),
    );
}

#[test]
fn what_is_no_alternative_stays() {
    // The first choice may be silent.
    check(
        &[(
            "gen_ai.output.messages",
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"hm"}]},{"role":"assistant","parts":[{"type":"text","content":"a"}]}]"#,
        )],
        "otel\nAssistant: \nAssistant: a",
    );
    // An agent's steps.
    let call = r#"{"role":"assistant","parts":[{"type":"tool_call","id":"1","name":"f"}]}"#;
    let result = r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"1","response":"x"}]}"#;
    let reply = r#"{"role":"assistant","parts":[{"type":"text","content":"a"}]}"#;
    check(
        &[("gen_ai.output.messages", &format!("[{call},{result},{reply}]"))],
        "otel\nAssistant:  f()\nTool: x\nAssistant: a",
    );
    // Items of a reply of the Responses API.
    check(
        &[(
            "langfuse.observation.output",
            r#"{"output":[{"type":"function_call","call_id":"1","name":"f"},{"type":"message","role":"assistant","content":"a"}]}"#,
        )],
        "langfuse\nAssistant:  f()\nAssistant: a",
    );
    check(
        &[
            (
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
                "f",
            ),
            (
                "llm.output_messages.1.message.tool_calls.0.tool_call.function.name",
                "g",
            ),
            ("llm.output_messages.2.message.content", "a"),
        ],
        "openinference\nAssistant:  f()\nAssistant:  g()\nAssistant: a",
    );
}

#[test]
fn nobody_else_is_taken_for_the_user() {
    for (name, shown) in [
        ("MessageRole.ASSISTANT", "Assistant"),
        ("narrator", "System"),
        ("", "User"),
    ] {
        check(
            &[("gen_ai.prompt.0.content", "a"), ("gen_ai.prompt.0.role", name)],
            &format!("openllmetry\n{shown}: a"),
        );
        check_events(
            &[("gen_ai.user.message", &[("role", name), ("content", "a")])],
            &format!("otel_events\n{shown}: a"),
        );
    }
}
