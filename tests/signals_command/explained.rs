//! `--explain`: the texts with what was found in them, and the terms of the score.

use super::{run, text};

#[test]
fn messages_matches_and_terms_are_shown() {
    let input = r#"{"id":"order","messages":[
        {"role":"system","content":"Be kind."},
        {"role":"user","content":"Where is my order?"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"find","arguments":"{\"order\":7}"}}]},
        {"role":"tool","tool_call_id":"1","name":"find","content":"Error: rate limit exceeded"},
        {"role":"assistant","content":"I do not know."},
        {"role":"user","content":"This is useless. I want to speak to a human."}]}"#;
    let output = run(&["--explain"], input);
    let expected = "\
order  Severe 47  3 turns  🚩 frustration, escalation, quality
  message 3, tool
    Error: rate limit exceeded
      environment.exhaustion.rate_limit 0.90  tool find
  message 5, user
    »This is useless«. I want to »speak to a human«.
      interaction.disengagement.escalation 0.90  “speak to a human”
      interaction.disengagement.negative_stance 0.90  “This is useless”
    +58.0  base
     +2.0  efficiency
    -10.0  severity of frustration
     -3.0  failures of the environment
     47.0  Severe, at once: the user asked for a human or gave up

1 conversation: 1 Severe; 1 flagged
";
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_conversation_without_signals_has_its_score() {
    let output = run(
        &["--explain"],
        r#"{"id":7,"messages":[{"role":"user","content":"hi"}]}"#,
    );
    let expected = "\
7  Good 60  1 turn
    +58.0  base
     +2.0  efficiency
     60.0  Good

1 conversation: 1 Good; 0 flagged
";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let input = r#"{"messages":[{"role":"user","content":"\u001b[2J\u001b]0;owned\u0007This is \u202euseless\r\n\t\u009b31m!\u0000"},
        {"role":"assistant","content":"x","tool_calls":[{"id":"1","function":{"name":"\u001b[31m","arguments":"\u001b[31m"}}]},
        {"role":"tool","name":"\u001b[31m","content":"Error: \u001b[31m"}]}"#;
    let output = run(&["--explain"], input);
    let stdout = text(&output.stdout);
    assert!(
        stdout.contains("message 2, tool") && stdout.contains("tool \\x1b[31m"),
        "{stdout}"
    );
    let harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!stdout.contains(harmful), "{stdout:?}");
}

#[test]
fn long_texts_are_shown_in_parts() {
    let long = format!("{}Error {}", "x ".repeat(200_000), "日本語".repeat(100_000));
    let input = format!(
        r#"{{"messages":[{{"role":"user","content":"{long} This is useless. "}},{{"role":"tool","content":"Error: {long}"}}]}}"#
    );
    let output = run(&["--explain"], input);
    let stdout = text(&output.stdout);
    assert!(
        stdout.contains("»This is useless«") && stdout.contains("message 1, tool"),
        "{stdout}"
    );
    assert!(stdout.len() < 4000, "{}", stdout.len());
    assert!(stdout.lines().all(|line| line.chars().count() <= 104), "{stdout}");
}

#[test]
fn json_and_explanation_exclude_each_other() {
    for other in ["--json", "--quiet"] {
        assert_eq!(run(&["--explain", other], "").status.code(), Some(2), "{other}");
    }
}
