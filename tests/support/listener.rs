//! `planoai trace listen` as a process, what is sent to it, `planoai trace` asking it, and HTTP to its ports as a client writes it who
//! says exactly what a test tells it to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use plano::net::{
    compression::Encoding,
    grpc_client::{ClientSettings, GrpcClient, Target},
};

use super::{PATIENCE, process::planoai};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A running listener, ended when dropped.
pub(crate) struct Listener {
    pub(crate) child: Child,
    pub(crate) ports: Ports,
}

/// Where a listener says that it listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    pub(crate) page: u16,
}

impl Ports {
    /// Out of what it says at its start.
    pub(crate) fn of(said: &str) -> Ports {
        let port = |word: &str| word.trim_end_matches('/').rsplit_once(':')?.1.parse::<u16>().ok();
        let line = |start: &str| {
            let line = said.lines().find(|line| line.contains(start));
            let words = line.unwrap_or_default().split_whitespace();
            words.filter_map(port).collect::<Vec<u16>>()
        };
        match (line("listening for OTLP").as_slice(), line("page:").as_slice()) {
            (&[grpc, http], &[page]) => Ports { grpc, http, page },
            found => panic!("{found:?} of {said}"),
        }
    }
}

impl Listener {
    /// Starts it on free ports.
    pub(crate) fn start(options: &[&str]) -> Listener {
        Listener::start_on(0, options)
    }

    /// Starts it on a port, such as one that another had.
    pub(crate) fn start_on(port: u16, options: &[&str]) -> Listener {
        Listener::run(planoai(), port, options)
    }

    /// Starts it by a command that ends in the program's name.
    pub(crate) fn run(mut command: Command, port: u16, options: &[&str]) -> Listener {
        let chosen = port.to_string();
        let mut ports = vec!["--port", &chosen];
        if port > 0 {
            // Otherwise they follow the first one.
            ports.extend(["--http-port", "0", "--page-port", "0"]);
        }
        let mut child = command
            .args(["trace", "listen", "--host", "127.0.0.1"])
            .args(ports)
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .expect("planoai starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut said = String::new();
        while !said.contains("look:") {
            let read = lines.read_line(&mut said).expect("stderr can be read");
            assert!(read > 0, "the listener ended early: {said}");
        }
        child.stderr = Some(lines.into_inner());
        let ports = Ports::of(&said);
        Listener { child, ports }
    }

    /// Posts OTLP/JSON.
    pub(crate) fn send(&self, body: &str) {
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            body.len()
        );
        let answer = talk(self.ports.http, (head + body).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Exports the same over gRPC, as an SDK does.
    pub(crate) fn export(&self, body: &str) {
        let batch = plano::otlp::json::read(body.as_bytes()).expect("OTLP/JSON").batch;
        let target = Target::parse(&format!("127.0.0.1:{}", self.ports.grpc)).expect("a target");
        let client = GrpcClient::new(ClientSettings::to(target));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let headers = http::HeaderMap::new();
            let call = client.unary(EXPORT, &headers, batch.into_chunks(), Encoding::Identity);
            call.await.expect("accepted");
            client.close().await;
        });
    }

    /// Runs `planoai trace` with that listener.
    pub(crate) fn trace(&self, options: &[&str]) -> Output {
        trace(self.ports.grpc, options)
    }

    /// Waits until it holds so many spans in all.
    pub(crate) fn wait_for_spans(&self, wanted: u64) {
        let started = Instant::now();
        loop {
            let output = self.trace(&["--list", "--json", "-v"]);
            let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let summaries = list["summaries"].as_array().into_iter().flatten();
            let held: u64 = summaries.filter_map(|summary| summary["spans"].as_u64()).sum();
            if held == wanted {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{held} spans instead of {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it and waits for that.
    pub(crate) fn end(mut self) {
        let _ = self.child.kill();
        self.child.wait().expect("it ends");
    }

    /// Exit code and standard output of `planoai trace`.
    pub(crate) fn check(&self, options: &[&str], code: i32, expected: &[&str]) {
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

    /// `GET` of the page's port, as this machine's browser asks.
    pub(crate) fn get(&self, address: &str) -> Reply {
        self.ask(&format!(
            "GET {address} HTTP/1.1\r\nhost: localhost:{}\r\n",
            self.ports.page
        ))
    }

    /// Any head, without its last line.
    pub(crate) fn ask(&self, head: &str) -> Reply {
        let text = talk(self.ports.page, format!("{head}connection: close\r\n\r\n").as_bytes());
        Reply::read(&text)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer with its body whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    fn read(text: &str) -> Reply {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        Reply {
            status: status.unwrap_or(0),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends bytes and gives back all that comes until the other side closes.
pub(crate) fn talk(port: u16, bytes: &[u8]) -> String {
    let mut stream = connect(port);
    // The other side may refuse before it has read all; what it says is read all the same.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the port is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// A request of one span, in a trace whose id repeats a digit pair.
pub(crate) fn one_span(pair: &str, span: &str, parent: &str, name: &str) -> String {
    let trace = pair.repeat(16);
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
        "scopeSpans":[{{"spans":[{{"traceId":"{trace}","spanId":"{span:0>16}","parentSpanId":"{parent}","name":"{name}","kind":2,
        "startTimeUnixNano":"1000000","endTimeUnixNano":"3000000"}}]}}]}}]}}"#
    )
}

/// `planoai trace` that asks that port.
pub(crate) fn command(port: u16, options: &[&str]) -> Command {
    let mut command = planoai();
    command
        .arg("trace")
        .args(options)
        .env("PLANO_TRACE_PORT", port.to_string());
    command
}

/// Runs it to its end.
pub(crate) fn trace(port: u16, options: &[&str]) -> Output {
    command(port, options).output().expect("planoai runs")
}

/// A request of one span, in a trace whose id repeats a digit pair.
pub(crate) fn request(pair: &str, span: &str, parent: &str, name: &str, attributes: &str) -> String {
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

pub(crate) fn attribute(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}
