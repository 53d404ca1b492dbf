//! The promise of `planoai trace`: what is sent to `planoai trace listen` is shown, in every form, with exit codes that tell
//! what happened. Runs the program itself, on loopback ports that are free.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use plano::net::{
    compression::Encoding,
    grpc_client::{ClientSettings, GrpcClient, Target},
};

const PLANOAI: &str = env!("CARGO_BIN_EXE_planoai");
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A running listener, ended when dropped.
struct Listener {
    child: Child,
    grpc: u16,
    http: u16,
}

impl Listener {
    fn start(options: &[&str]) -> Listener {
        let mut child = Command::new(PLANOAI)
            .args(["trace", "listen", "--host", "127.0.0.1", "--port", "0"])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .expect("planoai starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut ports = Vec::new();
        let mut line = String::new();
        while !line.contains("look:") {
            line.clear();
            assert!(
                lines.read_line(&mut line).expect("stderr can be read") > 0,
                "the listener ended early"
            );
            let words = line
                .split_whitespace()
                .filter(|word| line.contains("listening") && word.starts_with("127."));
            ports.extend(words.filter_map(|word| word.rsplit_once(':')?.1.parse::<u16>().ok()));
        }
        child.stderr = Some(lines.into_inner());
        let [grpc, http] = ports[..] else {
            panic!("two addresses, not {ports:?}");
        };
        Listener { child, grpc, http }
    }

    /// Posts OTLP/JSON.
    fn send(&self, body: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).expect("the HTTP port is open");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Exports the same over gRPC, as an SDK does.
    fn export(&self, body: &str) {
        let batch = plano::otlp::json::read(body.as_bytes()).expect("OTLP/JSON").batch;
        let target = Target::parse(&format!("127.0.0.1:{}", self.grpc)).expect("a target");
        let client = GrpcClient::new(ClientSettings::to(target));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let headers = http::HeaderMap::new();
            let call = client.unary(EXPORT, &headers, batch.into_chunks(), Encoding::Identity);
            call.await.expect("accepted");
            client.close().await;
        });
    }

    fn trace(&self, options: &[&str]) -> Output {
        trace(self.grpc, options)
    }

    /// Exit code and standard output of `planoai trace`.
    fn check(&self, options: &[&str], code: i32, expected: &[&str]) {
        let output = self.trace(options);
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{options:?}: {text}{errors}");
        for part in expected {
            assert!(
                text.contains(part) || errors.contains(part),
                "{options:?} lacks {part:?}: {text}{errors}"
            );
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn trace(port: u16, options: &[&str]) -> Output {
    Command::new(PLANOAI)
        .arg("trace")
        .args(options)
        .env("PLANO_TRACE_PORT", port.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("planoai runs")
}

/// A request of one span, in a trace whose id repeats a digit pair.
fn request(pair: &str, span: &str, parent: &str, name: &str, attributes: &str) -> String {
    let trace = pair.repeat(16);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let (start, end) = (now.as_nanos() - 1_000_000_000, now.as_nanos());
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
        "scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{{"traceId":"{trace}","spanId":"{span:0>16}","parentSpanId":"{parent}",
        "name":"{name}","kind":1,"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","attributes":[{attributes}]}}]}}]}}]}}"#
    )
}

fn attribute(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}

