//! Every shape of a document, and what is told of documents that are none.

use proptest::prelude::*;

use super::*;

/// `id messages@indexes` of every conversation, the beginning of every fault.
fn check(text: &str, expected: &[&str]) {
    let mut shown = Vec::new();
    transcripts(text.as_bytes(), 1, &mut |read| {
        shown.push(match read {
            Ok(read) => {
                let roles = read.conversation.messages.iter().map(|message| {
                    let name = format!("{:?}", message.role).to_lowercase();
                    let calls = if message.tool_calls.is_empty() { "" } else { "!" };
                    format!("{}{calls}", &name[..1])
                });
                let messages = roles.zip(&read.indexes).map(|(role, index)| format!("{role}{index}"));
                format!(
                    "{} {}",
                    read.id.unwrap_or("-".into()),
                    messages.collect::<Vec<_>>().join(" ")
                )
            }
            Err(error) => error.to_string(),
        });
    });
    assert_eq!(shown.len(), expected.len(), "{text}: {shown:?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(
            shown.trim_end().starts_with(expected),
            "{text}: {shown:?} is no {expected:?}"
        );
    }
}

#[test]
fn lines_documents_and_lists() {
    let hello = r#"{"id":"a","messages":[{"role":"user","content":"hello"}]}"#;
    check(&format!("{hello}\n\n{hello}\n"), &["a u0", "a u0"]);
    check(&format!("[{hello},{hello}]"), &["a u0", "a u0"]);
    check(
        r#"[{"role":"user","content":"hello"},{"role":"assistant","content":null}]"#,
        &["- u0 a1"],
    );
    check("{\n \"id\": 7,\n \"messages\": []\n}\n{\"messages\":[]}", &["7", "-"]);
    check("", &[]);
    check("[]", &[]);
}

#[test]
fn results_of_tools_are_messages_at_the_index_of_theirs() {
    let text = r#"{"id":"a","system":[{"type":"text","text":"Be kind."}],"max_tokens":9,"messages":[
        {"role":"user","content":[{"type":"text","text":"hi"}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","id":"1","name":"f","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"x"},{"type":"tool_result","tool_use_id":"2",
         "content":[{"type":"text","text":"y"}]},{"type":"text","text":"and"},{"type":"text","text":"now?"}]},
        {"role":"assistant","content":"done"}]}"#;
    check(text, &["a u0 a!1 t2 t2 u2 a3"]);
}

