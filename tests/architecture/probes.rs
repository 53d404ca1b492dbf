//! Tests of the checker: small files that break one rule each, and their neighbors that break none.

use crate::rules::{self, Violation};
use crate::source::Source;
use crate::{BANS, COMPONENTS, CONFIG_STRUCTS, LAYERS, SEES_ALL_TABLES, SHARED, TABLES, WIRE_STRUCTS};

/// Runs every rule on one file of that path and compares what is reported, as `line: rule`.
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let text = format!("//! Probes one rule.\n{text}");
    let file = Source::parse(path, &text);
    let beside = [
        Source::parse("src/receivers/otlp/mod.rs", "//! A component."),
        Source::parse("src/exporters/debug.rs", "//! A component."),
        Source::parse("src/exporters/datadog/mod.rs", "//! A component."),
        Source::parse("src/exporters/http.rs", "//! Shared."),
    ];
    let mut found = rules::layers(&file, LAYERS);
    found.extend(rules::components(&file, COMPONENTS, SHARED, &beside));
    found.extend(rules::tables(&file, TABLES, SEES_ALL_TABLES));
    found.extend(rules::bans(&file, BANS));
    found.extend(rules::sizes(&file, 10, 4));
    found.extend(rules::file_name(&file));
    found.extend(rules::reasons(&file));
    found.extend(rules::config_structs(&file, CONFIG_STRUCTS, WIRE_STRUCTS));
    assert_eq!(texts(path, &found), expected, "{path}\n{text}");
}

fn texts(path: &str, found: &[Violation]) -> Vec<String> {
    let cut = |violation: &Violation| {
        let text = violation.to_string();
        let text = text
            .strip_prefix(&format!("{path}:"))
            .expect("the file is named first")
            .to_owned();
        text.split(" - ").next().expect("a rule before its reason").to_owned()
    };
    found.iter().map(cut).collect()
}

#[test]
fn downward_imports_pass() {
    check("src/main.rs", "use plano::cli; fn main() { cli::run(); }", &[]);
    check(
        "src/cli/collector.rs",
        "use crate::{config, telemetry::{self, log}};",
        &[],
    );
    check(
        "src/exporters/debug.rs",
        "use crate::pipeline::Exporter; use crate::net::tls; use crate::otlp::*;",
        &[],
    );
    check(
        "src/pipeline/queue/mod.rs",
        "use super::metrics; use crate::otlp::TraceBatch;",
        &[],
    );
    check(
        "src/otlp/view.rs",
        "use super::batch::TraceBatch; use self::inner::X; mod inner { use super::super::id; }",
        &[],
    );
}

#[test]
fn upward_and_sibling_imports_fail() {
    check(
        "src/pipeline/chain.rs",
        "use crate::exporters::EXPORTERS;",
        &["2: `pipeline` names `crate::exporters::EXPORTERS`"],
    );
    check(
        "src/pipeline/chain.rs",
        "use crate::net::tls;",
        &["2: `pipeline` names `crate::net::tls`"],
    );
    check(
        "src/signals/text.rs",
        "\n\nfn f() { crate::otlp::id::new() }",
        &["4: `signals` names `crate::otlp::id::new`"],
    );
    check(
        "src/receivers/otlp/http.rs",
        "use crate::processors;",
        &["2: `receivers` names `crate::processors`"],
    );
    check(
        "src/viewer/serve.rs",
        "use crate::config::env;",
        &["2: `viewer` names `crate::config::env`"],
    );
    check(
        "src/cli/mod.rs",
        "use crate::main::x;",
        &["2: `cli` names `crate::main::x`"],
    );
    check(
        "src/novelty/mod.rs",
        "",
        &["1: module `novelty` has no layer in tests/architecture.rs"],
    );
}

