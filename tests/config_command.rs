//! `planoai collector` as users run it: what is printed where, exit codes, start, reload and end.

#[path = "support/binary.rs"]
mod binary;

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

fn planoai() -> Command {
    let mut command = Command::new(binary::binary());
    command
        .env_remove("PLANO_DEFAULT_HOST")
        .env_remove("PLANO_LOG")
        .stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    planoai()
        .arg("collector")
        .args(args)
        .output()
        .expect("the program runs")
}

fn check(args: &[&str], code: i32, stdout: &str, stderr: &str) {
    let output = run(args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(
        (
            output.status.code(),
            text(&output.stdout).as_str(),
            text(&output.stderr).as_str()
        ),
        (Some(code), stdout, stderr),
        "{args:?}"
    );
}

/// A port that nobody uses now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a directory"))
    }

    fn write(&self, text: &str) -> PathBuf {
        let path = self.0.path().join("config.yaml");
        fs::write(&path, text).expect("written");
        path
    }
}

#[test]
fn five_mistakes_are_five_lines() {
    let text = "
receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: {timeout: soon}}
exporters:
  debug: {verbosty: normal}
  otlp_grpc:
  nosuch:
service:
  pipelines:
    traces: {receivers: [otlp], processors: [x], exporters: [debug]}
";
    let folder = Folder::new();
    let path = folder.write(text).display().to_string();
    let output = run(&["validate", "--config", &path]);
    let lines: Vec<String> = String::from_utf8_lossy(&output.stderr)
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        (output.status.code(), output.stdout.len(), lines.len()),
        (Some(1), 0, 5),
        "{lines:#?}"
    );
    for (line, expected) in lines.iter().zip([
        "processors::batch::timeout: invalid duration \"soon\"",
        "'exporters.debug' has invalid keys: verbosty (did you mean \"verbosity\"?)",
        "exporters::otlp_grpc: requires a non-empty \"endpoint\"",
        "'exporters' unknown type: \"nosuch\" for id: \"nosuch\" (valid values: [awsxray ",
        "service::pipelines::traces: references processor \"x\" which is not configured",
    ]) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
fn all_well_is_silence() {
    let folder = Folder::new();
    let path = folder.write(
        "receivers: {otlp: {protocols: {grpc: }}}\nexporters: {debug: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}",
    );
    check(&["validate", "--config", &path.display().to_string()], 0, "", "");
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let folder = Folder::new();
    let text = "receivers: {otlp: {protocols: {grpc: }}}
exporters: {otlp_grpc: {endpoint: 'ENDPOINT', headers: {authorization: '${env:NO_SUCH_TOKEN}'}}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}";
    let warning = "warning: exporters::otlp_grpc::headers::authorization: environment variable \"NO_SUCH_TOKEN\" is not set; the value is empty\n";
    let path = folder
        .write(&text.replace("ENDPOINT", "backend:4317"))
        .display()
        .to_string();
    check(&["validate", "--config", &path], 0, "", warning);
    let path = folder.write(&text.replace("ENDPOINT", "")).display().to_string();
    let fault = "exporters::otlp_grpc: requires a non-empty \"endpoint\"\n";
    check(&["validate", "--config", &path], 1, "", &format!("{warning}{fault}"));
}

#[test]
fn what_cannot_be_is_told_in_one_line() {
    check(
        &["validate", "--config", "/no/such.yaml"],
        1,
        "",
        "/no/such.yaml: cannot read: No such file or directory (os error 2)\n",
    );
    check(
        &[],
        2,
        "",
        "planoai collector: no config; name one with --config, such as: planoai collector --config pipelines/enrichment.yaml\n",
    );
    assert_eq!(run(&["--no-such-option"]).status.code(), Some(2));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    let url = format!("http://127.0.0.1:{}/", free_port());
    let output = run(&["health", "--url", &url]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn secrets_are_not_printed() {
    let folder = Folder::new();
    let path = folder.write(
        "receivers: {otlp: {protocols: {grpc: }}}\nexporters: {otlp_grpc: {endpoint: 'backend:4317', headers: {authorization: hunter2}}}\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}",
    );
    let output = run(&["print-config", "--config", &path.display().to_string()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.contains("authorization: \"[REDACTED]\"") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(text.contains("queue_size: 1000"), "{text}");
}

#[test]
fn two_exporters_do_not_write_one_file() {
    let folder = Folder::new();
    let validate = |second: &str, used: &str| {
        let path = folder.write(&format!(
            "receivers: {{otlp: {{protocols: {{grpc: }}}}}}
exporters: {{file: {{path: /tmp/x.jsonl}}, file/b: {{path: {second}}}}}
service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [{used}]}}}}}}"
        ));
        let output = run(&["validate", "--config", &path.display().to_string()]);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(validate("/tmp/y.jsonl", "file, file/b"), "");
    assert_eq!(validate("/tmp/x.jsonl", "file"), "");
    assert_eq!(
        validate("/tmp/./x.jsonl", "file, file/b"),
        "exporters::file/b: writes \"/tmp/./x.jsonl\", which exporter \"file\" writes already; give each a path of its own\n"
    );
}

