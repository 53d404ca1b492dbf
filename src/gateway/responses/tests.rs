//! Conversations that go on, as requests come and answers are kept.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::*;
use crate::gateway::{exchange::Crossing, providers::read_request};

const TRANSLATED: Way = Way::Across(Crossing::ResponsesToChat);
const LIMIT: usize = 1 << 20;

fn conversations() -> Arc<Conversations> {
    Arc::new(Conversations::new(&StateStorage {
        max_responses: 10,
        max_bytes: 1 << 20,
        ttl: Duration::from_secs(60),
    }))
}

fn request(body: &Value) -> Request {
    read_request(Api::Responses, &body.to_string().into()).expect("a request")
}

fn scope(all: &Conversations, listener: usize, headers: &[(&'static str, &'static str)]) -> Scope {
    let pairs = headers.iter();
    let headers = pairs
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    all.scope(listener, &headers)
}

/// Asks, and answers with one text; the input that the provider would get, if it is not the client's own.
fn ask(all: &Arc<Conversations>, scope: Scope, body: &Value, id: &str) -> Result<Option<Value>, BadRequest> {
    let request = request(body);
    let whole = all.resolved(scope, &request, TRANSLATED, LIMIT)?;
    if let Some(keeper) = all.keeper(scope, &request, TRANSLATED) {
        let response = json!({"id": id, "output": [{"role": "assistant", "content": format!("answer {id}")}]});
        keeper.keep(response.to_string().as_bytes());
    }
    Ok(whole.map(|whole| whole.tree().expect("JSON")["input"].clone()))
}

#[test]
fn a_conversation_goes_on() {
    let all = conversations();
    let scope = scope(&all, 0, &[]);
    let first = json!({"model": "m", "input": "one"});
    assert_eq!(ask(&all, scope, &first, "r1"), Ok(None));
    let second = json!({"model": "m", "previous_response_id": "r1", "input": [{"role": "user", "content": "two"}]});
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    let one = json!({"type": "message", "role": "user", "content": "one"});
    let expected = json!([one, said("assistant", "answer r1"), said("user", "two")]);
    assert_eq!(ask(&all, scope, &second, "r2"), Ok(Some(expected)));
    let third = json!({"model": "m", "previous_response_id": "r2"});
    let expected = json!([
        one,
        said("assistant", "answer r1"),
        said("user", "two"),
        said("assistant", "answer r2")
    ]);
    assert_eq!(ask(&all, scope, &third, "r3"), Ok(Some(expected)));
}

#[test]
fn nobody_finds_what_is_not_theirs_or_was_not_kept() {
    let all = conversations();
    let mine = scope(&all, 0, &[("authorization", "Bearer a")]);
    ask(&all, mine, &json!({"model": "m", "input": "one"}), "r1").expect("kept");
    ask(&all, mine, &json!({"model": "m", "input": "one", "store": false}), "r2").expect("not kept");
    let check = |scope: Scope, id: &str, expected: bool| {
        let body = json!({"model": "m", "previous_response_id": id, "input": "two"});
        let found = all.resolved(scope, &request(&body), TRANSLATED, LIMIT);
        match found {
            Ok(whole) => assert!(expected && whole.is_some(), "{id}"),
            Err(fault) => {
                assert!(!expected, "{id}: {fault}");
                assert_eq!(
                    (fault.param(), fault.code()),
                    (Some("previous_response_id"), Some("previous_response_not_found"))
                );
                assert!(fault.to_string().contains(id), "{fault}");
            }
        }
    };
    check(mine, "r1", true);
    check(mine, "r2", false);
    check(mine, "r9", false);
    check(scope(&all, 1, &[("authorization", "Bearer a")]), "r1", false);
    check(scope(&all, 0, &[("authorization", "Bearer b")]), "r1", false);
    check(scope(&all, 0, &[]), "r1", false);
}

#[test]
fn providers_with_a_memory_are_left_to_it() {
    let all = conversations();
    let scope = scope(&all, 0, &[]);
    let body = request(&json!({"model": "m", "previous_response_id": "resp_theirs", "input": "two"}));
    let straight = Way::Straight(Api::Responses);
    assert!(matches!(all.resolved(scope, &body, straight, LIMIT), Ok(None)));
    assert!(all.keeper(scope, &body, straight).is_none());
    let chat = read_request(Api::Chat, &r#"{"model":"m","messages":[]}"#.into()).expect("a request");
    let way = Way::Across(Crossing::ChatToMessages);
    assert!(matches!(all.resolved(scope, &chat, way, LIMIT), Ok(None)));
    assert!(all.keeper(scope, &chat, way).is_none());
}

#[test]
fn a_conversation_that_is_too_long_is_refused() {
    let all = conversations();
    let scope = scope(&all, 0, &[]);
    ask(&all, scope, &json!({"model": "m", "input": "x".repeat(1000)}), "r1").expect("kept");
    let body = request(&json!({"model": "m", "previous_response_id": "r1", "input": "two"}));
    let fault = all.resolved(scope, &body, TRANSLATED, 1000).expect_err("too long");
    assert!(
        fault.is_too_large() && fault.to_string().contains("1000 bytes"),
        "{fault}"
    );
}