#[test]
fn every_way_of_naming_is_seen() {
    check(
        "src/otlp/view.rs",
        "use super::super::pipeline::Inlet;",
        &["2: `otlp` names `crate::pipeline::Inlet`"],
    );
    check("src/otlp/mod.rs", "use super::net;", &["2: `otlp` names `crate::net`"]);
    check(
        "src/otlp/mod.rs",
        "use crate::{id, net::{self, tls as t}};",
        &["2: `otlp` names `crate::net`", "2: `otlp` names `crate::net::tls`"],
    );
    check(
        "src/otlp/mod.rs",
        "fn f() { vec![crate::cli::x()]; }",
        &["2: `otlp` names `crate::cli::x`"],
    );
    check(
        "src/otlp/mod.rs",
        "use std::time;\nfn f() { time::Instant::now(); }",
        &["3: names `std::time::Instant::now`"],
    );
    check("src/otlp/mod.rs", "use std::time::*;", &["2: names `std::time::*`"]);
    check("src/otlp/mod.rs", "use crate::*;", &["2: `otlp` names `crate::*`"]);
    check(
        "src/otlp/mod.rs",
        "#[tracing::instrument]\nfn f() {}",
        &["2: names `tracing::instrument`"],
    );
    check("src/otlp/mod.rs", "fn f(metrics: u64) -> u64 { metrics.log() }", &[]);
}

#[test]
fn test_code_may_look_anywhere() {
    check(
        "src/otlp/mod.rs",
        "#[cfg(test)]\nmod tests { use crate::cli; use tokio::sync; }",
        &[],
    );
    check(
        "src/otlp/mod.rs",
        "#[cfg(test)]\nuse crate::cli::{a, b};\nuse crate::net;",
        &["4: `otlp` names `crate::net`"],
    );
    check("src/otlp/tests.rs", "use crate::cli;", &[]);
    check(
        "src/otlp/mod.rs",
        "#[cfg(not(test))]\nuse crate::net;",
        &["3: `otlp` names `crate::net`"],
    );
}

#[test]
fn files_declared_for_tests_are_tests() {
    let mut files = [
        Source::parse("src/net/mod.rs", "//! A part.\n#[cfg(test)]\nmod probe;\nmod real;"),
        Source::parse("src/net/probe.rs", "//! For tests.\nuse crate::cli;"),
        Source::parse("src/net/probe/deep.rs", "//! For tests.\nuse crate::cli;"),
        Source::parse("src/net/real.rs", "//! Not for tests.\nuse crate::cli;"),
    ];
    crate::source::mark_tests(&mut files);
    assert_eq!(files.each_ref().map(Source::is_test), [false, true, true, false]);
    assert_eq!(
        files.each_ref().map(|file| rules::layers(file, LAYERS).len()),
        [0, 0, 0, 1]
    );
}

#[test]
fn components_keep_apart() {
    check(
        "src/exporters/datadog/wire.rs",
        "use super::super::debug; use super::map; use crate::exporters::datadog::map as m; use crate::exporters::EXPORTERS;",
        &["2: component `exporters::datadog` names component `exporters::debug`"],
    );
    check(
        "src/exporters/datadog/mod.rs",
        "use crate::exporters::http::refusal;",
        &[],
    );
    check(
        "src/exporters/http.rs",
        "use crate::exporters::debug;",
        &["2: component `exporters::http` names component `exporters::debug`"],
    );
    check(
        "src/exporters/mod.rs",
        "use self::debug::Config; use crate::exporters::datadog;",
        &[],
    );
}

#[test]
fn one_file_sees_all_tables() {
    let text = "use crate::exporters::EXPORTERS;\nuse crate::receivers::RECEIVERS;";
    check("src/config/assemble.rs", text, &[]);
    check("src/config/mod.rs", text, &["3: names EXPORTERS and RECEIVERS"]);
    check(
        "src/config/mod.rs",
        "use crate::exporters::EXPORTERS; fn f() { EXPORTERS.len(); }",
        &[],
    );
}

