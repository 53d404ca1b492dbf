//! Filters of type mcp, against a server that keeps to the protocol and refuses those who do not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::*;

/// A server; what is `true` in it makes it behave so.
#[derive(Default)]
struct Server {
    opened: AtomicUsize,
    /// Sessions up to this number are forgotten.
    forgotten: AtomicUsize,
    forgets_always: AtomicBool,
    /// Answers as a stream, which it leaves open.
    streams: bool,
    stateless: bool,
    /// What it chooses. Empty: what it was asked for.
    version: &'static str,
    slow: Duration,
}

impl Server {
    fn answer(&self, seen: &Seen) -> Reply {
        if seen.method == "DELETE" {
            return Reply::new(200, "");
        }
        let message = seen.json();
        let method = message["method"].as_str().expect("a method");
        let accepts = seen.header("accept") == Some("application/json, text/event-stream");
        if !accepts || seen.header("content-type") != Some("application/json") {
            return Reply::new(406, "");
        }
        if method == "initialize" {
            return self.open(&message);
        }
        let version = match self.version {
            "" => "2025-06-18",
            version => version,
        };
        if seen.header("mcp-protocol-version") != Some(version) {
            return Reply::new(400, "");
        }
        let session = seen.header("mcp-session-id").and_then(|id| id.parse().ok());
        let is_known = session.is_some_and(|id: usize| id > self.forgotten.load(Ordering::SeqCst));
        if !self.stateless && !is_known {
            return Reply::new(404, "");
        }
        match method {
            "notifications/initialized" => Reply::new(202, ""),
            "tools/list" => self.result(&message, &tools(&message["params"])),
            "tools/call" if self.forgets_always.load(Ordering::SeqCst) => Reply::new(404, ""),
            "tools/call" => {
                let params = &message["params"];
                assert_eq!(
                    (&params["name"], &params["arguments"]["path"]),
                    (&json!("rewrite"), &json!(PATH))
                );
                self.result(&message, &call(&params["arguments"]["body"]))
            }
            other => panic!("{other}"),
        }
    }

