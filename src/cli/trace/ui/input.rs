//! One line of text under the keys of a line editor: the filter that is being typed.

use super::key::Key;

/// Most characters; a filter longer than that is a mistake, such as a wrong paste.
const MOST: usize = 1000;

/// The text and where the next character goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Input {
    text: Vec<char>,
    at: usize,
}

impl Input {
    /// Begins with a text, behind its end.
    pub(super) fn new(text: &str) -> Input {
        let text: Vec<char> = text.chars().take(MOST).collect();
        let at = text.len();
        Input { text, at }
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// What stands before and behind the place where the next character goes.
    pub(super) fn halves(&self) -> [String; 2] {
        let (before, behind) = self.text.split_at(self.at);
        [before.iter().collect(), behind.iter().collect()]
    }

    /// Puts text in; line ends become blanks, other control characters are left out.
    pub(super) fn insert(&mut self, text: &str) {
        for character in text.chars() {
            let character = if character.is_whitespace() { ' ' } else { character };
            if self.text.len() < MOST && !character.is_control() {
                self.text.insert(self.at, character);
                self.at += 1;
            }
        }
    }

    /// Takes a key that edits.
    pub(super) fn edit(&mut self, key: Key) {
        match key {
            Key::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Backspace | Key::Ctrl('h') if self.at > 0 => {
                self.at -= 1;
                self.text.remove(self.at);
            }
            Key::Delete | Key::Ctrl('d') if self.at < self.text.len() => {
                self.text.remove(self.at);
            }
            Key::Left | Key::Ctrl('b') => self.at = self.at.saturating_sub(1),
            Key::Right | Key::Ctrl('f') => self.at = (self.at + 1).min(self.text.len()),
            Key::Home | Key::Ctrl('a') => self.at = 0,
            Key::End | Key::Ctrl('e') => self.at = self.text.len(),
            Key::Ctrl('u') => self.text.drain(..std::mem::take(&mut self.at)).for_each(drop),
            Key::Ctrl('k') => self.text.truncate(self.at),
            Key::Ctrl('w') => {
                let before = &self.text[..self.at];
                let word = before.iter().rposition(|c| *c != ' ').map_or(0, |end| {
                    before[..end]
                        .iter()
                        .rposition(|c| *c == ' ')
                        .map_or(0, |blank| blank + 1)
                });
                self.text.drain(word..self.at).for_each(drop);
                self.at = word;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: &str, keys: &[Key], expected: [&str; 2]) {
        let mut input = Input::new(start);
        for key in keys {
            input.edit(*key);
        }
        assert_eq!(input.halves(), expected, "{start} {keys:?}");
        assert_eq!(input.text(), expected.concat());
    }

    #[test]
    fn keys_edit_as_in_a_shell() {
        use Key::{Backspace, Char, Ctrl, Delete, End, Home, Left, Right};
        check("", &[Char('a'), Char('日')], ["a日", ""]);
        check("ab", &[Left, Char('x')], ["ax", "b"]);
        check("ab", &[Backspace, Backspace, Backspace], ["", ""]);
        check("ab", &[Home, Delete, Delete, Delete], ["", ""]);
        check("ab", &[Home, Left, End, Right], ["ab", ""]);
        check("a=1 b=2", &[Ctrl('w')], ["a=1 ", ""]);
        check("a=1 b=2  ", &[Ctrl('w'), Ctrl('w')], ["", ""]);
        check("abc", &[Left, Ctrl('u')], ["", "c"]);
        check("abc", &[Left, Ctrl('k')], ["ab", ""]);
    }

    #[test]
    fn what_is_pasted_stays_one_harmless_line() {
        let mut input = Input::default();
        input.insert("a=1\nb\x1b[2J=2\t");
        assert_eq!(input.text(), "a=1 b[2J=2 ");
        input.insert(&"x".repeat(2 * MOST));
        assert_eq!(input.text().chars().count(), MOST);
    }
}
