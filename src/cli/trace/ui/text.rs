//! Text in lines of a width: wrapped at blanks, cut where a word is longer than the line, every character harmless. Each line knows
//! the item that it belongs to, so that what is under the cursor can be copied whole.

use unicode_width::UnicodeWidthChar;

use crate::viewer::{Tint, harmless};

/// Most lines that one item takes; the rest can be copied.
const MOST_LINES: usize = 2_000;
/// Fewest columns that a continued line keeps for its text, however deep it is indented.
const LEAST: usize = 8;

/// A line: pieces, each in its tint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Columns that stay blank before the text.
    pub(super) indent: usize,
    /// The pieces; harmless.
    pub(super) pieces: Vec<(Tint, String)>,
    /// The item, a place in [`Text::items`].
    pub(super) item: Option<usize>,
}

/// Something that can be copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item {
    /// What it is, for the message after copying.
    pub(super) what: String,
    /// The text itself, as it came.
    pub(super) text: String,
}

/// Lines of a width, and what they are of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) lines: Vec<Line>,
    pub(super) items: Vec<Item>,
    width: usize,
}

impl Text {
    /// No lines yet.
    pub(super) fn of_width(width: usize) -> Text {
        Text {
            width: width.max(1),
            ..Text::default()
        }
    }

    /// Something to be copied, of which the lines to come are.
    pub(super) fn item(&mut self, what: &str, text: String) -> Option<usize> {
        self.items.push(Item {
            what: what.to_owned(),
            text,
        });
        Some(self.items.len() - 1)
    }

    /// A line without text.
    pub(super) fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// Adds text that begins at a column; what is continued stands two columns further in. Line ends in it are kept.
    pub(super) fn flow(&mut self, item: Option<usize>, indent: usize, pieces: &[(Tint, &str)]) {
        let indent = indent.min(self.width.saturating_sub(LEAST));
        let hanging = (indent + 2).min(self.width.saturating_sub(LEAST));
        let mut filling = Filling {
            width: self.width,
            hanging,
            used: indent,
            start: indent,
            lines: vec![Line {
                indent,
                item,
                ..Line::default()
            }],
        };
        'all: for (tint, text) in pieces {
            for (number, paragraph) in text.split('\n').enumerate() {
                if number > 0 {
                    filling.next_line();
                }
                let paragraph = paragraph.strip_suffix('\r').unwrap_or(paragraph).replace('\t', "    ");
                for word in harmless(&paragraph).split_inclusive(' ') {
                    if filling.is_full() {
                        break 'all;
                    }
                    filling.word(*tint, word);
                }
            }
        }
        if filling.is_full() {
            filling.next_line();
            filling.put(Tint::Dim, "… (y copies all of it)");
        }
        self.lines.append(&mut filling.lines);
    }
}

/// Lines in the making.
struct Filling {
    width: usize,
    hanging: usize,
    used: usize,
    /// Where the line that is being filled began.
    start: usize,
    lines: Vec<Line>,
}

impl Filling {
    fn is_full(&self) -> bool {
        self.lines.len() > MOST_LINES
    }

    fn next_line(&mut self) {
        let item = self.lines.last().and_then(|line| line.item);
        (self.used, self.start) = (self.hanging, self.hanging);
        self.lines.push(Line {
            indent: self.hanging,
            item,
            ..Line::default()
        });
    }

    fn word(&mut self, tint: Tint, word: &str) {
        let bare = word.trim_end_matches(' ');
        if self.used + width(bare) > self.width && self.used > self.start && width(bare) <= self.width - self.hanging {
            self.next_line();
        }
        if self.used + width(word) <= self.width {
            self.put(tint, word);
            return;
        }
        let mut part = String::new();
        let mut columns = 0;
        for character in bare.chars() {
            let wide = char_width(character);
            if self.used + columns + wide > self.width && self.used + columns > self.start {
                self.put(tint, &part);
                part.clear();
                columns = 0;
                self.next_line();
            }
            if self.is_full() {
                return;
            }
            part.push(character);
            columns += wide;
        }
        self.put(tint, &part);
        // The blank behind it: as far as there is room.
        if word.len() > bare.len() && self.used < self.width {
            self.put(tint, " ");
        }
    }

    fn put(&mut self, tint: Tint, text: &str) {
        if text.is_empty() {
            return;
        }
        self.used += width(text);
        let line = self
            .lines
            .last_mut()
            .expect("there is always a line that is being filled");
        match line.pieces.last_mut() {
            Some((last, so_far)) if *last == tint => so_far.push_str(text),
            _ => line.pieces.push((tint, text.to_owned())),
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Never less than what a terminal takes: the mark that turns a sign into an emoji makes it a column wider.
fn char_width(character: char) -> usize {
    match character {
        '\u{fe0f}' => 1,
        other => other.width().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(columns: usize, indent: usize, pieces: &[(Tint, &str)], expected: &[&str]) {
        let mut text = Text::of_width(columns);
        text.flow(None, indent, pieces);
        assert_eq!(shown(&text), expected, "{pieces:?}");
    }

    fn shown(text: &Text) -> Vec<String> {
        let line = |line: &Line| {
            let words: String = line.pieces.iter().map(|(_, text)| text.as_str()).collect();
            format!("{}{words}", " ".repeat(line.indent))
        };
        text.lines.iter().map(line).collect()
    }

    #[test]
    fn text_is_wrapped_at_blanks_and_at_the_line() {
        check(
            20,
            0,
            &[(Tint::Normal, "one two three four five")],
            &["one two three four ", "  five"],
        );
        check(
            12,
            0,
            &[(Tint::Normal, "abcdefghijklmnop")],
            &["abcdefghijkl", "  mnop"],
        );
        check(12, 0, &[(Tint::Normal, "日本語日本語日")], &["日本語日本語", "  日"]);
        check(
            20,
            4,
            &[(Tint::Dim, "k: "), (Tint::Normal, "v\nw\r\nx")],
            &["    k: v", "      w", "      x"],
        );
        check(20, 0, &[(Tint::Normal, "a\tb\x1b[2J")], &["a    b\\x1b[2J"]);
        check(3, 90, &[(Tint::Normal, "abcd")], &["abc", "d"]);
        check(0, 0, &[(Tint::Normal, "ab日")], &["a", "b", "日"]);
    }

    #[test]
    fn an_endless_text_is_cut_and_says_so() {
        let mut text = Text::of_width(10);
        let item = text.item("value", String::new());
        for endless in ["a b\n".repeat(5_000), "x".repeat(500_000)] {
            text.lines.clear();
            text.flow(item, 0, &[(Tint::Normal, &endless)]);
            assert!(text.lines.len() <= MOST_LINES + 4, "{}", text.lines.len());
            assert!(text.lines.iter().all(|line| line.item == item));
            assert!(shown(&text).last().is_some_and(|line| line.contains("copies")));
        }
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_its_room_and_no_letter_is_lost(
            words in "[a-z 日\n\u{fe0f}]{0,80}", columns in 2_usize..30, indent in 0_usize..40,
        ) {
            let mut text = Text::of_width(columns);
            text.flow(None, indent, &[(Tint::Normal, &words)]);
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let all: String = shown(&text).concat();
            prop_assert_eq!(letters(&all), letters(&harmless(&words.replace('\n', " "))));
            for line in shown(&text) {
                prop_assert!(width(line.trim_end()) <= columns, "{:?}", line);
            }
        }
    }
}
