//! JSON that is no JSON for one reason only: a string was cut inside a character, as `slice` does in JavaScript and `json.dumps`
//! passes on, and is left with half a surrogate pair; or it holds a control character as it is. The conversation around it is
//! worth more than the character. For texts that were refused already: it costs what a second reading costs.

use serde::Deserialize;

use super::Node;

/// What becomes of a line's end inside a string.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum LineEnds {
    /// It is mended: the text is one document.
    Mended,
    /// It stays, and is refused: it parts one document from the next.
    Kept,
}

/// What stands in place of half a surrogate pair: as long as what it replaces, so that every offset stays.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// The text mended, of the same length; `None` where nothing is to be mended. It need not be one document, nor are strings told
/// from what is around them: there, neither an escape nor a control character but white space is JSON.
pub(crate) fn mended(text: &str, line_ends: LineEnds) -> Option<String> {
    let bytes = text.as_bytes();
    let mut mended: Option<Vec<u8>> = None;
    let mut put = |at: usize, what: &[u8]| {
        mended.get_or_insert_with(|| bytes.to_vec())[at..at + what.len()].copy_from_slice(what);
    };
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'\\' => match surrogate(&bytes[at..]) {
                None => 2,
                Some(0xD800..=0xDBFF) if matches!(surrogate(&bytes[at + 6..]), Some(0xDC00..)) => 12,
                Some(_) => {
                    put(at, REPLACEMENT);
                    REPLACEMENT.len()
                }
            },
            b'\n' if line_ends == LineEnds::Kept => 1,
            0..=0x1F => {
                put(at, b" ");
                1
            }
            _ => 1,
        };
    }
    String::from_utf8(mended?).ok()
}

/// The surrogate whose escape a text begins with.
fn surrogate(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let code = (digits.iter()).try_fold(0, |code, &digit| Some(code * 16 + char::from(digit).to_digit(16)?))?;
    (0xD800..=0xDFFF).contains(&code).then_some(code)
}

/// Reads one value that was refused, mended.
pub(super) fn read<'a>(text: &str) -> Option<Node<'a>> {
    // Many values are plain text.
    if !text.trim_start().starts_with(['{', '[', '"']) {
        return None;
    }
    let mended = mended(text, LineEnds::Mended)?;
    // From a reader, so that nothing is borrowed from what is thrown away.
    let mut from = serde_json::Deserializer::from_reader(mended.as_bytes());
    let tree = Node::deserialize(&mut from).ok()?;
    from.end().ok().map(|()| tree)
}
