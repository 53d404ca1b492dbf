//! Text that came from outside, made harmless for logs and terminals: no control characters, no escapes, no bidirectional
//! marks, no invisible characters, and no more of it than asked for.

/// At most `limit` characters of the text on one line; every hidden character becomes a blank. A cut is marked with `…`.
pub fn harmless(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    let mut rest = text.chars();
    out.extend(rest.by_ref().take(limit).map(|c| if is_hidden(c) { ' ' } else { c }));
    if rest.next().is_some() {
        out.push('…');
    }
    out
}

/// Control characters, bidirectional marks, invisible characters and separators of lines.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, limit: usize, expected: &str) {
        assert_eq!(harmless(text, limit), expected, "{text:?}");
    }

    #[test]
    fn hides_what_a_terminal_would_obey() {
        check("plain, ünïcode 🚩", 100, "plain, ünïcode 🚩");
        check("a\u{1b}[2Jb\r\nc\u{9b}d", 100, "a [2Jb  c d");
        check("x\u{202e}y\u{200b}z\u{2028}", 100, "x y z ");
        check("éééé", 3, "ééé…");
        check("ééé", 3, "ééé");
        check("x", 0, "…");
        check("x", usize::MAX, "x");
    }
}
