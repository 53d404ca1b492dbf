//! Requests that ask for no model: the routing model says which preference fits, and what becomes of it when it says nonsense.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::{Value as Json, json};

use super::{
    CHAT, completion,
    front::{Front, Setup, Trace, attribute, failure, text, traceparent},
    model::{Model, Script},
    question, says,
};

/// A routing model and two others, with two preferences.
struct Stage {
    router: Model,
    cheap: Model,
    good: Model,
    front: Front,
}

impl Stage {
    fn new(router: Script) -> Stage {
        let answering = || Model::start(Script::json(200, &completion()));
        let (router, cheap, good) = (Model::start(router), answering(), answering());
        let provider = |name: &str, model: &Model, more: &str| {
            let address = model.address;
            format!(
                "{{model: {name}, base_url: 'http://{address}/v1', access_key: k, provider_interface: openai{more}}}"
            )
        };
        let setup = Setup {
            kind: "model",
            listener: "timeout: 5s".to_owned(),
            sampling: 100,
            providers: vec![
                provider("own/router", &router, ""),
                provider("openai/gpt-4o-mini", &cheap, ""),
                provider("openai/gpt-4o", &good, ", default: true"),
            ],
            more: "
routing_preferences:
  - {name: code generation, description: writing new code, models: [openai/gpt-4o, openai/gpt-4o-mini], selection_policy: {prefer: cheapest}}
  - {name: poetry, description: poems, models: [openai/gpt-4o]}
overrides: {llm_routing_model: own/router}
"
            .to_owned(),
        };
        Stage {
            front: setup.start(),
            router,
            cheap,
            good,
        }
    }

    async fn trace(&self, number: u32, headers: &[(&str, &str)], body: &Json) -> Trace {
        let parent = traceparent(number);
        let mut headers = headers.to_vec();
        headers.push(("traceparent", &parent));
        let reply = self.front.ask(CHAT, &headers, body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        self.front.trace_of(number).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_preference_that_fits_is_taken_and_its_cheapest_model() {
    let stage = Stage::new(says("```json\n{\"route\": \"code generation\"}\n```"));
    let mut body = question("auto", "Write a parser in Rust. I want to speak to a human!");
    let trace = stage
        .trace(1, &[("authorization", "Bearer of-the-client")], &body)
        .await;
    let asked: Json = serde_json::from_str(&stage.router.asked()[0].body).expect("JSON");
    assert_eq!(asked["model"], "router");
    assert!(
        asked["messages"][0]["content"]
            .as_str()
            .expect("text")
            .contains("writing new code")
    );
    assert!(
        asked["messages"][1]["content"]
            .as_str()
            .expect("text")
            .contains("Write a parser in Rust.")
    );
    assert_eq!(stage.router.asked()[0].header("authorization"), "Bearer k");
    let sent: Json = serde_json::from_str(&stage.cheap.asked()[0].body).expect("JSON");
    assert_eq!(sent["model"], "gpt-4o-mini");

    let routing = &trace["plano(routing)"][0];
    assert_eq!(text(routing, "routing.strategy"), "preference");
    assert_eq!(text(routing, "plano.route.name"), "code generation");
    assert_eq!(text(routing, "route.selected_model"), "openai/gpt-4o-mini");
    let reason = text(routing, "routing.selection_reason");
    assert!(
        reason.starts_with("the routing model chose \"code generation\"; cheapest, about"),
        "{reason}"
    );
    // The routing model's call is below the routing span, and is no conversation.
    let [question, answer] = &trace["plano(llm)"][..] else {
        panic!("{trace:?}")
    };
    assert_eq!(
        (&question.parent_span_id, question.name.as_str()),
        (&routing.span_id, "POST /v1/chat/completions router")
    );
    assert_eq!(attribute(question, "signals.quality"), None);
    assert!(answer.name.ends_with("gpt-4o-mini 🚩"), "{}", answer.name);
    let handoffs = &trace["plano(handoff)"];
    assert_eq!(
        [&handoffs[0].parent_span_id, &handoffs[1].parent_span_id],
        [&question.span_id, &answer.span_id]
    );

    // No model at all is no model too; the name of one is obeyed.
    body.as_object_mut().expect("an object").remove("model");
    stage.trace(2, &[], &body).await;
    let sent: Json = serde_json::from_str(&stage.cheap.asked()[1].body).expect("JSON");
    assert_eq!(sent["model"], "gpt-4o-mini");
    stage.trace(3, &[], &super::question("gpt-4o", "Hi")).await;
    assert_eq!((stage.router.asked().len(), stage.good.asked().len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_asked_for_once() {
    let stage = Stage::new(says(r#"{"route": "poetry"}"#));
    for number in 1..4 {
        let trace = stage
            .trace(number, &[("x-model-affinity", "s-1")], &question("auto", "A poem!"))
            .await;
        assert_eq!(text(&trace["plano(routing)"][0], "plano.route.name"), "poetry");
    }
    assert_eq!((stage.router.asked().len(), stage.good.asked().len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_leads_to_the_default_model_and_says_so() {
    let scripts = [
        (
            says("I think poetry."),
            "its answer holds no JSON object with `route`",
            None,
        ),
        (says(r#"{"route": "prose"}"#), "it named none that there is", None),
        (says(r#"{"route": ""}"#), "it found that none fits", None),
        (
            Script::json(200, &json!([1])),
            "the answer is no JSON object",
            Some("invalid_response"),
        ),
        (
            Script::json(401, &json!({})),
            "the provider answered 401",
            Some("upstream_4xx"),
        ),
    ];
    for (script, why, failed) in scripts {
        let stage = Stage::new(script);
        let trace = stage.trace(1, &[], &question("none", "Hi")).await;
        let routing = &trace["plano(routing)"][0];
        let expected = format!("the default model: the routing model was of no use ({why})");
        assert_eq!(text(routing, "routing.selection_reason"), expected);
        assert_eq!(text(routing, "route.selected_model"), "openai/gpt-4o");
        assert_eq!(
            attribute(routing, "routing.is_fallback"),
            Some(&Value::BoolValue(false))
        );
        assert_eq!(failure(&trace["plano(llm)"][0]), failed, "{why}");
        assert_eq!(failure(&trace["plano(inbound)"][0]), None);
    }
}
