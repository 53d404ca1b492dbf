//! Text of any length in lines of limited width behind a margin, with words marked: what excerpts and conversations are written with.
//! Every character is harmless when it leaves.

use super::paint::{Ink, Tint, columns, harmless};

/// Least columns for text, however wide the margin.
const LEAST: usize = 20;
/// Columns from one tab stop to the next.
const TAB: usize = 4;

/// Lines under way.
pub struct Lines<'a> {
    out: &'a mut String,
    ink: Ink,
    /// What stands before each line, dim: the lines of a tree.
    margin: &'a str,
    /// Columns behind the margin that text is indented by.
    indent: usize,
    width: usize,
    /// What stands in the indent of the next line.
    label: Option<(String, Tint)>,
    /// Columns that are taken of the line.
    column: usize,
    /// Whether there is anything in the line, be it of no width.
    is_begun: bool,
    /// Whether lines without text are kept.
    blanks: bool,
}

impl<'a> Lines<'a> {
    /// Lines of `width` columns, the margin, which must be harmless, and the indent included.
    pub fn new(out: &'a mut String, ink: Ink, width: usize, margin: &'a str, indent: usize) -> Lines<'a> {
        Lines {
            out,
            ink,
            margin,
            indent,
            width: width.saturating_sub(columns(margin) + indent).max(LEAST),
            label: None,
            column: 0,
            is_begun: false,
            blanks: false,
        }
    }

    /// Keeps lines without text.
    #[must_use]
    pub fn with_blanks(self) -> Lines<'a> {
        Lines { blanks: true, ..self }
    }

    /// Puts a word into the indent of the next line; a longer one gets a line of its own.
    pub fn label(&mut self, text: &str, tint: Tint) {
        let text = harmless(text);
        if columns(&text) < self.indent {
            self.label = Some((text.into_owned(), tint));
            return;
        }
        let indent = std::mem::replace(&mut self.indent, 0);
        self.text(&text, tint);
        self.end();
        self.indent = indent;
    }

    /// Text that is pointed at; between quotes where there is no color.
    pub fn mark(&mut self, text: &str) {
        match self.ink {
            Ink::Color => self.text(text, Tint::Mark),
            Ink::Plain => self.text(&format!("»{text}«"), Tint::Mark),
        }
    }

    /// Adds text, which may have lines of its own.
    pub fn text(&mut self, text: &str, tint: Tint) {
        for (i, line) in text.split('\n').enumerate() {
            if i > 0 {
                self.end_line();
            }
            for (i, part) in line.trim_end_matches('\r').split('\t').enumerate() {
                if i > 0 {
                    self.put(&" ".repeat(TAB - self.column % TAB), tint);
                }
                for word in part.split_inclusive(' ') {
                    self.word(&harmless(word), tint);
                }
            }
        }
    }

    fn word(&mut self, word: &str, tint: Tint) {
        let wanted = columns(word.trim_end_matches(' '));
        // A word that fits no line is broken where it stands.
        if self.column + wanted > self.width && wanted <= self.width {
            self.end();
        }
        let mut rest = word;
        loop {
            let left = self.width - self.column.min(self.width);
            let head = fitting(rest, left);
            if head.len() >= rest.trim_end_matches(' ').len() {
                break;
            }
            self.put(head, tint);
            self.end();
            rest = &rest[head.len()..];
        }
        self.put(rest, tint);
    }

    fn put(&mut self, text: &str, tint: Tint) {
        if text.is_empty() {
            return;
        }
        self.begin();
        self.column += columns(text);
        self.ink.put(self.out, tint, text);
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.is_begun, true) {
            return;
        }
        self.ink.put(self.out, Tint::Dim, self.margin);
        let mut indent = self.indent;
        if let Some((label, tint)) = self.label.take() {
            indent = indent.saturating_sub(columns(&label));
            self.ink.put(self.out, tint, &label);
        }
        self.out.push_str(&" ".repeat(indent));
    }

    /// Ends a line of the text.
    fn end_line(&mut self) {
        if self.blanks {
            self.begin();
        }
        self.end();
    }

    /// Ends the line, if one was begun or a label waits for one.
    pub fn end(&mut self) {
        if self.label.is_some() {
            self.begin();
        }
        if std::mem::take(&mut self.is_begun) {
            let text = self.out.trim_end_matches(' ').len();
            self.out.truncate(text);
            self.out.push('\n');
            self.column = 0;
        }
    }
}

/// The start of a text that takes at most so many columns; one character at least where the room is a whole line's.
fn fitting(text: &str, room: usize) -> &str {
    let mut left = room;
    let cut = text.char_indices().find(|(_, character)| {
        let width = columns(character.encode_utf8(&mut [0; 4]));
        let fits = width <= left;
        left = left.saturating_sub(width);
        !fits
    });
    &text[..cut.map_or(text.len(), |(at, _)| at)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, label: &str, width: usize, expected: &str) {
        let mut out = String::new();
        let mut lines = Lines::new(&mut out, Ink::Plain, width, "│ ", 6).with_blanks();
        lines.label(label, Tint::Bold);
        lines.text(text, Tint::Normal);
        lines.end();
        assert_eq!(out, expected, "{text:?}");
    }

    #[test]
    fn text_hangs_behind_its_label() {
        check(
            "one two three four five",
            "user",
            29,
            "│ user  one two three four\n│       five\n",
        );
        check("a\n\n  b\tc\td", "tool", 80, "│ tool  a\n│\n│         b c   d\n");
        check("", "user", 80, "│ user\n");
        check("日本", "assistant", 80, "│ assistant\n│       日本\n");
        check("\u{202e}x", "\x1b[1m", 80, "│ \\x1b[1m\n│       \\u{202e}x\n");
    }

    #[test]
    fn a_word_of_a_megabyte_takes_linear_time() {
        let mut out = String::new();
        let mut lines = Lines::new(&mut out, Ink::Plain, 40, "", 0);
        lines.text(&"é".repeat(500_000), Tint::Normal);
        lines.end();
        assert_eq!(out.lines().count(), 12_500);
    }
}
