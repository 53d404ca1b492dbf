//! Expansion: `${env:VAR}`, `${VAR}`, `${env:VAR:-default}`, `${file:/path}`, `$$` → `$`. A scalar that is one whole `${…}` is
//! read as YAML; inside a longer string it is text; a naked `$VAR` stays, or is read as `${VAR}` where that is asked for. What a
//! variable or a file holds is expanded as the config itself is, `$$` included, wherever it stands, as in the Collector (a naked
//! `$VAR` in it stays). Refuses unknown schemes, impossible names and
//! expansions without end, each with its path.

use serde_json::Value;

use super::{source, yaml};
use crate::values::reading::{Expanded, Paths};

/// Finds an environment variable.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What `$VAR` without braces means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dollar {
    /// That text, as in the Collector.
    Braced,
    /// The variable, where the config itself says so; in the value of a variable it is text.
    Naked,
}

/// How deep an expanded value may hold further `${…}`.
const MAX_DEPTH: usize = 16;

/// Longest text that an expansion may give, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// One run over a tree.
pub(super) struct Expansion<'a> {
    env: &'a Lookup<'a>,
    dollar: Dollar,
    paths: Paths,
    path: Vec<String>,
    expanded: Expanded,
    faults: Vec<String>,
}

impl<'a> Expansion<'a> {
    pub(super) fn new(env: &'a Lookup<'a>, dollar: Dollar, paths: Paths) -> Expansion<'a> {
        Expansion {
            env,
            dollar,
            paths,
            path: Vec::new(),
            expanded: Expanded::default(),
            faults: Vec::new(),
        }
    }

    /// Expands every string value; keys stay.
    ///
    /// # Errors
    /// Every fault, one a line, with its path.
    pub(super) fn run(mut self, mut tree: Value) -> Result<Expanded, Vec<String>> {
        self.tree(&mut tree);
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        Ok(Expanded { tree, ..self.expanded })
    }

    fn tree(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    self.within(key.clone(), inner);
                }
            }
            Value::Array(items) => {
                for (index, inner) in items.iter_mut().enumerate() {
                    self.within(index.to_string(), inner);
                }
            }
            Value::String(text) if text.contains('$') => match self.scalar(text, 0) {
                Ok(expanded) => *value = expanded,
                Err(reason) => self.faults.push(format!("{}: {reason}", self.paths.join(&self.path))),
            },
            _ => {}
        }
    }

    fn within(&mut self, key: String, value: &mut Value) {
        self.path.push(key);
        self.tree(value);
        self.path.pop();
    }

    fn scalar(&mut self, text: &str, depth: usize) -> Result<Value, String> {
        let name = self.naked(text, depth).filter(|name| name.len() + 1 == text.len());
        match whole(text).or(name) {
            Some(uri) => {
                let uri = self.text(uri, depth)?;
                match self.resolve(&uri)? {
                    Found::Raw(text) => self.parsed(text, depth),
                    Found::Expanded(text) => Ok(self.read(text)),
                    Found::Nothing => Ok(Value::Null),
                }
            }
            None => self.text(text, depth).map(Value::String),
        }
    }

    /// A value as YAML reads it, and its text where that is no string.
    fn read(&mut self, text: String) -> Value {
        match yaml::read(&text) {
            Ok(Value::String(_)) | Err(_) => Value::String(text),
            Ok(other) => {
                self.expanded.originals.insert(self.path.clone(), text);
                other
            }
        }
    }

    /// The value of a whole scalar: YAML, its own `${…}` expanded in turn.
    fn parsed(&mut self, found: String, depth: usize) -> Result<Value, String> {
        match self.read(found) {
            Value::String(text) if text.contains('$') => {
                deeper(depth)?;
                self.scalar(&text, depth + 1)
            }
            mut value @ (Value::Object(_) | Value::Array(_)) => {
                deeper(depth)?;
                self.collection(&mut value, depth + 1)?;
                if let Some(text) = self.expanded.originals.get_mut(&self.path) {
                    *text = text.replace("$$", "$");
                }
                Ok(value)
            }
            value => Ok(value),
        }
    }

    fn collection(&mut self, value: &mut Value, depth: usize) -> Result<(), String> {
        match value {
            Value::Object(map) => map.values_mut().try_for_each(|inner| self.collection(inner, depth)),
            Value::Array(items) => items.iter_mut().try_for_each(|inner| self.collection(inner, depth)),
            Value::String(text) if text.contains('$') => {
                *value = self.scalar(text, depth)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Text with every `${…}` in it as text, and `$$` as `$`.
    fn text(&mut self, text: &str, depth: usize) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(tail) = rest.strip_prefix("$$") {
                out.push('$');
                rest = tail;
            } else if let Some(end) = closing(rest) {
                let uri = self.text(&rest[2..end], depth)?;
                out.push_str(&self.inner(&uri, depth)?);
                rest = &rest[end + 1..];
            } else if let Some(name) = self.naked(rest, depth) {
                out.push_str(&self.inner(name, depth)?);
                rest = &rest[1 + name.len()..];
            } else {
                out.push('$');
                rest = &rest[1..];
            }
            if out.len() > MAX_BYTES {
                return Err(format!("expands to more than {MAX_BYTES} bytes"));
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// What stands behind a URI, as text inside a longer one.
    fn inner(&mut self, uri: &str, depth: usize) -> Result<String, String> {
        match self.resolve(uri)? {
            Found::Raw(text) if text.contains('$') => {
                deeper(depth)?;
                self.text(&text, depth + 1)
            }
            Found::Raw(text) | Found::Expanded(text) => Ok(text),
            Found::Nothing => Ok(String::new()),
        }
    }

    /// The name after the `$` at the start of the text, where that means a variable.
    fn naked<'t>(&self, text: &'t str, depth: usize) -> Option<&'t str> {
        let rest = text
            .strip_prefix('$')
            .filter(|_| self.dollar == Dollar::Naked && depth == 0)?;
        let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
        Some(&rest[..end.unwrap_or(rest.len())]).filter(|name| is_name(name))
    }

    /// What stands behind `env:VAR`, `VAR:-default`, `file:/path`.
    fn resolve(&mut self, uri: &str) -> Result<Found, String> {
        if let Some(path) = uri.strip_prefix("file:") {
            let text = source::file(path)?;
            return Ok(Found::Raw(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)));
        }
        let (name, default) = match uri.strip_prefix("env:").unwrap_or(uri).split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (uri.strip_prefix("env:").unwrap_or(uri), None),
        };
        if let Some((scheme, _)) = name.split_once(':') {
            return Err(format!("scheme {scheme:?} is not supported in ${{…}}; use env or file"));
        }
        if !is_name(name) {
            return Err(format!(
                "environment variable {name:?} has an invalid name: it must match ^[a-zA-Z_][a-zA-Z0-9_]*$"
            ));
        }
        match ((self.env)(name), default) {
            (Some(value), _) => Ok(Found::Raw(value)),
            (None, Some(default)) => Ok(Found::Expanded(default.to_owned())),
            (None, None) => {
                let place = self.paths.join(&self.path);
                let warning = format!("{place}: environment variable {name:?} is not set; the value is empty");
                self.expanded.warnings.push(warning);
                Ok(Found::Nothing)
            }
        }
    }
}

