//! Filters and the chains of them: what a user writes in; what is called, or the lines that they read, out.

use super::*;
use crate::gateway::config::{FilterKind, OnFailure, Window};

#[test]
fn filters_have_the_documented_defaults() {
    let gateway = good(include_str!("reference.yaml"));
    let [guard, pii, rewrite] = &gateway.filters[..] else {
        panic!("{:?}", gateway.filters)
    };
    assert_eq!((guard.id.as_str(), &guard.kind), ("guard", &FilterKind::Http));
    assert_eq!(guard.headers[0].0, "authorization");
    assert_eq!(guard.headers[0].1, "Bearer 007");
    let window = Window {
        duration: Duration::from_millis(250),
        size: 64 << 10,
    };
    for filter in [guard, rewrite] {
        assert_eq!(
            (filter.timeout, filter.window),
            (Duration::from_secs(10), window),
            "{}",
            filter.id
        );
    }
    assert_eq!(
        (guard.on_failure, rewrite.on_failure),
        (OnFailure::Reject, OnFailure::Pass)
    );
    assert_eq!(pii.url, "http://localhost:10502/out?key=k2");
    let tool = "rewrite".to_owned();
    assert_eq!(rewrite.kind, FilterKind::Mcp { tool });
    let listener = &gateway.listeners[0];
    assert_eq!(listener.input_filters, [0, 2]);
    assert_eq!(listener.output_filters, [1]);
    assert!(gateway.listeners[1].input_filters.is_empty());
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[test]
fn filters_must_be_callable() {
    let filter = |value: Value, lines: &[&str]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("filters[0].{line}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check_with(&[("/filters", json!([value]))], &lines);
    };
    let url = "http://localhost:1";
    filter(json!({"id": "a", "url": url}), &[]);
    filter(
        json!({}),
        &[
            "id: requires a name",
            "url: requires where the filter is, such as http://localhost:10500",
        ],
    );
    filter(
        json!({"id": "a b", "url": url}),
        &["id: \"a b\" is no name; write letters, digits, - and _"],
    );
    filter(
        json!({"id": "a", "url": url, "tmeout": "1s"}),
        &["tmeout: unknown key (did you mean \"timeout\"?)"],
    );
    for (wrong, told) in [
        ("localhost:1", "\"localhost:1\" is no URL of http or https"),
        ("ftp://h", "\"ftp://h\" is no URL of http or https"),
        (
            "http://h/?k=hunter2#x",
            "\"http://h/?k=[REDACTED]#[REDACTED]\" has a fragment",
        ),
    ] {
        let line = format!("url: {told}; write it as https://host or http://host:port");
        filter(json!({"id": "a", "url": wrong}), &[&line]);
    }
    filter(
        json!({"id": "a", "url": "http://u:hunter2@h"}),
        &["url: \"http://[REDACTED]@h\" holds credentials; write them as headers"],
    );
    filter(json!({"id": "a", "url": url, "type": "mcp"}), &[]);
    filter(
        json!({"id": "a", "url": url, "type": "mcp", "transport": "streamable-http"}),
        &[],
    );
    filter(
        json!({"id": "a", "url": url, "type": "mcp", "transport": "stdio"}),
        &["transport: \"stdio\" is not spoken; write streamable-http"],
    );
    filter(
        json!({"id": "a", "url": url, "tool": "x"}),
        &["tool: is for filters of type mcp; remove it, or write type: mcp"],
    );
    filter(
        json!({"id": "a", "url": url, "timeout": "0s", "stream_window": {"duration": "0s", "size": 0}}),
        &[
            "timeout: must be longer than 0s",
            "stream_window.duration: must be longer than 0s",
            "stream_window.size: must be more than 0",
        ],
    );
    filter(
        json!({"id": "a", "url": url, "headers": {"Host": "h", "a b": "y", "mcp-session-id": "s", "x-a": "hunter2\n"}}),
        &[
            "headers.Host: is written by the gateway; remove it",
            "headers.a b: is no name of a header",
            "headers.mcp-session-id: is written by the gateway; remove it",
            "headers.x-a: its value holds control characters, which no header does",
        ],
    );
}

#[test]
fn chains_name_filters_that_are_there_and_once() {
    let filters =
        json!([{"id": "guard", "url": "http://h"}, {"id": "pii", "url": "http://h"}, {"id": "pii", "url": "http://h"}]);
    check_with(
        &[
            ("/filters", filters),
            ("/listeners/0/input_filters", json!(["guard", "gaurd", "guard"])),
            ("/listeners/0/output_filters", json!(["nothing-like-it"])),
        ],
        &[
            "listeners[0].input_filters[1]: no filter has the id \"gaurd\" (did you mean \"guard\"?)",
            "listeners[0].input_filters[2]: \"guard\" is in the list already; remove it",
            "listeners[0].output_filters[0]: no filter has the id \"nothing-like-it\"",
            "filters[2].id: \"pii\" is the name of filters[1]",
        ],
    );
    let text = "
listeners: [{type: agent, name: a, port: 1, agents: [{id: b, input_filters: [guard, pi]}]}]
model_providers: [{model: ollama/*}]
filters: [{id: guard, url: 'http://h'}, {id: pii, url: 'http://h'}]
";
    let faults = load(text).expect_err("no such filter");
    let line = "listeners[0].agents[0].input_filters[1]: no filter has the id \"pi\" (did you mean \"pii\"?)";
    assert!(faults.iter().any(|fault| fault == line), "{faults:?}");
}

#[test]
fn the_pages_examples_load() {
    let page = include_str!("../../../../docs/filters.md");
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).collect();
    let configs: Vec<&str> = blocks
        .iter()
        .filter_map(|block| block.strip_prefix("text\nversion:"))
        .collect();
    assert!(!configs.is_empty(), "the page shows no config");
    for config in configs {
        let set = config.replace("$PII_TOKEN", "t");
        let gateway = good(&format!("version:{set}"));
        assert_eq!(gateway.filters.len(), 3);
    }
}
