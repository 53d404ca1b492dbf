//! Filters on their way through the real program: what they change, refuse and break, for requests, answers and streams, and the trace
//! of it.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{
    CHAT, CHUNKS, completion,
    front::{Front, Setup, failure, hex, number, text, traceparent},
    leaks::abort,
    model::{Model, Script},
    question,
};

/// A model, with a filter before it and one behind it.
struct Stage {
    model: Model,
    guard: Model,
    pii: Model,
    front: Front,
}

impl Stage {
    fn new(model: Script, guard: Script, pii: Script) -> Stage {
        Stage::with(model, guard, pii, "")
    }

    /// `more`: settings of both filters.
    fn with(model: Script, guard: Script, pii: Script, more: &str) -> Stage {
        let [model, guard, pii] = [model, guard, pii].map(Model::start);
        let setup = Setup {
            kind: "model",
            listener: "timeout: 5s, input_filters: [guard], output_filters: [pii]".to_owned(),
            sampling: 100,
            providers: vec![format!(
                "{{model: openai/gpt-4o, access_key: k, base_url: 'http://{}/v1'}}",
                model.address
            )],
            more: format!(
                "filters: [{{id: guard, url: 'http://{}', timeout: 1s{more}}}, {{id: pii, url: 'http://{}/out', timeout: 1s{more}}}]",
                guard.address, pii.address
            ),
        };
        Stage {
            front: setup.start(),
            model,
            guard,
            pii,
        }
    }
}

fn passes() -> Script {
    Script::json(200, &json!(null)).without_body()
}

fn answers() -> Script {
    Script::json(200, &completion())
}

