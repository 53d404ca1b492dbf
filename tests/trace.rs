//! The promise of `planoai trace`: what is sent to `planoai trace listen` is shown, in every form, with exit codes that tell
//! what happened. Runs the program itself, on loopback ports that are free.

#[cfg(target_os = "linux")]
#[path = "trace/screen.rs"]
mod screen;
mod support;

use std::process::Command;

use support::listener::{Listener, attribute, request, trace};

#[test]
fn what_is_sent_is_shown() {
    let listener = Listener::start(&[]);
    listener.check(&[], 3, &["holds no traces yet"]);
    listener.send(&request("7f", "2", "0000000000000001", "child", ""));
    listener.send(&request("7f", "1", "", "first", &attribute("llm.model", "gpt-4o")));
    listener.send(&request(
        "ab",
        "3",
        "",
        "second",
        &attribute("llm.model", "gpt-4o-mini"),
    ));
    let ids = ["7f".repeat(16), "ab".repeat(16)];
    let [first, second] = ids.each_ref().map(String::as_str);
    listener.check(&[], 0, &["shop second", second]);
    listener.check(&["7f7f7f7f"], 0, &["shop first", "└─ shop child", "llm.model: gpt-4o"]);
    listener.check(&[first], 0, &["2 spans"]);
    listener.check(&["--where", "llm.model=gpt-4o", "--since", "30m"], 0, &["shop first"]);
    listener.check(&["--where", "llm.modle=x"], 1, &["did you mean \"llm.model\"?"]);
    listener.check(
        &["--list", "--where", "!llm.modle=x"],
        1,
        &["did you mean \"llm.model\"?"],
    );
    listener.check(&["--list", "--file", "/no/such/file"], 1, &["/no/such/file"]);
    listener.check(&["--where", "llm.model=none"], 3, &["none of the 2 traces"]);
    listener.check(
        &["--filter", "http.*", "--limit", "5"],
        0,
        &["shop first", "shop second", "no attribute matches"],
    );
    listener.check(&["-v"], 0, &["resource service.name: shop"]);
    listener.check(&["--list", "-v"], 0, &["TIME (UTC)", "shop first"]);
    let list = listener.trace(&["--list"]);
    assert_eq!(String::from_utf8_lossy(&list.stdout), format!("{second}\n{first}\n"));
    let json: serde_json::Value = serde_json::from_slice(&listener.trace(&["--list", "--json"]).stdout).expect("JSON");
    assert_eq!(json, serde_json::json!({"trace_ids": [second, first]}));
    let json: serde_json::Value = serde_json::from_slice(&listener.trace(&["any", "--json"]).stdout).expect("JSON");
    assert_eq!(json["traces"][1]["trace_id"], first);
    assert_eq!(json["traces"][1]["spans"][0]["service"], "shop");
}

#[test]
fn a_conversation_that_went_wrong_carries_its_flag() {
    let listener = Listener::start(&[]);
    listener.export(include_str!("../docs/examples/conversation.json"));
    listener.check(&[], 0, &["4 spans  1 🚩", "openai.chat 🚩", "signals.quality: Severe"]);
    listener.export(&request(
        "ab",
        "1",
        "",
        "chat",
        &[
            attribute("gen_ai.prompt.0.role", "user"),
            attribute("gen_ai.prompt.0.content", "Thank you, that was very helpful!"),
            attribute("gen_ai.completion.0.role", "assistant"),
            attribute("gen_ai.completion.0.content", "You are welcome."),
        ]
        .join(","),
    ));
    let friendly = listener.trace(&["abab"]);
    let text = String::from_utf8_lossy(&friendly.stdout);
    assert!(text.contains("signals.quality: ") && !text.contains('🚩'), "{text}");
    let flagged = listener.trace(&["--flagged", "--list"]);
    assert_eq!(
        String::from_utf8_lossy(&flagged.stdout),
        "7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a\n"
    );
}