#[test]
fn a_result_that_the_api_calls_an_error_is_marked_as_one() {
    let text = |content: &str| {
        let result = format!(r#"{{"type":"tool_result","tool_use_id":"1","is_error":true,"content":{content}}}"#);
        let mut texts = Vec::new();
        let document = format!(r#"{{"messages":[{{"role":"user","content":[{result}]}}]}}"#);
        transcripts(document.as_bytes(), 1, &mut |read| {
            let messages = read.expect("a conversation").conversation.messages;
            texts.extend(
                messages
                    .into_iter()
                    .map(|message| (message.text.into_owned(), message.failed)),
            );
        });
        texts
    };
    assert_eq!(text(r#""closed today""#), [("closed today".to_owned(), true)]);
    // The text may be an object, of which nobody knows how it tells a failure.
    assert_eq!(text(r#""{\"city\": 1}""#), [("{\"city\": 1}".to_owned(), true)]);
}

#[test]
fn replies_follow_their_requests() {
    let request = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    for (reply, expected) in [
        (
            r#"{"id":"r","choices":[{"message":{"role":"assistant","content":"a"}},{"message":{"role":"assistant","content":"b"}}]}"#,
            "r u0 a1",
        ),
        (
            r#"{"id":"r","type":"message","role":"assistant","content":[{"type":"text","text":"a"}]}"#,
            "r u0 a1",
        ),
        (
            r#"{"id":"r","output":[{"type":"reasoning"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}]}"#,
            "r u0 a2",
        ),
        (r#"{"error":{"message":"overloaded"}}"#, "- u0"),
        ("null", "- u0"),
    ] {
        check(&format!(r#"{{"request":{request},"response":{reply}}}"#), &[expected]);
    }
    check(
        r#"{"id":"r","choices":[{"message":{"role":"assistant","content":"a"}}]}"#,
        &["r a0"],
    );
    check(
        r#"{"id":"r","role":"assistant","content":[{"type":"text","text":"a"}]}"#,
        &["r a0"],
    );
}

#[test]
fn items_of_the_responses_api() {
    check(r#"{"id":"a","input":"hi","output":"hello"}"#, &["a u0 a1"]);
    let items = r#"[{"role":"user","content":"hi"},{"type":"reasoning","summary":[]},
        {"type":"function_call","call_id":"1","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"1","output":"x"}]"#;
    let output = r#"[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"so"}]}]"#;
    check(
        &format!(r#"{{"id":"a","instructions":"be kind","input":{items},"output":{output}}}"#),
        &["a u0 a!2 t3 a4"],
    );
    check(items, &["- u0 a!2 t3"]);
}

const SPAN: &str = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"chat","kind":3,
    "attributes":[{"key":"gen_ai.input.messages","value":{"stringValue":
    "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"hi\"}]}]"}}]}"#;
const BARE: &str = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"aaa19b7ec3c1b174","name":"db"}"#;

#[test]
fn spans_of_traces_are_conversations() {
    let id = "5b8efff798038103d269b633813fc60c/eee19b7ec3c1b174";
    let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{BARE},{SPAN}]}}]}}]}}"#);
    let expected = format!("{id} u0");
    check(&request, &[&expected]);
    check(&format!("{request}\n{request}"), &[&expected, &expected]);
    check(&format!("[{request},{request}]"), &[&expected, &expected]);
    check(
        &format!(r#"{{"traces":[{{"trace_id":"x","spans":[{BARE},{SPAN}]}},{{"spans":[]}}]}}"#),
        &[&expected],
    );
    check(&format!(r#"{{"trace_id":"x","spans":[{SPAN}]}}"#), &[&expected]);
    check(r#"{"resourceSpans":[]}"#, &[]);
}

#[test]
fn what_is_wrong_with_a_trace_is_told() {
    check(
        r#"{"resource_spans":[]}"#,
        &[r#"line 1: invalid OTLP/JSON at resource_spans: OTLP/JSON spells this key "resourceSpans""#],
    );
    check(
        r#"{"resourceSpans":7}"#,
        &["line 1: invalid OTLP/JSON at resourceSpans: expected an array, got a number"],
    );
    check(r#"{"traces":[{"trace_id":"x"}]}"#, &["line 1: a trace without a list"]);
    let short = SPAN.replace("eee19b7ec3c1b174", "ee");
    check(
        &format!(r#"{{"traces":[{{"spans":[{short}]}}]}}"#),
        &["line 1: 1 spans left out: "],
    );
}

#[test]
fn a_fault_names_its_line_and_stops_nothing() {
    check(
        "{\"messages\":[]}\n{\"messages\":[\n{\"messages\":[]}\nx\n{\"messages\":[]}",
        &[
            "-",
            "line 2: not valid JSON: expected `,` or `]` at line 4 column 1",
            "-",
            "line 4: not valid JSON: expected value at column 1",
            "-",
        ],
    );
    check(
        "{\"a\":1}\n3\n{\"messages\":[3]}\n[{\"messages\":[]},4]",
        &[
            "line 1: no \"messages\": expected {",
            "line 2: a number is no conversation: ",
            "line 3: messages[0] is no message: ",
            "-",
            "line 4: [1]: a number is no conversation: ",
        ],
    );
    check(
        "{\"messages\":[{\"role\":\"us",
        &["line 1: not valid JSON: EOF while parsing a string at column 24; was it cut off?"],
    );
}

#[test]
fn half_a_character_is_no_fault() {
    let half =
        r#"{"id":"\ud83d","messages":[{"role":"user","content":"look \uD83D"},{"role":"assistant","content":"\t"}]}"#;
    let half = half.replace("\\t", "\t");
    let hello = r#"{"id":"a","messages":[{"role":"user","content":"\\ud83d \ud83d\ude00"}]}"#;
    check(
        &format!("{hello}\n{half}\nx\n[\n{half},\n{hello}]\n{hello}"),
        &[
            "a u0",
            "\u{fffd} u0 a1",
            "line 3: not valid JSON: expected value at column 1",
            "\u{fffd} u0 a1",
            "a u0",
            "a u0",
        ],
    );
    // A document that was cut off does not take the next one for its own.
    check(
        &format!("{{\"messages\":[{{\"role\":\"us\n{half}"),
        &["line 1: not valid JSON: control character", "\u{fffd} u0 a1"],
    );
    let span = SPAN.replace("\"chat\"", r#""ch\udc00at""#);
    let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
    check(&request, &["5b8efff798038103d269b633813fc60c/eee19b7ec3c1b174 u0"]);
}

#[test]
fn roles_are_those_of_spans() {
    check(
        r#"[{"role":"USER","content":"a"},{"role":"bot","content":"b"},{"role":"Customer","content":"c"},
            {"role":"agent","content":"d"},{"type":"human","content":"e"},{"type":"AIMessage","content":"f"}]"#,
        &["- u0 a1 u2 a3 u4 a5"],
    );
    for role in ["narrator", ""] {
        check(
            &format!(r#"{{"messages":[{{"role":"{role}","content":""}}]}}"#),
            &[&format!(
                "line 1: messages[0] has the unknown role {role:?}; known are user, human, customer, humanmessage, \
                 assistant, ai, model, agent, bot, chatbot, aimessage, aimessagechunk, system, developer, systemmessage, \
                 tool, function, toolmessage, functionmessage, in any case"
            )],
        );
    }
}

#[test]
fn wrong_types_are_told() {
    check(r#"{"messages":{}}"#, &["line 1: \"messages\" is an object, no list: "]);
    check(r#"{"messages":[{"role":7}]}"#, &["line 1: messages[0] is no message: "]);
    check(
        r#"{"messages":[{"role":"user","content":3}]}"#,
        &["line 1: the content of messages[0] is a number, neither"],
    );
    check(
        r#"{"messages":[{"role":"user","parts":true}]}"#,
        &["line 1: the parts of messages[0] is a boolean, neither"],
    );
    check(r#"{"input":1e400}"#, &["line 1: not valid JSON: number out of range"]);
    check(
        r#"{"input":99999999999999999999}"#,
        &["line 1: \"input\" is a number, neither text nor a list"],
    );
    check(r#"{"request":{"a":1}}"#, &["line 1: \"request\" holds no messages: "]);
    check(
        r#"{"request":{"messages":3}}"#,
        &["line 1: request: \"messages\" is a number"],
    );
    check(
        &format!("{{\"messages\":{}", "[".repeat(100_000)),
        &["line 1: not valid JSON: recursion limit exceeded at column"],
    );
}

#[test]
fn a_message_that_says_nothing_where_it_should_is_told() {
    check(
        r#"{"messages":[{"role":"user","content":"hi"},{"role":"user","text":"This is useless"}]}"#,
        &[r#"line 1: messages[1] has neither "content" nor "parts" nor "tool_calls""#],
    );
    check(
        r#"{"role":"user"}"#,
        &[r#"line 1: the reply has neither "content" nor "parts" nor "tool_calls""#],
    );
    check(
        r#"{"messages":[{"role":"user","content":[[["This is useless"]]]}]}"#,
        &["line 1: content[0] of messages[0] is a list, neither text nor an object"],
    );
    check(
        r#"{"messages":[{"role":"user","parts":["a",7]}]}"#,
        &["line 1: parts[1] of messages[0] is a number, neither text nor an object"],
    );
    // What the APIs leave out or have beside it is no fault.
    for message in [
        r#"{"role":"assistant","content":null}"#,
        r#"{"role":"assistant","tool_calls":[]}"#,
        r#"{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}"#,
        r#"{"role":"assistant","refusal":"No."}"#,
        r#"{"role":"assistant","audio":{"id":"x"}}"#,
        r#"{"role":"assistant","content":[null,"a",{"type":"image_url"}]}"#,
    ] {
        check(&format!("[{message}]"), &["- a0"]);
    }
}

#[test]
fn an_empty_list_of_messages_hides_nothing() {
    let messages = r#"[{"role":"user","content":"hi"}]"#;
    for empty in ["[]", "null"] {
        check(
            &format!(r#"{{"messages":{empty},"request":{{"messages":{messages}}}}}"#),
            &["- u0"],
        );
        let spans = format!(r#""resourceSpans":[{{"scopeSpans":[{{"spans":[{SPAN}]}}]}}]"#);
        let id = "5b8efff798038103d269b633813fc60c/eee19b7ec3c1b174 u0";
        check(&format!(r#"{{"messages":{empty},{spans}}}"#), &[id]);
    }
    check(&format!(r#"{{"messages":{messages},"resourceSpans":[]}}"#), &["- u0"]);
    check(&format!(r#"{{"messages":{messages},"traces":[]}}"#), &["- u0"]);
    check(r#"{"messages":[],"request":7}"#, &["-"]);
}

#[test]
fn what_tells_something_of_a_conversation() {
    for (message, expected) in [
        (r#"{"role":"user","content":"hi"}"#, true),
        (r#"{"role":"tool","content":"timeout"}"#, true),
        (
            r#"{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}"#,
            true,
        ),
        (r#"{"role":"user","content":" \n"}"#, false),
        (
            r#"{"role":"user","content":[{"type":"foo","content":"This is useless"}]}"#,
            false,
        ),
        (r#"{"role":"system","content":"Be kind."}"#, false),
        ("", false),
    ] {
        transcripts(format!(r#"{{"messages":[{message}]}}"#).as_bytes(), 1, &mut |read| {
            assert_eq!(read.expect("a conversation").is_telling(), expected, "{message}");
        });
    }
}

/// What is read of a text: every conversation and every fault, in short.
fn all(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    transcripts(text, 1, &mut |read| {
        found.push(match read {
            Ok(read) => {
                assert_eq!(read.conversation.messages.len(), read.indexes.len());
                assert!(read.indexes.is_sorted());
                format!("{} {:?} {}", read.line, read.id, read.indexes.len())
            }
            Err(error) => error.to_string(),
        });
    });
    found
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[{}\\]\",:0-9a-e\\n ]{0,80}") {
        all(&bytes);
        all(text.as_bytes());
    }

    #[test]
    fn no_damage_breaks_it(at in 0_usize..1000, byte in any::<u8>(), cut in 0_usize..1000) {
        let pair = r#"{"request":{"messages":[{"role":"user","content":[{"type":"tool_result","content":"x"}]}]},"response":{"choices":[{"message":{"role":"assistant","content":null}}]}}"#;
        let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{SPAN}]}}]}}]}}"#);
        let mut text = format!("{pair}\n{{\"traces\":[{{\"spans\":[{SPAN}]}}]}}\n{request}\n{pair}").into_bytes();
        let before = all(&text);
        prop_assert_eq!(before.len(), 4);
        let (at, cut) = (at % text.len(), cut % text.len());
        text[at] = byte;
        all(&text);
        all(&text[cut..]);
        all(&text[..cut]);
    }
}
