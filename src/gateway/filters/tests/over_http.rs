//! Filters of type http.

use super::*;

#[tokio::test]
async fn a_filter_gets_the_body_and_the_trace_and_no_keys() {
    let fake = Fake::start(|_| Reply::new(204, "")).await;
    let mut filter = http_filter("guard", &format!("{}/base?k=1", fake.url()));
    filter.headers = vec![("x-own".parse().expect("a name"), HeaderValue::from_static("7"))];
    let (result, steps) = run(&made(&[filter])).await;
    assert_eq!(result.expect("passed"), BODY);
    let [seen] = &fake.seen()[..] else {
        panic!("{:?}", fake.seen())
    };
    assert_eq!(seen.target, "/base/v1/chat/completions?k=1");
    assert_eq!((seen.method.as_str(), seen.text().as_str()), ("POST", BODY));
    let own = SpanId(steps[0].span_id.0);
    let parent = format!("00-0af7651916cd43dd8448eb211c80319c-{own}-01");
    let length = BODY.len().to_string();
    let wanted = [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("content-length", length.as_str()),
        ("content-type", "application/json"),
        ("traceparent", parent.as_str()),
        ("tracestate", "vendor=1"),
        ("x-own", "7"),
        ("x-plano-depth", "1"),
        ("x-plano-filter-direction", "input"),
        ("x-request-id", "req-1"),
    ];
    for (name, value) in wanted {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!(seen.headers.len(), wanted.len() + 1, "{:?}", seen.headers);
    let step = &steps[0];
    assert_eq!(
        (step.status, step.outcome, step.request_size, step.response_size),
        (Some(204), Some(FilterOutcome::Passed), BODY.len() as u64, Some(0))
    );
    assert!(step.end.expect("ended") >= step.start);
}

/// What a reply comes to: the outcome, then the new body, or status and message for the client.
async fn check(reply: Reply, outcome: FilterOutcome, expected: Result<&str, (u16, &str)>) {
    let shown = format!("{:?} {:?}", reply.status, String::from_utf8_lossy(&reply.body));
    let fake = Fake::start(move |_| reply.clone()).await;
    let (result, steps) = run(&made(&[http_filter("guard", &fake.url())])).await;
    assert_eq!(outcomes(&steps), [outcome], "{shown}");
    match (result, expected) {
        (Ok(body), Ok(expected)) => assert_eq!(body, expected, "{shown}"),
        (Err(rejected), Err((status, message))) => {
            assert_eq!(
                (rejected.status.as_u16(), rejected.message.as_str()),
                (status, message),
                "{shown}"
            );
            let fault = steps[0].fault.as_ref().expect("a fault");
            assert_eq!(rejected.fault.kind, fault.kind, "{shown}");
            let told = rejected.fault.message + &fault.message;
            assert!(!told.contains("secret"), "{shown}: {told}");
        }
        (result, _) => panic!("{shown}: {result:?}"),
    }
}

#[tokio::test]
async fn success_is_a_body_or_none() {
    use FilterOutcome::{Changed, Passed};
    check(Reply::new(200, ""), Passed, Ok(BODY)).await;
    check(Reply::new(200, " \n"), Passed, Ok(BODY)).await;
    check(Reply::new(200, BODY), Passed, Ok(BODY)).await;
    let anew = serde_json::from_str::<Value>(BODY).expect("JSON").to_string();
    assert_ne!(anew, BODY);
    check(Reply::new(200, anew), Passed, Ok(BODY)).await;
    let other = r#"{"model": "other", "messages": []}"#;
    check(Reply::new(201, other), Changed, Ok(other)).await;
    check(
        Reply::new(200, other).with("content-encoding", "identity"),
        Changed,
        Ok(other),
    )
    .await;
}

#[tokio::test]
async fn a_refusal_has_its_status_and_reason() {
    use FilterOutcome::Rejected;
    let long = "secret ".repeat(200);
    let cut: String = long.chars().take(500).collect::<String>() + "…";
    for (status, body, message) in [
        (
            400,
            r#"{"error": {"message": "secret words"}}"#.to_owned(),
            "secret words",
        ),
        (403, r#"{"error": "secret words"}"#.to_owned(), "secret words"),
        (451, r#"{"message": "secret words"}"#.to_owned(), "secret words"),
        (
            422,
            r#"{"detail": [{"loc": ["x"], "msg": "secret words"}]}"#.to_owned(),
            "secret words",
        ),
        (400, r#"{"detail": "secret words"}"#.to_owned(), "secret words"),
        (400, "secret\u{1b}[2J\u{202e}words\n".to_owned(), "secret [2J words"),
        (400, long.clone(), cut.as_str()),
        (429, String::new(), "filter guard refused it"),
        (400, r#"{"other": "secret"}"#.to_owned(), "filter guard refused it"),
        (400, "secret".repeat(100_000), "filter guard refused it"),
    ] {
        check(Reply::new(status, body), Rejected, Err((status, message))).await;
    }
    let packed = Reply::new(400, "secret").with("content-encoding", "gzip");
    check(packed, Rejected, Err((400, "filter guard refused it"))).await;
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
/// Every way to fail, with what the client reads.
fn failures() -> Vec<(Reply, u16, &'static str)> {
    let huge = format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 20));
    let many = format!("{{\"a\": [{}1]}}", "1,".repeat(300_000));
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(500), "]".repeat(500));
    vec![
        (Reply::new(500, "secret"), 502, "it answered with status 500"),
        (Reply::new(503, ""), 502, "it answered with status 503"),
        (
            Reply::new(302, "").with("location", "/secret"),
            502,
            "it answered with a redirect (302), which is not followed",
        ),
        (
            Reply::new(307, "").with("location", "http://127.0.0.1:1/"),
            502,
            "it answered with a redirect (307), which is not followed",
        ),
        (
            Reply::new(200, "{\"secret\": "),
            502,
            "its answer is no valid JSON (line 1, column 11)",
        ),
        (
            Reply::new(200, "secret"),
            502,
            "its answer is no valid JSON (line 1, column 1)",
        ),
        (Reply::new(200, "[1]"), 502, "its answer is no JSON object"),
        (
            Reply::new(200, deep),
            502,
            "its answer is no valid JSON (line 1, column 133)",
        ),
        (
            Reply::new(200, many),
            502,
            "its answer holds more JSON values than a body may",
        ),
        (
            Reply::new(200, huge.clone()),
            502,
            "its answer is larger than 1048576 bytes",
        ),
        (
            Reply::new(200, huge).with("transfer-encoding", "chunked"),
            502,
            "its answer is larger than 1048576 bytes",
        ),
        (
            Reply::new(200, "secret").with("content-encoding", "gzip"),
            502,
            "its answer is compressed, which was not asked for",
        ),
        (Reply::hang(), 504, "no answer within 300ms"),
        (
            Reply {
                is_open: true,
                ..Reply::new(200, "{")
            },
            504,
            "no answer within 300ms",
        ),
    ]
}

#[tokio::test]
async fn a_failure_rejects_or_passes_as_the_config_says() {
    for (reply, status, message) in failures() {
        let redirects = reply.headers.iter().any(|(name, _)| *name == "location");
        let fake = Fake::start(move |_| reply.clone()).await;
        let mut filter = http_filter("guard", &fake.url());
        filter.timeout = Duration::from_millis(300);
        let (result, steps) = run(&made(std::slice::from_ref(&filter))).await;
        let rejected = result.expect_err(message);
        assert_eq!(
            (rejected.status.as_u16(), rejected.message.as_str()),
            (status, format!("filter guard failed: {message}").as_str())
        );
        assert!(!rejected.message.contains("secret"));
        assert_eq!(outcomes(&steps), [FilterOutcome::Failed], "{message}");
        assert_eq!(steps[0].fault.as_ref().expect("a fault").message, message);

        filter.on_failure = OnFailure::Pass;
        let (result, steps) = run(&made(&[filter])).await;
        assert_eq!(result.expect("passed by"), BODY, "{message}");
        assert_eq!(outcomes(&steps), [FilterOutcome::Failed], "{message}");
        assert!(steps[0].fault.is_some(), "{message}");
        if redirects {
            assert_eq!(fake.seen().len(), 2, "a redirect was followed");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_a_failure() {
    let gone = Fake::start(|_| Reply::hang()).await.url();
    let (result, steps) = run(&made(&[http_filter("guard", &gone)])).await;
    let rejected = result.expect_err("nobody");
    assert_eq!(
        (rejected.status, rejected.fault.kind),
        (StatusCode::BAD_GATEWAY, ErrorType::Connect)
    );
    assert_eq!(steps[0].status, None);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_no_failure() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let serving = async {
        let mut buffer = [0; 4096];
        // One request is answered; the next one finds the connection closed, and another one open.
        let (mut first, _) = listener.accept().await.expect("a connection");
        for answer in [Some("HTTP/1.1 204 No Content\r\n\r\n"), None] {
            assert!(first.read(&mut buffer).await.expect("a request") > 0);
            if let Some(answer) = answer {
                first.write_all(answer.as_bytes()).await.expect("written");
            }
        }
        drop(first);
        let (mut second, _) = listener.accept().await.expect("a connection");
        assert!(second.read(&mut buffer).await.expect("a request") > 0);
        let answer = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
        second.write_all(answer.as_bytes()).await.expect("written");
    };
    let filters = made(&[http_filter("guard", &url)]);
    let asking = async {
        assert!(run(&filters).await.0.is_ok());
        run(&filters).await.0
    };
    let ((), result) = tokio::join!(serving, asking);
    assert_eq!(result.expect_err("refused").message, "no");
}

#[tokio::test]
async fn filters_run_in_order_until_one_refuses() {
    let add = |word: &'static str| {
        move |seen: &Seen| {
            let mut body = seen.json();
            body[word] = json!(body.as_object().map(serde_json::Map::len));
            Reply::new(200, body.to_string())
        }
    };
    let (first, second) = (Fake::start(add("a")).await, Fake::start(add("b")).await);
    let (third, fourth) = (
        Fake::start(|_| Reply::new(403, "no")).await,
        Fake::start(add("c")).await,
    );
    let all: Vec<Filter> = [&first, &second, &third, &fourth]
        .iter()
        .map(|fake| http_filter("f", &fake.url()))
        .collect();
    let filters = made(&all);
    let mut steps = Vec::new();
    let look = (Direction::Output, 1 << 20);
    let body = filters.run(&[0, 1], &envelope(), look, BODY.into(), &mut steps).await;
    let body: Value = serde_json::from_slice(&body.expect("changed")).expect("JSON");
    assert_eq!((&body["a"], &body["b"]), (&json!(2), &json!(3)));
    assert_eq!(outcomes(&steps), [FilterOutcome::Changed; 2]);
    assert_eq!(second.seen()[0].header("x-plano-filter-direction"), Some("output"));

    let (result, steps) = run(&filters).await;
    assert_eq!(result.expect_err("refused").status, StatusCode::FORBIDDEN);
    assert_eq!(steps.len(), 3);
    assert!(fourth.seen().is_empty());

    let mut none = Vec::new();
    let same = filters.run(&[], &envelope(), look, BODY.into(), &mut none).await;
    assert_eq!((same.expect("nothing to do"), none.len()), (Bytes::from(BODY), 0));
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_its_step_and_no_call() {
    let fake = Fake::start(|_| Reply::hang()).await;
    let filters = made(&[http_filter("guard", &fake.url())]);
    let mut steps = Vec::new();
    {
        let (envelope, look) = (envelope(), (Direction::Input, 1 << 20));
        let mut running = Box::pin(filters.run(&[0], &envelope, look, BODY.into(), &mut steps));
        tokio::select! {
            _ = &mut running => panic!("it hangs"),
            () = fake.until_under_way(1) => {}
        }
    }
    assert_eq!((steps.len(), steps[0].end), (1, None));
    fake.until_under_way(0).await;

    let common = spans::Common {
        trace_id: TraceId([7; 16]),
        ..spans::Common::default()
    };
    let mut trace = spans::Trace::new(common);
    let cut = Fault::new(ErrorType::ClientCancelled, "the client went away");
    let config = [http_filter("guard", "http://h/?key=hunter2")];
    let end = steps[0].start + 9;
    add_spans(&mut trace, &config, &steps, SpanId([3; 8]), (end, Some(&cut)));
    let batch = trace.into_batch(&spans::Emitter::default().resources());
    let resource = batch.resource_spans().next().expect("a resource");
    assert_eq!(resource.service_name(), Some("plano(filter)"));
    let span = resource
        .scope_spans()
        .flat_map(|scope| scope.spans())
        .next()
        .expect("a span");
    assert_eq!((span.name(), span.end_unix_nano()), ("guard", end));
    let texts: Vec<String> = span
        .attributes()
        .filter_map(|it| match it.value() {
            ValueRef::Str(text) => Some(format!("{}={text}", it.key())),
            _ => None,
        })
        .collect();
    assert_eq!(
        texts.join(" "),
        "filter.name=guard filter.type=http filter.url=http://h/?key=[REDACTED] filter.direction=input \
         filter.outcome=failed error.type=client_cancelled error.message=the client went away"
    );
}

#[tokio::test]
async fn the_listeners_time_bounds_the_call() {
    let fake = Fake::start(|_| Reply::hang()).await;
    let filters = made(&[http_filter("guard", &fake.url())]);
    let deadline = Instant::now() + Duration::from_millis(200);
    let id = HeaderValue::from_static("r");
    let short = Envelope::new(PATH, &id, (&trace(), 0), Clock::start(), deadline);
    let look = (Direction::Input, 1 << 20);
    let result = filters.run(&[0], &short, look, BODY.into(), &mut Vec::new()).await;
    assert_eq!(result.expect_err("late").status, StatusCode::GATEWAY_TIMEOUT);
    assert!(deadline.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn calls_are_counted_by_what_they_did() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let fake = Fake::start(|_| Reply::new(403, "no")).await;
    let filters = metrics::with_local_recorder(&recorder, || made(&[http_filter("guard", &fake.url())]));
    for _ in 0..3 {
        let (result, _) = run(&filters).await;
        assert!(result.is_err());
    }
    let shown = recorder.handle().render();
    for (outcome, count) in [("passed", 0), ("changed", 0), ("failed", 0), ("rejected", 3)] {
        let line = format!("plano_filter_requests_total{{filter=\"guard\",outcome=\"{outcome}\"}} {count}");
        assert!(shown.contains(&line), "no {line} in\n{shown}");
    }
}
