//! The promise of `planoai trace --follow`: each trace is printed when it is complete, once; what comes late is told; a listener
//! that is started anew is followed on; Ctrl-C and a closed pipe are clean ends.

#![cfg(unix)]

mod support;

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use support::{
    PATIENCE,
    listener::{Listener, attribute, command, request},
    process::Signal,
};

/// A follower whose output is collected.
struct Follower {
    child: Child,
    out: Arc<Mutex<String>>,
    said: Arc<Mutex<String>>,
}

fn collect(source: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let written = Arc::clone(&text);
    thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            *written.lock().expect("text") += &format!("{line}\n");
        }
    });
    text
}

impl Follower {
    fn start(listener: &Listener, options: &[&str]) -> Follower {
        let mut child = command(listener.ports.grpc, options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("planoai starts");
        let out = collect(child.stdout.take().expect("piped"));
        let said = collect(child.stderr.take().expect("piped"));
        Follower { child, out, said }
    }

    fn wait(&self, text: &Arc<Mutex<String>>, words: &str) -> Duration {
        let started = Instant::now();
        while !text.lock().expect("text").contains(words) {
            let (out, said) = (self.out.lock().expect("text"), self.said.lock().expect("text"));
            assert!(started.elapsed() < PATIENCE, "no {words:?} in\n{out}\nand\n{said}");
            drop((out, said));
            thread::sleep(Duration::from_millis(10));
        }
        started.elapsed()
    }

    fn printed(&self, words: &str) -> Duration {
        self.wait(&self.out, words)
    }

    fn said(&self, words: &str) {
        self.wait(&self.said, words);
    }

    fn count(&self, words: &str) -> usize {
        self.out.lock().expect("text").matches(words).count()
    }

    fn interrupt(mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, Signal::INT).expect("it runs");
        self.end()
    }

    fn end(&mut self) -> Option<i32> {
        let started = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(started.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
        self.child.wait().expect("a child").code()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn traces_are_printed_once_when_they_are_complete() {
    let listener = Listener::start(&[]);
    let follower = Follower::start(&listener, &["--follow"]);
    listener.send(&request("0a", "2", "0000000000000001", "early", ""));
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(follower.count("Trace"), 0, "its root is not there");
    listener.send(&request("0a", "1", "", "first", ""));
    let waited = follower.printed("shop first");
    assert!(waited > Duration::from_millis(700), "spans may follow: {waited:?}");
    follower.printed("└─ shop early");
    listener.send(&request("0b", "1", "", "second", ""));
    follower.printed("shop second");
    assert_eq!((follower.count("Trace"), follower.count("shop first")), (2, 1));
    listener.send(&request("0a", "3", "0000000000000001", "late", ""));
    follower.said("1 span came after it was shown; again:");
    follower.printed("shop late");
    assert_eq!(follower.count("shop first"), 2);
    assert_eq!(follower.interrupt(), Some(130));
}

#[test]
fn what_is_followed_can_be_chosen_and_counted() {
    let listener = Listener::start(&[]);
    listener.send(&request("0a", "1", "", "held", &attribute("llm.model", "x")));
    listener.wait_for_spans(1);
    let mut follower = Follower::start(
        &listener,
        &[
            "-f",
            "--where",
            "llm.model=x",
            "--json",
            "--limit",
            "2",
            "--filter",
            "llm.*",
        ],
    );
    follower.printed("\"held\"");
    listener.send(&request("0b", "1", "", "other", &attribute("llm.model", "y")));
    listener.send(&request("0c", "1", "", "wanted", &attribute("llm.model", "x")));
    assert_eq!(follower.end(), Some(0), "two were wanted");
    let out = follower.out.lock().expect("text").clone();
    let traces: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let names: Vec<&str> = traces
        .iter()
        .filter_map(|trace| trace["spans"][0]["name"].as_str())
        .collect();
    assert_eq!(names, ["held", "wanted"]);
    for (format, expected) in [
        (&["--format", "otlp"][..], "{\"resourceSpans\":["),
        (&["--list"], &"0c".repeat(16)),
        (&["--list", "-v"], "TIME (UTC)"),
    ] {
        let options = [&["-f", "--limit", "1"], format].concat();
        let mut follower = Follower::start(&listener, &options);
        follower.printed(expected);
        assert_eq!(follower.end(), Some(0), "{format:?}");
    }
}

#[test]
fn what_does_not_match_any_more_is_not_printed() {
    let listener = Listener::start(&[]);
    let follower = Follower::start(&listener, &["-f", "--list", "--where", "!bad=yes"]);
    thread::sleep(Duration::from_millis(500));
    listener.send(&request("0a", "1", "", "root", ""));
    thread::sleep(Duration::from_millis(400));
    listener.send(&request(
        "0a",
        "2",
        "0000000000000001",
        "child",
        &attribute("bad", "yes"),
    ));
    listener.send(&request("0b", "1", "", "root", ""));
    follower.printed(&"0b".repeat(16));
    assert_eq!(follower.count(&"0a".repeat(16)), 0);
    assert_eq!(follower.interrupt(), Some(130));
}

#[test]
fn a_listener_that_is_started_anew_is_followed_on() {
    let listener = Listener::start(&[]);
    let port = listener.ports.grpc;
    for pair in ["0a", "0b", "0c"] {
        listener.send(&request(pair, "1", "", "before", ""));
    }
    listener.wait_for_spans(3);
    let follower = Follower::start(&listener, &["-f", "--list"]);
    follower.printed(&"0c".repeat(16));
    listener.end();
    follower.said("is gone");
    let again = Listener::start_on(port, &[]);
    follower.said("is back");
    again.send(&request("0d", "1", "", "after", ""));
    follower.printed(&"0d".repeat(16));
    assert_eq!(follower.out.lock().expect("text").lines().count(), 2);
    assert_eq!(follower.interrupt(), Some(130));
}

#[test]
fn a_closed_pipe_is_a_clean_end() {
    let listener = Listener::start(&[]);
    let mut child = command(listener.ports.grpc, &["-f", "--list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("planoai starts");
    let out: ChildStdout = child.stdout.take().expect("piped");
    listener.send(&request("0a", "1", "", "first", ""));
    let mut line = String::new();
    let mut reader = BufReader::new(out);
    reader.read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "0a".repeat(16));
    drop(reader);
    listener.send(&request("0b", "1", "", "second", ""));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nobody_to_follow_is_told_at_once() {
    let port = support::process::free_port();
    let output = command(port, &["-f"]).output().expect("planoai runs");
    assert_eq!(output.status.code(), Some(4));
}
