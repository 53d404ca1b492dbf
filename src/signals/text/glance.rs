//! A glance at a reply, at memory speed: enough to tell, without reading its words, that it is unlike another reply and does not
//! run in a circle. Errs towards reading: what it lets through, the words decide. Says nothing of texts in which its anchor
//! is rare (short ones, other scripts).

/// The letter at which a text is looked at: about every twentieth of most languages in Latin script.
const ANCHOR: u8 = b'h';
/// Bits of a trace, in words of 64.
const WORDS: usize = 8;
/// Fewest anchors that say something.
const FEWEST: u32 = 8;
/// One anchor in so many bytes is what prose has at least.
const RAREST: usize = 64;
/// Distance of the taps for a circle, and bytes compared at each: together no more than the shortest circle that counts.
const TAP: usize = 32;
const TAPPED: usize = 16;
/// How far back a tap looks; more than any circle that counts is long.
const BACK: usize = 512;
/// Places remembered while a circle is looked for; 2^10, as many as the hash tells apart.
const PLACES: usize = 1 << 10;
/// One place in so many is remembered.
const STRIDE: usize = 4;

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
}

impl Glance {
    /// Looks at a text.
    pub(crate) fn at(text: &[u8]) -> Glance {
        let mut trace = [0; WORDS];
        let mut anchors = 0;
        for at in memchr::memchr_iter(ANCHOR, text) {
            let Some(&window) = text[at..].first_chunk::<8>() else {
                break;
            };
            let hash = (u64::from_le_bytes(window) | FOLD).wrapping_mul(PRIME) >> 55;
            trace[hash as usize / 64] |= 1 << (hash % 64);
            anchors += 1;
        }
        Glance {
            trace,
            telling: anchors >= FEWEST && anchors as usize * RAREST >= text.len(),
            whole: fingerprint(text),
        }
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

fn fingerprint(text: &[u8]) -> u64 {
    let (chunks, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = PRIME ^ text.len() as u64;
    let all = chunks.iter().chain([&last]);
    let sum = all.fold(start, |sum, chunk| {
        (sum ^ (u64::from_le_bytes(*chunk) | FOLD))
            .wrapping_mul(PRIME)
            .rotate_left(29)
    });
    sum ^ (sum >> 32)
}

/// Whether a stretch of the text may be repeated on and on: what stands at some tap stands shortly before too. Remembers every
/// fourth place by the hash of its eight bytes and asks at four neighboring ones, of which one meets a remembered place
/// whatever the length of the circle is.
pub(crate) fn may_run_in_circles(text: &[u8]) -> bool {
    let mut places = [0_u16; PLACES];
    for at in (0..text.len().saturating_sub(TAPPED + STRIDE)).step_by(STRIDE) {
        if at % TAP == 0 && (at..at + STRIDE).any(|at| stands_before(text, at, &places)) {
            return true;
        }
        // Texts are read in parts of a few KiB: every place fits.
        places[place_of(text, at)] = u16::try_from(at + 1).unwrap_or(0);
    }
    false
}

/// Whether the bytes at a place stand at the remembered place of the same hash too.
fn stands_before(text: &[u8], at: usize, places: &[u16; PLACES]) -> bool {
    let Some(before) = usize::from(places[place_of(text, at)]).checked_sub(1) else {
        return false;
    };
    at - before <= BACK && text[before..before + TAPPED] == text[at..at + TAPPED]
}

fn place_of(text: &[u8], at: usize) -> usize {
    let window = text[at..].first_chunk::<8>().copied().unwrap_or_default();
    (u64::from_le_bytes(window).wrapping_mul(PRIME) >> 54) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &str = "I have checked the order that you asked about, and the other half of the shipment has left the \
        warehouse this morning; the carrier says that it should be there within three working days.";

    fn check(a: &str, b: &str, expected: bool) {
        assert_eq!(
            Glance::at(a.as_bytes()).may_resemble(&Glance::at(b.as_bytes())),
            expected,
            "{a}\n{b}"
        );
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
        assert!(!may_run_in_circles(REPLY.as_bytes()));
        for circle in ["no ", "a b ", "the answer is in the answer and so ", "здравствуйте "] {
            assert!(may_run_in_circles(circle.repeat(24).as_bytes()), "{circle}");
        }
    }

    #[test]
    fn equal_but_for_case_is_equal() {
        assert_eq!(Glance::at(b"Hello There").whole, Glance::at(b"hello there").whole);
        assert_ne!(Glance::at(b"hello there").whole, Glance::at(b"hello where").whole);
        assert_ne!(Glance::at(b"12345678").whole, Glance::at(b"12345679").whole);
    }
}
