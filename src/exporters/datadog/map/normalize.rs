//! Datadog's rules for names, services, tags and times: what its backend cannot take is put right in the way in which its agent does it, so
//! that a service has one name whichever way its spans took.

use std::sync::LazyLock;

use regex::Regex;

/// Longest operation name, in bytes.
const NAME_LIMIT: usize = 100;
/// Longest service, in bytes.
const SERVICE_LIMIT: usize = 100;
/// Longest tag, in characters.
const TAG_LIMIT: usize = 200;
/// Longest type, in bytes.
pub(super) const TYPE_LIMIT: usize = 100;
/// Longest resource, in bytes.
pub(super) const RESOURCE_LIMIT: usize = 5000;
/// Longest key of a tag, in bytes.
pub(super) const KEY_LIMIT: usize = 200;
/// Longest value of a tag, in bytes.
pub(super) const VALUE_LIMIT: usize = 25_000;

/// Operation of a span that has no name that can be kept.
const UNNAMED_OPERATION: &str = "unnamed_operation";
/// Service of a span that has none that can be kept.
pub(super) const UNNAMED_SERVICE: &str = "unnamed-service";
/// 2000-01-01: a span that started before has no clock.
const OLDEST_START: i64 = 946_684_800_000_000_000;

/// Bytes beyond a limit that tell that a text is longer, whatever its characters.
pub(super) const ENOUGH: usize = 8;

/// Whether a tag is Datadog's own, some of which stay whole.
pub(super) fn is_own(key: &str) -> bool {
    key.starts_with("_dd.")
}

/// As much of a tag as its truncation looks at, for what is copied to every span before.
pub(super) fn enough(key: &str, text: &str) -> (String, String) {
    if is_own(key) {
        return (key.to_owned(), text.to_owned());
    }
    let (key, text) = (start_of(key, KEY_LIMIT + ENOUGH), start_of(text, VALUE_LIMIT + ENOUGH));
    (key.to_owned(), text.to_owned())
}

/// The start of a text, in bytes, no character cut in two.
pub(super) fn start_of(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    &text[..text.floor_char_boundary(limit)]
}

/// An operation name: ASCII letters, digits, dots, single underscores; it begins with a letter.
pub(super) fn name(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(NAME_LIMIT));
    let rest = start_of(text, NAME_LIMIT);
    for byte in rest.bytes().skip_while(|byte| !byte.is_ascii_alphabetic()) {
        match byte {
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            b'.' => {
                if out.ends_with('_') {
                    out.pop();
                }
                out.push('.');
            }
            _ if !out.ends_with(['.', '_']) => out.push('_'),
            _ => {}
        }
    }
    if out.ends_with('_') {
        out.pop();
    }
    if out.is_empty() {
        UNNAMED_OPERATION.to_owned()
    } else {
        out
    }
}

/// A service.
pub(super) fn service(text: &str) -> String {
    match tag_value(start_of(text, SERVICE_LIMIT)) {
        empty if empty.is_empty() => UNNAMED_SERVICE.to_owned(),
        fixed => fixed,
    }
}

/// The service at the other end; empty where it cannot be kept.
pub(super) fn peer_service(text: &str) -> String {
    tag_value(start_of(text, SERVICE_LIMIT))
}

/// The value of a tag: lower case, letters, digits, `_`, `:`, `.`, `/`, `-`.
pub(super) fn tag_value(text: &str) -> String {
    let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b':' | b'.' | b'/' | b'-');
    if text.len() <= TAG_LIMIT && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().min(2 * TAG_LIMIT));
    // Whether what comes next to the output is a run of characters that cannot be kept.
    let mut gap = false;
    let (mut seen, mut bytes) = (0, 0);
    for c in text.chars() {
        match kept(c) {
            Some(kept) => {
                if std::mem::take(&mut gap) {
                    out.push('_');
                }
                out.push(kept);
            }
            None => gap = true,
        }
        seen += 1;
        bytes += c.len_utf8();
        if seen == TAG_LIMIT || bytes >= 2 * TAG_LIMIT {
            break;
        }
    }
    out
}

