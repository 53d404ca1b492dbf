//! Where a config comes from: files, environment variables, YAML on the command line, `--set`. Faults name the source, the
//! line and the column; they never show the text, which may hold secrets.

use std::fs;

use serde_json::{Map, Value};

use super::{env::Lookup, yaml};
use crate::values::redacted;

/// Largest config text, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Reads one `--config` argument.
pub(super) fn read(uri: &str, env: &Lookup<'_>) -> Result<Value, String> {
    if let Some(name) = uri.strip_prefix("env:") {
        let text = env(name).ok_or_else(|| format!("env:{name}: environment variable is not set"))?;
        return parse(uri, &text);
    }
    if let Some(text) = uri.strip_prefix("yaml:") {
        return inline(text);
    }
    if let Some((scheme, _)) = uri.split_once("://") {
        return Err(format!(
            "{}: configs are not read from {scheme}; name a file, env:NAME or yaml:a::b: v",
            redacted(uri)
        ));
    }
    if uri.is_empty() {
        return Err("--config is empty; name a file, env:NAME or yaml:a::b: v".to_owned());
    }
    let path = uri.strip_prefix("file:").unwrap_or(uri);
    let text = file(path)?;
    parse(path, &text)
}

/// Reads a text file of bearable size.
pub(super) fn file(path: &str) -> Result<String, String> {
    let fault = |error: std::io::Error| format!("{path}: cannot read: {error}");
    let length = fs::metadata(path).map_err(fault)?.len();
    if length > MAX_BYTES {
        return Err(format!(
            "{path}: is {length} bytes long; a config has at most {MAX_BYTES}"
        ));
    }
    let bytes = fs::read(path).map_err(fault)?;
    String::from_utf8(bytes)
        .map_err(|error| format!("{path}: is not UTF-8 (byte {})", error.utf8_error().valid_up_to()))
}

/// Reads one document that must be a mapping; an empty one is an empty mapping.
pub(super) fn parse(name: &str, text: &str) -> Result<Value, String> {
    match yaml::read(text) {
        Ok(Value::Null) => Ok(Value::Object(Map::new())),
        Ok(tree @ Value::Object(_)) => Ok(tree),
        Ok(_) => Err(format!("{name}: must be a mapping of sections to their settings")),
        Err(yaml::Malformed {
            place: Some((line, column)),
            reason,
        }) => Err(format!("{name}:{line}:{column}: {reason}")),
        Err(yaml::Malformed { place: None, reason }) => Err(format!("{name}: {reason}")),
    }
}

/// `a::b: v`: the Collector's short form of nested keys.
fn inline(text: &str) -> Result<Value, String> {
    // Only the keys are shown: the value may be a secret.
    let keys = text.split_once(": ").map_or("…", |(keys, _)| keys);
    match yaml::read(text) {
        Ok(tree @ Value::Object(_)) => Ok(unfold(tree)),
        Ok(_) => Err("yaml:…: sets nothing; write it as yaml:a::b: v, with a blank before the value".to_owned()),
        Err(malformed) => Err(format!("yaml:{keys}: {}", malformed.reason)),
    }
}

fn unfold(tree: Value) -> Value {
    let Value::Object(map) = tree else { return tree };
    let mut out = Value::Object(Map::new());
    for (key, value) in map {
        let path: Vec<&str> = key.split("::").collect();
        super::merge::merge(&mut out, nest(&path, unfold(value)));
    }
    out
}

fn nest(path: &[&str], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, key| {
        let mut map = Map::new();
        map.insert((*key).to_owned(), inner);
        Value::Object(map)
    })
}

/// Reads one `--set` argument: `a.b.c=v`, the value as YAML.
pub(super) fn read_set(set: &str) -> Result<Value, String> {
    let (path, value) = set
        .split_once('=')
        .ok_or_else(|| format!("--set {set}: write it as path.to.key=value"))?;
    let path: Vec<&str> = path.split('.').collect();
    if path.iter().any(|key| key.trim().is_empty()) {
        return Err(format!(
            "--set {}: empty key; write it as path.to.key=value",
            path.join(".")
        ));
    }
    let value = yaml::read(value).map_err(|error| format!("--set {}: {}", path.join("."), error.reason))?;
    Ok(nest(&path, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(uri: &str, expected: Result<Value, &str>) {
        let env = |name: &str| (name == "CONFIG").then(|| "a: {b: 1}".to_owned());
        assert_eq!(read(uri, &env), expected.map_err(str::to_owned), "{uri}");
    }

    #[test]
    fn reads_every_kind_of_source() {
        check("env:CONFIG", Ok(json!({"a": {"b": 1}})));
        check("env:NONE", Err("env:NONE: environment variable is not set"));
        check(
            "yaml:a::b",
            Err("yaml:…: sets nothing; write it as yaml:a::b: v, with a blank before the value"),
        );
        check("yaml:a::b: [hunter2", Err("yaml:a::b: unclosed bracket '['"));
        check("", Err("--config is empty; name a file, env:NAME or yaml:a::b: v"));
        check(
            "https://example/c.yaml",
            Err("https://example/c.yaml: configs are not read from https; name a file, env:NAME or yaml:a::b: v"),
        );
        check(
            "https://u:hunter2@example/c.yaml",
            Err(
                "https://[REDACTED]@example/c.yaml: configs are not read from https; name a file, env:NAME or yaml:a::b: v",
            ),
        );
        check("yaml:a::b: 5", Ok(json!({"a": {"b": 5}})));
        check(
            "yaml:processors::batch/x::timeout: 2s",
            Ok(json!({"processors": {"batch/x": {"timeout": "2s"}}})),
        );
        check(
            "/no/such.yaml",
            Err("/no/such.yaml: cannot read: No such file or directory (os error 2)"),
        );
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("c.yaml");
        let name = path.display().to_string();
        fs::write(&path, "a: 1\nb: [\n").expect("written");
        let fault = read(&name, &|_| None).expect_err("no YAML");
        assert!(fault.starts_with(&format!("{name}:")), "{fault}");
        fs::write(&path, "[1]").expect("written");
        check(
            &name,
            Err(&format!("{name}: must be a mapping of sections to their settings")),
        );
        fs::write(&path, [b'a', 0xff]).expect("written");
        check(&format!("file:{name}"), Err(&format!("{name}: is not UTF-8 (byte 1)")));
        fs::write(&path, "a: 1").expect("written");
        check(&format!("file:{name}"), Ok(json!({"a": 1})));
    }

    #[test]
    fn reads_sets() {
        assert_eq!(read_set("a.b.c=5"), Ok(json!({"a": {"b": {"c": 5}}})));
        assert_eq!(read_set("a=[x, y]"), Ok(json!({"a": ["x", "y"]})));
        assert_eq!(read_set("a.b="), Ok(json!({"a": {"b": null}})));
        assert_eq!(read_set("a=x=y"), Ok(json!({"a": "x=y"})));
        assert_eq!(read_set("a"), Err("--set a: write it as path.to.key=value".to_owned()));
        assert!(read_set("a..b=1").is_err());
    }
}
