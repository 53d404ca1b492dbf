//! A glance at a reply, at memory speed: enough to tell, without reading its words, that it is unlike another reply and does not
//! run in a circle. Errs towards reading: what it lets through, the words decide. Says nothing of texts in which its anchor
//! is rare (short ones, other scripts).

use wide::u8x16;

use crate::signals::steps::counted;

/// The letter at which a text is looked at: about every twentieth of most languages in Latin script.
const ANCHOR: u8 = b'h';
/// Bits of a trace, in words of 64.
const WORDS: usize = 8;
/// Fewest anchors that say something.
const FEWEST: u32 = 8;
/// One anchor in so many bytes is what prose has at least.
const RAREST: usize = 64;
/// Shortest circle that is looked for, in bytes; a reply that runs in one does not soon end.
pub(crate) const CIRCLE: usize = 72;
/// Distance of the taps for a circle in which no anchor stands: what it has more than a tap needs, the first of its rounds and
/// the bytes that a tap reads.
const TAP: usize = 40;
/// One place in so many is remembered between anchors.
const STRIDE: usize = 4;
/// Bytes that stand again behind each other where there is a circle: three quarters of the shortest one, which came four times.
const AGAIN: usize = 48;
/// How far back a place is compared; more than any circle that counts is long.
const BACK: usize = 512;
/// Places with the same hash that are compared.
const TRIES: usize = 4;
/// Stretches that the hash of a place tells apart; 2^10.
const HASHES: usize = 1 << 10;
/// Bytes searched at once for anchors.
const BLOCK: usize = 64;

const FOLD: u64 = 0x2020_2020_2020_2020;
const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;

/// What a glance leaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Glance {
    /// One bit for the eight bytes at each anchor, by their hash.
    trace: [u64; WORDS],
    /// Whether there are enough anchors for a comparison.
    telling: bool,
    /// Hash of all bytes, without regard to case.
    pub(crate) whole: u64,
    /// Whether a stretch of the text may be repeated on and on.
    pub(crate) may_circle: bool,
}

impl Glance {
    /// Looks at a text.
    ///
    /// A stretch that is repeated on and on has an anchor in every round, or none at all. So what stands at an anchor is looked
    /// for at the anchors before it; and a long stretch without an anchor is tapped.
    pub(crate) fn at(text: &[u8], places: &mut Places) -> Glance {
        places.clear();
        let mut glance = Glance::default();
        let (mut anchors, mut open) = (0, 0);
        let mut take = |at: usize| {
            if at - open >= CIRCLE {
                glance.may_circle = glance.may_circle || places.circle_between(text, open, at);
            }
            open = at + 1;
            if let Some(window) = text[at..].first_chunk() {
                let hash = hash_of(window);
                glance.trace[hash % WORDS] |= 1 << (hash / WORDS % 64);
                anchors += 1;
                glance.may_circle = glance.may_circle || places.stands_before(text, at, window, hash);
                places.remember(at, hash);
            }
        };
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        for (number, block) in blocks.iter().enumerate() {
            let mut found = anchors_of(block);
            while found != 0 {
                take(number * BLOCK + found.trailing_zeros() as usize);
                found &= found - 1;
            }
        }
        memchr::memchr_iter(ANCHOR, rest).for_each(|at| take(blocks.len() * BLOCK + at));
        glance.may_circle = glance.may_circle || places.circle_between(text, open, text.len());
        glance.telling = anchors >= FEWEST && anchors as usize * RAREST >= text.len();
        glance.whole = fingerprint(text);
        glance
    }

    /// Whether the two may be near-duplicates: where four in five word triples are the same, most windows are too.
    pub(crate) fn may_resemble(&self, other: &Glance) -> bool {
        if !self.telling || !other.telling {
            return true;
        }
        let (mut both, mut either) = (0, 0);
        for (a, b) in self.trace.iter().zip(&other.trace) {
            both += (a & b).count_ones();
            either += (a | b).count_ones();
        }
        both * 5 >= either * 2
    }
}

/// A bit for each anchor of a block.
fn anchors_of(block: &[u8; BLOCK]) -> u64 {
    let (lanes, _) = block.as_chunks::<16>();
    let anchors = |lane: &[u8; 16]| u8x16::new(*lane).simd_eq(u8x16::splat(ANCHOR)).to_bitmask();
    lanes
        .iter()
        .rev()
        .fold(0, |bits, lane| bits << 16 | u64::from(anchors(lane)))
}

/// Hash of all bytes, without regard to case; four sums side by side, since each waits for its own last step.
fn fingerprint(text: &[u8]) -> u64 {
    let step = |sum: u64, chunk: &[u8; 8]| {
        (sum ^ (u64::from_le_bytes(*chunk) | FOLD))
            .wrapping_mul(PRIME)
            .rotate_left(29)
    };
    let start = PRIME ^ text.len() as u64;
    let mut sums = [start, start ^ 1, start ^ 2, start ^ 3];
    let (blocks, rest) = text.as_chunks::<32>();
    for block in blocks {
        for (sum, chunk) in sums.iter_mut().zip(block.as_chunks().0) {
            *sum = step(*sum, chunk);
        }
    }
    let mut last = [0; 32];
    last[..rest.len()].copy_from_slice(rest);
    let ends = last.as_chunks().0.iter();
    let sum = ends
        .zip(sums)
        .fold(start, |all, (chunk, sum)| step(all, &step(sum, chunk).to_le_bytes()));
    sum ^ (sum >> 32)
}

