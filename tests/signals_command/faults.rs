//! What cannot be read, and text that means harm.

use std::fs;

use super::{COMPLAINT, THANKS, check, planoai, run, text};

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_reported() {
    let both = ["a Severe*", "b Excellent"];
    check(
        &["-"],
        format!("{COMPLAINT}\nnot json\n{{\"a\":1}}\n{THANKS}"),
        1,
        &both,
        &[
            "planoai: -: line 2: not valid JSON: expected ident at column 2",
            "planoai: -: line 3: no \"messages\": expected {\"id\": …, \"messages\": [{\"role\": …, \"content\": …}, …]}, or the list",
        ],
    );
    let cut = &COMPLAINT[..COMPLAINT.len() - 30];
    let told = "planoai: -: line 1: not valid JSON: control character (\\u0000-\\u001F) found while parsing a string";
    check(&[], format!("{cut}\n{THANKS}"), 1, &both[1..], &[told]);
    let told = "planoai: -: line 2: not valid JSON: EOF while parsing a string at column 66; was it cut off?";
    check(&[], format!("{THANKS}\n{cut}"), 1, &both[1..], &[told]);
    check(&["-"], "", 3, &[], &["planoai: -: holds no conversation"]);
    check(&["-"], " \n\n", 3, &[], &["planoai: -: holds no conversation"]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let missing = "planoai: /no/such.json: No such file or directory (os error 2)";
    check(&["/no/such.json", "-"], THANKS, 1, &["b Excellent"], &[missing]);
    let folder = tempfile::tempdir().expect("a directory");
    let name = folder.path().display().to_string();
    check(&[&name], "", 1, &[], &[&format!("planoai: {name}: Is a directory")]);
    // An empty file among others is told, and no error.
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "").expect("written");
    let empty = empty.display().to_string();
    let told = format!("planoai: {empty}: holds no conversation");
    check(&[&empty, "-"], THANKS, 0, &["b Excellent"], &[&told]);
}

#[test]
fn what_is_no_text_is_told_by_its_line() {
    let latin = [
        THANKS.as_bytes(),
        b"\n{\"messages\":[\"\xe9\"]}\n",
        COMPLAINT.as_bytes(),
    ]
    .concat();
    let told = "planoai: -: line 2: not UTF-8 at byte 15 of the line";
    check(&[], latin, 1, &["b Excellent", "a Severe*"], &[told]);
    // gzip, and a megabyte of anything.
    check(
        &[],
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        1,
        &[],
        &["planoai: -: line 1: not UTF-8 at byte 2"],
    );
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(1 << 20)
    .collect();
    let output = run(&[], noise);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(text(&output.stderr).lines().count() <= 11, "{}", text(&output.stderr));
    check(
        &[],
        vec![0; 1 << 20],
        1,
        &[],
        &["planoai: -: line 1: not valid JSON: expected value at column 1"],
    );
}