    fn open(&self, message: &Value) -> Reply {
        assert_eq!(message["params"]["protocolVersion"], "2025-06-18");
        assert_eq!(message["params"]["clientInfo"]["name"], "plano");
        let number = self.opened.fetch_add(1, Ordering::SeqCst) + 1;
        let version = match self.version {
            "" => "2025-06-18",
            version => version,
        };
        let result = json!({"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}});
        let mut reply = self.result(message, &result);
        reply.after = self.slow;
        match self.stateless {
            true => reply,
            false => reply.with("mcp-session-id", number.to_string()),
        }
    }

    fn result(&self, message: &Value, result: &Value) -> Reply {
        let answer = match result.get("code") {
            Some(_) => json!({"jsonrpc": "2.0", "id": message["id"], "error": result}),
            None => json!({"jsonrpc": "2.0", "id": message["id"], "result": result}),
        };
        if !self.streams {
            return Reply::new(200, answer.to_string()).with("content-type", "application/json");
        }
        let note =
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
        // A request of the server's own, with the number of ours.
        let ping = json!({"jsonrpc": "2.0", "id": message["id"], "method": "ping"});
        let body = format!(
            "id: 1\r\ndata: \r\n\r\nevent: message\r\ndata: {note}\r\n\r\ndata: {ping}\r\n\r\nevent: message\r\ndata: {answer}\r\n\r\n"
        );
        let mut reply = Reply::new(200, body).with("content-type", "text/event-stream; charset=utf-8");
        reply.is_open = true;
        reply
    }
}

/// Two pages.
fn tools(params: &Value) -> Value {
    match params["cursor"].as_str() {
        None => json!({"tools": [{"name": "other", "inputSchema": {}}], "nextCursor": "2"}),
        Some(_) => json!({"tools": [{"name": "rewrite", "inputSchema": {}}]}),
    }
}

fn call(body: &Value) -> Value {
    let told = body["messages"][0]["content"].as_str().unwrap_or_default();
    let text = |text: &str| json!([{"type": "text", "text": text}]);
    match told {
        "refuse" => json!({"isError": true, "content": text("secret words")}),
        "error" => json!({"code": -32602, "message": "secret words"}),
        "nonsense" => json!({"content": text("secret words")}),
        _ => json!({"content": text(r#"{"model": "n", "messages": []}"#)}),
    }
}

async fn start(server: Server) -> (Fake, Arc<Server>, Filters) {
    let server = Arc::new(server);
    let shared = Arc::clone(&server);
    let fake = Fake::start(move |seen| shared.answer(seen)).await;
    let filters = made(&[filter(&fake, "rewrite")]);
    (fake, server, filters)
}

fn filter(fake: &Fake, tool: &str) -> Filter {
    let tool = tool.to_owned();
    Filter {
        kind: FilterKind::Mcp { tool },
        ..http_filter("rewrite", &format!("{}/mcp", fake.url()))
    }
}

async fn changes(filters: &Filters) {
    let (result, steps) = run(filters).await;
    assert_eq!(result.expect("changed"), r#"{"model": "n", "messages": []}"#);
    assert_eq!(outcomes(&steps), [FilterOutcome::Changed]);
    assert_eq!(steps[0].status, Some(200));
}

#[tokio::test]
async fn a_session_is_opened_once_and_reused() {
    for (streams, stateless, version) in [
        (false, false, ""),
        (true, false, ""),
        (false, true, ""),
        (false, false, "2025-03-26"),
    ] {
        let (fake, server, filters) = start(Server {
            streams,
            stateless,
            version,
            ..Server::default()
        })
        .await;
        for _ in 0..3 {
            changes(&filters).await;
        }
        assert_eq!(server.opened.load(Ordering::SeqCst), 1);
        let methods: Vec<String> = fake
            .seen()
            .iter()
            .map(|seen| seen.json()["method"].as_str().expect("a method").to_owned())
            .collect();
        let opening = ["initialize", "notifications/initialized", "tools/list", "tools/list"];
        assert_eq!(methods[..4], opening);
        assert_eq!(methods[4..], ["tools/call"; 3]);
        let last = fake.seen().pop().expect("a call");
        assert_eq!(last.target, "/mcp");
        assert_eq!(
            last.json()["params"]["arguments"]["body"],
            serde_json::from_str::<Value>(BODY).expect("JSON")
        );
        let parent = last.header("traceparent").expect("a trace");
        assert!(parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{parent}");
    }
}

#[tokio::test]
async fn a_session_that_is_forgotten_is_opened_again() {
    let (_fake, server, filters) = start(Server::default()).await;
    changes(&filters).await;
    server.forgotten.store(1, Ordering::SeqCst);
    changes(&filters).await;
    changes(&filters).await;
    assert_eq!(server.opened.load(Ordering::SeqCst), 2);

    server.forgets_always.store(true, Ordering::SeqCst);
    let (result, steps) = run(&filters).await;
    let rejected = result.expect_err("never");
    assert_eq!(rejected.status, StatusCode::BAD_GATEWAY);
    assert!(
        rejected.message.contains("forgets its sessions"),
        "{}",
        rejected.message
    );
    assert_eq!(outcomes(&steps), [FilterOutcome::Failed]);
    assert_eq!(server.opened.load(Ordering::SeqCst), 3, "once again, not for ever");
}

#[tokio::test]
async fn concurrent_first_calls_share_one_opening() {
    let (_fake, server, filters) = start(Server {
        slow: Duration::from_millis(100),
        ..Server::default()
    })
    .await;
    futures_util::future::join_all((0..20).map(|_| changes(&filters))).await;
    assert_eq!(server.opened.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_waits_for_an_opening_that_is_given_up_opens_it() {
    let (fake, server, filters) = start(Server {
        slow: Duration::from_millis(300),
        ..Server::default()
    })
    .await;
    {
        let mut first = Box::pin(run(&filters));
        tokio::select! {
            _ = &mut first => panic!("too early"),
            () = fake.until_under_way(1) => {}
        }
    }
    changes(&filters).await;
    assert_eq!(server.opened.load(Ordering::SeqCst), 2);
}

async fn told(content: &str) -> (Rejected, Vec<Step>) {
    let (_fake, _server, filters) = start(Server::default()).await;
    let body = json!({"messages": [{"content": content}]}).to_string();
    let mut steps = Vec::new();
    let look = (Direction::Input, 1 << 20);
    let result = filters.run(&[0], &envelope(), look, body.into(), &mut steps).await;
    (result.expect_err(content), steps)
}

#[tokio::test]
async fn a_tool_refuses_by_its_error_and_fails_by_the_protocols() {
    let (rejected, steps) = told("refuse").await;
    assert_eq!(
        (rejected.status.as_u16(), rejected.message.as_str()),
        (400, "secret words")
    );
    assert_eq!(outcomes(&steps), [FilterOutcome::Rejected]);
    assert!(!rejected.fault.message.contains("secret"));
    let (rejected, steps) = told("error").await;
    assert_eq!(
        (rejected.status.as_u16(), rejected.message.as_str()),
        (
            502,
            "filter rewrite failed: the MCP server answered with a JSON-RPC error (-32602)"
        )
    );
    assert_eq!(outcomes(&steps), [FilterOutcome::Failed]);
    let (rejected, _) = told("nonsense").await;
    assert_eq!(
        rejected.message,
        "filter rewrite failed: its answer is no valid JSON (line 1, column 1)"
    );
}

#[tokio::test]
async fn a_missing_tool_is_a_failure_and_leaves_no_session() {
    let (fake, _server, _) = start(Server::default()).await;
    let (result, steps) = run(&made(&[filter(&fake, "rewirte")])).await;
    assert_eq!(
        result.expect_err("no such tool").message,
        "filter rewrite failed: the MCP server has no tool \"rewirte\""
    );
    assert_eq!(outcomes(&steps), [FilterOutcome::Failed]);
    let last = fake.seen().pop().expect("a request");
    assert_eq!(
        (last.method.as_str(), last.header("mcp-session-id")),
        ("DELETE", Some("1"))
    );
}

#[tokio::test]
async fn what_is_no_mcp_server_is_a_failure() {
    let unknown = "the MCP server speaks version \"2024-11-05\", not one of 2025-11-25, 2025-06-18, 2025-03-26";
    let (_fake, _server, filters) = start(Server {
        version: "2024-11-05",
        ..Server::default()
    })
    .await;
    let (result, _) = run(&filters).await;
    assert_eq!(
        result.expect_err("too old").message,
        format!("filter rewrite failed: {unknown}")
    );
    for (reply, message) in [
        (Reply::new(200, "<html>"), "the MCP server's answer is no JSON-RPC"),
        (Reply::new(202, "{}"), "the MCP server's answer does not answer"),
        (Reply::new(404, ""), "it answered with status 404"),
        (Reply::new(401, ""), "it answered with status 401"),
        (
            Reply::new(302, ""),
            "it answered with a redirect (302), which is not followed",
        ),
        (
            Reply::new(200, "data: {}\n\n").with("content-type", "text/event-stream"),
            "the MCP server's stream ended without an answer",
        ),
        (
            Reply::new(200, "x")
                .with("content-type", "text/event-stream")
                .with("content-encoding", "gzip"),
            "its answer is compressed, which was not asked for",
        ),
        (
            Reply::new(200, vec![b'x'; 5 << 20]).with("content-type", "text/event-stream"),
            "larger than",
        ),
        (Reply::new(200, vec![b' '; 5 << 20]), "its answer is larger than"),
        (Reply::hang(), "no answer within 300ms"),
    ] {
        let fake = Fake::start(move |_| reply.clone()).await;
        let mut filter = filter(&fake, "rewrite");
        filter.timeout = Duration::from_millis(300);
        let (result, steps) = run(&made(&[filter])).await;
        let rejected = result.expect_err(message);
        assert!(rejected.message.contains(message), "{} {message}", rejected.message);
        assert_eq!(outcomes(&steps), [FilterOutcome::Failed], "{message}");
    }
}

#[tokio::test]
async fn the_end_ends_the_session() {
    let (fake, _server, filters) = start(Server::default()).await;
    filters.close().await;
    assert!(fake.seen().is_empty(), "nothing was open");
    changes(&filters).await;
    filters.close().await;
    let last = fake.seen().pop().expect("a request");
    assert_eq!(
        (last.method.as_str(), last.header("mcp-session-id")),
        ("DELETE", Some("1"))
    );
}
