//! The fast path of the reader: the plain words of a text, of ASCII letters with an apostrophe inside at the most, found for 64
//! bytes at a time and read without a branch that depends on their letters. Promises exactly what the reader's own loop would
//! say of a word; whatever needs a closer look (digits, signs inside, three equal letters, other scripts) it leaves to that loop.

use std::ops::Range;

use wide::u8x16;

use super::joins;
use super::words::{HELD, Letters};
use crate::signals::steps::took;

/// Bytes of a block, one for each bit of its maps.
const BLOCK: usize = 64;
/// Bytes compared at once.
const LANES: usize = 16;

/// A word of letters, perhaps with an apostrophe inside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    /// One past its last byte.
    pub(super) end: usize,
    /// Its letters, folded.
    pub(super) letters: Letters,
    /// No letter of it is small.
    pub(super) capitals: bool,
}

/// Where the words of a stretch of text lie; reused from stretch to stretch.
#[derive(Debug, Default)]
pub(super) struct Map {
    /// First byte and length of each run of letters and inner apostrophes, in order.
    runs: Vec<(u32, u32)>,
    /// Whether some letter stands three times in a row.
    elongated: bool,
    /// The next run to look at.
    next: usize,
}

/// What the bytes of a block are, a bit each, the first lowest.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    letters: u64,
    apostrophes: u64,
    /// Letters that are the same as the one behind them.
    twice: u64,
}

impl Map {
    /// Maps a stretch of the text, replacing what was mapped before.
    pub(super) fn read(&mut self, text: &[u8], part: Range<usize>) {
        self.runs.clear();
        self.next = 0;
        self.elongated = false;
        let bytes = &text[part.clone()];
        took(bytes.len());
        let mut before = Block::default();
        let mut here = look(bytes);
        let mut open = None;
        for at in (0..bytes.len()).step_by(BLOCK) {
            let next = bytes.get(at + BLOCK..).map(look).unwrap_or_default();
            self.elongated |= here.twice & (here.twice << 1 | before.twice >> 63) != 0;
            let behind_letter = here.letters << 1 | before.letters >> 63;
            let before_letter = here.letters >> 1 | next.letters << 63;
            let word = here.letters | here.apostrophes & behind_letter & before_letter;
            self.add(word, part.start + at, &mut open);
            (before, here) = (here, next);
        }
        if let Some(start) = open {
            self.push(start, part.end);
        }
    }

    /// Adds the runs that end in a block; `open` is where one began that has not ended.
    fn add(&mut self, word: u64, base: usize, open: &mut Option<usize>) {
        let mut changes = word ^ (word << 1 | u64::from(open.is_some()));
        while changes != 0 {
            let at = base + changes.trailing_zeros() as usize;
            changes &= changes - 1;
            match open.take() {
                Some(start) => self.push(start, at),
                None => *open = Some(at),
            }
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        // Texts are read in parts of a few KiB, at offsets that tokens hold in 32 bits too.
        let small = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        self.runs.push((small(start), small(end - start)));
    }

    /// The word at `start`; none where it is not plain, or where there is none. Asked from left to right. `bytes` ends where the
    /// word must.
    #[inline]
    pub(super) fn plain_word(&mut self, bytes: &[u8], start: usize) -> Option<Plain> {
        let (run, length) = loop {
            let &(run, length) = self.runs.get(self.next)?;
            if run as usize >= start {
                break (run as usize, length as usize);
            }
            self.next += 1;
            took(1);
        };
        let end = start + length;
        if run != start || length > HELD || end > bytes.len() || goes_on(bytes, end) {
            return None;
        }
        if self.elongated && elongated(&bytes[start..end]) {
            return None;
        }
        self.next += 1;
        let mut padded = [0; HELD];
        let letters = bytes[start..].first_chunk().unwrap_or_else(|| {
            padded[..length].copy_from_slice(&bytes[start..end]);
            &padded
        });
        Some(Plain {
            end,
            letters: Letters::of_plain(letters, length),
            capitals: bytes[start].is_ascii_uppercase() && !bytes[start..end].iter().any(u8::is_ascii_lowercase),
        })
    }
}

/// What the first bytes are, up to a block.
fn look(bytes: &[u8]) -> Block {
    const PADDED: usize = BLOCK + LANES;
    let mut padded = [0; PADDED];
    let bytes: &[u8; PADDED] = if let Some(enough) = bytes.first_chunk() {
        enough
    } else {
        padded[..bytes.len()].copy_from_slice(bytes);
        &padded
    };
    let lanes = |at: usize| {
        u8x16::new(
            *bytes[at..]
                .first_chunk::<LANES>()
                .expect("the buffer is longer than a block"),
        )
    };
    let mut block = Block::default();
    for at in (0..BLOCK).step_by(LANES) {
        let (here, next) = (lanes(at), lanes(at + 1));
        let folded = here | u8x16::splat(0x20);
        let letters = (folded - u8x16::splat(b'a')).simd_le(u8x16::splat(b'z' - b'a'));
        let map = |lanes: u8x16| u64::from(lanes.to_bitmask()) << at;
        block.letters |= map(letters);
        block.twice |= map(letters & folded.simd_eq(next | u8x16::splat(0x20)));
        block.apostrophes |= map(here.simd_eq(u8x16::splat(b'\'')));
    }
    block
}

/// What a byte behind a run of letters means for the word.
#[derive(Clone, Copy, PartialEq)]
enum Behind {
    /// The word has ended.
    Ends,
    /// The word goes on, or is of another kind.
    GoesOn,
    /// That depends on what follows.
    Depends,
}

/// A table, since what stands behind a word cannot be foretold by a processor.
const BEHIND: [Behind; 256] = {
    let mut table = [Behind::Ends; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => Behind::GoesOn,
            b'\'' | b'*' | b'@' | b'$' | b':' => Behind::Depends,
            _ => Behind::Ends,
        };
        byte += 1;
    }
    table
};

/// Whether the sign at `end` makes the word longer than its letters, or another kind of word.
#[inline]
fn goes_on(bytes: &[u8], end: usize) -> bool {
    let Some(&byte) = bytes.get(end) else {
        return false;
    };
    match BEHIND[usize::from(byte)] {
        Behind::Ends => false,
        Behind::GoesOn => true,
        Behind::Depends if byte == b':' => bytes[end..].starts_with(b"://"),
        Behind::Depends => joins(bytes, end, bytes.len()),
    }
}

/// Whether a letter stands three times in a row.
fn elongated(word: &[u8]) -> bool {
    word.array_windows()
        .any(|[a, b, c]| a.eq_ignore_ascii_case(b) && b.eq_ignore_ascii_case(c))
}
