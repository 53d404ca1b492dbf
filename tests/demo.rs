//! Promises of `planoai demo`, of the real program: what a stranger sees, and what answers while it stays.

mod support;

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{client::Client, process::planoai};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

fn demo(args: &[&str]) -> Command {
    let mut command = planoai();
    // A backend that others may have configured gets nothing of it.
    command
        .arg("demo")
        .args(args)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    command
}

#[test]
fn shows_six_conversations_and_which_of_them_went_wrong() {
    let run = demo(&[]).output().expect("the program runs");
    let (shown, said) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(run.status.success(), "{shown}{said}");
    assert_eq!(said, "", "nothing to complain about");
    assert!(!shown.contains('\u{1b}'), "no colors where there is no terminal");
    let expected = [
        ("fine", false, "Excellent"),
        ("frustrated", true, "frustration"),
        ("repeating", true, "repetition"),
        ("escalating", true, "escalation requested"),
        ("tool failed", true, "execution failure 3"),
        ("upstream error", false, "HTTP 503"),
    ];
    let (traces, table) = shown.split_once("conversation  ").expect("a table");
    for (name, flagged, word) in expected {
        let row = table
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}: {table}"));
        assert_eq!(row.contains('🚩'), flagged, "{row}");
        assert!(row.contains(word), "{row}");
    }
    assert_eq!(
        traces.matches("plano(inbound) POST").count(),
        6 + 1,
        "six trees and one error:\n{traces}"
    );
    assert_eq!(traces.matches("plano(llm) POST").count(), 6 + 1);
    // The provider was asked four times, and the errors of all are listed above the tree.
    assert_eq!(traces.matches("✗ plano(handoff)").count(), 3);
    assert!(shown.contains("planoai demo --serve"), "{shown}");
}

/// A demo that stays, killed where a test fails.
struct Served {
    child: Child,
    stdout: BufReader<ChildStdout>,
    gateway: u16,
    tracing: String,
    text: String,
}

impl Served {
    fn start() -> Served {
        let mut child = demo(&["--serve", "--port", "0", "--tracing-port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut text = String::new();
        while !text.contains("lists the stand-in's models") {
            let read = stdout.read_line(&mut text).expect("text");
            assert!(read > 0, "ended: {text}");
        }
        let behind = |words: &str| -> String {
            let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("{words}: {text}"));
            rest.chars().take_while(char::is_ascii_digit).collect()
        };
        Served {
            gateway: behind("http://localhost:").parse().expect("a port"),
            tracing: behind("PLANO_TRACE_PORT="),
            child,
            stdout,
            text,
        }
    }

    async fn ask(&self, path: &str, body: &Value) -> (u16, String) {
        let client = Client::to(self.gateway);
        let asked = client.try_http("POST", path, &[], body.to_string().as_bytes()).await;
        let reply = asked.expect("an answer");
        (reply.status, reply.text())
    }

    async fn check(&self, path: &str, body: Value, status: u16, words: &[&str]) {
        let (answered, text) = self.ask(path, &body).await;
        assert_eq!(answered, status, "{body}\n{text}");
        for word in words {
            assert!(text.contains(word), "{body}: {word}\n{text}");
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn question(model: &str, more: Value) -> Value {
    let mut body =
        json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "Tell me the time"}]});
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stays_to_be_talked_to() {
    let mut served = Served::start();
    let echo = "You said: Tell me the time";
    let stream = json!({"stream": true});
    for model in ["stand-in/chat", "stand-in-anthropic/chat"] {
        let whole = [
            "\"chat.completion\"",
            echo,
            "\"finish_reason\":\"stop\"",
            "\"prompt_tokens\":4",
        ];
        served.check(CHAT, question(model, json!({})), 200, &whole).await;
        let message = ["\"type\":\"message\"", echo, "\"end_turn\"", "\"input_tokens\":4"];
        served.check(MESSAGES, question(model, json!({})), 200, &message).await;
        let chunks = ["chat.completion.chunk", "\"content\":\"You said: ", "data: [DONE]"];
        served.check(CHAT, question(model, stream.clone()), 200, &chunks).await;
        let events = ["event: message_start", "text_delta", "event: message_stop"];
        served
            .check(MESSAGES, question(model, stream.clone()), 200, &events)
            .await;
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        let tools = json!({"tools": [{"type": "function", "function": {"name": "clock", "parameters": schema}}]});
        let call = ["\"tool_calls\"", "\"clock\"", "Tell me the time"];
        served.check(CHAT, question(model, tools), 200, &call).await;
    }
    served
        .check(CHAT, question("stand-in/error-418", json!({})), 418, &["\"error\""])
        .await;
    served
        .check(
            MESSAGES,
            question("stand-in-anthropic/error-400", json!({})),
            400,
            &["invalid_request_error"],
        )
        .await;
    served
        .check(CHAT, question("stand-in/nonsense", json!({})), 404, &["slow-500ms"])
        .await;
    served
        .check(
            CHAT,
            question("stand-in/cut", stream),
            200,
            &["chat.completion.chunk", "\"error\""],
        )
        .await;

    let shown = planoai()
        .args(["trace", "--list"])
        .env("PLANO_TRACE_PORT", &served.tracing)
        .output()
        .expect("the program runs");
    let traces = String::from_utf8_lossy(&shown.stdout).lines().count();
    assert!(shown.status.success() && traces >= 18, "{shown:?}");

    kill_process(Pid::from_child(&served.child), Signal::TERM).expect("signaled");
    let mut rest = String::new();
    served.stdout.read_to_string(&mut rest).expect("text");
    let status = served.child.wait().expect("ends");
    assert!(status.success(), "{status}: {}{rest}", served.text);
}

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let run = demo(&["--serve", "--port", &port, "--tracing-port", "0"])
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains(&port) && said.contains("in use"), "{said}");
    let alone = demo(&["--port", "1"]).output().expect("the program runs");
    assert_eq!(alone.status.code(), Some(2), "a port without --serve is a wrong use");
}