/// Places of a text by the hash of what stands there; reused from text to text.
#[derive(Debug)]
pub(crate) struct Places {
    /// The latest place of each hash: its index in `chain` plus one, or 0.
    latest: [u16; HASHES],
    /// Every place, and the one before it with the same hash.
    chain: Vec<(u32, u16)>,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            latest: [0; HASHES],
            chain: Vec::new(),
        }
    }
}

impl Places {
    fn clear(&mut self) {
        self.latest = [0; HASHES];
        self.chain.clear();
    }

    fn remember(&mut self, at: usize, hash: usize) {
        // Texts are read in parts of a few KiB: every place fits.
        let (Ok(place), Ok(number)) = (u32::try_from(at), u16::try_from(self.chain.len() + 1)) else {
            return;
        };
        let before = std::mem::replace(&mut self.latest[hash], number);
        self.chain.push((place, before));
    }

    /// Whether the bytes around a place stand around an earlier one too.
    fn stands_before(&self, text: &[u8], at: usize, window: &[u8; 8], hash: usize) -> bool {
        let mut number = self.latest[hash];
        for _ in counted(0..TRIES) {
            let Some(&(before, next)) = usize::from(number)
                .checked_sub(1)
                .and_then(|index| self.chain.get(index))
            else {
                return false;
            };
            let before = before as usize;
            if at - before > BACK {
                return false;
            }
            if text[before..].first_chunk() == Some(window) && stands_again(text, before, at) {
                return true;
            }
            number = next;
        }
        false
    }

    /// Whether a stretch may hold a circle. Remembers every fourth place and asks at four neighboring ones now and then, of which
    /// one meets a remembered place whatever the length of the circle is.
    fn circle_between(&mut self, text: &[u8], start: usize, end: usize) -> bool {
        if end - start < CIRCLE {
            return false;
        }
        let asked = |places: &Places, at: usize| {
            let window = text[at..].first_chunk();
            window.is_some_and(|window| places.stands_before(text, at, window, hash_of(window)))
        };
        for (number, window) in counted(text[start..end].array_windows().step_by(STRIDE)).enumerate() {
            let at = start + number * STRIDE;
            if (number * STRIDE).is_multiple_of(TAP) && (at..at + STRIDE).any(|at| asked(self, at)) {
                return true;
            }
            self.remember(at, hash_of(window));
        }
        false
    }
}

/// Whether enough bytes around two places are the same.
fn stands_again(text: &[u8], before: usize, at: usize) -> bool {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let ahead = text[at..].iter().zip(&text[before..]).take_while(same);
    let behind = text[..at]
        .iter()
        .rev()
        .zip(text[..before].iter().rev())
        .take_while(same);
    counted(ahead.chain(behind).take(AGAIN)).count() == AGAIN
}

fn hash_of(window: &[u8; 8]) -> usize {
    ((u64::from_le_bytes(*window) | FOLD).wrapping_mul(PRIME) >> 54) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &str = "I have checked the order that you asked about, and the other half of the shipment has left the \
        warehouse this morning; the carrier says that it should be there within three working days.";

    fn glance(text: &str) -> Glance {
        Glance::at(text.as_bytes(), &mut Places::default())
    }

    fn check(a: &str, b: &str, expected: bool) {
        assert_eq!(glance(a).may_resemble(&glance(b)), expected, "{a}\n{b}");
    }

    #[test]
    fn unlike_replies_are_told_and_alike_ones_let_through() {
        check(REPLY, REPLY, true);
        check(REPLY, &REPLY.replace("three", "four"), true);
        check(REPLY, &format!("{REPLY} Is there anything else?"), true);
        let other = "The refund has been started; the bank shows it here within a week. Whether the shipping charge is part \
            of that depends on the reason; please tell me whether the shoes had a fault when they arrived.";
        check(REPLY, other, false);
    }

    #[test]
    fn what_says_nothing_is_let_through() {
        check("Hi!", "Go away.", true);
        check(&"привет ".repeat(50), &"пока что ".repeat(50), true);
    }

    #[test]
    fn circles_are_seen() {
        assert!(!glance(REPLY).may_circle);
        for circle in ["no ", "a b ", "the answer is in the answer and so ", "здравствуйте "] {
            assert!(glance(&circle.repeat(24)).may_circle, "{circle}");
        }
    }

    #[test]
    fn equal_but_for_case_is_equal() {
        assert_eq!(glance("Hello There").whole, glance("hello there").whole);
        assert_ne!(glance("hello there").whole, glance("hello where").whole);
        assert_ne!(glance("12345678").whole, glance("12345679").whole);
    }
}