#[test]
fn what_is_sent_is_shown() {
    let listener = Listener::start(&[]);
    listener.check(&[], 3, &["holds no traces yet"]);
    listener.send(&request("7f", "2", "0000000000000001", "child", ""));
    listener.send(&request("7f", "1", "", "first", &attribute("llm.model", "gpt-4o")));
    listener.send(&request(
        "ab",
        "3",
        "",
        "second",
        &attribute("llm.model", "gpt-4o-mini"),
    ));
    let ids = ["7f".repeat(16), "ab".repeat(16)];
    let [first, second] = ids.each_ref().map(String::as_str);
    listener.check(&[], 0, &["shop second", second]);
    listener.check(&["7f7f7f7f"], 0, &["shop first", "└─ shop child", "llm.model: gpt-4o"]);
    listener.check(&[first], 0, &["2 spans"]);
    listener.check(&["--where", "llm.model=gpt-4o", "--since", "30m"], 0, &["shop first"]);
    listener.check(&["--where", "llm.modle=x"], 1, &["did you mean \"llm.model\"?"]);
    listener.check(&["--where", "llm.model=none"], 3, &["none of the 2 traces"]);
    listener.check(
        &["--filter", "http.*", "--limit", "5"],
        0,
        &["shop first", "shop second", "no attribute matches"],
    );
    listener.check(&["-v"], 0, &["resource service.name: shop"]);
    listener.check(&["--list", "-v"], 0, &["TIME (UTC)", "shop first"]);
    let list = listener.trace(&["--list"]);
    assert_eq!(String::from_utf8_lossy(&list.stdout), format!("{second}\n{first}\n"));
    let json: serde_json::Value = serde_json::from_slice(&listener.trace(&["--list", "--json"]).stdout).expect("JSON");
    assert_eq!(json, serde_json::json!({"trace_ids": [second, first]}));
    let json: serde_json::Value = serde_json::from_slice(&listener.trace(&["any", "--json"]).stdout).expect("JSON");
    assert_eq!(json["traces"][1]["trace_id"], first);
    assert_eq!(json["traces"][1]["spans"][0]["service"], "shop");
}

#[test]
fn a_conversation_that_went_wrong_carries_its_flag() {
    let listener = Listener::start(&[]);
    listener.export(include_str!("../docs/examples/conversation.json"));
    listener.check(&[], 0, &["4 spans  1 🚩", "openai.chat 🚩", "signals.quality: Severe"]);
    listener.export(&request(
        "ab",
        "1",
        "",
        "chat",
        &[
            attribute("gen_ai.prompt.0.role", "user"),
            attribute("gen_ai.prompt.0.content", "Thank you, that was very helpful!"),
            attribute("gen_ai.completion.0.role", "assistant"),
            attribute("gen_ai.completion.0.content", "You are welcome."),
        ]
        .join(","),
    ));
    let friendly = listener.trace(&["abab"]);
    let text = String::from_utf8_lossy(&friendly.stdout);
    assert!(text.contains("signals.quality: ") && !text.contains('🚩'), "{text}");
    let flagged = listener.trace(&["--flagged", "--list"]);
    assert_eq!(
        String::from_utf8_lossy(&flagged.stdout),
        "7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a\n"
    );
}

#[test]
fn exit_codes_tell_what_happened() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    let output = trace(free, &["--list"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{errors}");
    let first = format!("planoai: no trace listener on 127.0.0.1:{free}: Connection refused (os error 111)\n");
    assert!(!cfg!(target_os = "linux") || errors.starts_with(&first), "{errors}");
    assert!(
        errors.contains(&format!("planoai trace listen --port {free}")),
        "{errors}"
    );
    assert!(output.stdout.is_empty());
    for options in [
        ["--since", "5"],
        ["--limit", "-1"],
        ["--where", "x"],
        ["--filter", ","],
        ["zz", "--json"],
    ] {
        assert_eq!(trace(free, &options).status.code(), Some(2), "{options:?}");
    }
}

#[test]
fn a_short_id_that_fits_several_traces_is_refused() {
    let listener = Listener::start(&[]);
    for pair in ["7f", "7e"] {
        listener.send(&request(pair, "1", "", "root", "").replacen(&pair.repeat(4), "7f4e9a1c", 1));
    }
    listener.check(&["7f4e9a1c"], 1, &["more than one trace", "shop root"]);
    listener.check(&["7f4e9a1c7f"], 0, &["shop root"]);
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let listener = Listener::start(&[]);
    let output = Command::new(PLANOAI)
        .args([
            "trace",
            "listen",
            "--host",
            "127.0.0.1",
            "--port",
            &listener.grpc.to_string(),
        ])
        .output()
        .expect("planoai runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(&listener.grpc.to_string()), "{errors}");
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_cleanly() {
    let mut listener = Listener::start(&[]);
    let id = rustix::process::Pid::from_child(&listener.child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
    assert_eq!(listener.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_store_s_bounds_hold_and_are_told() {
    let listener = Listener::start(&["--max-traces", "2"]);
    for pair in ["0a", "0b", "0c"] {
        listener.send(&request(pair, "1", "", "root", ""));
    }
    listener.check(&["--list"], 0, &["dropped 1 older trace (1 span)"]);
    assert_eq!(
        String::from_utf8_lossy(&listener.trace(&["--list"]).stdout)
            .lines()
            .count(),
        2
    );
}
