//! How phrases are written: words, `(a|b c|)` for alternatives, `<name>` for a set of them, `_` for any one word, `^` for the
//! start of a clause and `$` for its end. Parsing only; what a phrase means is in `lexicon.rs`.

use std::collections::BTreeMap;

use crate::signals::text::fold;

/// Deepest nesting of alternatives and sets; a set that names itself ends here.
const DEEPEST: usize = 8;

/// A piece of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Word(Box<str>),
    Any,
    /// The end of a clause; takes no word.
    End,
    OneOf(Vec<Vec<Part>>),
}

/// A phrase and where it must stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) parts: Vec<Part>,
    pub(super) at_start: bool,
}

/// The named sets of a lexicon.
pub(super) type Sets = BTreeMap<String, Vec<String>>;

/// Reads one phrase. The error says what is wrong, not where: the caller knows the file and the type.
pub(super) fn parse(phrase: &str, sets: &Sets) -> Result<Pattern, String> {
    let text = phrase.trim();
    let (at_start, text) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
    let parts = Parser {
        rest: text,
        sets,
        depth: 0,
    }
    .whole()?;
    if may_be_empty(&parts) {
        return Err(format!(
            "phrase `{phrase}` may be empty: give it at least one word that is always there"
        ));
    }
    Ok(Pattern { parts, at_start })
}

/// Whether the parts can match without any word of their own; `_` alone is no phrase either.
fn may_be_empty(parts: &[Part]) -> bool {
    parts.iter().all(|part| match part {
        Part::Word(_) => false,
        Part::Any | Part::End => true,
        Part::OneOf(choices) => choices.iter().any(|choice| may_be_empty(choice)),
    })
}

struct Parser<'a> {
    rest: &'a str,
    sets: &'a Sets,
    depth: usize,
}

impl Parser<'_> {
    fn whole(&mut self) -> Result<Vec<Part>, String> {
        let parts = self.sequence()?;
        if self.rest.is_empty() {
            Ok(parts)
        } else {
            Err(format!("unexpected `{}`", self.rest))
        }
    }

    fn sequence(&mut self) -> Result<Vec<Part>, String> {
        let mut parts = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.chars().next() {
                None | Some('|' | ')') => return Ok(parts),
                Some('(') => {
                    self.rest = &self.rest[1..];
                    parts.push(self.choices()?);
                }
                Some('<') => parts.push(self.set()?),
                Some('$') => {
                    self.rest = &self.rest[1..];
                    parts.push(Part::End);
                }
                Some(_) => {
                    let length = self
                        .rest
                        .find([' ', '(', ')', '|', '<', '$'])
                        .filter(|&length| length > 0)
                        .unwrap_or(self.rest.len());
                    let (word, rest) = self.rest.split_at(length);
                    self.rest = rest;
                    self.word(word, &mut parts)?;
                }
            }
        }
    }

    fn word(&self, word: &str, parts: &mut Vec<Part>) -> Result<(), String> {
        if word == "_" {
            parts.push(Part::Any);
            return Ok(());
        }
        let words = fold(word);
        if words.is_empty() {
            return Err(format!("`{word}` holds no letter, digit or emoji"));
        }
        parts.extend(words.into_iter().map(|word| Part::Word(word.into())));
        Ok(())
    }

    fn choices(&mut self) -> Result<Part, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("alternatives are nested too deeply".into());
        }
        let mut choices = vec![self.sequence()?];
        loop {
            match self.rest.chars().next() {
                Some('|') => {
                    self.rest = &self.rest[1..];
                    choices.push(self.sequence()?);
                }
                Some(')') => {
                    self.rest = &self.rest[1..];
                    self.depth -= 1;
                    return Ok(Part::OneOf(choices));
                }
                _ => return Err("`(` without `)`".into()),
            }
        }
    }

    fn set(&mut self) -> Result<Part, String> {
        let (name, rest) = self.rest[1..].split_once('>').ok_or("`<` without `>`")?;
        self.rest = rest;
        let members = self.sets.get(name).ok_or_else(|| format!("there is no set `{name}`"))?;
        if self.depth >= DEEPEST {
            return Err(format!("set `{name}` is nested too deeply: does it name itself?"));
        }
        let depth = self.depth + 1;
        let parsed: Result<Vec<_>, _> = members
            .iter()
            .map(|member| {
                Parser {
                    rest: member,
                    sets: self.sets,
                    depth,
                }
                .whole()
            })
            .collect();
        Ok(Part::OneOf(parsed?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(phrase: &str, expected: Result<&str, &str>) {
        let sets = Sets::from([
            ("x".into(), vec!["a b".into(), "c".into()]),
            ("loop".into(), vec!["<loop>".into()]),
        ]);
        let written = |pattern: Pattern| format!("{}{}", if pattern.at_start { "^" } else { "" }, show(&pattern.parts));
        match (parse(phrase, &sets), expected) {
            (Ok(pattern), Ok(expected)) => assert_eq!(written(pattern), expected, "{phrase}"),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{phrase}: {error}"),
            (got, _) => panic!("{phrase}: {got:?}, expected {expected:?}"),
        }
    }

    fn show(parts: &[Part]) -> String {
        parts
            .iter()
            .map(|part| match part {
                Part::Word(word) => word.to_string(),
                Part::Any => "_".into(),
                Part::End => "$".into(),
                Part::OneOf(choices) => format!("({})", choices.iter().map(|c| show(c)).collect::<Vec<_>>().join("|")),
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn phrases_are_words_alternatives_sets_and_anchors() {
        check("I give up", Ok("i give up"));
        check("^ (a|b c|) d $", Ok("^(a|b c|) d $"));
        check("a (b|$)", Ok("a (b|$)"));
        check("<x> _ don't", Ok("(a b|c) _ don't"));
        check("没用 👎", Ok("没 用 👎"));
    }

    #[test]
    fn a_faulty_phrase_says_what_is_wrong() {
        check("(a|b", Err("without `)`"));
        check("a)", Err("unexpected"));
        check("<y>", Err("no set `y`"));
        check("<x", Err("without `>`"));
        check("<loop> a", Err("name itself"));
        check("(a|)", Err("may be empty"));
        check("_", Err("may be empty"));
        check("a ,", Err("no letter"));
        check("", Err("may be empty"));
    }
}
