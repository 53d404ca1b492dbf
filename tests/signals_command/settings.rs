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
    check(
        &["--languages", "klingon"],
        INSULT,
        1,
        &[],
        &["planoai: unknown language `klingon`"],
    );
    let stance = "interaction.disengagement.negative_stance";
    check(&["--disable", stance], INSULT, 0, &["c Good"], &[]);
    let both = format!("{stance},interaction.disengagement.escalation");
    check(&["--disable", &both], COMPLAINT, 0, &["a Good"], &[]);
    check(
        &["--disable", "negative"],
        INSULT,
        1,
        &[],
        &["planoai: unknown signal type `negative`"],
    );
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
    assert_eq!(run(&["--baseline-turns", "-1"], "").status.code(), Some(2));
}
