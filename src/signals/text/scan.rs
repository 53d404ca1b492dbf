//! The fast path of the reader: a word of plain ASCII letters, eight bytes at a time. Promises exactly what the reader's own
//! loop would say of the word; whatever needs a closer look (digits, signs inside, other scripts) it leaves to that loop.

use super::joins;
use super::words::{eight, finish, mix};

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;

/// A word of letters, perhaps with an apostrophe inside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    /// One past its last byte.
    pub(super) end: usize,
    /// Its hash, folded.
    pub(super) hash: u32,
    /// Its first eight letters, folded.
    pub(super) prefix: u64,
    /// No letter of it is small.
    pub(super) capitals: bool,
}

/// The word at `start`; none where it is not plain, or where there is none. `bytes` ends where the word must.
#[inline]
pub(super) fn plain_word(bytes: &[u8], start: usize) -> Option<Plain> {
    let (mut at, mut sum, mut prefix, mut small) = (start, 0, 0, 0);
    loop {
        let chunk = eight(bytes.get(at..).unwrap_or_default());
        let (letters, inner) = classes(chunk);
        let gap = !(letters | inner) & HIGH;
        let length = gap.trailing_zeros() as usize / 8;
        if length == 0 && at == start {
            return None;
        }
        let keep = first_bytes(length);
        let folded = (chunk | (0x20 * EACH)) & keep;
        small |= (chunk << 2) & letters & keep;
        if at == start {
            prefix = folded;
        }
        if length > 0 {
            sum = mix(sum, folded);
        }
        at += length;
        if length < 8 {
            break;
        }
    }
    if goes_on(bytes, at) || elongated(&bytes[start..at], prefix) {
        return None;
    }
    Some(Plain {
        end: at,
        hash: finish(sum),
        prefix,
        capitals: small == 0,
    })
}

/// The high bit of every byte that is a letter, and that is an apostrophe between two letters.
#[inline]
fn classes(chunk: u64) -> (u64, u64) {
    let seven = chunk & !HIGH;
    let folded = seven | (0x20 * EACH);
    let ascii = !chunk & HIGH;
    let letters = (folded + (0x80 - 0x61) * EACH) & !(folded + (0x80 - 0x7B) * EACH) & ascii;
    let apostrophes = !((seven ^ (0x27 * EACH)) + 0x7F * EACH) & ascii;
    (letters, apostrophes & (letters << 8) & (letters >> 8))
}

/// All bits of the first bytes, up to eight.
#[inline]
fn first_bytes(count: usize) -> u64 {
    if count == 0 { 0 } else { u64::MAX >> (64 - 8 * count) }
}

/// Whether the sign at `end` makes the word longer than its letters, or another kind of word.
#[inline]
fn goes_on(bytes: &[u8], end: usize) -> bool {
    match bytes.get(end) {
        None | Some(b' ' | b',' | b'.' | b'!' | b'?' | b'\n') => false,
        Some(b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0x80..) => true,
        Some(b'\'' | b'*' | b'@' | b'$') => joins(bytes, end, bytes.len()),
        Some(b':') => bytes[end..].starts_with(b"://"),
        Some(_) => false,
    }
}

/// Whether a letter stands three times in a row.
#[inline]
fn elongated(word: &[u8], prefix: u64) -> bool {
    if word.len() > 8 {
        return word
            .windows(3)
            .any(|run| run[0].eq_ignore_ascii_case(&run[1]) && run[1].eq_ignore_ascii_case(&run[2]));
    }
    let differ = (prefix ^ (prefix >> 8)) & !HIGH;
    let same = !(differ + 0x7F * EACH) & HIGH;
    // The zeros behind the word are equal too: only pairs of pairs inside it count.
    same & (same >> 8) & first_bytes(word.len().saturating_sub(2)) != 0
}