#[test]
fn bans_bite_where_they_stand() {
    check(
        "src/processors/batch.rs",
        "async fn f() { g().await }",
        &["2: names `await`"],
    );
    check("src/receivers/otlp/mod.rs", "async fn f() { g().await }", &[]);
    check(
        "src/gateway/mod.rs",
        "use crate::exporters::EXPORTERS;",
        &["2: names `crate::exporters::EXPORTERS`"],
    );
    check(
        "src/viewer/mod.rs",
        "fn f() { std::process::exit(1) }",
        &["2: names `std::process::exit`"],
    );
    check(
        "src/config/mod.rs",
        "use serde_yaml::Value;",
        &["2: names `serde_yaml::Value`"],
    );
    check("src/config/yaml.rs", "use serde_yaml::Value;", &[]);
    check(
        "src/exporters/debug.rs",
        "use tokio::sync::{mpsc, watch};",
        &["2: names `tokio::sync::mpsc`"],
    );
}

#[test]
fn sizes_count_code_only() {
    let constants = |count: usize| "const A: u8 = 0;\n".repeat(count);
    check("src/net/a.rs", &constants(10), &[]);
    check("src/net/a.rs", &constants(11), &["1: 11 code lines, of 10 allowed"]);
    check("tests/a.rs", &constants(11), &["1: 11 code lines, of 10 allowed"]);
    check(
        "src/net/a.rs",
        &format!(
            "{}// c\n\n/* a\nb */\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            constants(10),
            constants(9)
        ),
        &[],
    );
    check(
        "src/net/a.rs",
        &format!("#[cfg(test)]\nuse std::fs;\n{}", constants(11)),
        &["1: 11 code lines, of 10 allowed"],
    );
    check("src/net/a.rs", "fn f() {\n\n1;\n2;\n// c\n3;\n4;\n}", &[]);
    check(
        "src/net/a.rs",
        "fn f() {\n1;\n2;\n3;\n4;\n5;\n}",
        &["2: function `f` has 5 code lines, of 4 allowed"],
    );
    check(
        "src/net/a.rs",
        "#[expect(clippy::too_many_lines, reason = \"a table\")]\nfn f() {\n1;\n2;\n3;\n4;\n5;\n}",
        &[],
    );
}

#[test]
fn names_reasons_and_first_lines() {
    check("src/net/utils.rs", "", &["1: is named `utils`"]);
    check("src/net/common/mod.rs", "", &["1: is named `common`"]);
    check(
        "src/net/a.rs",
        "#[allow(dead_code)]\nfn f() {}",
        &["2: `allow(dead_code)` gives no reason"],
    );
    check(
        "src/net/a.rs",
        "#![expect(clippy::all)]",
        &["2: `expect(clippy::all)` gives no reason"],
    );
    check(
        "src/net/a.rs",
        "#[expect(dead_code, reason = \"read by the next one\")]\nfn f() {}",
        &[],
    );
    for (text, broken) in [
        ("//! Says why.\n", 0),
        ("// Says why.\n", 1),
        ("//!\n", 1),
        ("\n//! Says why.\n", 1),
        ("//! x\n", 1),
    ] {
        assert_eq!(
            rules::first_line(&Source::parse("src/net/a.rs", text)).len(),
            broken,
            "{text:?}"
        );
    }
}

#[test]
fn config_structs_are_strict() {
    let strict = "#[derive(Debug, Deserialize)]\n#[serde(deny_unknown_fields, default)]\nstruct Config { a: u8 }";
    let loose = "#[derive(Debug, Deserialize)]\n#[serde(default)]\nstruct Config { a: u8 }";
    check("src/exporters/debug.rs", strict, &[]);
    check(
        "src/exporters/debug.rs",
        loose,
        &["2: `Config` lacks serde's deny_unknown_fields"],
    );
    check("src/processors/signals/dialects/openai.rs", loose, &[]);
    check("src/viewer/mod.rs", loose, &[]);
    let flat = strict.replace("a: u8", "#[serde(flatten)] a: A");
    check("src/exporters/debug.rs", &flat, &["4: `Config` has a flattened field"]);
}