/// What a `${…}` stands for.
enum Found {
    /// Text from outside, yet to be expanded.
    Raw(String),
    /// A default, which was expanded with the `${…}` that it stands in.
    Expanded(String),
    /// A variable that is not set.
    Nothing,
}

fn deeper(depth: usize) -> Result<(), String> {
    if depth >= MAX_DEPTH {
        return Err(format!(
            "expansion is nested deeper than {MAX_DEPTH}; does a variable refer to itself?"
        ));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric())
}

/// What stands between the braces where the text is one whole `${…}`.
fn whole(text: &str) -> Option<&str> {
    let end = closing(text)?;
    (end + 1 == text.len()).then(|| &text[2..end])
}

/// Index of the brace that closes the `${` at the start of the text.
fn closing(text: &str) -> Option<usize> {
    if !text.starts_with("${") {
        return None;
    }
    let bytes = text.as_bytes();
    let (mut open, mut at) = (0_usize, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                open += 1;
                at += 1;
            }
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn env(name: &str) -> Option<String> {
        let value = match name {
            "NUM" => "4317",
            "KEY" => "0123",
            "TEXT" => "hello",
            "LIST" => "[a, b]",
            "EMPTY" => "",
            "QUOTED" => "\"q\"",
            "HASH" => "s3cret #1",
            "NAME" => "TEXT",
            "VIA" => "${env:TEXT}",
            "VIA_IN" => "{x: '${env:NUM}'}",
            "LOOP" => "${env:LOOP}",
            "LOOPS" => "${env:LOOPS}${env:LOOPS}",
            "DOLLAR" => "pa$$word",
            "ESCAPED" => "$${TEXT}",
            "MIXED" => "$$x${TEXT}",
            "DOLLAR_IN" => "{x: 'a$$b', y: ['$$']}",
            "NAKED" => "k$TEXT",
            "BAD_YAML" => "[x",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn run(text: &str) -> (Value, Vec<String>, Vec<String>) {
        run_as(Dollar::Braced, text)
    }

    fn run_as(dollar: Dollar, text: &str) -> (Value, Vec<String>, Vec<String>) {
        match Expansion::new(&env, dollar, Paths::Colons).run(json!({ "k": text })) {
            Ok(expanded) => (expanded.tree["k"].clone(), expanded.warnings, vec![]),
            Err(faults) => (Value::Null, vec![], faults),
        }
    }

    fn check(text: &str, expected: Value) {
        assert_eq!(run(text), (expected, vec![], vec![]), "{text}");
    }

    fn check_fault(text: &str, words: &str) {
        let (_, _, faults) = run(text);
        assert!(
            faults.len() == 1 && faults[0].starts_with("k: ") && faults[0].contains(words),
            "{text}: {faults:?}"
        );
    }

    #[test]
    fn expands_as_the_collector_does() {
        check("${env:NUM}", json!(4317));
        check("${NUM}", json!(4317));
        check("${env:TEXT}", json!("hello"));
        check("${env:LIST}", json!(["a", "b"]));
        check("${env:EMPTY}", json!(null));
        check("${env:QUOTED}", json!("\"q\""));
        check("${env:HASH}", json!("s3cret #1"));
        check("${env:BAD_YAML}", json!("[x"));
        check("localhost:${env:NUM}", json!("localhost:4317"));
        check("${env:TEXT}${env:NUM}", json!("hello4317"));
        check("${env:NONE:-7s}", json!("7s"));
        check("${env:NONE:-5}", json!(5));
        check("${NONE:-a:-b}", json!("a:-b"));
        check("${env:NONE:-}", json!(null));
        check("x${env:NONE:-}y", json!("xy"));
        check("${env:${env:NAME}}", json!("hello"));
        check("${env:NONE:-${env:TEXT}}", json!("hello"));
        check("${env:VIA}", json!("hello"));
        check("a ${env:VIA}", json!("a hello"));
        check("${env:VIA_IN}", json!({"x": 4317}));
    }

    #[test]
    fn leaves_dollars_that_are_none_of_its_own() {
        check("$NUM", json!("$NUM"));
        check("$$NUM", json!("$NUM"));
        check("$${env:NUM}", json!("${env:NUM}"));
        check("$$${env:NUM}", json!("$4317"));
        check("a$", json!("a$"));
        check("${env:NUM", json!("${env:NUM"));
        check("^foo$$", json!("^foo$"));
    }

    #[test]
    fn a_value_is_expanded_alike_wherever_it_stands() {
        check("${env:DOLLAR}", json!("pa$word"));
        check("x ${env:DOLLAR}", json!("x pa$word"));
        check("${env:MIXED}", json!("$xhello"));
        check("x ${env:MIXED}", json!("x $xhello"));
        check("${env:ESCAPED}", json!("${TEXT}"));
        check("x ${env:ESCAPED}", json!("x ${TEXT}"));
        check("${env:NAKED}", json!("k$TEXT"));
        check("${env:DOLLAR_IN}", json!({"x": "a$b", "y": ["$"]}));
        check("${env:NONE:-a$$b}", json!("a$b"));
        check("x ${env:NONE:-a$$b}", json!("x a$b"));
        check("${env:NONE:-$${TEXT}}", json!("${TEXT}"));
        check("x ${env:NONE:-$${TEXT}}", json!("x ${TEXT}"));
        check("${env:NONE:-${env:DOLLAR}}", json!("pa$word"));
    }

    #[test]
    fn a_dollar_without_braces_where_that_is_asked_for() {
        for (text, expected) in [
            ("$TEXT", json!("hello")),
            ("$NUM", json!(4317)),
            ("Bearer $TEXT!", json!("Bearer hello!")),
            ("$TEXT$NUM", json!("hello4317")),
            ("$TEXT-${NUM}", json!("hello-4317")),
            ("$$TEXT", json!("$TEXT")),
            ("costs $5, $ and a$", json!("costs $5, $ and a$")),
            ("${NONE:-$TEXT}", json!("hello")),
            ("$DOLLAR", json!("pa$word")),
            ("$NAKED", json!("k$TEXT")),
            ("${NAKED}", json!("k$TEXT")),
            ("x$NAKED", json!("xk$TEXT")),
            ("$VIA", json!("hello")),
        ] {
            assert_eq!(run_as(Dollar::Naked, text), (expected, vec![], vec![]), "{text}");
        }
        let warning = r#"k: environment variable "NONE" is not set; the value is empty"#.to_owned();
        assert_eq!(run_as(Dollar::Naked, "$NONE"), (json!(null), vec![warning], vec![]));
    }

    #[test]
    fn an_unset_variable_is_null_and_named() {
        let warning = r#"k: environment variable "NONE" is not set; the value is empty"#.to_owned();
        assert_eq!(run("${env:NONE}"), (json!(null), vec![warning.clone()], vec![]));
        assert_eq!(run("x${NONE}"), (json!("x"), vec![warning], vec![]));
    }

    #[test]
    fn refuses_what_cannot_be() {
        check_fault("${env:1X}", r#""1X" has an invalid name"#);
        check_fault("${env:A-B}", r#""A-B" has an invalid name"#);
        check_fault("${}", "has an invalid name");
        check_fault("${http://x}", r#"scheme "http" is not supported"#);
        check_fault("${file:/no/such}", "/no/such: cannot read");
        check_fault("${env:LOOP}", "refer to itself");
        check_fault("x${env:LOOP}", "refer to itself");
        check_fault("x${env:LOOPS}", "refer to itself");
    }

    #[test]
    fn remembers_how_it_was_written() {
        let tree = json!({"api": {"key": "${env:KEY}"}, "list": ["${env:NUM}"]});
        let expansion = Expansion::new(&env, Dollar::Braced, Paths::Colons);
        let expansion = expansion.run(tree).expect("no fault");
        assert_eq!(expansion.originals[&vec!["api".to_owned(), "key".to_owned()]], "0123");
        assert_eq!(expansion.originals[&vec!["list".to_owned(), "0".to_owned()]], "4317");
    }

    #[test]
    fn a_file_is_read_without_its_last_line_end() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "tok: en\n").expect("written");
        let uri = format!("Bearer ${{file:{}}}", file.path().display());
        check(&uri, json!("Bearer tok: en"));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[${}:a-zA-Z_ -]{0,40}") {
            let _ = run(&text);
        }

        #[test]
        fn text_without_dollars_is_untouched(text in "[^$]{0,40}") {
            prop_assert_eq!(run(&text).0, json!(text));
        }
    }
}
