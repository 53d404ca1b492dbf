//! The promise of `planoai trace listen --store FILE`: what was acknowledged to a sender is there after a restart, after
//! `kill -9` at any time, and is not acknowledged while the file cannot be written. Runs the program itself.

#![cfg(unix)]

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

const PLANOAI: &str = env!("CARGO_BIN_EXE_planoai");

/// A running listener, killed when dropped.
struct Listener {
    child: Child,
    errors: BufReader<ChildStderr>,
    grpc: u16,
    http: u16,
}

impl Listener {
    fn start(store: &Path) -> Listener {
        Listener::run(Command::new(PLANOAI), store)
    }

    fn run(mut command: Command, store: &Path) -> Listener {
        let mut child = command
            .args([
                "trace",
                "listen",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--max-traces",
                "100000",
                "--store",
            ])
            .arg(store)
            .env("PLANO_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .expect("planoai starts");
        let mut errors = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let (mut ports, mut line) = (Vec::new(), String::new());
        while !line.contains("look:") {
            line.clear();
            assert!(
                errors.read_line(&mut line).expect("stderr can be read") > 0,
                "the listener ended early"
            );
            let words = line.split_whitespace();
            let addresses = words.filter(|word| line.contains("listening") && word.starts_with("127."));
            ports.extend(addresses.filter_map(|word| word.rsplit_once(':')?.1.parse::<u16>().ok()));
        }
        let [grpc, http] = ports[..] else {
            panic!("two addresses, not {ports:?}");
        };
        Listener {
            child,
            errors,
            grpc,
            http,
        }
    }

    fn signal(&mut self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// The trace ids that `planoai trace` lists.
    fn listed(&self) -> BTreeSet<String> {
        let output = Command::new(PLANOAI)
            .args(["trace", "--list"])
            .env("PLANO_TRACE_PORT", self.grpc.to_string())
            .stdin(Stdio::null())
            .output()
            .expect("planoai runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn trace_id(number: usize) -> String {
    format!("{:032x}", number + 1)
}

/// Sends one span; the head of the answer, none where there was no answer.
fn send(port: u16, number: usize, text: &str) -> Option<String> {
    let trace = trace_id(number);
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{trace}","spanId":"00000000000000aa","name":"n",
        "startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{{"key":"t","value":{{"stringValue":"{text}"}}}}]}}]}}]}}]}}"#
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn is_success(answer: &Option<String>) -> bool {
    answer
        .as_deref()
        .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Sends from many threads until `seconds` are over, then kills the listener; what was acknowledged.
fn send_and_kill(store: &Path, next: &AtomicUsize, duration: Duration) -> Vec<usize> {
    let mut listener = Listener::start(store);
    let (acknowledged, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if is_success(&send(listener.http, number, "x")) {
                        acknowledged.lock().expect("no panic").push(number);
                    }
                }
            });
        }
        std::thread::sleep(duration);
        let id = rustix::process::Pid::from_child(&listener.child);
        rustix::process::kill_process(id, rustix::process::Signal::KILL).expect("it runs");
        stop.store(true, Ordering::Relaxed);
    });
    listener.child.wait().expect("it ends");
    acknowledged.into_inner().expect("no panic")
}

#[test]
fn nothing_acknowledged_is_lost_when_it_is_killed() {
    let folder = tempfile::tempdir().expect("a directory");
    let store = folder.path().join("traces.db");
    let next = AtomicUsize::new(0);
    let mut acknowledged = Vec::new();
    for round in 1..=3 {
        let new = send_and_kill(&store, &next, Duration::from_millis(150 * round));
        assert!(!new.is_empty(), "round {round} acknowledged something");
        acknowledged.extend(new);
    }
    let mut listener = Listener::start(&store);
    let listed = listener.listed();
    let lost: Vec<&usize> = acknowledged
        .iter()
        .filter(|number| !listed.contains(&trace_id(**number)))
        .collect();
    assert!(
        lost.is_empty(),
        "{} of {} are lost: {lost:?}",
        lost.len(),
        acknowledged.len()
    );
    let sent: BTreeSet<String> = (0..next.into_inner()).map(trace_id).collect();
    assert!(listed.is_subset(&sent), "nothing is there that was never sent");
    listener.signal(rustix::process::Signal::TERM);
    assert_eq!(
        Listener::start(&store).listed(),
        listed,
        "the same after an orderly end"
    );
}

#[test]
fn a_second_listener_on_the_same_file_is_one_clear_line() {
    let folder = tempfile::tempdir().expect("a directory");
    let store = folder.path().join("traces.db");
    let _listener = Listener::start(&store);
    let output = Command::new(PLANOAI)
        .args(["trace", "listen", "--host", "127.0.0.1", "--port", "0", "--store"])
        .arg(&store)
        .output()
        .expect("planoai runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(
        errors.contains("traces.db") && errors.contains("another process"),
        "{errors}"
    );
}

/// A limit on the size of files is what a full disk is: a write that fails while the process runs.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_to_senders_and_serving_goes_on() {
    use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
    let folder = tempfile::tempdir().expect("a directory");
    let store = folder.path().join("traces.db");
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, PLANOAI]);
    let mut listener = Listener::run(shell, &store);
    let id = Some(rustix::process::Pid::from_child(&listener.child));
    assert!(is_success(&send(listener.http, 0, "x")));
    let unlimited = getrlimit(Resource::Fsize);
    let small = Rlimit {
        current: Some(200_000),
        ..unlimited
    };
    prlimit(id, Resource::Fsize, small).expect("a limit");
    let text = "y".repeat(30_000);
    let answers: Vec<_> = (1..=20).map(|number| send(listener.http, number, &text)).collect();
    let kept = answers.iter().filter(|answer| is_success(answer)).count();
    assert!((1..20).contains(&kept), "{kept}");
    for answer in answers.iter().filter(|answer| !is_success(answer)).flatten() {
        assert!(
            answer.starts_with("HTTP/1.1 503") && answer.to_lowercase().contains("retry-after"),
            "{answer}"
        );
    }
    assert_eq!(listener.listed().len(), 21, "readers see what memory has");
    assert!(
        !is_success(&send(listener.http, 20, &text)),
        "the same spans again are not said to be safe"
    );
    prlimit(id, Resource::Fsize, unlimited).expect("no limit");
    std::thread::sleep(Duration::from_millis(1200));
    assert!(is_success(&send(listener.http, 21, "x")), "it is tried again");
    listener.signal(rustix::process::Signal::KILL);
    let mut log = String::new();
    listener.errors.read_to_string(&mut log).expect("a log");
    let told = log.lines().filter(|line| line.contains("memory only")).count();
    assert_eq!(told, 1, "said once: {log}");
    assert!(log.contains("works again"), "{log}");
    assert_eq!(
        Listener::start(&store).listed().len(),
        22,
        "what was in memory only is in the file now"
    );
}
