//! `planoai signals` as users run it: every shape of input, reports on stdout, faults on stderr with file and line, exit codes for
//! CI.

#[path = "support/binary.rs"]
mod binary;
#[path = "signals_command/explained.rs"]
mod explained;
#[path = "signals_command/faults.rs"]
mod faults;
#[path = "signals_command/settings.rs"]
mod settings;
#[path = "signals_command/shapes.rs"]
mod shapes;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Output, Stdio},
};

const COMPLAINT: &str =
    r#"{"id":"a","messages":[{"role":"user","content":"This is useless. I want to speak to a human."}]}"#;
const THANKS: &str = r#"{"id":"b","messages":[{"role":"user","content":"Thank you, that was very helpful!"}]}"#;
/// Flagged for its frustration, and neither Poor nor Severe.
const INSULT: &str = r#"{"id":"c","messages":[{"role":"user","content":"This is useless."}]}"#;

fn planoai() -> Command {
    let mut command = Command::new(binary::binary());
    command.arg("signals");
    command
}

/// Runs it over what is sent on standard input.
fn run(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = planoai()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.as_ref().to_owned();
    // A program that ended already reads nothing.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("it wrote");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Exit code, and for each conversation `id quality flagged`, `*` being a flag.
fn check(args: &[&str], input: impl AsRef<[u8]>, code: i32, reports: &[&str], messages: &[&str]) {
    let output = run(&[&["--json"], args].concat(), input);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    let found: Vec<String> = stdout.lines().map(shown).collect();
    assert_eq!(found, reports, "{stderr}");
    let found: Vec<&str> = stderr.lines().collect();
    assert_eq!(found.len(), messages.len(), "{stderr}");
    for (line, expected) in found.iter().zip(messages) {
        assert!(line.starts_with(expected), "{line:?} is no {expected:?}");
    }
}

fn shown(line: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
    let flag = if report["flagged"].as_bool().expect("a bool") {
        "*"
    } else {
        ""
    };
    let id = report["id"].as_str().unwrap_or("-");
    match &report["quality"] {
        serde_json::Value::Null => format!("{id} -{flag}"),
        quality => format!("{id} {}{flag}", quality.as_str().expect("a text")),
    }
}

#[test]
fn a_report_has_the_fields_that_scripts_read() {
    let output = run(&["--json", "-"], COMPLAINT);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let keys: Vec<&str> = report
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "id",
        "quality",
        "quality_score",
        "flagged",
        "turn_count",
        "efficiency_score",
        "signals",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&report["id"], &report["turn_count"]), (&"a".into(), &1.into()));
    assert!(report["quality_score"].is_f64() && report["efficiency_score"].is_f64());
    let signal = report["signals"][0].as_object().expect("a signal");
    let keys: Vec<&str> = signal.keys().map(String::as_str).collect();
    assert_eq!(keys, ["type", "message_index", "confidence"]);
    assert!(!text(&output.stdout).contains("useless"), "no message text");
}

#[test]
fn a_table_lines_up_and_ends_in_a_summary() {
    let nameless = r#"{"messages":[{"role":"user","content":"日本"},{"role":"assistant","content":"ok"}]}"#;
    let input = [COMPLAINT, &THANKS.replace("\"b\"", "\"a longer name 日本\""), nameless].join("\n");
    let output = run(&[], input);
    let expected = "\
CONVERSATION        QUALITY    SCORE  TURNS  FLAG  SIGNALS
a                   Severe        50      1  🚩    disengagement 2
a longer name 日本  Excellent     76      1        satisfaction 2
-:3                 Good          60      2

3 conversations: 1 Severe, 1 Good, 1 Excellent; 1 flagged
";
    assert_eq!(text(&output.stdout), expected);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let output = run(&["-"], "[]\n[]");
    assert_eq!((text(&output.stdout), output.status.code()), (String::new(), Some(3)));
}

#[test]
fn the_condition_of_fail_on_is_an_exit_code() {
    let input = [THANKS, INSULT, COMPLAINT].join("\n");
    let all = ["b Excellent", "c Neutral*", "a Severe*"];
    check(&[], &input, 0, &all, &[]);
    let one = "planoai: 1 of 3 conversations is Severe: a";
    check(&["--fail-on", "severe"], &input, 5, &all, &[one]);
    check(
        &["--fail-on", "poor"],
        &input,
        5,
        &all,
        &["planoai: 1 of 3 conversations is Poor or Severe: a"],
    );
    check(
        &["--fail-on", "flag"],
        &input,
        5,
        &all,
        &["planoai: 2 of 3 conversations are flagged: c, a"],
    );
    check(&["--fail-on", "severe"], [THANKS, INSULT].join("\n"), 0, &all[..2], &[]);
    check(&["--fail-on", "flag"], THANKS, 0, &all[..1], &[]);
    // What cannot be read is an error whatever was found in the rest.
    let fault = "planoai: -: line 4: not valid JSON: ";
    check(&["--fail-on", "severe"], format!("{input}\nx"), 1, &all, &[fault, one]);
    check(
        &["--fail-on", "flag"],
        "",
        3,
        &[],
        &["planoai: -: holds no conversation"],
    );
    assert_eq!(run(&["--fail-on", "good"], "").status.code(), Some(2));
}

#[test]
fn many_failing_conversations_are_not_all_named() {
    let nameless = COMPLAINT.replace(r#""id":"a","#, "");
    let output = run(
        &["--quiet", "--fail-on", "severe"],
        format!("{nameless}\n").repeat(5000),
    );
    let expected = "planoai: 5000 of 5000 conversations are Severe: -:1, -:2, -:3, -:4, -:5, -:6, -:7, -:8, -:9, -:10 and 4990 more\n";
    assert_eq!((text(&output.stderr).as_str(), output.stdout.len()), (expected, 0));
    assert_eq!(output.status.code(), Some(5));
}

#[test]
fn reports_keep_the_order_of_a_large_input() {
    let input: String = (0..10_000)
        .map(|i| THANKS.replace("\"b\"", &i.to_string()) + "\n")
        .collect();
    let output = run(&["--json"], input);
    let stdout = text(&output.stdout);
    assert_eq!(stdout.lines().count(), 10_000);
    for (i, line) in stdout.lines().enumerate() {
        assert!(line.starts_with(&format!("{{\"id\":\"{i}\",")), "{i}: {line}");
    }
}

#[test]
fn a_closed_pipe_is_success() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("many.jsonl");
    fs::write(&path, format!("{THANKS}\n").repeat(6_000)).expect("written");
    for args in [&["--json"][..], &[], &["--explain"], &["--fail-on", "severe"]] {
        let mut child = planoai()
            .args(args)
            .arg(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        assert!(!lines.next().expect("a line").expect("text").is_empty());
        drop(lines);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{args:?}");
    }
}

#[test]
fn a_closed_pipe_does_not_wait_for_more_input() {
    let mut child = planoai()
        .arg("--json")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    drop(child.stdout.take());
    // Nobody reads, and the input stays open.
    stdin
        .write_all(format!("{THANKS}\n").repeat(3).as_bytes())
        .expect("written");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    drop(stdin);
}
