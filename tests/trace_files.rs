//! The promise of `planoai trace export`, `import` and `--file`: traces go into a file and out of it again without loss, and what
//! is wrong with a file is told with its place, before anything of it is sent.

mod support;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use plano::net::compression::{Compressor, Encoding};
use support::listener::{Listener, attribute, command, request, trace};

/// A request with all that the viewer's own JSON leaves out.
fn rich(pair: &str) -> String {
    request(pair, "1", "", "rich", &attribute("k", "v"))
        .replace(
            r#""kind":1"#,
            r#""kind":1,"traceState":"a=b","flags":257,"droppedAttributesCount":3"#,
        )
        .replace(
            r#""scope":{"name":"s""#,
            r#""scope":{"name":"s","version":"2","attributes":[{"key":"x","value":{"intValue":"1"}}]"#,
        )
        .replace(r#""scopeSpans":"#, r#""schemaUrl":"w","scopeSpans":"#)
}

fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn import(listener: &Listener, more: &[&str]) -> Output {
    listener.trace(&[&["import"], more].concat())
}

fn pipe(listener: &Listener, options: &[&str], input: &[u8]) -> Output {
    let mut child = command(listener.ports.grpc, options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("planoai starts");
    // Where it ends before it has read all, that is its answer.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child.wait_with_output().expect("it ends")
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("text").to_owned()
}

#[test]
fn what_is_exported_is_imported_without_loss() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Listener::start(&[]);
    first.send(include_str!("../docs/examples/conversation.json"));
    for pair in ["0c", "0a", "0b"] {
        first.send(&rich(pair));
    }
    first.wait_for_spans(7);
    let file = path(folder.path(), "all.jsonl");
    let exported = first.trace(&["export", "any", "-o", &file]);
    assert_eq!(
        said(&exported),
        format!("planoai: exported 7 spans of 4 traces to {file}\n")
    );
    let written = fs::read_to_string(&file).expect("a file");
    assert_eq!(written.lines().count(), 4);
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        1,
        "no half file is left"
    );
    for part in [
        "\"traceState\":\"a=b\"",
        "\"flags\":257",
        "\"schemaUrl\":\"w\"",
        "\"droppedAttributesCount\":3",
    ] {
        assert_eq!(written.matches(part).count(), 3, "{part}");
    }
    let second = Listener::start(&[]);
    let imported = import(&second, &[&file]);
    assert_eq!(said(&imported), "planoai: imported 7 spans of 4 traces\n");
    second.wait_for_spans(7);
    for options in [&["any", "--json"][..], &["export", "any"], &["--list"], &["any", "-v"]] {
        assert_eq!(text(&second.trace(options)), text(&first.trace(options)), "{options:?}");
    }
    let no_listener = support::process::free_port();
    for options in [
        &["any", "--json"][..],
        &["--list"],
        &["7f4e9a1c"],
        &["--flagged"],
        &["export", "any"],
    ] {
        let of_file = trace(no_listener, &[options, &["--file", &file]].concat());
        assert_eq!(text(&of_file), text(&first.trace(options)), "{options:?}");
    }
    let of_file = trace(no_listener, &["--file", &file, "ffff"]);
    assert_eq!(
        (
            of_file.status.code(),
            said(&of_file).contains("none of the 4 traces that the file holds")
        ),
        (Some(3), true)
    );
}

#[test]
fn every_form_that_is_printed_can_be_imported() {
    let first = Listener::start(&[]);
    for pair in ["0a", "0b"] {
        first.send(&request(pair, "1", "", "root", &attribute("k", "v")));
        first.send(&request(pair, "2", "0000000000000001", "child\u{202e}", ""));
    }
    first.wait_for_spans(4);
    let shown = text(&first.trace(&["any", "--json"]));
    for format in ["json", "jsonl", "otlp"] {
        let printed = text(&first.trace(&["any", "--format", format]));
        let second = Listener::start(&[]);
        let imported = pipe(&second, &["import", "-"], printed.as_bytes());
        assert_eq!(said(&imported), "planoai: imported 4 spans of 2 traces\n", "{format}");
        second.wait_for_spans(4);
        assert_eq!(text(&second.trace(&["any", "--json"])), shown, "{format}");
    }
}