#[test]
fn components_are_listed() {
    let output = run(&["components"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.starts_with("receivers:\n  - name: gateway\n  - name: otlp\n") && text.contains("  - name: debug\n"),
        "{text}"
    );
}

/// A running collector, killed where a test fails.
struct Collector {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
}

impl Collector {
    fn start(path: &std::path::Path) -> Collector {
        let mut command = planoai();
        command
            .args(["collector", "--config"])
            .arg(path)
            .stderr(Stdio::piped())
            .stdout(Stdio::null());
        let mut child = command.spawn().expect("the program runs");
        let log = BufReader::new(child.stderr.take().expect("piped"));
        Collector { child, log }
    }

    /// Reads the log up to a line with these words, and gives back what was read. The process ends its log when it ends.
    fn wait_for(&mut self, words: &str) -> String {
        let mut seen = String::new();
        loop {
            let before = seen.len();
            assert!(
                self.log.read_line(&mut seen).expect("a log") > 0,
                "never said {words:?}:\n{seen}"
            );
            if seen[before..].contains(words) {
                return seen;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    fn end(mut self) -> (Option<i32>, String) {
        let started = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(started.elapsed() < PATIENCE, "does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("a log");
        (self.child.wait().expect("a child").code(), rest)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(otlp: u16, health: u16, metrics: u16) -> String {
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{otlp}'}}}}}}}}
exporters: {{debug: }}
extensions: {{health_check: {{endpoint: '127.0.0.1:{health}'}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{address: '127.0.0.1:{metrics}'}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"
    )
}

#[test]
fn it_starts_reloads_and_ends() {
    let (otlp, health, metrics) = (free_port(), free_port(), free_port());
    let folder = Folder::new();
    let path = folder.write(&config(otlp, health, metrics));
    let mut collector = Collector::start(&path);
    let start = collector.wait_for("Everything is ready. Begin running and processing data.");
    for (component, port) in [("metrics", metrics), ("health_check", health), ("otlp", otlp)] {
        let place = format!("address=127.0.0.1:{port}");
        let listens = |line: &str| line.contains("listening") && line.contains(component) && line.contains(&place);
        assert!(start.lines().any(listens), "{component} on {port}:\n{start}");
    }
    let url = format!("http://127.0.0.1:{health}/");
    let output = run(&["health", "--url", &url]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("Server available"));
    let output = run(&["health", "--url", &format!("http://127.0.0.1:{metrics}/metrics")]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("otelcol_process_uptime"));

    folder.write("receivers: {nosuch: }");
    collector.signal(Signal::HUP);
    collector.wait_for("the old one keeps running");
    assert_eq!(run(&["health", "--url", &url]).status.code(), Some(0));

    let other = free_port();
    folder.write(&config(otlp, other, free_port()));
    collector.signal(Signal::HUP);
    let reload = collector.wait_for("Everything is ready. Begin running and processing data.");
    assert!(
        reload.contains("service::telemetry has changed, which takes a restart"),
        "{reload}"
    );
    let moved = format!("http://127.0.0.1:{other}/");
    assert_eq!(run(&["health", "--url", &moved]).status.code(), Some(0));

    collector.signal(Signal::TERM);
    let (code, rest) = collector.end();
    assert_eq!(code, Some(0), "{rest}");
}

#[test]
fn health_is_asked_where_the_config_says() {
    let (otlp, health) = (free_port(), free_port());
    let folder = Folder::new();
    let asked = |path: &std::path::Path| {
        let output = run(&["health", "--config", &path.display().to_string()]);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    let path = folder.write(&config(otlp, health, free_port()));
    let (code, text) = asked(&path);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("http://127.0.0.1:{health}/")), "{text}");
    let mut collector = Collector::start(&path);
    collector.wait_for("Everything is ready.");
    let (code, text) = asked(&path);
    assert!(code == Some(0) && text.contains("Server available"), "{text}");
    drop(collector);

    let path = folder.write(&format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{otlp}'}}}}}}}}
exporters: {{debug: }}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}"
    ));
    let line = |state| {
        format!(
            "the receiver otlp at 127.0.0.1:{otlp} takes {state}connections (the config has no health_check to ask)"
        )
    };
    let (code, text) = asked(&path);
    assert!(code == Some(1) && text.contains(&line("no ")), "{text}");
    let mut collector = Collector::start(&path);
    collector.wait_for("Everything is ready.");
    assert_eq!(asked(&path), (Some(0), format!("{}\n", line(""))));

    let (_, text) = asked(&folder.write("receivers: {nosuch: }"));
    assert!(
        text.contains("the config is wrong; asking http://127.0.0.1:13133/ instead"),
        "{text}"
    );
}

#[test]
fn a_taken_port_ends_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let folder = Folder::new();
    for text in [
        config(port, free_port(), free_port()),
        config(free_port(), port, free_port()),
        config(free_port(), free_port(), port),
    ] {
        let (code, log) = Collector::start(&folder.write(&text)).end();
        let last = log.lines().last().unwrap_or_default();
        assert_eq!(code, Some(1), "{log}");
        assert!(
            last.starts_with("planoai: ") && last.contains(&port.to_string()) && last.contains("in use"),
            "{log}"
        );
    }
}
