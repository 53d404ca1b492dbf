//! What goes through of a request's head and names, and what never gets to a provider or on a span.

use serde_json::{Value as Json, json};

use super::{
    CHAT, completion,
    front::{Setup, attribute, text, traceparent},
    hostile::content,
    wire::{Wire, answer},
};

/// What a client may make long is short on the spans.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_do_not_grow_with_names() {
    let (_wire, front) = content().await;
    let tools: Vec<Json> = (0..1000)
        .map(|number| json!({"type": "function", "function": {"name": format!("f{number}")}}))
        .collect();
    let question = json!({"model": format!("openai/{}", "m".repeat(200_000)), "messages": [], "tools": tools,
        "metadata": {"user_id": "u".repeat(200_000)}});
    front
        .ask(
            CHAT,
            &[("traceparent", &traceparent(1)), ("x-acme-a", &"a".repeat(9000))],
            &question,
        )
        .await;
    for spans in front.trace_of(1).await.values() {
        for span in spans {
            let size = prost::Message::encoded_len(span);
            assert!(
                size < 64_000 && span.name.len() <= 4096,
                "{}: {size} bytes",
                &span.name[..40]
            );
            assert_eq!(text(span, "plano.session_id").len(), 4096);
        }
    }
}

const SECRETS: [&str; 7] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-acme-x-api-key",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_stay_where_they_belong() {
    let (wire, front) = content().await;
    let mut headers: Vec<(&str, &str)> = SECRETS.iter().map(|name| (*name, "hunter2")).collect();
    let parent = traceparent(1);
    headers.extend([
        ("traceparent", parent.as_str()),
        ("x-request-id", "with blanks in it"),
        ("connection", "x-private, traceparent, content-type"),
        ("x-private", "private"),
        ("te", "trailers"),
        ("keep-alive", "timeout=5"),
        ("accept-encoding", "gzip, br"),
        ("user-agent", "tests"),
        ("openai-organization", "org-1"),
        ("x-session-id", "s-1"),
    ]);
    let question = json!({"model": "openai/good", "messages": []});
    let reply = front
        .ask("/v1/chat/completions?api_key=hunter2", &headers, &question)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let id = reply.header("x-request-id");
    assert_eq!(id.len(), 32, "{id}");
    let asked = wire.asked()[0].to_ascii_lowercase();
    for word in ["private", "keep-alive", "\r\nte: ", "gzip"] {
        assert!(!asked.contains(word), "{word}: {asked}");
    }
    // A header that only looks like one of the client's keys is the client's own affair.
    assert_eq!(asked.matches("hunter2").count(), 1, "{asked}");
    for line in [
        "authorization: bearer secret-of-openai".to_owned(),
        "accept-encoding: identity".to_owned(),
        "content-type: application/json".to_owned(),
        "openai-organization: org-1".to_owned(),
        "user-agent: tests".to_owned(),
        format!("x-request-id: {id}"),
    ] {
        assert!(asked.contains(&format!("\r\n{line}\r\n")), "{line}: {asked}");
    }
    assert_eq!(asked.matches("traceparent: ").count(), 1, "{asked}");
    let trace = front.trace_of(1).await;
    let shown = format!("{trace:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("secret-of"), "{shown}");
    for span in trace.values().flatten() {
        assert_eq!(text(span, "plano.session_id"), "s-1");
        let key = if span.kind == 2 {
            "guid:x-request-id"
        } else {
            "request_id"
        };
        assert_eq!(text(span, key), id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_has_one_id_whoever_names_it() {
    let (_wire, front) = content().await;
    let named = [
        ("x-model-affinity", "a"),
        ("x-session-id", "b"),
        ("x-claude-code-session-id", "c"),
    ];
    for (index, (headers, metadata, expected)) in (1_u32..).zip([
        (&named[..], json!({"user_id": "d"}), Some("a")),
        (&named[1..], json!({"user_id": "d"}), Some("b")),
        (&named[2..], json!({"user_id": "d"}), Some("c")),
        (&[], json!({"user_id": "d", "session_id": "e"}), Some("d")),
        (&[("x-session-id", "")], json!({"session_id": "e"}), Some("e")),
        (&[], json!({"user_id": 5}), None),
        (&[], json!("x"), None),
    ]) {
        let parent = traceparent(index);
        let headers = [&[("traceparent", parent.as_str())], headers].concat();
        let question = json!({"model": "openai/good", "messages": [], "metadata": metadata});
        front.ask(CHAT, &headers, &question).await;
        for span in front.trace_of(index).await.values().flatten() {
            let found = attribute(span, "plano.session_id").map(|_| text(span, "plano.session_id"));
            assert_eq!(found, expected, "{metadata}");
        }
    }
}

/// A client's own key goes to a provider that shall have it; the key that opened the listener does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listeners_key_goes_no_further() {
    let good = vec![answer("200 OK", "", completion().to_string().as_bytes())];
    let wire = Wire::start(vec![("", good)]).await;
    let mut setup = Setup::any_model(wire.address, "timeout: 2s, api_keys: [ours]");
    setup.providers = vec![format!(
        "{{model: openai/*, passthrough_auth: true, base_url: 'http://{}'}}",
        wire.address
    )];
    let front = setup.start();
    let question = json!({"model": "openai/m", "messages": []});
    for (index, (headers, status, passed)) in [
        (
            &[("x-api-key", "ours"), ("authorization", "Bearer theirs")][..],
            200,
            "authorization: Bearer theirs",
        ),
        (
            &[("authorization", "bearer ours"), ("x-api-key", "theirs")],
            200,
            "x-api-key: theirs",
        ),
        (&[("authorization", "Bearer ours")], 200, ""),
        (&[("authorization", "Bearer theirs")], 401, ""),
        (&[("authorization", "ours")], 401, ""),
        (&[("x-api-key", "ours2"), ("authorization", "Basic ours")], 401, ""),
        (&[("x-api-key", "")], 401, ""),
        (&[], 401, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = front.ask(CHAT, headers, &question).await;
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
        if status == 200 {
            let asked = &wire.asked()[index];
            assert!(
                asked.contains(passed) && !asked.contains("ours"),
                "{headers:?}: {asked}"
            );
        }
    }
    assert_eq!(wire.asked().len(), 3);
}
