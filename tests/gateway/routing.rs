//! Strategies over five stand-ins of different latency, price and failure rate: who is asked how often, who steps in, and how one that
//! comes back is found.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use opentelemetry_proto::tonic::{common::v1::any_value::Value, trace::v1::Span};
use serde_json::json;

use super::{
    CHAT, completion,
    front::{Front, Setup, Trace, attribute, failure, number, text, traceparent},
    model::{Model, Script},
    question,
};

/// Five models at five addresses under one alias.
struct Five {
    models: Vec<Model>,
    front: Front,
}

fn answering() -> Script {
    Script::json(200, &completion())
}

fn failing() -> Script {
    Script::json(503, &json!({"error": {"message": "overloaded"}}))
}

/// Answers after so many milliseconds.
fn slow(millis: u64) -> Script {
    answering().after(Duration::from_millis(millis))
}

impl Five {
    fn with(strategy: &str, scripts: Vec<Script>, more: &str) -> Five {
        let models: Vec<Model> = scripts.into_iter().map(Model::start).collect();
        let names: Vec<String> = (0..models.len()).map(|n| format!("own{n}/m{n}")).collect();
        let providers = models.iter().zip(&names).map(|(model, name)| {
            let address = model.address;
            format!("{{model: {name}, base_url: 'http://{address}/v1', provider_interface: openai}}")
        });
        let setup = Setup {
            kind: "model",
            listener: "timeout: 20s".to_owned(),
            // Those that ask to be recorded, and hardly another one.
            sampling: 1,
            providers: providers.collect(),
            more: format!(
                "model_aliases: {{smart-llm: {{targets: [{}], strategy: {strategy}}}}}\n{more}",
                names.join(", ")
            ),
        };
        Five {
            front: setup.start(),
            models,
        }
    }

    /// Asks so often, some at a time; how often each was asked. Every answer is one of success.
    async fn ask(&self, requests: usize, at_a_time: usize) -> Vec<usize> {
        let before: Vec<usize> = self.counts();
        let body = question("smart-llm", "Hi");
        let asking = stream::iter(0..requests).map(|_| self.front.ask(CHAT, &[], &body));
        let statuses: Vec<u16> = asking
            .buffer_unordered(at_a_time)
            .map(|reply| reply.status)
            .collect()
            .await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        self.counts()
            .iter()
            .zip(before)
            .map(|(now, before)| now - before)
            .collect()
    }

    fn counts(&self) -> Vec<usize> {
        self.models.iter().map(|model| model.asked().len()).collect()
    }

    /// The trace of one request.
    async fn trace(&self, number: u32, headers: &[(&str, &str)]) -> Trace {
        let parent = traceparent(number);
        let mut headers = headers.to_vec();
        headers.push(("traceparent", &parent));
        self.front.ask(CHAT, &headers, &question("smart-llm", "Hi")).await;
        self.front.trace_of(number).await
    }
}

