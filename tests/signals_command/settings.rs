//! The options that set the analyzer.

use std::fs;

use super::{COMPLAINT, INSULT, check, run, text};

#[test]
fn phrases_of_ones_own_are_found() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("own.yaml");
    let phrases = "signals:\n  interaction.disengagement.negative_stance:\n    - phrases: [wibble wobble]\n";
    fs::write(&path, phrases).expect("written");
    let name = path.display().to_string();
    let input = r#"{"id":"w","messages":[{"role":"user","content":"It is all wibble wobble to me."}]}"#;
    check(&[], input, 0, &["w Good"], &[]);
    check(&["--lexicon", &name], input, 0, &["w Neutral*"], &[]);
    fs::write(&path, "signals: [").expect("written");
    let output = run(&["--lexicon", &name], input);
    let told = text(&output.stderr);
    assert!(
        told.starts_with(&format!("planoai: lexicon {name}: ")) && told.contains("line 1"),
        "{told}"
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    check(
        &["--lexicon", "/no/such.yaml"],
        input,
        1,
        &[],
        &["planoai: lexicon /no/such.yaml: No such file"],
    );
}

#[test]
fn languages_and_types_are_switched_off() {
    check(&["--languages", "en"], INSULT, 0, &["c Neutral*"], &[]);
    check(&["--languages", "de,fr"], INSULT, 0, &["c Good"], &[]);
    check(&["--languages", "de, EN"], INSULT, 0, &["c Neutral*"], &[]);
    let stance = "interaction.disengagement.negative_stance";
    check(&["--disable", stance], INSULT, 0, &["c Good"], &[]);
    let both = format!("{stance},interaction.disengagement.escalation");
    check(&["--disable", &both], COMPLAINT, 0, &["a Good"], &[]);
    let loose = format!("execution.loops.retry , {}", stance.to_uppercase());
    check(&["--disable", &loose], INSULT, 0, &["c Good"], &[]);
}

#[test]
fn what_an_option_does_not_take_is_a_fault_of_usage() {
    for (args, told) in [
        (
            ["--languages", "en,klingon"],
            "'klingon' for '--languages <LIST>': unknown language `klingon`; valid are en, de",
        ),
        (["--languages", ""], "'' for '--languages <LIST>': unknown language ``"),
        (
            ["--disable", "execution.loop.retry"],
            "unknown signal type `execution.loop.retry` (did you mean `execution.loops.retry`?); valid are ",
        ),
        (["--fail-on", "good"], "'good' for '--fail-on <WHAT>'"),
        (
            ["--baseline-turns", "-1"],
            "'-1' for '--baseline-turns <N>': -1 is not in ",
        ),
    ] {
        let output = run(&args, INSULT);
        let stderr = text(&output.stderr);
        assert!(
            stderr.starts_with("error: invalid value ") && stderr.contains(told),
            "{stderr}"
        );
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
    }
    assert_eq!(run(&["--fail-on", "Flag"], INSULT).status.code(), Some(5));
}

#[test]
fn the_baseline_moves_the_efficiency() {
    let turn = r#"{"role":"user","content":"one"},{"role":"assistant","content":"two"}"#;
    let input = format!(r#"{{"messages":[{}]}}"#, [turn; 3].join(","));
    for (args, expected) in [
        (&[][..], "0.769"),
        (&["--baseline-turns", "6"], "1.0"),
        (&["--baseline-turns", "0"], "0.357"),
    ] {
        let output = run(&[&["--json"], args].concat(), &input);
        let stdout = text(&output.stdout);
        assert!(
            stdout.contains(&format!("\"efficiency_score\":{expected},")),
            "{stdout}"
        );
    }
}
