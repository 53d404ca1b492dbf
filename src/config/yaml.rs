//! YAML text to a tree of values and back; besides the signal lexicons the only place that knows a YAML library. Keeps the
//! order of keys. Refuses duplicate keys, several documents, and what would grow beyond the reader's budgets.

use serde_json::{Map, Value};
use serde_yaml::{DuplicateKeyPolicy, Error, Options};

/// Where and why a text is no YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Line and column, from 1, where the reader knows them.
    pub place: Option<(u64, u64)>,
    /// What is wrong, in one line.
    pub reason: String,
}

/// Reads one document. An empty text is null.
///
/// # Errors
/// [`Malformed`], with the place.
pub fn read(text: &str) -> Result<Value, Malformed> {
    let has_content = |line: &str| !matches!(line.trim_start().as_bytes().first(), None | Some(b'#'));
    if !text.lines().any(has_content) {
        return Ok(Value::Null);
    }
    let options = serde_yaml::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    read_with(text, options)
}

fn read_with(text: &str, options: Options) -> Result<Value, Malformed> {
    serde_yaml::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map(|at| (at.line(), at.column()));
        Malformed {
            place: place.filter(|(line, _)| *line > 0),
            reason: reason(error.without_snippet()),
        }
    })
}

/// What is wrong in a user's words: the library's own speak of its options, and repeat the place.
fn reason(error: &Error) -> String {
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key {key:?} is there twice"),
        Error::DuplicateMappingKey { .. } => "a key is there twice".to_owned(),
        Error::MultipleDocuments { .. } => "holds more than one document; write one without `---`".to_owned(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "is too large for a config once its aliases are followed, or too deeply nested".to_owned()
        }
        Error::AliasError { error, .. } => reason(error.without_snippet()),
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().collect();
            let line = words.join(" ");
            let place = line.rfind(" at line ").unwrap_or(line.len());
            line[..place].to_owned()
        }
    }
}

/// Writes a tree as block YAML that [`read`] reads back as the same tree.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_map(map, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write_list(items, 0, &mut out),
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
    out
}

fn write_map(map: &Map<String, Value>, indent: usize, out: &mut String) {
    for (key, value) in map {
        out.push_str(&" ".repeat(indent));
        out.push_str(&plain_or_quoted(key));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                write_map(inner, indent + 2, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                write_list(items, indent + 2, out);
            }
            other => {
                out.push(' ');
                out.push_str(&scalar(other));
                out.push('\n');
            }
        }
    }
}

fn write_list(items: &[Value], indent: usize, out: &mut String) {
    for item in items {
        let mut block = String::new();
        match item {
            Value::Object(map) if !map.is_empty() => write_map(map, indent + 2, &mut block),
            Value::Array(inner) if !inner.is_empty() => write_list(inner, indent + 2, &mut block),
            other => block = format!("{}{}\n", " ".repeat(indent + 2), scalar(other)),
        }
        out.push_str(&" ".repeat(indent));
        out.push_str("- ");
        out.push_str(&block[indent + 2..]);
    }
}

/// Null, booleans, numbers and empty collections are the same in JSON.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => plain_or_quoted(text),
        other => other.to_string(),
    }
}

/// Plain where no reader could take it for anything but that text; else quoted as JSON, which YAML reads.
fn plain_or_quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '(' | ')');
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/')
        && !text.ends_with(' ')
        && text.chars().all(safe)
        && read(text).is_ok_and(|value| value == Value::String(text.to_owned()))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off"
        );
    if plain {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: &Value) {
        assert_eq!(read(text).as_ref(), Ok(expected), "{text}");
    }

    #[test]
    fn reads_what_collector_configs_hold() {
        check("", &Value::Null);
        check("# only a comment\n", &Value::Null);
        check("batch:\n", &json!({"batch": null}));
        check("batch: {}", &json!({"batch": {}}));
        check("a: [x, y,]", &json!({"a": ["x", "y"]}));
        check("protocols: {grpc: }", &json!({"protocols": {"grpc": null}}));
        check(
            "a: 1\nb: 2.5\nc: true\nd: yes\n",
            &json!({"a": 1, "b": 2.5, "c": true, "d": "yes"}),
        );
        check("a: 4317\nb: '4317'", &json!({"a": 4317, "b": "4317"}));
        check("a: &x {k: 1}\nb: *x", &json!({"a": {"k": 1}, "b": {"k": 1}}));
        check("a: ${env:X:-y}", &json!({"a": "${env:X:-y}"}));
        check(
            "e: localhost:4317\nu: http://x:1/y",
            &json!({"e": "localhost:4317", "u": "http://x:1/y"}),
        );
        check("b: {z: 1, a: 2}", &json!({"b": {"z": 1, "a": 2}}));
        assert_eq!(
            read("z: 1\na: 2")
                .expect("valid")
                .as_object()
                .expect("map")
                .keys()
                .collect::<Vec<_>>(),
            ["z", "a"]
        );
    }

    #[test]
    fn refuses_with_a_place() {
        for (text, line, words) in [
            ("a: 1\na: 2\n", 2, "the key \"a\" is there twice"),
            ("a: 1\n---\nb: 2\n", 3, "more than one document"),
            ("a:\n\tb: 1\n", 2, "tabs"),
            ("a: [1\nb: 2\n", 0, ""),
            ("a: 1\n b: 2\n", 0, ""),
            ("a: *nowhere", 1, ""),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.place.is_some(), "{text}: {error:?}");
            assert!(
                line == 0 || error.place.is_some_and(|(at, _)| at == line),
                "{text}: {error:?}"
            );
            assert!(
                error.reason.contains(words) && !error.reason.contains('\n') && !error.reason.contains("at line"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_bomb_is_refused_not_expanded() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        let error = read(&text).expect_err("a billion laughs");
        assert!(error.reason.starts_with("is too large for a config"), "{error:?}");
        read(&"[".repeat(100_000)).expect_err("nesting without end");
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~]{0,12}".prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[ -~]{1,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_written_reads_back(value in tree()) {
            let text = write(&value);
            prop_assert_eq!(read(&text), Ok(value), "{}", text);
        }
    }
}
