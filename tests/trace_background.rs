//! Promises of `planoai trace listen --background` and `planoai trace stop`, of the real program: the command ends when the listener
//! listens or has said why not; what is stopped is the listener and nothing else.
#![cfg(unix)]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use support::{
    listener::{Ports, one_span, talk},
    process::{Folder, free_port, planoai},
};

/// A state directory, in which whatever still runs at the end is stopped.
struct State(Folder);

/// How a command ended, and what it said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    text: String,
}

impl State {
    fn new() -> State {
        State(Folder::new())
    }

    fn command(&self) -> Command {
        let mut command = planoai();
        command
            .env("XDG_STATE_HOME", self.0.0.path())
            .env_remove("PLANO_TRACE_PORT")
            .arg("trace");
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        let output = self.command().args(args).output().expect("planoai runs");
        Said {
            code: output.status.code(),
            text: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn listen(&self, args: &[&str]) -> Said {
        let all = [&["listen", "--background", "--host", "127.0.0.1"], args].concat();
        self.run(&all)
    }

    fn file(&self, port: u16, kind: &str) -> PathBuf {
        self.0
            .0
            .path()
            .join("plano")
            .join(format!("trace-listen-{port}.{kind}"))
    }

    fn pid(&self, port: u16) -> u32 {
        let text = fs::read_to_string(self.file(port, "pid")).expect("a PID file");
        text.lines().next().and_then(|line| line.parse().ok()).expect("a PID")
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.run(&["stop", "--all"]);
    }
}

fn check(said: &Said, code: i32, expected: &[&str]) {
    assert_eq!(said.code, Some(code), "{said:?}");
    for part in expected {
        assert!(said.text.contains(part), "{part:?} is not in {said:?}");
    }
}

#[test]
fn it_listens_when_the_command_ends_and_until_it_is_stopped() {
    let state = State::new();
    let said = state.listen(&["--port", "0"]);
    check(
        &said,
        0,
        &["`planoai trace stop --port ", "page:  http://127.0.0.1:", "log:   /"],
    );
    let Ports { grpc, http, page } = Ports::of(&said.text);
    let body = one_span("7f", "1", "", "root");
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    assert!(talk(http, (head + &body).as_bytes()).starts_with("HTTP/1.1 200"));
    let shown = state
        .command()
        .arg("--list")
        .env("PLANO_TRACE_PORT", grpc.to_string())
        .output()
        .expect("planoai runs");
    assert_eq!(String::from_utf8_lossy(&shown.stdout).trim(), "7f".repeat(16));
    let page_answer = talk(
        page,
        b"GET /api/info HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    );
    assert!(page_answer.starts_with("HTTP/1.1 200"), "{page_answer}");
    for (path, mode) in [
        (state.file(grpc, "pid"), 0o600),
        (state.file(grpc, "log"), 0o600),
        (state.0.0.path().join("plano"), 0o700),
    ] {
        let found = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(found & 0o777, mode, "{}", path.display());
    }
    let pid = state.pid(grpc).to_string();
    let port = grpc.to_string();
    check(
        &state.run(&["stop", "--port", &port]),
        0,
        &["stopped the listener on port", &pid],
    );
    assert!(!state.file(grpc, "pid").exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", grpc)).is_err());
    check(
        &state.run(&["down", "--port", &port]),
        3,
        &["no listener runs in the background on port", &port],
    );
    assert_eq!(fs::read_to_string(state.file(grpc, "log")).expect("a log"), "");
}

#[test]
fn a_second_one_on_the_same_port_is_refused() {
    let state = State::new();
    let port = free_port().to_string();
    let others = ["--http-port", "0", "--page-port", "0"];
    let options = [&["--port", &port], &others[..]].concat();
    check(&state.listen(&options), 0, &[]);
    let pid = state.pid(port.parse().expect("a port")).to_string();
    check(
        &state.listen(&options),
        1,
        &["already", &pid, "planoai trace stop --port"],
    );
    // The variable says which, as it does for `planoai trace`; what is not meant keeps running.
    check(&state.run(&["stop", "--port", "1"]), 3, &[&port, "--all"]);
    let stopped = state
        .command()
        .arg("stop")
        .env("PLANO_TRACE_PORT", &port)
        .output()
        .expect("planoai runs");
    assert_eq!(stopped.status.code(), Some(0), "{stopped:?}");
    check(&state.listen(&options), 0, &[]);
    check(&state.listen(&["--port", "0"]), 0, &[]);
    let all = state.run(&["stop", "--all"]);
    check(&all, 0, &["stopped"]);
    assert_eq!(all.text.lines().count(), 2, "{all:?}");
    check(
        &state.run(&["stop", "--all"]),
        3,
        &["no listener runs in the background"],
    );
}

#[test]
fn what_keeps_it_from_starting_is_told() {
    let state = State::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let said = state.listen(&["--port", &port.to_string()]);
    check(&said, 1, &["address already in use", &port.to_string()]);
    assert_eq!(said.text.lines().count(), 1, "{said:?}");
    assert!(!state.file(port, "pid").exists());
    check(
        &state.listen(&["--port", "0", "--page-port", &port.to_string()]),
        1,
        &["--page-port"],
    );
    let homeless = state
        .command()
        .args(["listen", "--background", "--port", "0"])
        .env_remove("XDG_STATE_HOME")
        .env_remove("HOME")
        .output()
        .expect("planoai runs");
    assert_eq!(homeless.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&homeless.stderr).contains("XDG_STATE_HOME"));
}

#[test]
fn a_number_that_nobody_stands_behind_ends_nothing() {
    let state = State::new();
    let mut bystander = Command::new("sleep").arg("60").spawn().expect("a process");
    fs::create_dir_all(state.0.0.path().join("plano")).expect("a directory");
    let port = free_port();
    fs::write(state.file(port, "pid"), format!("{}\n1\n", bystander.id())).expect("a stale file");
    check(
        &state.run(&["stop", "--port", &port.to_string()]),
        3,
        &["no listener runs"],
    );
    check(&state.run(&["stop", "--all"]), 3, &[]);
    assert!(bystander.try_wait().expect("a child").is_none(), "it was ended");
    bystander.kill().and_then(|()| bystander.wait()).expect("ended");
    // What a killed listener left does not keep the next one from starting.
    let options = ["--port", &port.to_string(), "--http-port", "0", "--page-port", "0"];
    check(&state.listen(&options), 0, &[]);
    let killed = rustix::process::Pid::from_raw(state.pid(port).cast_signed()).expect("a PID");
    rustix::process::kill_process(killed, rustix::process::Signal::KILL).expect("it runs");
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(10), "it lives");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(state.file(port, "pid").exists());
    check(
        &state.run(&["stop", "--port", &port.to_string()]),
        3,
        &["no listener runs"],
    );
    check(&state.listen(&options), 0, &[]);
}

#[test]
fn it_outlives_what_started_it() {
    let state = State::new();
    let port = free_port();
    let listen = [
        "listen",
        "--background",
        "--host",
        "127.0.0.1",
        "--http-port",
        "0",
        "--page-port",
        "0",
        "--port",
    ];
    let mut command = state.command();
    command
        .args(listen)
        .arg(port.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Nothing of the listener holds the pipes: reading them ends with the command.
    let output = command.output().expect("planoai runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let pid = rustix::process::Pid::from_raw(state.pid(port).cast_signed()).expect("a PID");
    // Only the process that opened a session has its number, so this is not the session of the test. (That one is not asked for: where its
    // leader is outside of the container, the kernel answers 0, which is no PID.)
    assert_eq!(
        rustix::process::getsid(Some(pid)).expect("it runs"),
        pid,
        "a session of its own"
    );
}
