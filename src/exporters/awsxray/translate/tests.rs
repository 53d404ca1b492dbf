//! Our segments against those of the Collector's exporter (`tests/fixtures/backends/xray_reference_*.jsonl`, which the peer
//! `xray_collector` made and checks), field by field: a difference that no rule here explains fails.

use std::{collections::HashMap, fs, path::PathBuf, sync::LazyLock};

use serde_json::Value;

use super::*;
use crate::otlp::{TraceBatch, json};

fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backends");
    fs::read_to_string(folder.join(name)).expect("a fixture")
}

fn batch(otlp_json: &str) -> TraceBatch {
    json::read(otlp_json.as_bytes()).expect("OTLP/JSON").batch
}

fn translate(batch: &TraceBatch, settings: &Settings) -> Vec<Document> {
    let mut found = Vec::new();
    for spans in batch.resource_spans() {
        let resource = Resource::of(&spans);
        for span in spans.scope_spans().flat_map(|scope| scope.spans()) {
            let documents = documents(span, &resource, settings, 0).expect("no time is asked for");
            assert_eq!(documents.len(), count(&span), "{}", span.name());
            found.extend(documents);
        }
    }
    found
}

fn listed() -> Settings {
    let indexed = [
        "app.tier",
        "http.method",
        "db.name",
        "otel.resource.team",
        "a int",
        "list",
    ];
    Settings {
        indexed: indexed.map(str::to_owned).to_vec(),
        log_groups: vec!["mine".to_owned()],
        ..Settings::default()
    }
}

fn all() -> Settings {
    Settings {
        index_all: true,
        ..Settings::default()
    }
}

/// Numbers the ids that each side makes up.
fn number_ids(document: &mut Value, known: &[String]) {
    let mut numbers: HashMap<String, String> = HashMap::new();
    let mut number = |id: &mut Value| {
        let next = format!("#{}", numbers.len() + 1);
        *id = numbers
            .entry(id.as_str().expect("an id").to_owned())
            .or_insert(next)
            .clone()
            .into();
    };
    if let Some(Value::Array(exceptions)) = document.pointer_mut("/cause/exceptions") {
        for exception in exceptions {
            number(&mut exception["id"]);
            if let Some(cause) = exception.get_mut("cause") {
                number(cause);
            }
        }
    }
    for key in ["id", "parent_id"] {
        let Some(id) = document.get_mut(key) else { continue };
        if id.as_str().is_some_and(|id| !known.iter().any(|one| one == id)) {
            *id = "between".into();
        }
    }
}

static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

/// Every member that is not equal: its path, theirs, ours.
fn differences<'v>(path: &str, theirs: &'v Value, ours: &'v Value, found: &mut Vec<(String, &'v Value, &'v Value)>) {
    // What is left out is empty.
    let filled = |value: &'v Value| if value.is_null() { &*EMPTY } else { value };
    match (theirs, ours) {
        (Value::Null, Value::Object(_)) | (Value::Object(_), Value::Null)
            if path.starts_with("/annotations") || path.starts_with("/metadata") =>
        {
            differences(path, filled(theirs), filled(ours), found);
        }
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            for key in keys {
                differences(
                    &format!("{path}/{key}"),
                    &theirs[key.as_str()],
                    &ours[key.as_str()],
                    found,
                );
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differences(&format!("{path}/{index}"), one, other, found);
            }
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        _ if theirs == ours => {}
        _ => found.push((path.to_owned(), theirs, ours)),
    }
}

// The reasons for which ours is not theirs.
const NAMES: &str = "names hold what X-Ray takes";
const FLAG: &str = "no blank where the flag was";
const SIGNALS: &str = "signals are annotations by themselves";

/// Why ours is not theirs; `None` where it should be.
fn reason(path: &str, theirs: &Value, ours: &Value) -> Option<&'static str> {
    let key = path.rsplit('/').next().unwrap_or_default();
    match path {
        "/name"
            if theirs
                .as_str()
                .is_some_and(|name| name.strip_suffix(' ').is_some_and(|name| name == ours)) =>
        {
            Some(FLAG)
        }
        "/name" if theirs.as_str().map(name::of_service).as_deref() == ours.as_str() => Some(NAMES),
        _ if key.starts_with("signals.") && path.starts_with("/annotations/") && theirs.is_null() => Some(SIGNALS),
        _ if key.starts_with("signals.") && path.starts_with("/metadata/default/") && ours.is_null() => Some(SIGNALS),
        _ => None,
    }
}

fn check(name: &str, setting: &str, settings: &Settings, expected: &[(&str, usize)]) {
    let source = fixture(&format!("{name}.json"));
    let batch = batch(&source);
    let mut known = Vec::new();
    for spans in batch.resource_spans() {
        for span in spans.scope_spans().flat_map(|scope| scope.spans()) {
            known.push(span.span_id().to_string());
            known.extend(span.parent_span_id().map(|parent| parent.to_string()));
        }
    }
    let ours = translate(&batch, settings);
    let reference = fixture(&format!("xray_reference_{name}{setting}.jsonl"));
    let theirs: Vec<Value> = reference
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(ours.len(), theirs.len());
    let mut reasons: HashMap<&str, usize> = HashMap::new();
    let mut unexplained = Vec::new();
    for (our, mut their) in ours.into_iter().zip(theirs) {
        let mut our = Value::Object(our);
        number_ids(&mut our, &known);
        number_ids(&mut their, &known);
        let mut found = Vec::new();
        differences("", &their, &our, &mut found);
        for (path, their_value, our_value) in found {
            match reason(&path, their_value, our_value) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => unexplained.push(format!(
                    "{} {}: {path}: {their_value} there, {our_value} here",
                    our["id"], our["name"]
                )),
            }
        }
    }
    assert!(
        unexplained.is_empty(),
        "{} unexplained:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
    let expected: HashMap<&str, usize> = expected.iter().copied().collect();
    assert_eq!(reasons, expected, "{name}{setting}");
}

#[test]
fn varied_spans_are_those_of_the_collector() {
    check(
        "varied",
        "",
        &Settings::default(),
        &[(NAMES, 1), (FLAG, 6), (SIGNALS, 175)],
    );
}

#[test]
fn a_trace_of_an_agent_is_that_of_the_collector() {
    check("agent", "", &Settings::default(), &[(NAMES, 3), (FLAG, 2)]);
}

#[test]
fn every_rule_is_that_of_the_collector() {
    check(
        "xray",
        "",
        &Settings::default(),
        &[(NAMES, 1), (FLAG, 6), (SIGNALS, 21)],
    );
}

#[test]
fn attributes_that_the_config_lists_are_indexed_as_in_the_collector() {
    check("xray", "_listed", &listed(), &[(NAMES, 1), (FLAG, 6), (SIGNALS, 21)]);
}

#[test]
fn all_attributes_are_indexed_as_in_the_collector() {
    check("xray", "_all", &all(), &[(NAMES, 1), (FLAG, 6), (SIGNALS, 3)]);
}
