//! `planoai signals` as users run it: reports on stdout, faults on stderr with file and line, exit codes for CI.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Output, Stdio},
};

const COMPLAINT: &str =
    r#"{"id":"a","messages":[{"role":"user","content":"This is useless. I want to speak to a human."}]}"#;
const THANKS: &str = r#"{"id":"b","messages":[{"role":"user","content":"Thank you, that was very helpful!"}]}"#;

fn planoai() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_planoai"));
    command.arg("signals");
    command
}

/// Runs it over a text on standard input.
fn run(args: &[&str], input: &str) -> Output {
    let mut child = planoai()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // A program that ended already reads nothing.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// Exit code, the first words of every report, all messages.
fn check(args: &[&str], input: &str, code: i32, reports: &[&str], messages: &[&str]) {
    let output = run(args, input);
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(code), "{input}: {stdout}{stderr}");
    let found: Vec<&str> = stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(found.len(), reports.len(), "{input}: {stdout}");
    for (line, expected) in found.iter().zip(reports) {
        assert!(line.starts_with(expected), "{input}: {line:?} is no {expected:?}");
    }
    assert_eq!(stderr.lines().collect::<Vec<_>>(), messages, "{input}");
}

#[test]
fn every_conversation_is_reported() {
    check(
        &["-"],
        &format!("{COMPLAINT}\n{THANKS}\n"),
        0,
        &["a  Severe", "b  "],
        &[],
    );
    check(
        &["-"],
        &format!("[{COMPLAINT},{THANKS}]"),
        0,
        &["a  Severe", "b  "],
        &[],
    );
    check(
        &["-"],
        &format!("\u{feff}{COMPLAINT}\r\n{THANKS}\r\n"),
        0,
        &["a  Severe", "b  "],
        &[],
    );
    let output = run(&["--json", "-"], COMPLAINT);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(
        (
            &report["id"],
            &report["quality"],
            &report["flagged"],
            &report["turn_count"]
        ),
        (&"a".into(), &"Severe".into(), &true.into(), &1.into())
    );
    assert!(
        !String::from_utf8_lossy(&output.stdout).contains("useless"),
        "no message text"
    );
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_reported() {
    check(
        &["-"],
        &format!("{COMPLAINT}\nnot json\n{{\"a\":1}}\n{THANKS}"),
        1,
        &["a  Severe", "b  "],
        &[
            "planoai: -: line 2: not valid JSON: expected ident at line 1 column 2",
            "planoai: -: line 3: no \"messages\": expected {\"id\": …, \"messages\": [{\"role\": …, \"content\": …}, …]} or the list of messages",
        ],
    );
    check(&["-"], "", 1, &[], &["planoai: -: holds no conversation"]);
    check(
        &["/no/such.json", "-"],
        THANKS,
        1,
        &["b  "],
        &["planoai: /no/such.json: No such file or directory (os error 2)"],
    );
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("latin1.json");
    fs::write(&path, b"\"\xe9\"").expect("written");
    let name = path.display().to_string();
    check(
        &[&name],
        "",
        1,
        &[],
        &[&format!("planoai: {name}: not UTF-8 at byte 1")],
    );
    assert_eq!(run(&[], "").status.code(), Some(2), "a file has to be named");
}

#[test]
fn an_id_cannot_write_on_the_terminal() {
    let hostile = THANKS.replace("\"b\"", r#""\u001b[31m\u202e""#);
    check(&["-"], &hostile, 0, &["\\x1b[31m\\u{202e}  "], &[]);
}

#[test]
fn a_closed_pipe_is_success() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("many.jsonl");
    fs::write(&path, format!("{THANKS}\n").repeat(20_000)).expect("written");
    let mut child = planoai()
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("b  "));
    drop(lines);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