/// A character as a tag may hold it.
fn kept(c: char) -> Option<char> {
    match c {
        'a'..='z' | '0'..='9' | ':' | '.' | '/' | '-' => Some(c),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        '\0'..='\x7f' => None,
        _ => {
            let lower = c.to_lowercase().next().filter(|lower| lower.len_utf8() == c.len_utf8());
            let lower = lower.filter(|_| c.is_uppercase()).unwrap_or(c);
            is_letter_or_digit(lower).then_some(lower)
        }
    }
}

/// Letters and decimal digits of Unicode; marks, symbols and other numbers are none.
fn is_letter_or_digit(c: char) -> bool {
    static CLASS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{Nd}]$").expect("a valid pattern"));
    CLASS.is_match(c.encode_utf8(&mut [0; 4]))
}

/// A duration that is negative, or whose end lies beyond all time, is none.
pub(super) fn duration(start: i64, duration: i64) -> i64 {
    if duration < 0 || start.checked_add(duration).is_none() {
        0
    } else {
        duration
    }
}

/// A start of before 2000 is what it would be if the span ended now.
pub(super) fn start(start: i64, duration: i64, now: i64) -> i64 {
    if start >= OLDEST_START {
        return start;
    }
    let moved = now.saturating_sub(duration);
    if moved < 0 { now } else { moved }
}

/// Whether it can be the status of an answer over HTTP.
pub(super) fn is_http_status(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.parse::<u64>().is_ok_and(|status| (100..600).contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |text: &str, expected: &str| assert_eq!(name(text), expected, "{text:?}");
        check("http.server.request", "http.server.request");
        check("GET /a b", "GET_a_b");
        check("9.lives", "lives");
        check("a__b_.c._d_", "a_b.c.d");
        check("ключ", "unnamed_operation");
        check("", "unnamed_operation");
        check("clé", "cl");
        assert_eq!(name(&"x".repeat(300)).len(), 100);
    }

    #[test]
    fn tag_values() {
        let check = |text: &str, expected: &str| assert_eq!(tag_value(text), expected, "{text:?}");
        check("shop-api", "shop-api");
        check("Shop API", "shop_api");
        check("plano(llm)", "plano_llm");
        check("a__b..c", "a_b..c");
        check("_a", "_a");
        check("!!!", "");
        check("Ünï 名前 🚩 x", "ünï_名前_x");
        check("İ", "İ");
        check("Ⅷ①२", "_२");
        check("e\u{301}a", "e_a");
        assert_eq!(tag_value(&"E".repeat(300)), "e".repeat(200));
        assert_eq!(tag_value(&"🍣".repeat(300)), "");
    }

    #[test]
    fn services() {
        let check = |text: &str, expected: &str| assert_eq!(service(text), expected, "{text:?}");
        check("", "unnamed-service");
        check("!!!", "unnamed-service");
        check("Shop API", "shop_api");
        assert_eq!(service(&"a".repeat(120)).len(), 100);
        assert_eq!(peer_service("!"), "");
    }

    #[test]
    fn times() {
        assert_eq!([duration(5, -1), duration(i64::MAX, 1), duration(5, 7)], [0, 0, 7]);
        let now = OLDEST_START + 1000;
        assert_eq!(
            [start(0, 10, now), start(now, 10, now), start(0, i64::MAX, now)],
            [now - 10, now, now]
        );
    }

    #[test]
    fn statuses() {
        let valid: Vec<_> = ["200", "599", "600", "99", "-200", "+200", "2e2", "", "0200"]
            .into_iter()
            .filter(|text| is_http_status(text))
            .collect();
        assert_eq!(valid, ["200", "599", "0200"]);
    }

    #[test]
    fn no_character_is_cut() {
        assert_eq!(
            [start_of("aé", 2), start_of("aé", 3), start_of("é", 1)],
            ["a", "aé", ""]
        );
    }
}