#[test]
fn exit_codes_tell_what_happened() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    let output = trace(free, &["--list"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{errors}");
    let first = format!("planoai: no trace listener on 127.0.0.1:{free}: Connection refused (os error 111)\n");
    assert!(!cfg!(target_os = "linux") || errors.starts_with(&first), "{errors}");
    assert!(
        errors.contains(&format!("planoai trace listen --port {free}")),
        "{errors}"
    );
    assert!(output.stdout.is_empty());
    for options in [
        ["--since", "5"],
        ["--limit", "-1"],
        ["--where", "x"],
        ["--filter", ","],
        ["zz", "--json"],
        ["--format", "yaml"],
        ["--list", "--format=otlp"],
        ["diff", "any"],
        ["import", "--nonsense"],
    ] {
        assert_eq!(trace(free, &options).status.code(), Some(2), "{options:?}");
    }
}

#[test]
fn a_short_id_that_fits_several_traces_is_refused() {
    let listener = Listener::start(&[]);
    for pair in ["7f", "7e"] {
        listener.send(&request(pair, "1", "", "root", "").replacen(&pair.repeat(4), "7f4e9a1c", 1));
    }
    listener.check(&["7f4e9a1c"], 1, &["more than one trace", "shop root"]);
    listener.check(&["7f4e9a1c7f"], 0, &["shop root"]);
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let listener = Listener::start(&[]);
    let output = Command::new(support::binary::binary())
        .args([
            "trace",
            "listen",
            "--host",
            "127.0.0.1",
            "--port",
            &listener.ports.grpc.to_string(),
        ])
        .output()
        .expect("planoai runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(&listener.ports.grpc.to_string()), "{errors}");
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_cleanly() {
    let mut listener = Listener::start(&[]);
    let id = rustix::process::Pid::from_child(&listener.child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
    assert_eq!(listener.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_store_s_bounds_hold_and_are_told() {
    let listener = Listener::start(&["--max-traces", "2"]);
    for pair in ["0a", "0b", "0c"] {
        listener.send(&request(pair, "1", "", "root", ""));
    }
    listener.check(&["--list"], 0, &["dropped 1 older trace (1 span)"]);
    assert_eq!(
        String::from_utf8_lossy(&listener.trace(&["--list"]).stdout)
            .lines()
            .count(),
        2
    );
}

/// The commands of the documentation, as they stand there; `listen` and `up` have tests of their own.
#[test]
fn every_documented_command_runs_as_it_is_written() {
    let listener = Listener::start(&[]);
    let now = |text: &str| {
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_nanos();
        text.replace("17672616", &nanos.to_string()[..8])
    };
    listener.send(&now(include_str!("../docs/examples/conversation.json")));
    listener.send(&request("ab", "1", "", "mini", &attribute("llm.model", "gpt-4o-mini")));
    for (line, expected) in [
        ("planoai trace", "shop mini"),
        ("planoai trace --list", "7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a"),
        ("planoai trace 7f4e9a1c", "POST /chat"),
        ("planoai trace 7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a", "POST /chat"),
        ("planoai trace --where llm.model=gpt-4o-mini --since 30m", "shop mini"),
        (
            "planoai trace --filter \"http.*\" --limit 5",
            "http.request.method: POST",
        ),
        ("planoai trace --json", "\"traces\": ["),
        ("planoai trace --list --json", "\"trace_ids\": ["),
        ("planoai trace --verbose", "resource service.name: shop"),
        ("planoai trace -v", "resource service.name: shop"),
        ("planoai trace any --no-interactive", "POST /chat"),
        ("planoai trace last --flagged", "signals.quality: Severe"),
    ] {
        let words = line.replace('"', "");
        let words: Vec<&str> = words.split(' ').skip(2).collect();
        listener.check(&words, 0, &[expected]);
    }
}

#[test]
fn forms_are_the_same_traces() {
    let listener = Listener::start(&[]);
    for pair in ["0a", "0b"] {
        listener.send(&request(pair, "1", "", "root\u{202e}", &attribute("n", "x")));
    }
    let text = |options: &[&str]| String::from_utf8(listener.trace(options).stdout).expect("text");
    let json: serde_json::Value = serde_json::from_str(&text(&["any", "--format", "json"])).expect("JSON");
    let lines = text(&["any", "--format", "jsonl"]);
    assert!(lines.is_ascii(), "a mark that turns text around is an escape: {lines}");
    let parsed = |text: &str| -> Vec<serde_json::Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    let mut newest_first = parsed(&lines);
    newest_first.reverse();
    assert_eq!(json["traces"], serde_json::Value::from(newest_first));
    let otlp = parsed(&text(&["any", "--format", "otlp"]));
    let span = |request: &serde_json::Value| request["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone();
    assert_eq!(
        otlp.iter().map(|it| span(it)["traceId"].clone()).collect::<Vec<_>>(),
        ["0a".repeat(16), "0b".repeat(16)]
    );
    assert_eq!(span(&otlp[0])["name"], "root\u{202e}");
    let list = parsed(&text(&["--list", "--format", "jsonl"]));
    assert_eq!(
        (list.len(), list[0]["spans"].as_u64(), &list[0]["trace_id"]),
        (2, Some(1), &"0b".repeat(16).into())
    );
    assert!(text(&["--list", "--json", "-v"]).contains("duration_nanos"));
    listener.check(&["--limit", "0"], 3, &["--limit 0 shows none"]);
    listener.check(&["last~1", "--list"], 0, &[&"0a".repeat(16)]);
    listener.check(&["last~2"], 3, &["there is no last~2: 2 traces match"]);
    listener.check(&["lsten"], 2, &["planoai trace listen"]);
    listener.check(
        &["--filter", "m"],
        0,
        &["no attribute matches --filter m (did you mean \"n\"?)"],
    );
}

#[test]
fn two_traces_are_compared() {
    let listener = Listener::start(&[]);
    listener.check(&["diff"], 3, &["the listener holds no traces yet"]);
    listener.send(&request("0a", "1", "", "chat", &attribute("llm.model", "gpt-4o")));
    listener.check(&["diff"], 3, &["there is no last~1: one trace matches"]);
    listener.send(&request("0a", "2", "0000000000000001", "old", ""));
    listener.send(&request("0b", "1", "", "chat", &attribute("llm.model", "gpt-4o-mini")));
    listener.send(&request("0b", "3", "0000000000000001", "new", ""));
    listener.check(
        &["diff"],
        0,
        &[
            "~ shop chat",
            "model: gpt-4o → gpt-4o-mini",
            "+   shop new",
            "-   shop old",
            "±0%",
        ],
    );
    listener.check(
        &["diff", "0b0b", "0a0a"],
        0,
        &["model: gpt-4o-mini → gpt-4o", "+   shop old"],
    );
    listener.check(&["diff", "0b0b"], 0, &["  shop new"]);
    listener.check(&["diff", "ffff", "last"], 3, &["no trace has the id ffff"]);
    let output = listener.trace(&["diff", "--json", "-v"]);
    let diff: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let changes: Vec<&str> = diff["spans"]
        .as_array()
        .expect("spans")
        .iter()
        .filter_map(|row| row["change"].as_str())
        .collect();
    assert_eq!(changes, ["changed", "added", "removed"]);
    assert_eq!(diff["spans"][0]["changes"][0]["key"], "llm.model");
    assert_eq!(diff["b"]["trace_id"], "0b".repeat(16));
}

#[test]
fn traces_are_grouped_into_sessions() {
    let listener = Listener::start(&[]);
    listener.check(&["sessions"], 3, &["holds no traces yet"]);
    listener.send(&request("0d", "1", "", "lonely", ""));
    listener.check(&["sessions"], 3, &["session.id is the attribute"]);
    for (pair, session) in [("0a", "c-17"), ("0b", "c-18"), ("0c", "c-17")] {
        listener.send(&request(pair, "1", "", "turn", &attribute("session.id", session)));
    }
    let lines = |options: &[&str]| -> Vec<String> {
        let output = listener.trace(options);
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(String::from)
            .collect()
    };
    let table = lines(&["sessions"]);
    assert!(
        table[0].starts_with("BEGAN (UTC)") && table[1].contains("c-17          2"),
        "{table:#?}"
    );
    assert_eq!(lines(&["sessions", "--limit", "1"]).len(), 2);
    let traces = lines(&["sessions", "c-17"]);
    assert!(
        traces[1].contains(&"0a".repeat(16)) && traces[2].contains(&"0c".repeat(16)),
        "{traces:#?}"
    );
    listener.check(&["sessions", "c"], 3, &["2 sessions begin with"]);
    listener.check(&["sessions", "c-71"], 3, &["did you mean \"c-17\"?"]);
    let output = listener.trace(&["sessions", "--json", "--where", "session.id=c-18"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["sessions"][0]["trace_ids"], serde_json::json!(["0b".repeat(16)]));
}

#[test]
fn the_full_screen_needs_a_terminal() {
    let listener = Listener::start(&[]);
    listener.check(
        &["ui"],
        2,
        &["needs a terminal", "`planoai trace` prints to files and pipes"],
    );
    listener.check(&["ui", "--where", "model"], 2, &["no operator"]);
    listener.check(&["ui", "--help"], 0, &["planoai trace ui --flagged", "Enter opens"]);
}
