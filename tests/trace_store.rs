//! The promise of `planoai trace listen --store FILE`: what was acknowledged to a sender is there after a restart, after
//! `kill -9` at any time, and is not acknowledged while the file cannot be written. Runs the program itself.

#![cfg(unix)]

mod support;

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use support::{listener::Listener, process::planoai};

fn start(store: &Path) -> Listener {
    run(planoai(), store)
}

fn run(mut command: Command, store: &Path) -> Listener {
    command.env("PLANO_LOG", "info");
    let store = store.to_str().expect("UTF-8");
    Listener::run(command, 0, &["--max-traces", "100000", "--store", store])
}

fn signal(listener: &mut Listener, signal: Signal) {
    kill_process(Pid::from_child(&listener.child), signal).expect("it runs");
    listener.child.wait().expect("it ends");
}

/// The trace ids that `planoai trace` lists.
fn ids(listener: &Listener) -> BTreeSet<String> {
    let text = String::from_utf8(listener.trace(&["--list"]).stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
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
    let mut listener = start(store);
    let (acknowledged, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if is_success(&send(listener.ports.http, number, "x")) {
                        acknowledged.lock().expect("no panic").push(number);
                    }
                }
            });
        }
        std::thread::sleep(duration);
        kill_process(Pid::from_child(&listener.child), Signal::KILL).expect("it runs");
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
    let mut listener = start(&store);
    let listed = ids(&listener);
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
    signal(&mut listener, Signal::TERM);
    assert_eq!(ids(&start(&store)), listed, "the same after an orderly end");
}

#[test]
fn a_second_listener_on_the_same_file_is_one_clear_line() {
    let folder = tempfile::tempdir().expect("a directory");
    let store = folder.path().join("traces.db");
    let _listener = start(&store);
    let output = planoai()
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
    shell.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, &support::binary::binary()]);
    let mut listener = run(shell, &store);
    let id = Some(Pid::from_child(&listener.child));
    assert!(is_success(&send(listener.ports.http, 0, "x")));
    let unlimited = getrlimit(Resource::Fsize);
    let small = Rlimit {
        current: Some(200_000),
        ..unlimited
    };
    prlimit(id, Resource::Fsize, small).expect("a limit");
    let text = "y".repeat(30_000);
    let answers: Vec<_> = (1..=20)
        .map(|number| send(listener.ports.http, number, &text))
        .collect();
    let kept = answers.iter().filter(|answer| is_success(answer)).count();
    assert!((1..20).contains(&kept), "{kept}");
    for answer in answers.iter().filter(|answer| !is_success(answer)).flatten() {
        assert!(
            answer.starts_with("HTTP/1.1 503") && answer.to_lowercase().contains("retry-after"),
            "{answer}"
        );
    }
    assert_eq!(ids(&listener).len(), 21, "readers see what memory has");
    assert!(
        !is_success(&send(listener.ports.http, 20, &text)),
        "the same spans again are not said to be safe"
    );
    prlimit(id, Resource::Fsize, unlimited).expect("no limit");
    std::thread::sleep(Duration::from_millis(1200));
    assert!(is_success(&send(listener.ports.http, 21, "x")), "it is tried again");
    signal(&mut listener, Signal::KILL);
    let mut log = String::new();
    let errors = listener.child.stderr.as_mut().expect("stderr is piped");
    errors.read_to_string(&mut log).expect("a log");
    let told = log.lines().filter(|line| line.contains("memory only")).count();
    assert_eq!(told, 1, "said once: {log}");
    assert!(log.contains("works again"), "{log}");
    assert_eq!(
        ids(&start(&store)).len(),
        22,
        "what was in memory only is in the file now"
    );
}
