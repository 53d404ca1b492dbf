//! serde's messages in a user's words. Promises never to repeat a value that may be a secret: of a value of the wrong type
//! only its type is told.

use crate::values::suggest;

/// What serde found wrong, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A key that does not exist, with those that do.
    Key { name: String, known: Vec<String> },
    /// A word that is none of the allowed ones.
    Word { name: String, known: Vec<String> },
    /// A value of another type, or out of its range.
    Type { found: String, expected: String },
    /// A key that must be there.
    Missing { name: String },
    /// Anything else, in the words of whoever refused it.
    Other(String),
}

impl Wrong {
    /// Takes a message of serde apart.
    pub(super) fn read(message: &str) -> Wrong {
        let listed = |prefix: &str| {
            let rest = message.strip_prefix(prefix)?;
            let end = rest.find("`, expected ").or_else(|| rest.find("`, there are no "))?;
            // A word that is empty is another way to write one of the others.
            let known = rest[end + 1..]
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|word| !word.is_empty());
            let known = known.map(str::to_owned);
            Some((rest[..end].to_owned(), known.collect()))
        };
        if let Some((name, known)) = listed("unknown field `") {
            return Wrong::Key { name, known };
        }
        if let Some((name, known)) = listed("unknown variant `") {
            return Wrong::Word { name, known };
        }
        let value = ["invalid type: ", "invalid value: "]
            .iter()
            .find_map(|prefix| message.strip_prefix(prefix));
        if let Some((found, expected)) = value.and_then(|rest| rest.rsplit_once(", expected ")) {
            let kind = match found.starts_with("integer `-") {
                true => "a negative number",
                false => plain_type(found.split(['`', '"']).next().unwrap_or_default().trim()),
            };
            return Wrong::Type {
                found: kind.to_owned(),
                expected: plain_type(expected).to_owned(),
            };
        }
        match message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.strip_suffix('`'))
        {
            Some(name) => Wrong::Missing { name: name.to_owned() },
            None => Wrong::Other(message.split_whitespace().collect::<Vec<_>>().join(" ")),
        }
    }

    /// Everything but the path; `also` are keys that are allowed beside those that serde knows.
    pub(super) fn reason(&self, also: &[&str]) -> String {
        match self {
            Wrong::Key { name, .. } => format!("{name}{}", self.hint(also)),
            Wrong::Word { name, known } => {
                let hint = suggest::hint(name, known.iter().map(String::as_str));
                format!("unknown value {name:?}{hint} (valid values: [{}])", known.join(" "))
            }
            Wrong::Type { found, expected } if found == "a whole number" && expected.starts_with(found) => {
                format!("expected {expected}, found a larger one")
            }
            Wrong::Type { found, expected } => format!("expected {expected}, found {found}"),
            Wrong::Missing { name } => format!("requires {name:?}"),
            Wrong::Other(reason) => reason.clone(),
        }
    }

    /// ` (did you mean "…"?)` for a misspelt key, or nothing.
    pub(super) fn hint(&self, also: &[&str]) -> String {
        let meant = self.meant(also).map(|meant| format!(" (did you mean {meant:?}?)"));
        meant.unwrap_or_default()
    }

    /// The key that was most likely meant.
    pub(super) fn meant(&self, also: &[&str]) -> Option<String> {
        let Wrong::Key { name, known } = self else { return None };
        let known = known.iter().map(String::as_str).chain(also.iter().copied());
        suggest::nearest(name, known).map(str::to_owned)
    }
}

fn plain_type(word: &str) -> &str {
    match word {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "usize" | "u64" | "a nonzero usize" => "a whole number from 0 up",
        "isize" | "i64" | "i32" | "i16" | "i8" | "integer" => "a whole number",
        "f64" | "f32" | "floating point" | "floating point number" => "a number",
        "string" => "a string",
        "boolean" => "a boolean",
        "sequence" | "a sequence" => "a list",
        "map" | "a map" => "a mapping",
        "null" | "unit value" => "nothing",
        "string or map" => "a string",
        other if other.starts_with("struct ") => "a mapping",
        other if other.starts_with("enum ") => "one of its words",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: &str) {
        assert_eq!(Wrong::read(message).reason(&["timeout"]), expected, "{message}");
    }

    #[test]
    fn speaks_plainly_and_shows_no_values() {
        check(
            "unknown field `verbosty`, expected one of `sampling`, `verbosity`",
            "verbosty (did you mean \"verbosity\"?)",
        );
        check(
            "unknown field `tiemout`, expected `a` or `b`",
            "tiemout (did you mean \"timeout\"?)",
        );
        check("unknown field `x`, there are no fields", "x");
        check(
            "unknown variant `detaled`, expected one of `basic`, `normal`, `detailed`",
            "unknown value \"detaled\" (did you mean \"detailed\"?) (valid values: [basic normal detailed])",
        );
        check(
            "invalid type: string \"s3cret, expected x\", expected struct Api",
            "expected a mapping, found a string",
        );
        check(
            "invalid type: integer `12345`, expected a string",
            "expected a string, found a whole number",
        );
        check(
            "invalid value: integer `70000`, expected u16",
            "expected a whole number from 0 to 65535, found a larger one",
        );
        check(
            "invalid value: integer `-1`, expected usize",
            "expected a whole number from 0 up, found a negative number",
        );
        check("invalid type: null, expected f64", "expected a number, found nothing");
        check(
            "unknown variant `x`, expected one of `gzip`, ``, `none`",
            "unknown value \"x\" (valid values: [gzip none])",
        );
        check("missing field `key`", "requires \"key\"");
        check(
            "invalid duration \"5\"; write it\nlike 5s",
            "invalid duration \"5\"; write it like 5s",
        );
    }
}
