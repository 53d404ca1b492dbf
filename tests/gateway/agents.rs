//! Agent listeners: the orchestrating model, agents in sequence, what they get and what the trace shows; agents that hang, fail, or call
//! each other without end.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::{Value as Json, json};

use super::{
    CHAT, CHUNKS, MESSAGES,
    front::{Front, Setup, Trace, attribute, failure, hex, number, text, traceparent},
    model::{Asked, Model, Script},
    question, says,
};

/// An orchestrating model, and two agents behind one listener.
struct Stage {
    router: Model,
    weather: Model,
    flight: Model,
    front: Front,
}

impl Stage {
    fn new(router: Script, weather: Script, flight: Script) -> Stage {
        Stage::with(router, weather, flight, "timeout: 5s")
    }

    fn with(router: Script, weather: Script, flight: Script, listener: &str) -> Stage {
        let [router, weather, flight] = [router, weather, flight].map(Model::start);
        let setup = Setup {
            kind: "agent",
            listener: format!(
                "{listener}, router: plano_orchestrator_v1, agents: [{{id: flight_agent, description: planes}}, \
                 {{id: weather_agent, description: rain and sun, default: true}}]"
            ),
            sampling: 100,
            providers: vec![format!(
                "{{model: own/router, base_url: 'http://{}/v1', provider_interface: openai}}",
                router.address
            )],
            more: format!(
                "agents: [{{id: weather_agent, url: 'http://{}'}}, {{id: flight_agent, url: 'http://{}/base'}}]
overrides: {{agent_orchestration_model: own/router, max_agent_depth: 3}}",
                weather.address, flight.address
            ),
        };
        Stage {
            front: setup.start(),
            router,
            weather,
            flight,
        }
    }

    async fn trace(&self, number: u32, body: &Json) -> (u16, Trace) {
        let reply = self
            .front
            .ask(CHAT, &[("traceparent", &traceparent(number))], body)
            .await;
        (reply.status, self.front.trace_of(number).await)
    }
}

const BOTH: &str = r#"{"route": ["weather_agent", "flight_agent"]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_work_one_after_the_other_and_the_last_one_streams() {
    let mut stage = Stage::new(says(BOTH), says("It rains."), Script::events(CHUNKS));
    let mut body = question("whatever", "I fly to Oslo tomorrow.");
    body["stream"] = true.into();
    let headers = [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("authorization", "Bearer of-the-client"),
        ("x-session-id", "s-1"),
        ("x-plano-depth", "1"),
    ];
    let reply = stage.front.ask(CHAT, &headers, &body).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "text/event-stream"),
        "{reply:?}"
    );
    assert_eq!(reply.text(), CHUNKS.concat(), "an agent's events are the client's");

    let [first, second] = [&stage.weather.asked()[0], &stage.flight.asked()[0]];
    assert_eq!(
        (first.path.as_str(), second.path.as_str()),
        (CHAT, "/base/v1/chat/completions")
    );
    for asked in [first, second] {
        assert_eq!(
            (asked.header("authorization"), asked.header("x-session-id")),
            ("", "s-1")
        );
        assert_eq!(asked.header("x-plano-depth"), "2");
        assert_eq!(asked.header("x-request-id"), reply.header("x-request-id"));
    }
    let sent: Json = serde_json::from_str(&first.body).expect("JSON");
    assert_eq!(
        (&sent["stream"], &sent["model"], &sent["x-unknown"]["b"]),
        (&json!(false), &json!("whatever"), &json!(1))
    );
    let sent: Json = serde_json::from_str(&second.body).expect("JSON");
    assert_eq!(sent["stream"], json!(true));
    assert_eq!(
        sent["messages"],
        json!([{"role": "assistant", "name": "weather_agent", "content": "It rains."},
            {"role": "user", "content": "I fly to Oslo tomorrow."}])
    );
    let asked: Json = serde_json::from_str(&stage.router.asked()[0].body).expect("JSON");
    let told = asked["messages"][0]["content"].as_str().expect("text");
    assert!(
        told.contains("weather_agent") && told.contains("rain and sun"),
        "{told}"
    );

    shows_both(&stage.front.trace(8).await, second);
    assert_eq!(
        stage
            .front
            .metric("plano_agent_requests_total", &["flight_agent", "2xx"])
            .await,
        1.0
    );
    stage.front.is_sound().await;
}

