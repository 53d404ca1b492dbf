//! The shapes in which conversations are logged.

use super::{COMPLAINT, INSULT, THANKS, check, run, text};

/// The indexes of the messages with signals of a type's family.
fn indexes(input: &str, family: &str) -> Vec<u64> {
    let output = run(&["--json"], input);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let signals = report["signals"].as_array().expect("a list").iter();
    signals
        .filter(|signal| signal["type"].as_str().expect("a name").starts_with(family))
        .map(|signal| signal["message_index"].as_u64().expect("an index"))
        .collect()
}

#[test]
fn lines_lists_and_documents() {
    let both = ["a Severe*", "b Excellent"];
    check(&["-"], format!("{COMPLAINT}\n{THANKS}\n"), 0, &both, &[]);
    check(&["-"], format!("[{COMPLAINT},{THANKS}]"), 0, &both, &[]);
    check(&["-"], format!("\u{feff}{COMPLAINT}\r\n{THANKS}\r\n"), 0, &both, &[]);
    // Nothing named is standard input, too.
    check(
        &[],
        r#"[{"role":"user","content":"Thank you, that was very helpful!"}]"#,
        0,
        &["- Excellent"],
        &[],
    );
    let tree: serde_json::Value = serde_json::from_str(COMPLAINT).expect("JSON");
    let pretty = serde_json::to_string_pretty(&tree).expect("JSON");
    check(
        &[],
        format!("{pretty}\n{pretty}{THANKS}"),
        0,
        &["a Severe*", "a Severe*", "b Excellent"],
        &[],
    );
}

#[test]
fn a_document_larger_than_a_block_is_one_document() {
    let many = vec![INSULT; 20_000].join(",\n");
    let output = run(&["--json"], format!("[\n{many}\n]\n{THANKS}"));
    let stdout = text(&output.stdout);
    assert_eq!((stdout.lines().count(), output.status.code()), (20_001, Some(0)));
    assert!(stdout.lines().next_back().expect("a line").starts_with("{\"id\":\"b\""));
    let long = INSULT.replace("useless.", &format!("useless. {}", "word ".repeat(400_000)));
    check(
        &[],
        format!("{long}\n{THANKS}\n"),
        0,
        &["c Neutral*", "b Excellent"],
        &[],
    );
}

#[test]
fn anthropics_messages() {
    let request = r#"{"id":"a","model":"m","max_tokens":99,"system":"I want to speak to a human.","messages":[
        {"role":"user","content":"Find order 7"},
        {"role":"assistant","content":[{"type":"thinking","thinking":"This is useless."},
            {"type":"tool_use","id":"t1","name":"find","input":{"order":7}},{"type":"tool_use","id":"t2","name":"mail","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"found"},
            {"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"try again tomorrow"}]},
            {"type":"text","text":"This is useless."}]},
        {"role":"assistant","content":[{"type":"text","text":"Sorry."}]},
        {"role":"user","content":[{"type":"text","text":"I want to speak to a human."}]}]}"#;
    check(&[], request, 0, &["a Severe*"], &[]);
    assert_eq!(indexes(request, "interaction.disengagement."), [2, 4]);
    assert_eq!(indexes(request, "execution.failure.state_error"), [2]);
    let fine = request.replace("\"is_error\":true", "\"is_error\":false");
    assert_eq!(
        indexes(&fine, "execution."),
        [] as [u64; 0],
        "prose alone is no failure"
    );
}