#[test]
fn records_of_the_collectors_exporter_are_imported() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = request("0a", "1", "", "root", "");
    let proto = plano::otlp::json::read(json.as_bytes())
        .expect("OTLP/JSON")
        .batch
        .into_contiguous();
    let zstd = Compressor::new(Encoding::Zstd).compress(std::slice::from_ref(&proto));
    for (name, body) in [("proto", proto.clone()), ("zstd", zstd)] {
        let file = path(folder.path(), name);
        let length = u32::try_from(body.len()).expect("small").to_be_bytes();
        fs::write(&file, [&length[..], &body].concat()).expect("written");
        let listener = Listener::start(&[]);
        assert_eq!(
            said(&import(&listener, &[&file])),
            "planoai: imported 1 span of 1 trace\n",
            "{name}"
        );
        fs::write(&file, [&length[..], &body[..body.len() - 1]].concat()).expect("written");
        let cut = import(&listener, &[&file]);
        assert_eq!(cut.status.code(), Some(1));
        assert!(
            said(&cut).contains("record 1 at byte 0") && said(&cut).contains("cut off"),
            "{}",
            said(&cut)
        );
    }
    let file = path(folder.path(), "request");
    fs::write(&file, &proto).expect("written");
    let listener = Listener::start(&[]);
    assert_eq!(
        said(&import(&listener, &[&file])),
        "planoai: imported 1 span of 1 trace\n"
    );
}

#[test]
fn a_file_that_is_wrong_is_refused_with_the_place_and_nothing_of_it_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::start(&[]);
    let good = request("0a", "1", "", "root", "").replace('\n', " ");
    let junk: Vec<u8> = (0..20_000_u32)
        .map(|number| (number * 7919 % 251) as u8 | 0x80)
        .collect();
    let huge = format!("{{\"resourceSpans\":7,\"x\":\"{}\"}}", "y".repeat(8 << 20));
    for (name, bytes, code, expected) in [
        (
            "syntax",
            format!("{good}\n{good}\n{{\"resourceSpans\":[}}\n").into_bytes(),
            1,
            "syntax:3: no JSON at column 19",
        ),
        (
            "cut",
            good.as_bytes()[..good.len() - 30].to_vec(),
            1,
            "cut:1: the document that begins here is cut off",
        ),
        (
            "kind",
            good.replace("\"kind\":1", "\"kind\":\"CLIENT\"").into_bytes(),
            1,
            "kind:1: resourceSpans[0].scopeSpans[0].spans[0].kind",
        ),
        ("ids", b"{\"trace_ids\":[\"a\"]}".to_vec(), 1, "ids only"),
        ("chat", b"{\"messages\":[]}".to_vec(), 1, "chat:1: messages: no traces"),
        ("csv", b"id,name\n1,x\n".to_vec(), 1, "neither JSON"),
        ("junk", junk, 1, "neither JSON"),
        ("gzip", vec![0x1f, 0x8b, 8, 0], 1, "gzip -dc"),
        ("huge", huge.into_bytes(), 1, "huge:1: resourceSpans: expected an array"),
        (
            "rejected",
            good.replace("\"spanId\":\"0000000000000001\"", "\"spanId\":\"00\"")
                .into_bytes(),
            1,
            "span_id is not 8",
        ),
        ("empty", Vec::new(), 3, "no spans"),
        (
            "metrics",
            b"{\"resourceMetrics\":[]}".to_vec(),
            3,
            "passed over 1 document of metrics or logs",
        ),
    ] {
        let file = path(folder.path(), name);
        fs::write(&file, bytes).expect("written");
        let output = import(&listener, &[&file]);
        assert_eq!(output.status.code(), Some(code), "{name}: {}", said(&output));
        assert!(said(&output).contains(expected), "{name}: {}", said(&output));
        assert_eq!(
            said(&output).contains("nothing was sent"),
            code == 1,
            "{name}: {}",
            said(&output)
        );
    }
    listener.check(&["--list"], 3, &["holds no traces yet"]);
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::start(&[]);
    let missing = path(folder.path(), "missing");
    for (file, expected) in [
        (&missing, "No such file"),
        (&folder.path().display().to_string(), "directory"),
    ] {
        let output = import(&listener, &[file]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
}

#[test]
fn what_is_well_formed_of_a_file_is_imported_where_that_is_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::start(&[]);
    let line = |pair: &str| request(pair, "1", "", "root", "").replace('\n', " ");
    let text = format!(
        "{}\n{{\"resourceSpans\":[\n{}\n{}",
        line("0a"),
        line("0b"),
        &line("0c")[..100]
    );
    let file = path(folder.path(), "cut");
    fs::write(&file, &text).expect("written");
    let output = import(&listener, &["--partial", &file]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).ends_with("imported 2 spans of 2 traces\n"),
        "{}",
        said(&output)
    );
    assert!(
        said(&output).contains("cut:2: ") && said(&output).contains("cut:4: "),
        "{}",
        said(&output)
    );
    listener.wait_for_spans(2);
    let shown = trace(1, &["any", "--list", "--file", &file]);
    assert_eq!(shown.status.code(), Some(1), "it was not read as a whole");
    assert_eq!(
        String::from_utf8_lossy(&shown.stdout),
        format!("{}\n{}\n", "0b".repeat(16), "0a".repeat(16))
    );
    // Standard input cannot be read twice: what was sent of it is told.
    let other = Listener::start(&[]);
    let output = pipe(&other, &["import", "-"], text.as_bytes());
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("imported 1 span of 1 trace; the rest was not sent"),
        "{}",
        said(&output)
    );
}

