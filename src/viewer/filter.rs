//! A filter as it is typed into one line, on the screen and on the page: conditions with blanks between, all of which must hold.
//! Each condition is what `--where` takes; a value with blanks in it stands in quotes, or is simply written out where nothing in it
//! looks like the next condition.

use super::condition::Condition;

/// Conditions that must all hold, each by any span of the trace.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The conditions, as typed.
    pub conditions: Vec<Condition>,
}

impl Filter {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with which condition.
    pub fn parse(text: &str) -> Result<Filter, String> {
        let mut terms: Vec<String> = Vec::new();
        for word in words(text)? {
            match terms.last_mut() {
                Some(term) if !Condition::has_operator(&word) => {
                    term.push(' ');
                    term.push_str(&word);
                }
                _ => terms.push(word),
            }
        }
        let conditions = terms.iter().map(|term| Condition::parse(term));
        Ok(Filter {
            conditions: conditions.collect::<Result<_, _>>()?,
        })
    }
}

/// The words of a line; what stands in double quotes belongs to one word, `\"` is a quote within.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(characters.next()),
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(format!("a quote is open in {text:?}; close it with \""));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let filter = Filter::parse(text).expect(text);
        let keys: Vec<&str> = filter
            .conditions
            .iter()
            .map(|condition| condition.key.as_str())
            .collect();
        assert_eq!(keys, expected, "{text}");
    }

    #[test]
    fn blanks_part_conditions_and_quotes_hold_values_together() {
        check("", &[]);
        check("  status=error  duration>2s ", &["status", "duration"]);
        check("name=POST /v1/chat/completions status=error", &["name", "status"]);
        check(r#"name="a=b c=d" n>=1"#, &["name", "n"]);
        assert!(Filter::parse(r#"name="a"#).expect_err("open").contains("quote"));
        assert!(
            Filter::parse("nonsense")
                .expect_err("no operator")
                .contains("no operator")
        );
    }
}