#[test]
fn requests_with_their_replies() {
    let request = r#"{"model":"m","messages":[{"role":"user","content":"This is useless."}]}"#;
    let openai = r#"{"id":"r1","choices":[{"index":0,"message":{"role":"assistant","content":"Sorry."}}]}"#;
    let anthropic = r#"{"id":"r2","type":"message","role":"assistant","content":[{"type":"text","text":"Sorry."}]}"#;
    let pair = |reply: &str| format!(r#"{{"request":{request},"response":{reply}}}"#);
    let input = [
        pair(openai),
        pair(anthropic),
        pair(r#"{"error":{"message":"overloaded"}}"#),
        openai.to_owned(),
    ];
    check(
        &[],
        input.join("\n"),
        0,
        &["r1 Neutral*", "r2 Neutral*", "- Neutral*", "r1 Good"],
        &[],
    );
    let output = run(&["--json"], pair(anthropic));
    assert!(text(&output.stdout).contains("\"turn_count\":2"));
}

#[test]
fn openais_responses() {
    let body = r#"{"id":"resp_1","instructions":"be kind","input":[
        {"role":"user","content":[{"type":"input_text","text":"Find order 7"}]},
        {"type":"reasoning","summary":[]},
        {"type":"function_call","call_id":"1","name":"find","arguments":"{}"},
        {"type":"function_call_output","call_id":"1","output":"Error: rate limit exceeded"},
        {"role":"user","content":"This is useless."}],
        "output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Sorry."}]}]}"#;
    check(&[], body, 0, &["resp_1 Neutral*"], &[]);
    assert_eq!(indexes(body, "environment.exhaustion.rate_limit"), [3]);
    assert_eq!(indexes(body, "interaction."), [4]);
    check(
        &[],
        r#"{"input":"This is useless.","output":"Sorry."}"#,
        0,
        &["- Neutral*"],
        &[],
    );
}

fn span(id: &str, text: &str) -> String {
    format!(
        r#"{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"{id}","name":"chat gpt-4o","kind":3,
        "startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[
        {{"key":"gen_ai.prompt.0.role","value":{{"stringValue":"user"}}}},
        {{"key":"gen_ai.prompt.0.content","value":{{"stringValue":"{text}"}}}},
        {{"key":"gen_ai.completion.0.role","value":{{"stringValue":"assistant"}}}},
        {{"key":"gen_ai.completion.0.content","value":{{"stringValue":"Sorry."}}}}]}}"#
    )
    .replace('\n', "")
}

fn request(spans: &[String]) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{}},"scopeSpans":[{{"scope":{{}},"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    )
}

const BARE: &str =
    r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"0000000000000009","name":"SELECT","kind":3}"#;

#[test]
fn spans_of_traces() {
    let bad = span("0000000000000001", "I want to speak to a human.");
    let good = span("0000000000000002", "Thank you, that was very helpful!");
    let bad_id = "5b8efff798038103d269b633813fc60c/0000000000000001 Severe*";
    let good_id = "5b8efff798038103d269b633813fc60c/0000000000000002 Excellent";
    let (first, second) = (
        request(&[BARE.to_owned(), bad.clone()]),
        request(std::slice::from_ref(&good)),
    );
    // As the Collector's file exporter writes them: one request a line.
    check(&[], format!("{first}\n{second}\n"), 0, &[bad_id, good_id], &[]);
    check(
        &["--fail-on", "severe"],
        &first,
        5,
        &[bad_id],
        &["planoai: 1 of 1 conversation is Severe: 5b8efff7"],
    );
    // As `planoai trace --json` prints them.
    let traces =
        format!(r#"{{"traces":[{{"trace_id":"5b","spans":[{BARE},{bad}]}},{{"trace_id":"5b","spans":[{good}]}}]}}"#);
    check(&[], &traces, 0, &[bad_id, good_id], &[]);
    let nothing = ["planoai: -: holds no conversation"];
    check(&[], request(&[BARE.to_owned()]), 3, &[], &nothing);
    check(&[], r#"{"traces":[]}"#, 3, &[], &nothing);
}

#[test]
fn what_is_wrong_with_a_trace_is_told() {
    check(
        &[],
        format!("{THANKS}\n{}", request(&[]).replace("resourceSpans", "resource_spans")),
        1,
        &["b Excellent"],
        &["planoai: -: line 2: invalid OTLP/JSON at resource_spans: "],
    );
    let wrong = request(&[BARE.replace(r#""kind":3"#, r#""kind":{}"#)]);
    let place =
        "planoai: -: line 1: invalid OTLP/JSON at resourceSpans[0].scopeSpans[0].spans[0].kind: expected an integer";
    check(&[], wrong, 1, &[], &[place]);
}