fn texts(span: &Span, key: &str) -> Vec<String> {
    let Some(Value::ArrayValue(list)) = attribute(span, key) else {
        panic!("{key} of {span:?}");
    };
    let texts = list.values.iter().map(|value| match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{other:?}"),
    });
    texts.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_turn_a_thousand_requests_are_two_hundred_each() {
    let five = Five::with(
        "round-robin",
        vec![slow(1), slow(5), answering(), answering(), slow(20)],
        "",
    );
    let counts = five.ask(1000, 8).await;
    assert!(counts.iter().all(|count| count.abs_diff(200) <= 2), "{counts:?}");
    let decisions = five
        .front
        .metric("plano_router_decisions_total", &["round-robin", "own3/m3", "false"])
        .await;
    assert!((decisions - 200.0).abs() <= 2.0, "{decisions}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_costs_no_answer_and_comes_back() {
    let scripts = vec![answering(), answering(), failing(), answering(), answering()];
    let mut five = Five::with("round-robin", scripts, "overrides: {cooling_time: 1s}");
    let counts = five.ask(1000, 8).await;
    // Asked three times and a few that were under way, then once after each cooling time.
    assert!(counts[2] <= 20, "{counts:?}");
    assert!([0, 1, 3, 4].iter().all(|&at| counts[at] >= 200), "{counts:?}");
    let fallbacks = five
        .front
        .metric("plano_router_decisions_total", &["round-robin", "\"true\""])
        .await;
    assert!(fallbacks >= 3.0, "{fallbacks}");
    five.models[2].becomes(answering());
    // Its longest cooling time so far, and a half.
    tokio::time::sleep(Duration::from_secs(9)).await;
    let counts = five.ask(100, 4).await;
    assert!(counts.iter().all(|count| count.abs_diff(20) <= 2), "{counts:?}");
    five.front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fastest_gets_nine_tenths_until_another_is_faster() {
    let scripts = vec![slow(60), slow(40), slow(3), slow(30), slow(80)];
    let five = Five::with("least-latency", scripts, "");
    let counts = five.ask(1000, 4).await;
    assert!(counts[2] >= 900 && counts.iter().all(|&count| count > 0), "{counts:?}");
    five.models[2].becomes(slow(90));
    five.models[0].becomes(slow(3));
    five.ask(300, 4).await;
    let counts = five.ask(300, 4).await;
    assert!(counts[0] >= 270, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cheapest_gets_all_and_the_next_one_what_it_fails() {
    let prices = std::env::temp_dir().join(format!("plano-prices-{}.yaml", std::process::id()));
    let listed = [(0, 5.0), (1, 0.1), (2, 3.0), (3, 0.2), (4, 9.0)]
        .map(|(n, price)| format!("  own{n}/m{n}: {{input: {price}, output: {price}}}\n"));
    std::fs::write(&prices, format!("models:\n{}", listed.concat())).expect("a file");
    let more = format!("overrides: {{model_prices: '{}', cooling_time: 60s}}", prices.display());
    let five = Five::with("cost-optimized", vec![answering(); 5], &more);
    std::fs::remove_file(&prices).expect("it was read");
    assert_eq!(five.ask(1000, 8).await, [0, 1000, 0, 0, 0]);
    five.models[1].becomes(failing());
    let counts = five.ask(100, 1).await;
    assert_eq!(counts, [0, 3, 0, 100, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fallback_is_told_with_its_reasons() {
    let mut five = Five::with("round-robin", vec![failing(), failing(), answering()], "");
    let trace = five.trace(1, &[]).await;
    let routing = &trace["plano(routing)"][0];
    assert_eq!(text(routing, "routing.strategy"), "round-robin");
    assert_eq!(attribute(routing, "routing.is_fallback"), Some(&Value::BoolValue(true)));
    assert_eq!(texts(routing, "routing.candidates"), ["own0/m0", "own1/m1", "own2/m2"]);
    assert_eq!(
        text(routing, "routing.selection_reason"),
        "next in turn; own0/m0 failed (upstream_5xx); own1/m1 failed (upstream_5xx)"
    );
    let [requested, selected] = ["model.requested", "route.selected_model"].map(|key| text(routing, key));
    assert_eq!((requested, selected), ("smart-llm", "own2/m2"));
    assert_eq!(text(routing, "model.alias_resolved"), "own2/m2");
    let address = five.models[2].address.to_string();
    assert!(text(routing, "routing.upstream_endpoint").contains(&address));
    let llm = &trace["plano(llm)"][0];
    assert_eq!((text(llm, "llm.provider"), text(llm, "llm.model")), ("own2", "m2"));
    assert_eq!(failure(llm), None);
    let handoffs = &trace["plano(handoff)"];
    let told: Vec<_> = handoffs
        .iter()
        .map(|span| (number(span, "attempt"), number(span, "server.port"), failure(span)))
        .collect();
    let port = |n: usize| i64::from(five.models[n].address.port());
    let failed = Some("upstream_5xx");
    assert_eq!(told, [(1, port(0), failed), (2, port(1), failed), (3, port(2), None)]);
    assert_eq!(text(&handoffs[1], "retry.reason"), "upstream_5xx");
    five.front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_down_is_the_last_ones_answer_after_as_many_attempts_as_are_allowed() {
    let five = Five::with("round-robin", vec![failing(); 5], "");
    let reply = five.front.ask(CHAT, &[], &question("smart-llm", "Hi")).await;
    assert_eq!(
        (reply.status, reply.text().contains("overloaded")),
        (503, true),
        "{reply:?}"
    );
    assert_eq!(five.counts(), [1, 1, 1, 1, 0], "one attempt, and three more");
    // None of them answers at all: they are asked all the same, since nobody is better.
    let mut setup_five = five;
    setup_five.models.clear();
    let reply = setup_five.front.ask(CHAT, &[], &question("smart-llm", "Hi")).await;
    assert_eq!(reply.status, 502, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hangs_leaves_time_for_the_next() {
    let scripts = vec![slow(60_000), answering()];
    let five = Five::with("round-robin", scripts, "");
    let started = std::time::Instant::now();
    let trace = five.trace(1, &[]).await;
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!(failure(&trace["plano(handoff)"][0]), Some("timeout"));
    assert_eq!(text(&trace["plano(llm)"][0], "llm.provider"), "own1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_stays_with_its_model_while_that_is_well() {
    let five = Five::with("round-robin", vec![answering(), answering(), answering()], "");
    let headers = [("x-model-affinity", "s-1")];
    let first = five.trace(1, &headers).await;
    let chosen = text(&first["plano(routing)"][0], "route.selected_model").to_owned();
    for number in 2..8 {
        let trace = five.trace(number, &headers).await;
        let routing = &trace["plano(routing)"][0];
        assert_eq!(text(routing, "route.selected_model"), chosen);
        assert_eq!(
            text(routing, "routing.selection_reason"),
            "its session's, by x-model-affinity"
        );
    }
    let at: usize = chosen[3..4].parse().expect("a number");
    five.models[at].becomes(failing());
    let moved = five.trace(8, &headers).await;
    let other = text(&moved["plano(routing)"][0], "route.selected_model").to_owned();
    assert_ne!(other, chosen);
    let stays = five.trace(9, &headers).await;
    assert_eq!(text(&stays["plano(routing)"][0], "route.selected_model"), other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_that_break_off_after_their_head_are_left_out_too() {
    let told = Script::json(200, &json!({"error": {"message": "overloaded", "code": 503}}));
    let five = Five::with("round-robin", vec![told, answering()], "");
    let body = question("smart-llm", "Hi");
    for _ in 0..20 {
        five.front.ask(CHAT, &[], &body).await;
    }
    let counts = five.counts();
    assert_eq!((counts[0], counts[1]), (3, 17), "three failures in a row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_alone_tries_a_model_again() {
    let hanging = slow(60_000);
    let five = Five::with(
        "round-robin",
        vec![failing(), answering(), answering()],
        "overrides: {cooling_time: 1s}",
    );
    five.ask(30, 1).await;
    five.models[0].becomes(hanging);
    let before = five.counts()[0];
    tokio::time::sleep(Duration::from_secs(2)).await;
    let started = std::time::Instant::now();
    let counts = five.ask(20, 20).await;
    assert_eq!((counts[0], five.counts()[0] - before), (1, 1), "{counts:?}");
    assert!(started.elapsed() < Duration::from_secs(15));
}
