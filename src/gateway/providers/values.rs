//! How many values a body of JSON holds, told from its bytes before a tree is built of it: a tree takes dozens of bytes for a value
//! that took two.

/// Most values that a request may hold. Long conversations with many tools have some ten thousand.
pub(super) const MAX_VALUES: usize = 250_000;

/// Below this length, in bytes, no body holds too many.
const CERTAIN: usize = MAX_VALUES;

/// Whether a body holds more values than it may. Of what is no JSON any answer will do.
pub(in crate::gateway) fn are_too_many(body: &[u8]) -> bool {
    if body.len() < CERTAIN {
        return false;
    }
    let (mut count, mut at) = (0, 0);
    while let Some(&byte) = body.get(at) {
        at += 1;
        match byte {
            b'"' => at = behind_string(body, at),
            b',' | b'[' | b'{' => count += 1,
            _ => {}
        }
    }
    count > MAX_VALUES
}

/// The place behind the string that begins before `at`.
fn behind_string(body: &[u8], mut at: usize) -> usize {
    while let Some(length) = memchr::memchr2(b'"', b'\\', &body[at.min(body.len())..]) {
        at += length + 1;
        if body[at - 1] == b'"' {
            return at;
        }
        // Whatever is escaped ends no string.
        at += 1;
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: bool) {
        let shown: String = body.chars().take(40).collect();
        assert_eq!(are_too_many(body.as_bytes()), expected, "{shown}");
    }

    #[test]
    fn values_count_and_text_does_not() {
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
        check(&list("1", MAX_VALUES), false);
        check(&list("1", MAX_VALUES + 1), true);
        check(&list("[]", MAX_VALUES), true);
        check(&list("{\"a\":1}", MAX_VALUES), true);
        check(&list("\"a,b,c,[{\"", MAX_VALUES - 1), false);
        check(&format!("[\"{}\"]", ",[{".repeat(MAX_VALUES)), false);
        check(&format!("[\"{}\"]", "\\\",".repeat(MAX_VALUES)), false);
        check(
            &format!("[\"{}\\\\\"{}]", "x".repeat(MAX_VALUES), ",1".repeat(MAX_VALUES)),
            true,
        );
        for cut in ["\"", "\"\\", "\\", "\"\\u"] {
            check(&format!("{}{cut}", "x".repeat(MAX_VALUES)), false);
        }
    }
}