fn told(body: &[u8]) -> Json {
    serde_json::from_slice(body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_filters_make_of_it_goes_on_and_the_trace_shows_them() {
    let mut changed = question("gpt-4o", "My number is [gone].");
    changed["metadata"] = json!({"checked": "true"});
    let mut hidden = completion();
    hidden["choices"][0]["message"]["content"] = "Hello, [gone]!".into();
    let mut stage = Stage::new(answers(), Script::json(200, &changed), Script::json(200, &hidden));
    let headers = [
        ("traceparent", &*traceparent(1)),
        ("authorization", "Bearer of-the-client"),
    ];
    let reply = stage
        .front
        .ask(CHAT, &headers, &question("gpt-4o", "My number is 0170."))
        .await;
    assert_eq!(told(&reply.body), hidden);
    assert_eq!(told(stage.model.asked()[0].body.as_bytes()), changed);
    let (guard, pii) = (&stage.guard.asked()[0], &stage.pii.asked()[0]);
    assert_eq!(
        (guard.path.as_str(), pii.path.as_str()),
        (CHAT, "/out/v1/chat/completions")
    );
    assert_eq!(told(guard.body.as_bytes()), question("gpt-4o", "My number is 0170."));
    assert_eq!(told(pii.body.as_bytes()), completion());
    assert_eq!(
        (guard.header("authorization"), guard.header("x-plano-filter-direction")),
        ("", "input")
    );

    let trace = stage.front.trace_of(1).await;
    let [first, second] = &trace["plano(filter)"][..] else {
        panic!("{trace:?}")
    };
    assert_eq!(
        (first.name.as_str(), &first.parent_span_id),
        ("guard", &trace["plano(inbound)"][0].span_id)
    );
    assert_eq!(
        (second.name.as_str(), &second.parent_span_id),
        ("pii", &trace["plano(llm)"][0].span_id)
    );
    for (span, asked, direction) in [(first, guard, "input"), (second, pii, "output")] {
        assert_eq!(text(span, "filter.direction"), direction);
        assert_eq!(
            (text(span, "filter.outcome"), text(span, "filter.type")),
            ("changed", "http")
        );
        assert_eq!((number(span, "http.status_code"), failure(span)), (200, None));
        assert!(asked.header("traceparent").contains(&hex(&span.span_id)));
    }
    for span in trace.values().flatten() {
        assert!(!format!("{span:?}").contains("0170"), "{span:?}");
    }
    assert_eq!(
        stage
            .front
            .metric("plano_filter_requests_total", &["pii", "changed"])
            .await,
        1.0
    );
    stage.front.is_sound().await;
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_refused_or_whose_filter_breaks_goes_no_further() {
    let reason = json!({"error": {"message": "no secrets, please"}});
    let cases = [
        (Script::json(403, &reason), 403, "filter_rejected", "no secrets, please"),
        (
            Script::json(200, &json!(["no", "object"])),
            502,
            "invalid_response",
            "filter guard failed",
        ),
        (
            Script::events(&["{\"model\": "]),
            502,
            "invalid_response",
            "filter guard failed",
        ),
        (
            Script::json(302, &json!({})).header("location", "http://127.0.0.1:9/"),
            502,
            "invalid_response",
            "redirect",
        ),
        (
            Script::json(500, &json!({})),
            502,
            "upstream_5xx",
            "filter guard failed",
        ),
        (
            passes().after(Duration::from_secs(30)),
            504,
            "timeout",
            "filter guard failed: no answer within 1s",
        ),
        (
            Script::json(200, &json!({"model": "gpt-4o"})),
            502,
            "invalid_response",
            "`messages` must be a list",
        ),
        (
            Script::json(200, &question("gpt-4p", "x")),
            404,
            "unknown_model",
            "did you mean \"gpt-4o\"",
        ),
    ];
    for (guard, status, kind, words) in cases {
        let mut stage = Stage::new(answers(), guard, passes());
        let headers = [("traceparent", &*traceparent(1))];
        let reply = stage.front.ask(CHAT, &headers, &question("gpt-4o", "Hi")).await;
        assert_eq!(reply.status, status, "{words}: {reply:?}");
        let message = told(&reply.body)["error"]["message"].as_str().expect("text").to_owned();
        assert!(message.contains(words), "{message}");
        let trace = stage.front.trace_of(1).await;
        assert_eq!(failure(&trace["plano(inbound)"][0]), Some(kind), "{words}");
        assert!(
            !format!("{trace:?}").contains("no secrets"),
            "a filter's words stay off spans"
        );
        assert_eq!(stage.model.asked().len(), 0);
        stage.front.is_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_that_may_fail_are_passed_by() {
    let broken = || Script::json(500, &json!({}));
    let stage = Stage::with(answers(), broken(), broken(), ", on_failure: pass");
    let reply = stage
        .front
        .ask(CHAT, &[("traceparent", &traceparent(1))], &question("gpt-4o", "Hi"))
        .await;
    assert_eq!((reply.status, told(&reply.body)), (200, completion()));
    let trace = stage.front.trace_of(1).await;
    for span in &trace["plano(filter)"] {
        assert_eq!(
            (text(span, "filter.outcome"), failure(span)),
            ("failed", Some("upstream_5xx"))
        );
    }
    assert_eq!(failure(&trace["plano(inbound)"][0]), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_refused_is_no_fault_of_the_model() {
    let stage = Stage::new(answers(), passes(), Script::json(451, &json!({"detail": "not here"})));
    let reply = stage
        .front
        .ask(CHAT, &[("traceparent", &traceparent(1))], &question("gpt-4o", "Hi"))
        .await;
    assert_eq!(
        (reply.status, reply.text().contains("not here")),
        (451, true),
        "{reply:?}"
    );
    assert!(!reply.text().contains("Hello!"));
    let trace = stage.front.trace_of(1).await;
    let failures = ["plano(inbound)", "plano(llm)", "plano(handoff)"].map(|name| failure(&trace[name][0]));
    assert_eq!(failures, [Some("filter_rejected"), None, None]);
    assert_eq!(
        stage
            .front
            .metric("plano_llm_upstream_requests_total", &["\"none\"", "2xx"])
            .await,
        1.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_through_in_windows_of_whole_events() {
    let mut body = question("gpt-4o", "Hi");
    body["stream"] = true.into();
    // The filter takes the whole stream in one window, and gives it back with another word in it.
    let changed: String = [CHUNKS[0], CHUNKS[1], CHUNKS[2], CHUNKS[4]]
        .concat()
        .replace("Hel", "Sal");
    let changed: &'static str = changed.leak();
    let mut stage = Stage::new(Script::events(CHUNKS), passes(), Script::events(&[changed]));
    let reply = stage.front.ask(CHAT, &[("traceparent", &traceparent(1))], &body).await;
    assert_eq!(
        (reply.header("content-type"), reply.text().as_str()),
        ("text/event-stream", changed)
    );
    let windows = stage.pii.asked();
    let seen: String = windows.iter().map(|asked| asked.body.as_str()).collect();
    assert_eq!(
        (windows.len(), seen),
        (1, [CHUNKS[0], CHUNKS[1], CHUNKS[2], CHUNKS[4]].concat())
    );
    assert_eq!(windows[0].header("content-type"), "text/event-stream");
    let trace = stage.front.trace_of(1).await;
    let [_, output] = &trace["plano(filter)"][..] else {
        panic!("{trace:?}")
    };
    assert_eq!(
        (text(output, "filter.outcome"), &output.parent_span_id),
        ("changed", &trace["plano(llm)"][0].span_id)
    );
    assert_eq!(number(&trace["plano(llm)"][0], "llm.usage.total_tokens"), 7);
    assert_eq!(
        number(&trace["plano(inbound)"][0], "response_size"),
        changed.len() as i64
    );

    stage.pii.becomes(Script::json(403, &json!({"message": "enough"})));
    let reply = stage.front.ask(CHAT, &[("traceparent", &traceparent(2))], &body).await;
    let text = reply.text();
    assert!(text.contains("enough") && !text.contains("Hel"), "{text}");
    let trace = stage.front.trace_of(2).await;
    assert_eq!(failure(&trace["plano(inbound)"][0]), Some("filter_rejected"));
    assert_eq!(failure(&trace["plano(handoff)"][0]), None);
    stage.front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_held_back_no_longer_than_its_window() {
    let hanging = Script::events(&CHUNKS[..2]).and_hang();
    let stage = Stage::with(hanging, passes(), passes(), ", stream_window: {duration: 100ms}");
    let started = std::time::Instant::now();
    abort(stage.front.client.port, "gpt-4o").await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    super::until("the call ends with its client", || stage.model.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_ends_a_stream_is_no_fault_of_the_model() {
    let mut body = question("gpt-4o", "Hi");
    body["stream"] = true.into();
    let (endless, refuses) = (
        Script::events(&CHUNKS[..3]).and_hang(),
        Script::json(403, &json!({"message": "enough"})),
    );
    let mut stage = Stage::with(endless, passes(), refuses, ", stream_window: {duration: 50ms}");
    let reply = stage.front.ask(CHAT, &[("traceparent", &traceparent(1))], &body).await;
    assert!(reply.text().contains("enough"), "{reply:?}");
    let trace = stage.front.trace_of(1).await;
    let failures = ["plano(inbound)", "plano(llm)", "plano(handoff)"].map(|name| failure(&trace[name][0]));
    assert_eq!(failures, [Some("filter_rejected"), None, None]);
    let counted = stage
        .front
        .metric("plano_llm_upstream_requests_total", &["\"none\"", "2xx"]);
    assert_eq!(counted.await, 1.0);
    stage.front.is_sound().await;
}
