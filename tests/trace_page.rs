//! Promises of the page that `planoai trace listen` serves, of the real program: every address of its API, the headers that keep what
//! spans hold from being more than text, who is refused, news that come at once, an end that nothing holds up.

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use support::{
    listener::{Listener, Reply, connect, one_span, talk},
    process::{free_port, planoai},
};

const FIRST: &str = "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f";

fn check(reply: &Reply, status: u16, expected: &[&str]) {
    assert_eq!(reply.status, status, "{reply:?}");
    for part in expected {
        assert!(reply.body.contains(part), "{part:?} is not in {reply:?}");
    }
    for header in [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
        "cross-origin-opener-policy: same-origin",
    ] {
        assert!(reply.head.contains(header), "{header:?} is not in {reply:?}");
    }
    assert!(!reply.head.contains("access-control-allow"), "{reply:?}");
}

#[test]
fn what_is_sent_is_answered() {
    let listener = Listener::start(&[]);
    check(&listener.get("/api/traces"), 200, &[r#""summaries":[]"#, r#""held":0"#]);
    listener.send(&one_span("7f", "2", "0000000000000001", "<img src=x onerror=alert(1)>"));
    listener.send(&one_span("7f", "1", "", "root"));
    listener.send(include_str!("../docs/examples/conversation.json"));
    let info = listener.get("/api/info");
    check(&info, 200, &[]);
    assert_eq!(info.json()["held"], 2);
    assert_eq!(info.json()["version"], env!("CARGO_PKG_VERSION"));
    assert!(info.head.contains("content-type: application/json; charset=utf-8"));
    assert!(info.head.contains("cache-control: no-store"));
    let list = listener.get("/api/traces?limit=10").json();
    assert_eq!(list["summaries"][1]["trace_id"], FIRST);
    check(
        &listener.get("/api/traces?flagged=true"),
        200,
        &["7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a"],
    );
    check(&listener.get("/api/keys"), 200, &[r#""gen_ai."#, r#""duration""#]);
    check(&listener.get("/api/sessions"), 200, &[r#"{"sessions":["#]);
    let outline = listener.get(&format!("/api/traces/{FIRST}")).json();
    assert_eq!(outline["rows"][1]["name"], "<img src=x onerror=alert(1)>");
    assert_eq!(outline["rows"][1]["depth"], 1);
    let outline = listener.get("/api/traces/7f4e9a1c").json();
    let rows = outline["rows"].as_array().expect("rows");
    let said = rows
        .iter()
        .find(|row| row["has_conversation"] == true)
        .expect("a conversation");
    let span = said["span_id"].as_str().expect("an id");
    let detail = listener.get(&format!("/api/traces/7f4e9a1c/spans/{span}")).json();
    assert_eq!(detail["span"]["spanId"], span);
    assert!(
        detail["conversation"]["messages"][0]["text"][0]["text"].is_string(),
        "{detail}"
    );
    let json = listener.get(&format!("/api/traces/{FIRST}/download?format=json"));
    check(&json, 200, &["\"traces\": ["]);
    assert!(json.head.contains(&format!(
        "content-disposition: attachment; filename=\"trace-{FIRST}.json\""
    )));
    let otlp = listener.get(&format!("/api/traces/{FIRST}/download?format=otlp"));
    check(&otlp, 200, &[r#"{"resourceSpans":["#]);
    let again = plano::otlp::json::read(otlp.body.as_bytes()).expect("OTLP/JSON");
    assert_eq!(again.batch.span_count(), 2);
}

#[test]
fn the_page_is_served_with_its_files() {
    let listener = Listener::start(&[]);
    let page = listener.get("/");
    check(&page, 200, &["<!doctype html>"]);
    assert!(page.head.contains("content-type: text/html; charset=utf-8"));
    assert!(page.head.contains("cache-control: no-cache"));
    for (file, kind) in [
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/app.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let reply = listener.get(file);
        check(&reply, 200, &[]);
        assert!(reply.head.contains(&format!("content-type: {kind}\r\n")), "{reply:?}");
    }
    let tag = page
        .head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .expect("a tag");
    let host = format!("host: 127.0.0.1:{}", listener.ports.page);
    let again = listener.ask(&format!("GET / HTTP/1.1\r\n{host}\r\nif-none-match: {tag}\r\n"));
    check(&again, 304, &[]);
    assert_eq!(again.body, "");
    let head = listener.ask(&format!("HEAD / HTTP/1.1\r\n{host}\r\n"));
    check(&head, 200, &[]);
    assert_eq!(head.body, "");
    assert!(
        head.head.contains(&format!("content-length: {}", page.body.len())),
        "{head:?}"
    );
}

#[test]
fn others_are_refused() {
    let listener = Listener::start(&[]);
    let port = listener.ports.page;
    let host = format!("host: localhost:{port}");
    for (headers, expected) in [
        ("host: evil.example".to_owned(), 403),
        (format!("host: localhost.evil.example:{port}"), 403),
        (format!("host: 192.0.2.7:{port}"), 403),
        (format!("host: 127.0.0.1:{port}\r\nhost: evil.example"), 403),
        (format!("host: [::1]:{port}"), 200),
        (format!("{host}\r\norigin: https://evil.example"), 403),
        (format!("{host}\r\norigin: http://localhost:3000"), 403),
        (format!("{host}\r\norigin: null"), 403),
        (format!("{host}\r\nsec-fetch-site: cross-site"), 403),
        (
            format!("{host}\r\norigin: http://localhost:{port}\r\nsec-fetch-site: same-origin"),
            200,
        ),
    ] {
        for address in ["/api/traces", "/api/live"] {
            if address == "/api/live" && expected == 200 {
                continue;
            }
            let reply = listener.ask(&format!("GET {address} HTTP/1.1\r\n{headers}\r\n"));
            assert_eq!(reply.status, expected, "{headers}: {reply:?}");
            check(&reply, expected, &[]);
        }
    }
    let reply = listener.ask("GET /api/traces HTTP/1.0\r\n");
    check(&reply, 403, &["names no host"]);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let reply = listener.ask(&format!(
            "{method} /api/traces HTTP/1.1\r\n{host}\r\ncontent-length: 0\r\n"
        ));
        check(&reply, 405, &["GET and HEAD"]);
        assert!(reply.head.contains("allow: get, head"), "{reply:?}");
    }
}

#[test]
fn hostile_addresses_do_no_harm() {
    let listener = Listener::start(&[]);
    for (address, status) in [
        ("/api/traces/../../etc/passwd", 404),
        ("/../../etc/passwd", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/api/traces/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 400),
        ("/api/traces/%00", 400),
        ("/api/traces/7f7f%0d%0aset-cookie:x", 400),
        ("/api/traces/%3Cscript%3E", 400),
        ("/api/traces?filter=%ff", 400),
        ("/api/traces?%3Cscript%3E=1", 400),
        ("/api/traces?limit=18446744073709551616", 400),
        ("/api/traces?filter=name~(((((((((((a{1000}){1000}", 400),
        ("//api/info", 404),
        ("/api/traces/7f7f7f7f/download?format=../x", 400),
    ] {
        check(&listener.get(address), status, &[]);
    }
    // Whatever comes of such heads, the listener answers the next one.
    let huge = "x".repeat(1 << 20);
    let answer = talk(
        listener.ports.page,
        format!("GET /{huge} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes(),
    );
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let answer = talk(listener.ports.page, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    check(&listener.get("/api/info"), 200, &[]);
}

#[test]
fn slow_heads_are_cut() {
    let listener = Listener::start(&[]);
    let mut stream = connect(listener.ports.page);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: local").expect("sent");
    let started = Instant::now();
    let mut answer = Vec::new();
    // A reset is a close too.
    let _ = stream.read_to_end(&mut answer);
    let waited = started.elapsed();
    assert!(waited < Duration::from_secs(9), "{waited:?}");
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn many_that_say_nothing_keep_nobody_out() {
    let listener = Listener::start(&[]);
    let silent: Vec<_> = (0..300).map(|_| connect(listener.ports.page)).collect();
    let started = Instant::now();
    check(&listener.get("/api/info"), 200, &[]);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    drop(silent);
}

/// Lines of a stream of news, up to one that begins with those words.
fn until(lines: &mut impl BufRead, start: &str) -> String {
    let mut line = String::new();
    while !line.starts_with(start) {
        line.clear();
        assert!(
            lines.read_line(&mut line).expect("in time") > 0,
            "ended without {start:?}"
        );
    }
    line
}

#[test]
fn news_come_within_a_second_and_hold_nothing_up() {
    let mut listener = Listener::start(&[]);
    let mut stream = connect(listener.ports.page);
    stream
        .write_all(b"GET /api/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .expect("sent");
    let mut lines = BufReader::new(stream);
    assert_eq!(until(&mut lines, "data:"), "data: {\"newest\":0,\"held\":0}\n");
    let sent = Instant::now();
    listener.send(&one_span("7f", "1", "", "root"));
    assert_eq!(until(&mut lines, "data:"), "data: {\"newest\":1,\"held\":1}\n");
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
    let id = rustix::process::Pid::from_child(&listener.child);
    let told = Instant::now();
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
    assert_eq!(listener.child.wait().expect("it ends").code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    let mut rest = String::new();
    // The stream ends in order: its last piece is empty.
    lines.read_to_string(&mut rest).expect("an end");
    assert!(rest.trim_start().ends_with("0\r\n\r\n"), "{rest:?}");
}

#[test]
fn the_page_may_be_left_off_and_its_port_is_told_where_it_is_taken() {
    let start = |options: &[&str]| {
        let output = planoai()
            .args(["trace", "listen", "--host", "127.0.0.1", "--port", "0"])
            .args(options)
            .output()
            .expect("planoai runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let (code, said) = start(&["--page-port", &port]);
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("--page-port") && said.contains(&port), "{said}");
    let high = planoai()
        .args(["trace", "listen", "--port", "65534"])
        .output()
        .expect("planoai runs");
    let said = String::from_utf8_lossy(&high.stderr);
    assert!(said.contains("65534") && said.contains("--page-port"), "{said}");
    let mut child = planoai()
        .args(["trace", "listen", "--host", "127.0.0.1", "--port", "0", "--no-page"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("planoai starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("look:") {
        assert!(lines.read_line(&mut said).expect("read") > 0, "{said}");
    }
    child.kill().and_then(|()| child.wait()).expect("ended");
    assert!(!said.contains("page:"), "{said}");
    let chosen = free_port();
    let listener = Listener::start(&["--page-port", &chosen.to_string()]);
    assert_eq!(listener.ports.page, chosen);
}
