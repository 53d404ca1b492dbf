//! A filter as it is typed into one line, on the screen, on the page and in `--where`: terms with blanks between, all of which must
//! hold. A term is a condition; `since=5m`; or a word that any name or value of the trace holds. What has blanks in it stands in
//! quotes, and `!` before a term turns it round.

use super::{condition::Condition, query::Window};

/// Terms that must all hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The conditions, in the order in which they stand.
    pub conditions: Vec<Condition>,
    /// How far back, where it says so.
    pub since: Option<Window>,
}

impl Filter {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with which term.
    pub fn parse(text: &str) -> Result<Filter, String> {
        let mut filter = Filter::default();
        for word in words(text)? {
            match word.text.strip_prefix("since=") {
                Some(window) => filter.since = Some(window.parse()?),
                None if word.is_text() => filter.conditions.push(Condition::contains(&word.text)),
                None => filter.conditions.push(Condition::parse(&word.text)?),
            }
        }
        Ok(filter)
    }
}

#[derive(Default)]
struct Word {
    text: String,
    /// Whether it began with a quote: then it is text, whatever stands in it.
    quoted: bool,
}

impl Word {
    fn is_text(&self) -> bool {
        let bare = self.text.strip_prefix('!').unwrap_or(&self.text);
        self.quoted || !(Condition::has_operator(&self.text) || matches!(bare, "flagged" | "error"))
    }
}

/// The words of a line; what stands in double quotes belongs to one word, `\"` is a quote within.
fn words(text: &str) -> Result<Vec<Word>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<Word>, false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                quoted = !quoted;
                let begun = word.get_or_insert_with(Word::default);
                begun.quoted |= quoted && matches!(begun.text.as_str(), "" | "!");
            }
            '\\' if quoted => word.get_or_insert_default().text.extend(characters.next()),
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().text.push(c),
        }
    }
    if quoted {
        return Err(format!("a quote is open in {text:?}; close it with \""));
    }
    words.extend(word);
    Ok(words
        .into_iter()
        .filter(|word| !matches!(word.text.as_str(), "" | "!"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::model::{Attribute, Span, Trace, Value};

    fn check(text: &str, expected: bool) {
        let filter = Filter::parse(text).expect(text);
        let attribute = |key: &str, value: &str| Attribute {
            key: key.into(),
            value: Value::Str(value.into()),
        };
        let span = |name: &str, attributes| Span {
            name: name.into(),
            service: "shop".into(),
            attributes,
            ..Span::default()
        };
        let said = r#"I want a Refund: a=b "now""#;
        let trace = Trace {
            spans: vec![
                span("POST /v1/chat/completions", vec![attribute("http.method", "POST")]),
                span(
                    "chat gpt-4o 🚩",
                    vec![attribute("llm.model", "gpt-4o"), attribute("said", said)],
                ),
            ],
            ..Trace::default()
        };
        let selects = filter.conditions.iter().all(|condition| condition.selects(&trace));
        assert_eq!(selects, expected, "{text}");
    }

    #[test]
    fn all_terms_must_hold_each_by_any_span() {
        for (text, expected) in [
            ("", true),
            ("llm.model=gpt-4o http.method=POST", true),
            ("llm.model=gpt-4o http.method=GET", false),
            (r#"name="POST /v1/chat/completions" flagged"#, true),
            ("flagged !http.method=GET", true),
            ("!flagged", false),
            ("refund", true),
            ("REFUND shop", true),
            ("!refund", false),
            ("refunds", false),
            (r#""want a refund""#, true),
            (r#""a=b \"now\"""#, true),
            (r#"!"want a refund""#, false),
            ("! \"\"", true),
            ("since=5m refund", true),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn faults_say_what_is_wrong() {
        for (text, reason) in [
            (r#"name="a"#, "a quote is open"),
            ("n>many", "no number"),
            ("since=5", "30s, 5m, 2h or 1d"),
            ("key~(", "unclosed"),
        ] {
            let error = Filter::parse(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(Filter::parse("since=2h").expect("a window").since.is_some());
    }
}
