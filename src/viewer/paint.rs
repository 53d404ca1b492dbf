//! What reaches a terminal: characters made harmless, widths in columns, the colors of the roles. Refuses control
//! characters, escapes, bidirectional marks and invisible format characters: they are shown, never sent.

use std::{borrow::Cow, fmt::Write as _};

use unicode_width::UnicodeWidthChar;

use super::facts::Role;

/// Whether output is colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// 24-bit ANSI colors.
    Color,
    /// Plain text.
    Plain,
}

/// How a piece of text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tint {
    /// As it is.
    Normal,
    /// Stepping back: lines of the tree, keys.
    Dim,
    /// Stepping forward.
    Bold,
    /// Something went wrong.
    Error,
    /// What is being pointed at.
    Mark,
    /// Something is new, or better.
    Good,
    /// The component that recorded a span.
    Role(Role),
}

impl Ink {
    /// Adds text in a tint. The text must be harmless.
    pub fn put(self, out: &mut String, tint: Tint, text: &str) {
        if text.is_empty() {
            return;
        }
        let role;
        let code = match (self, tint) {
            (Ink::Plain, _) | (_, Tint::Normal) => {
                out.push_str(text);
                return;
            }
            (_, Tint::Dim) => "2",
            (_, Tint::Bold) => "1",
            (_, Tint::Error) => "1;31",
            (_, Tint::Mark) => "1;33",
            (_, Tint::Role(of)) => {
                role = role_code(of);
                role.as_str()
            }
            (_, Tint::Good) => "1;32",
        };
        write!(out, "\x1b[{code}m{text}\x1b[0m").expect("a String takes all");
    }
}

/// A color of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hue {
    /// Red, green, blue.
    Rgb(u8, u8, u8),
    /// One of the terminal's own eight.
    Ansi(u8),
    /// The terminal's own for text.
    Text,
}

impl Hue {
    /// The colors of the reference.
    pub fn of(role: Role) -> Hue {
        match role {
            Role::Inbound => Hue::Rgb(72, 96, 250),
            Role::Handoff => Hue::Rgb(87, 217, 169),
            Role::Orchestrator => Hue::Rgb(150, 159, 244),
            Role::Routing => Hue::Rgb(227, 162, 250),
            Role::Agent => Hue::Ansi(6),
            Role::Llm => Hue::Ansi(2),
            Role::Filter => Hue::Ansi(7),
            Role::Other => Hue::Text,
        }
    }
}

fn role_code(role: Role) -> String {
    match Hue::of(role) {
        Hue::Rgb(red, green, blue) => format!("1;38;2;{red};{green};{blue}"),
        Hue::Ansi(number) => format!("1;3{number}"),
        Hue::Text => "1".to_owned(),
    }
}

/// Whether a character could steer a terminal or hide text: control characters, bidirectional marks, line separators,
/// invisible format characters, private and unassigned tags. The joiner inside emoji is let through.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line with every harmful character spelt out: `\n`, `\t`, `\x1b`, `\u{202e}`. At most four combining
/// marks stay on one character, so that no text climbs over its neighbors.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let tame = |c: char| !is_harmful(c) && c.width() != Some(0);
    if text.chars().all(tame) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut marks = 0;
    for character in text.chars() {
        marks = if character.width() == Some(0) { marks + 1 } else { 0 };
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_harmful(c) && u32::from(c) < 0x100 => {
                write!(out, "\\x{:02x}", u32::from(c)).expect("a String takes all");
            }
            c if is_harmful(c) => write!(out, "{}", c.escape_unicode()).expect("a String takes all"),
            _ if marks > 4 => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Columns that the text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text in at most `room` columns, with `…` where it was cut; a flag at its end survives the cut.
pub fn fit(text: &str, room: usize) -> Cow<'_, str> {
    if columns(text) <= room {
        return Cow::Borrowed(text);
    }
    let tail = if text.ends_with(" 🚩") && room > 8 {
        "… 🚩"
    } else {
        "…"
    };
    let mut left = room.saturating_sub(columns(tail));
    let mut out = String::new();
    for character in text.chars() {
        let width = character.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        out.push(character);
    }
    if room > 0 {
        out.push_str(tail);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(harmless(text), expected);
    }

    #[test]
    fn harmful_characters_are_spelt_out() {
        check("plain 🚩 日本", "plain 🚩 日本");
        check("a\nb\tc\r", "a\\nb\\tc\\r");
        check("\x1b]0;owned\x07", "\\x1b]0;owned\\x07");
        check("\u{9b}2J\u{7f}", "\\x9b2J\\x7f");
        check("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}");
        check("\u{e0041}", "\\u{e0041}");
        check("👩\u{200d}💻", "👩\u{200d}💻");
        check(&format!("z{}", "\u{300}".repeat(50)), "z\u{300}\u{300}\u{300}\u{300}");
    }

    #[test]
    fn text_is_cut_to_its_room() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdefg", 6), "abcde…");
        assert_eq!(fit("POST /v1/chat/completions gpt-4o 🚩", 16), "POST /v1/cha… 🚩");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 0), "");
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left_and_nothing_is_too_wide(text in any::<String>(), room in 0_usize..40) {
            let clean = harmless(&text);
            prop_assert!(!clean.chars().any(is_harmful));
            prop_assert!(columns(&fit(&clean, room)) <= room);
        }
    }
}