/// Two agents below the inbound span, each with its handoff, and the orchestrating model's call below the choice.
fn shows_both(trace: &Trace, second: &Asked) {
    let inbound = &trace["plano(inbound)"][0];
    let orchestrator = &trace["plano(orchestrator)"][0];
    assert_eq!(orchestrator.parent_span_id, inbound.span_id);
    assert_eq!(
        (orchestrator.name.as_str(), text(orchestrator, "selection.listener")),
        ("llm", "llm")
    );
    assert_eq!(text(orchestrator, "selection.agents"), "weather_agent,flight_agent");
    assert_eq!(number(orchestrator, "selection.agent_count"), 2);
    assert_eq!(text(orchestrator, "llm.model"), "own/router");
    let llm = &trace["plano(llm)"][0];
    assert_eq!(llm.parent_span_id, orchestrator.span_id);
    let [one, two] = &trace["plano(agent)"][..] else {
        panic!("{trace:?}")
    };
    assert_eq!([&one.parent_span_id, &two.parent_span_id], [&inbound.span_id; 2]);
    assert_eq!(
        (one.name.as_str(), text(one, "agent.sequence")),
        ("weather_agent /v1/chat/completions", "1/2")
    );
    assert_eq!(
        (text(two, "agent_id"), text(two, "agent.sequence")),
        ("flight_agent", "2/2")
    );
    assert_eq!((number(two, "message_count"), number(two, "agent.steps")), (2, 2));
    assert!(one.end_time_unix_nano <= two.start_time_unix_nano);
    let handoffs = &trace["plano(handoff)"];
    let parents: Vec<_> = handoffs.iter().map(|span| &span.parent_span_id).collect();
    assert_eq!(parents, [&llm.span_id, &one.span_id, &two.span_id]);
    let parent = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", hex(&handoffs[2].span_id));
    assert_eq!(
        second.header("traceparent"),
        parent,
        "the agent's calls back here join the trace"
    );
    for span in trace.values().flatten() {
        assert_eq!(failure(span), None);
        assert!(!format!("{span:?}").contains("Oslo"), "{span:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_api_is_translated_for_agents() {
    let stage = Stage::new(says(r#"{"route": ["flight_agent"]}"#), says(""), says("Gate 7."));
    let mut body = question("m", "Where?");
    body["max_tokens"] = 10.into();
    let reply = stage.front.ask(MESSAGES, &[], &body).await;
    let message: Json = serde_json::from_slice(&reply.body).expect("JSON");
    assert_eq!(message["content"][0]["text"], "Gate 7.", "{message}");
    assert_eq!(stage.weather.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_of_the_orchestrating_model_is_the_default_agents() {
    let failing = Script::json(500, &json!({}));
    let scripts = [
        (says("the weather one"), "its answer holds no JSON object with `route`"),
        (says(r#"{"route": ["train_agent"]}"#), "it named none that there is"),
        (says(r#"{"route": []}"#), "it found that none fits"),
        (failing, "the provider answered 500"),
    ];
    for (script, why) in scripts {
        let stage = Stage::new(script, says("Sun."), says("-"));
        let (status, trace) = stage.trace(1, &question("m", "Hi")).await;
        let orchestrator = &trace["plano(orchestrator)"][0];
        let expected = format!("the default agent: the orchestrating model was of no use ({why})");
        assert_eq!(
            (status, text(orchestrator, "selection.reason")),
            (200, expected.as_str())
        );
        assert_eq!(text(orchestrator, "selection.agents"), "weather_agent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_fails_hangs_or_is_not_there_is_told_by_name() {
    let hanging = says("").after(std::time::Duration::from_secs(60));
    let cases = [
        (
            Script::json(500, &json!({"error": {"message": "boom"}})),
            502,
            "upstream_5xx",
            "no answer from agent weather_agent: the provider answered 500",
        ),
        (
            hanging,
            504,
            "timeout",
            "no answer from agent weather_agent: it took longer than the listener's timeout, 1s",
        ),
        (
            Script::json(302, &json!({})).header("location", "http://127.0.0.1:9/"),
            502,
            "invalid_response",
            "no answer from agent weather_agent: the provider answered 302",
        ),
    ];
    for (script, expected, kind, words) in cases {
        let mut stage = Stage::with(says(BOTH), script, says("-"), "timeout: 1s, max_retries: 0");
        let reply = stage
            .front
            .ask(CHAT, &[("traceparent", &traceparent(1))], &question("m", "Hi"))
            .await;
        let body: Json = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(
            (reply.status, body["error"]["message"].as_str()),
            (expected, Some(words)),
            "{body}"
        );
        let trace = stage.front.trace_of(1).await;
        assert_eq!(failure(&trace["plano(agent)"][0]), Some(kind));
        assert_eq!(failure(&trace["plano(inbound)"][0]), Some(kind));
        assert_eq!(stage.flight.asked().len(), 0, "what comes after is not asked");
        stage.front.is_sound().await;
    }
    // The last agent's own error is the client's, with its body.
    let stage = Stage::new(
        says(BOTH),
        says("Sun."),
        Script::json(422, &json!({"error": {"message": "no such airport"}})),
    );
    let reply = stage.front.ask(CHAT, &[], &question("m", "Hi")).await;
    assert_eq!(
        (reply.status, reply.text().contains("no such airport")),
        (422, true),
        "{reply:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_call_each_other_without_end_are_stopped() {
    let stage = Stage::new(says(BOTH), says("-"), says("-"));
    let headers = [("x-plano-depth", "3"), ("traceparent", &traceparent(1))];
    let reply = stage.front.ask(CHAT, &headers, &question("m", "Hi")).await;
    let body: Json = serde_json::from_slice(&reply.body).expect("JSON");
    assert_eq!(
        (reply.status, body["error"]["code"].as_str()),
        (508, Some("agent_loop")),
        "{body}"
    );
    let message = body["error"]["message"].as_str().expect("text");
    assert_eq!(
        message,
        "agents call each other: 3 stand behind each other (x-plano-depth), and overrides.max_agent_depth is 3"
    );
    let trace = stage.front.trace_of(1).await;
    assert_eq!(failure(&trace["plano(inbound)"][0]), Some("agent_loop"));
    assert_eq!(
        attribute(&trace["plano(inbound)"][0], "http.status_code"),
        Some(&Value::IntValue(508))
    );
    for (depth, expected) in [
        ("99999999999999999999", 508),
        ("1, 3", 508),
        ("deep", 400),
        ("", 400),
        ("2", 200),
    ] {
        let reply = stage
            .front
            .ask(CHAT, &[("x-plano-depth", depth)], &question("m", "Hi"))
            .await;
        assert_eq!(reply.status, expected, "{depth:?}: {reply:?}");
    }
    assert_eq!(stage.router.asked().len(), 1, "the last one alone");
}