#[test]
fn many_spans_go_in_bounded_requests_and_none_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::start(&["--max-traces", "5000"]);
    let file = path(folder.path(), "many.jsonl");
    let mut text = String::new();
    for number in 0..3000 {
        let id = format!("{:04x}", number + 1);
        let more = attribute("text", &"x".repeat(if number == 1500 { 3 << 20 } else { 100 }));
        text += &request("0a", "1", "", "root", &more)
            .replace('\n', " ")
            .replacen("0a0a", &id, 1);
        text.push('\n');
    }
    fs::write(&file, text).expect("written");
    let output = import(&listener, &[&file]);
    assert_eq!(said(&output), "planoai: imported 3000 spans of 3000 traces\n");
    listener.wait_for_spans(3000);
    let newest = listener.trace(&["--list", "--limit", "2"]);
    let ids: Vec<String> = String::from_utf8_lossy(&newest.stdout)
        .lines()
        .map(|id| id[..4].to_owned())
        .collect();
    assert_eq!(ids, ["0bb8", "0bb7"], "in the order of the file");
    let again = path(folder.path(), "again.jsonl");
    let output = listener.trace(&["export", "any", "-o", &again]);
    assert!(said(&output).contains("3000 spans of 3000 traces"), "{}", said(&output));
    assert_eq!(fs::read_to_string(&again).expect("a file").lines().count(), 3000);
}

#[test]
fn without_a_listener_nothing_is_read_or_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = support::process::free_port();
    let file = path(folder.path(), "file");
    for options in [
        &["export", "-o", &file][..],
        &["import", &file],
        &["sessions"],
        &["diff"],
    ] {
        let output = trace(port, options);
        assert_eq!(output.status.code(), Some(4), "{options:?}: {}", said(&output));
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    let listener = Listener::start(&[]);
    assert_eq!(
        listener.trace(&["export", "-o", &file]).status.code(),
        Some(3),
        "there is nothing to export"
    );
    listener.send(&request("0a", "1", "", "root", ""));
    listener.wait_for_spans(1);
    let nowhere = path(folder.path(), "no/such/folder/file");
    let output = listener.trace(&["export", "-o", &nowhere]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("cannot write"), "{}", said(&output));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