#[test]
fn what_holds_no_text_is_no_good_conversation() {
    let told = "planoai: -: holds no conversation with text";
    for silent in [
        r#"{"messages":[]}"#,
        r#"{"messages":[{"role":"user","content":""}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"foo","content":"This is useless"}]}]}"#,
        r#"{"messages":[{"role":"system","content":"Be kind."}]}"#,
    ] {
        check(&["--fail-on", "poor"], silent, 3, &["- -"], &[told]);
        check(&[], format!("{silent}\n{THANKS}"), 0, &["- -", "b Excellent"], &[]);
        let output = run(&["--quiet"], silent);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{silent}");
        let shown = text(&run(&["--explain"], silent).stdout);
        assert_eq!(
            shown,
            "-:1  holds no text\n\n1 conversation: 1 without text; 0 flagged\n"
        );
    }
    let output = run(&["--json"], r#"{"messages":[]}"#);
    let expected = r#"{"id":null,"quality":null,"quality_score":null,"flagged":false,"turn_count":0,"#;
    assert!(text(&output.stdout).starts_with(expected));
    let output = run(&[], format!("{{\"id\":\"x\",\"messages\":[]}}\n{THANKS}"));
    let expected = "\
CONVERSATION  QUALITY    SCORE  TURNS  FLAG  SIGNALS
x             -              -      0
b             Excellent     76      1        satisfaction 2

2 conversations: 1 Excellent, 1 without text; 0 flagged
";
    assert_eq!(
        (text(&output.stdout).as_str(), output.status.code()),
        (expected, Some(0))
    );
}

#[test]
fn many_faults_are_told_in_short() {
    let output = run(&[], "{}\n".repeat(40_000));
    let stderr = text(&output.stderr);
    assert_eq!((stderr.lines().count(), output.status.code()), (11, Some(1)));
    assert!(stderr.ends_with("planoai: -: 39990 faults more\n"), "{stderr}");
}

#[test]
fn wrong_types_numbers_and_nesting() {
    for (input, told) in [
        ("7", "a number is no conversation: expected {"),
        ("{\"messages\":7}", "\"messages\" is a number, no list: "),
        (
            "{\"messages\":[{\"role\":\"critic\"}]}",
            "messages[0] has the unknown role \"critic\"; known are ",
        ),
        (
            "{\"messages\":[{\"role\":\"user\",\"content\":true}]}",
            "the content of messages[0] is a boolean, ",
        ),
        (
            "{\"messages\":[{\"role\":\"user\",\"text\":\"This is useless, I want a human\"}]}",
            "messages[0] has neither \"content\" nor \"parts\" nor \"tool_calls\"",
        ),
        ("{\"role\":\"user\"}", "the reply has neither \"content\""),
        (
            "[{\"role\":\"user\",\"content\":[[[\"This is useless\"]]]}]",
            "content[0] of messages[0] is a list, ",
        ),
        ("{\"input\":1e999}", "not valid JSON: number out of range at column "),
        ("{\"request\":{}}", "\"request\" holds no messages: "),
        ("[{\"messages\":[]},7]", "[1]: a number is no conversation: "),
    ] {
        let output = run(&["--quiet"], input);
        let stderr = text(&output.stderr);
        assert!(
            stderr.starts_with(&format!("planoai: -: line 1: {told}")),
            "{input}: {stderr}"
        );
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{input}");
    }
    let deep = format!("{}\n", "{\"messages\":[".repeat(50_000));
    let told = "planoai: -: line 1: not valid JSON: recursion limit exceeded";
    check(
        &[],
        deep.repeat(3) + THANKS,
        1,
        &["b Excellent"],
        &[told, &told.replace('1', "2"), &told.replace('1', "3")],
    );
    // Numbers that fit nothing are no concern where numbers do not count.
    let huge = THANKS.replace("\"b\"", "123456789012345678901234567890");
    check(&[], &huge, 0, &["1.2345678901234568e+29 Excellent"], &[]);
}

#[test]
fn a_name_cannot_write_on_the_terminal() {
    let hostile = COMPLAINT.replace("\"a\"", r#""\u001b[31m\u202e\u009b""#);
    for args in [
        &["--fail-on", "severe"][..],
        &["--explain", "--fail-on", "severe"],
        &["--json", "--fail-on", "severe"],
    ] {
        let output = run(args, &hostile);
        let both = text(&output.stdout) + &text(&output.stderr);
        assert!(!both.contains(['\x1b', '\u{202e}', '\u{9b}']), "{both:?}");
        assert_eq!(output.status.code(), Some(5));
    }
    check(&[], hostile, 0, &["\u{1b}[31m\u{202e}\u{9b} Severe*"], &[]);
    let roles = r#"{"messages":[{"role":"\u001b[2J","content":""}]}"#;
    assert!(!text(&run(&[], roles).stderr).contains('\x1b'));
}

#[test]
fn a_hostile_file_name_is_harmless() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("\x1b[2J.jsonl");
    fs::write(&path, format!("{}\nx", COMPLAINT.replace(r#""id":"a","#, ""))).expect("written");
    for name in [path, folder.path().join("missing\x1b[2J")] {
        let output = planoai()
            .arg(name)
            .args(["--fail-on", "severe"])
            .output()
            .expect("it runs");
        let both = text(&output.stdout) + &text(&output.stderr);
        assert!(!both.contains('\x1b'), "{both:?}");
        assert_eq!(output.status.code(), Some(1), "{both:?}");
    }
}
