//! One mapping read into its type with every fault in it: what is wrong is noted with its path, taken out, and the rest is
//! read again. Null means the default everywhere. Ends after a bounded number of faults.

use std::collections::HashMap;

use serde_json::Value;
use serde_path_to_error::{Error, Segment};

use super::{Fault, wording::Wrong};

/// Most faults that are told of one mapping.
const MAX_FAULTS: usize = 64;

/// Expanded scalars that YAML reads as something else than a string, as they were written, by path: where a field turns
/// out to be a string, an API key of digits is that key and no number.
pub type Originals = HashMap<Vec<String>, String>;

/// A config whose variables are expanded, not yet read into a type.
#[derive(Clone, Default)]
pub struct Expanded {
    /// The config.
    pub tree: Value,
    /// How expanded scalars were written.
    pub originals: Originals,
    /// What the user should know of the variables, one line each: those that are not set.
    pub warnings: Vec<String>,
}

impl From<Value> for Expanded {
    fn from(tree: Value) -> Expanded {
        Expanded {
            tree,
            ..Expanded::default()
        }
    }
}

/// How a place in a config is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Paths {
    /// As the Collector writes it: `receivers::otlp::protocols`.
    #[default]
    Colons,
    /// `listeners[0].port`.
    Dots,
}

impl Paths {
    /// The path of these keys and indexes.
    pub fn join<S: AsRef<str>>(self, keys: &[S]) -> String {
        let keys = keys.iter().map(AsRef::as_ref);
        if self == Paths::Colons {
            return keys.collect::<Vec<_>>().join("::");
        }
        keys.fold(String::new(), |mut path, key| {
            if !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit()) {
                path.push_str(&format!("[{key}]"));
            } else {
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(key);
            }
            path
        })
    }
}

/// A mapping being read.
pub struct Reading<'a> {
    at: Vec<String>,
    paths: Paths,
    raw: Value,
    originals: &'a Originals,
    also: &'a [&'a str],
    removed: Vec<Removed>,
    lines: Vec<String>,
}

/// What was taken out because it was wrong.
struct Removed {
    path: Vec<String>,
    meant: Option<String>,
}

/// What came of a reading: the value where one could be made, the mapping it was made from, and the faults.
pub struct Outcome<T> {
    /// The value, where the faults left one.
    pub value: Option<T>,
    /// What it was made from: the mapping without its faults.
    pub raw: Value,
    /// The faults, one a line, each with its path.
    pub lines: Vec<String>,
}

impl<'a> Reading<'a> {
    /// `at`: where the mapping stands in the config, such as `[exporters, debug]`. `also`: keys that are allowed in it
    /// beside those of its type, for suggestions.
    pub fn new(at: &[&str], raw: Value, originals: &'a Originals, also: &'a [&'a str]) -> Reading<'a> {
        Reading {
            at: at.iter().map(|&key| key.to_owned()).collect(),
            paths: Paths::default(),
            raw,
            originals,
            also,
            removed: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Writes places that way.
    #[must_use]
    pub fn paths(mut self, paths: Paths) -> Reading<'a> {
        self.paths = paths;
        self
    }

    /// Reads with `parse`, then asks `validate` for what types cannot say.
    pub fn run<T>(
        mut self,
        parse: impl Fn(&Value) -> Result<T, Error<serde_json::Error>>,
        validate: impl FnOnce(&T) -> Vec<Fault>,
    ) -> Outcome<T> {
        let mut value = None;
        let mut budget = MAX_FAULTS + self.originals.len() + count_nulls(&self.raw);
        while budget > 0 {
            match parse(&self.raw) {
                Ok(read) => {
                    value = Some(read);
                    break;
                }
                Err(error) if self.repair(&error) => budget -= 1,
                Err(_) => break,
            }
        }
        if let Some(read) = &value {
            for fault in validate(read) {
                if !self.follows_from_another(&fault) {
                    let path: Vec<&str> = fault.path.split("::").filter(|key| !key.is_empty()).collect();
                    self.lines.push(format!("{}: {}", self.place(&path), fault.reason));
                }
            }
        }
        Outcome {
            value,
            raw: self.raw,
            lines: self.lines,
        }
    }

    /// Notes the fault and takes it out. False where that cannot be done.
    fn repair(&mut self, error: &Error<serde_json::Error>) -> bool {
        let mut path = keys(error);
        let wrong = Wrong::read(&error.inner().to_string());
        if let Wrong::Key { name, .. } = &wrong {
            if path.last() != Some(name) {
                path.push(name.clone());
            }
            self.note_key(&path, &wrong);
            return take(&mut self.raw, &path);
        }
        if let Wrong::Type { found, expected } = &wrong {
            if expected == "a string" && self.restore(&path) {
                return true;
            }
            if found == "nothing" && take(&mut self.raw, &path) {
                return true;
            }
        }
        if let Wrong::Missing { name } = &wrong {
            let whole = path.iter().chain([name]).cloned().collect::<Vec<_>>();
            if !self.removed.iter().any(|removed| removed.path == whole) {
                self.lines.push(format!("{}: {}", self.place(&path), wrong.reason(&[])));
            }
            return false;
        }
        let place: Vec<&str> = path.iter().map(String::as_str).collect();
        self.lines
            .push(format!("{}: {}", self.place(&place), wrong.reason(&[])));
        self.removed.push(Removed {
            path: path.clone(),
            meant: None,
        });
        take(&mut self.raw, &path) || replace(&mut self.raw, &path, &wrong)
    }

    fn note_key(&mut self, path: &[String], wrong: &Wrong) {
        let also = if path.len() == 1 { self.also } else { &[] };
        self.removed.push(Removed {
            path: path.to_vec(),
            meant: wrong.meant(also),
        });
        if self.paths == Paths::Dots {
            return self
                .lines
                .push(format!("{}: unknown key{}", self.place(path), wrong.hint(also)));
        }
        let within: Vec<&str> = self
            .at
            .iter()
            .chain(&path[..path.len() - 1])
            .map(String::as_str)
            .collect();
        self.lines.push(format!(
            "'{}' has invalid keys: {}",
            within.join("."),
            wrong.reason(also)
        ));
    }

    fn place<S: AsRef<str>>(&self, path: &[S]) -> String {
        let keys: Vec<&str> = self
            .at
            .iter()
            .map(String::as_str)
            .chain(path.iter().map(AsRef::as_ref))
            .collect();
        match (self.paths.join(&keys), self.paths) {
            (path, Paths::Dots) if path.is_empty() => "config".to_owned(),
            (path, _) => path,
        }
    }

    /// Puts the text of an expanded variable back where YAML read it as something else than the string that it has to be.
    fn restore(&mut self, path: &[String]) -> bool {
        let whole: Vec<String> = self.at.iter().chain(path).cloned().collect();
        match (self.originals.get(&whole), find(&mut self.raw, path)) {
            (Some(text), Some(value)) if !value.is_string() => {
                *value = Value::String(text.clone());
                true
            }
            _ => false,
        }
    }

    /// Whether the fault is there only because something misspelt or mistyped was taken out.
    fn follows_from_another(&self, fault: &Fault) -> bool {
        self.removed.iter().any(|removed| {
            let Some((key, parent)) = removed.path.split_last() else {
                return false;
            };
            let parent = parent.join("::");
            [Some(key), removed.meant.as_ref()].into_iter().flatten().any(|key| {
                let exact = if parent.is_empty() {
                    key.clone()
                } else {
                    format!("{parent}::{key}")
                };
                fault.path == exact
                    || fault.path.starts_with(&format!("{exact}::"))
                    || (fault.path == parent && fault.reason.contains(&format!("{key:?}")))
            })
        })
    }
}

fn count_nulls(value: &Value) -> usize {
    match value {
        Value::Null => 1,
        Value::Array(items) => items.iter().map(count_nulls).sum(),
        Value::Object(map) => map.values().map(count_nulls).sum(),
        _ => 0,
    }
}

fn keys(error: &Error<serde_json::Error>) -> Vec<String> {
    let keys = error.path().iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    keys.collect()
}

fn find<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Object(map) => map.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Takes a key out of its mapping. Elements of lists stay, so that later paths stay true.
fn take(value: &mut Value, path: &[String]) -> bool {
    let Some((key, parent)) = path.split_last() else {
        return false;
    };
    match find(value, parent) {
        Some(Value::Object(map)) => map.shift_remove(key).is_some(),
        _ => false,
    }
}

/// Puts something harmless in the place of a wrong element of a list.
fn replace(value: &mut Value, path: &[String], wrong: &Wrong) -> bool {
    let harmless = match wrong {
        Wrong::Word { known, .. } => known.first().map(|word| Value::String(word.clone())),
        Wrong::Type { expected, .. } => match expected.as_str() {
            "a mapping" => Some(Value::Object(serde_json::Map::new())),
            "a list" => Some(Value::Array(Vec::new())),
            "a string" => Some(Value::String(String::new())),
            "a boolean" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => None,
    };
    match (find(value, path), harmless) {
        (Some(place), Some(harmless)) if !path.is_empty() && *place != harmless => {
            *place = harmless;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::values::{Secret, duration, tree};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Sample {
        endpoint: String,
        key: Secret,
        port: u16,
        #[serde(with = "duration")]
        wait: Duration,
        inner: Inner,
        list: Vec<Inner>,
        words: Vec<Word>,
        headers: BTreeMap<String, Secret>,
    }

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        size: usize,
        on: bool,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Core,
        Layered,
    }

    impl Default for Sample {
        fn default() -> Sample {
            Sample {
                endpoint: String::new(),
                key: Secret::default(),
                port: 1,
                wait: Duration::from_secs(1),
                inner: Inner::default(),
                list: Vec::new(),
                words: Vec::new(),
                headers: BTreeMap::new(),
            }
        }
    }

    fn read(raw: Value, originals: &Originals) -> Outcome<Sample> {
        Reading::new(&["exporters", "x"], raw, originals, &["timeout"]).run(tree::read, |sample: &Sample| {
            let mut faults = Vec::new();
            if sample.endpoint.is_empty() {
                faults.push(Fault::at("", "requires a non-empty \"endpoint\""));
            }
            if sample.port == 0 {
                faults.push(Fault::at("port", "must not be 0"));
            }
            faults
        })
    }

    fn check(raw: Value, expected: &[&str]) {
        assert_eq!(read(raw.clone(), &Originals::new()).lines, expected, "{raw}");
    }

    #[test]
    fn tells_every_fault_at_once_with_its_path() {
        check(json!({"endpoint": "e"}), &[]);
        check(json!({}), &["exporters::x: requires a non-empty \"endpoint\""]);
        check(
            json!({"endpont": "e", "port": "no", "wait": "soon", "inner": {"size": -1, "onn": true}, "tiemout": 1}),
            &[
                "'exporters.x' has invalid keys: endpont (did you mean \"endpoint\"?)",
                "exporters::x::port: expected a whole number from 0 to 65535, found a string",
                "exporters::x::wait: invalid duration \"soon\"; write it like 300ms, 1.5h or 2h45m",
                "exporters::x::inner::size: expected a whole number from 0 up, found a negative number",
                "'exporters.x.inner' has invalid keys: onn (did you mean \"on\"?)",
                "'exporters.x' has invalid keys: tiemout (did you mean \"timeout\"?)",
            ],
        );
        check(
            json!({"endpoint": "e", "list": [{"size": 1}, "s", {"on": 3}], "words": ["core", "layerd"], "port": 0}),
            &[
                "exporters::x::list::1: expected a mapping, found a string",
                "exporters::x::list::2::on: expected a boolean, found a whole number",
                "exporters::x::words::1: unknown value \"layerd\" (did you mean \"layered\"?) (valid values: [core layered])",
                "exporters::x::port: must not be 0",
            ],
        );
        check(json!("text"), &["exporters::x: expected a mapping, found a string"]);
        check(json!(["e"]), &["exporters::x: expected a mapping, found a list"]);
        check(
            json!({"endpoint": "e", "inner": [1, true], "list": [[2], {"on": 3}]}),
            &[
                "exporters::x::inner: expected a mapping, found a list",
                "exporters::x::list::0: expected a mapping, found a list",
                "exporters::x::list::1::on: expected a boolean, found a whole number",
            ],
        );
    }

    #[test]
    fn writes_places_with_dots_where_that_is_asked_for() {
        let raw = json!({"endpont": "e", "list": [{"size": 1}, {"sise": -1}], "inner": {"size": -1}, "headers": []});
        let originals = Originals::new();
        let reading = Reading::new(&[], raw, &originals, &[]).paths(Paths::Dots);
        let outcome = reading.run(tree::read::<Sample>, |_| vec![Fault::at("list::0::size", "is small")]);
        assert_eq!(
            outcome.lines,
            [
                "endpont: unknown key (did you mean \"endpoint\"?)",
                "list[1].sise: unknown key (did you mean \"size\"?)",
                "inner.size: expected a whole number from 0 up, found a negative number",
                "headers: expected a mapping, found a list",
                "list[0].size: is small",
            ]
        );
        let reading = Reading::new(&[], json!([1]), &originals, &[]).paths(Paths::Dots);
        let outcome = reading.run(tree::read::<Sample>, |_| vec![]);
        assert_eq!(outcome.lines, ["config: expected a mapping, found a list"]);
    }

    #[test]
    fn null_is_the_default() {
        check(
            json!({"endpoint": "e", "inner": null, "port": null, "headers": null}),
            &[],
        );
        let read = read(
            json!({"endpoint": "e", "port": null, "inner": {"size": null}}),
            &Originals::new(),
        );
        assert_eq!(read.value.map(|sample| sample.port), Some(1));
    }

    #[test]
    fn a_variable_of_digits_can_be_a_string() {
        let path = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
        let originals = Originals::from([
            (path(&["exporters", "x", "key"]), "0123".to_owned()),
            (path(&["exporters", "x", "headers", "a"]), "1e5".to_owned()),
            (path(&["exporters", "x", "port"]), "77".to_owned()),
        ]);
        let raw = json!({"endpoint": "e", "key": 123, "headers": {"a": 100000.0}, "port": 77});
        let outcome = read(raw, &originals);
        assert!(outcome.lines.is_empty(), "{:?}", outcome.lines);
        let sample = outcome.value.expect("read");
        assert_eq!(
            (sample.key.reveal(), sample.headers["a"].reveal(), sample.port),
            ("0123", "1e5", 77)
        );
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_shown() {
        for raw in [
            json!({"inner": "hunter2"}),
            json!({"key": {"hunter2": 1}}),
            json!({"list": "hunter2"}),
            json!("hunter2"),
        ] {
            let lines = read(raw, &Originals::new()).lines;
            assert!(!lines.is_empty() && !lines.join("\n").contains("hunter2"), "{lines:?}");
        }
    }
}
