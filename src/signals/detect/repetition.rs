//! Replies that come again: near-duplicates, cycles of replies, and degeneration inside one reply. A reply is remembered by
//! one number for equality, and the latest few by a sketch for likeness; numbers that differ make a reply a new one, and a
//! reply that the user asked to hear again is none.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{Detector, Finding, Memory, Observed};
use crate::signals::conversation::Role;
use crate::signals::kind::SignalType;
use crate::signals::report::{Detail, as_f64};
use crate::signals::steps::{counted, took};
use crate::signals::text::glance::{Glance, Places};
use crate::signals::text::{NUMBER, OTHER, QUOTED, Token, Words, windows};

/// Fewest words of a reply that can repeat another; courtesies are shorter.
const SHORTEST: usize = 6;
/// Latest replies that are kept as sketches.
const RECENT: usize = 6;
/// Smallest hashes of word triples that make a sketch.
const SKETCH: usize = 48;
/// Least estimated share of common triples of near-duplicates.
const LIKENESS: f64 = 0.8;
/// Longest stretch of words whose repetition inside a reply is looked for.
const LONGEST_PERIOD: usize = 24;
/// Replies for which space is kept from one conversation to the next.
const ROOM: usize = 1024;
/// Replies that are looked for in a list, after which they are put into the map.
const LISTED: usize = 32;
/// Bins of a trace.
const BINS: usize = 64;
/// Bytes from which a glance at a reply may take the place of reading it.
const GLANCED: usize = 64;
/// Fewest times that a stretch must come, and fewest words that it must fill.
const DEGENERATE: (usize, usize) = (4, 24);

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Repetition,
    find,
};

/// What is remembered of the replies.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// The hash of each reply's text, in order.
    order: Vec<u64>,
    /// How many of those are not in the map: they came with a saved state, and mostly few replies follow.
    unmapped: usize,
    /// Index of the latest reply with that hash.
    seen: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    recent: [Reply; RECENT],
    /// Whether the user asked for the last reply again.
    asked_again: bool,
    current: Reply,
    /// Whether the last reply may run in a circle.
    may_circle: bool,
    places: Places,
    /// For reading a reply.
    words: Words,
    hashes: Vec<u32>,
}

/// The replies without their text.
#[derive(Debug, Clone, Default)]
pub(super) struct Saved {
    order: Box<[u64]>,
    /// The latest replies, oldest first; every sketch is sorted.
    recent: Box<[(Glance, Sketch)]>,
    asked_again: bool,
}

/// A reply. Its words are read only where a glance does not tell enough.
#[derive(Debug, Default)]
struct Reply {
    /// The parts of its text that count.
    text: String,
    glance: Glance,
    /// Its sketch, once its words have been read.
    sketch: Sketch,
    is_read: bool,
}

/// Takes a number that is a hash already for its own hash.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |sum, &byte| sum.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A reply's word triples by their hashes, and a hash of its numbers. Most replies are unlike; that is told from the traces,
/// and only the others are sorted for the estimate.
#[derive(Debug, Clone)]
struct Sketch {
    /// Every triple while `sorted` is not set, then the least ones.
    least: Vec<u32>,
    sorted: bool,
    /// The least triple of each bin, by its high bits: replies with most triples in common have most bins in common.
    trace: [u32; BINS],
    numbers: u32,
    /// Number of words.
    words: usize,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            least: Vec::new(),
            sorted: false,
            trace: [u32::MAX; BINS],
            numbers: 0,
            words: 0,
        }
    }
}

fn find(observed: &Observed<'_>, memory: &mut Memory) -> Option<Finding> {
    let replies = &mut memory.replies;
    if !observed.is(Role::Assistant) {
        return None;
    }
    let text = &observed.message.text;
    let (before, asked) = (replies.admit(text), std::mem::take(&mut replies.asked_again));
    if let Some((likeness, distance)) = before.filter(|_| !asked) {
        let metadata = vec![
            ("likeness", Detail::Number(likeness)),
            ("replies_back", Detail::Number(as_f64(distance))),
        ];
        return Some(Finding {
            confidence: likeness.min(0.95),
            snippet: None,
            metadata,
        });
    }
    if !replies.may_circle {
        return None;
    }
    let tokens = replies.read(text);
    let (range, times) = degeneration(tokens)?;
    let snippet = Some(tokens[range.start].start as usize..tokens[range.end - 1].end as usize);
    Some(Finding {
        confidence: 0.9,
        snippet,
        metadata: vec![("times", Detail::Number(as_f64(times)))],
    })
}

impl Replies {
    /// Forgets the replies and keeps the space, unless that is large.
    pub(super) fn clear(&mut self) {
        if self.seen.capacity() > ROOM {
            self.seen = HashMap::default();
        }
        if self.order.capacity() > ROOM {
            self.order = Vec::new();
        }
        self.seen.clear();
        self.order.clear();
        self.unmapped = 0;
        self.asked_again = false;
    }

    /// Notes whether a user's turn asks to hear the last reply again, whatever is switched off.
    pub(super) fn heed(&mut self, observed: &Observed<'_>) {
        if observed.is(Role::User) {
            self.asked_again = counted(observed.hits).any(|hit| hit.kind == SignalType::Clarification);
        }
    }

    /// What is to be known of the replies, whatever comes. Reads those that only had a glance: their text is not kept.
    pub(super) fn save(&mut self) -> Saved {
        let count = self.order.len();
        let latest = count.saturating_sub(RECENT)..count;
        let mut keep = |index: usize| {
            let reply = &mut self.recent[index % RECENT];
            let sketch = reply.sketch(&mut self.words, &mut self.hashes);
            sketch.sort();
            let sketch = sketch.clone();
            (reply.glance.clone(), sketch)
        };
        Saved {
            recent: latest.map(&mut keep).collect(),
            order: self.order.as_slice().into(),
            asked_again: self.asked_again,
        }
    }

    pub(super) fn load(&mut self, saved: &Saved) {
        self.clear();
        self.order.extend_from_slice(&saved.order);
        self.unmapped = saved.order.len();
        let first = saved.order.len() - saved.recent.len();
        for (index, (glance, sketch)) in saved.recent.iter().enumerate() {
            self.recent[(first + index) % RECENT].put(glance, sketch);
        }
        self.asked_again = saved.asked_again;
    }

    /// Adds a reply's hash; the index of the latest reply before with the same.
    fn remember(&mut self, whole: u64) -> Option<usize> {
        let index = self.order.len();
        if self.unmapped > 0 && index - self.unmapped >= LISTED {
            for (at, &hash) in counted(&self.order[..self.unmapped]).enumerate() {
                let latest = self.seen.entry(hash).or_insert(at);
                *latest = at.max(*latest);
            }
            self.unmapped = 0;
        }
        let before = self.seen.insert(whole, index);
        self.order.push(whole);
        before.or_else(|| {
            took(self.unmapped);
            self.order[..self.unmapped].iter().rposition(|&hash| hash == whole)
        })
    }

    fn read(&mut self, text: &str) -> &[Token] {
        self.words.read(text, None);
        &self.words.tokens
    }

    /// Remembers a reply; the likeness of an earlier one and how many replies back it lies, where it is the same.
    fn admit(&mut self, text: &str) -> Option<(f64, usize)> {
        self.current.take(text, &mut self.places);
        self.may_circle = self.current.glance.may_circle;
        // A glance at little text says little: it is read, and where it is too short to repeat another it is no reply here.
        if text.len() < GLANCED && self.current.sketch(&mut self.words, &mut self.hashes).words < SHORTEST {
            return None;
        }
        let index = self.order.len();
        let equal = self.remember(self.current.glance.whole);
        let equal = equal.map(|at| (1.0, index - at)).filter(|_| {
            text.len() < GLANCED || self.current.sketch(&mut self.words, &mut self.hashes).words >= SHORTEST
        });
        let found = equal.or_else(|| {
            let (words, hashes) = (&mut self.words, &mut self.hashes);
            (1..=index.min(RECENT))
                .map(|back| {
                    (
                        self.current
                            .likeness(&mut self.recent[(index - back) % RECENT], words, hashes),
                        back,
                    )
                })
                .find(|(likeness, _)| *likeness >= LIKENESS)
        });
        std::mem::swap(&mut self.recent[index % RECENT], &mut self.current);
        found
    }
}

impl Saved {
    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        let least: usize = self.recent.iter().map(|(_, sketch)| sketch.least.capacity()).sum();
        size_of_val(&*self.order) + size_of_val(&*self.recent) + least * size_of::<u32>()
    }
}

impl Reply {
    /// Becomes a reply whose words have been read.
    fn put(&mut self, glance: &Glance, sketch: &Sketch) {
        self.text.clear();
        self.glance.clone_from(glance);
        self.sketch.least.clone_from(&sketch.least);
        self.sketch = Sketch {
            least: std::mem::take(&mut self.sketch.least),
            ..*sketch
        };
        self.is_read = true;
    }

    fn take(&mut self, text: &str, places: &mut Places) {
        self.text.clear();
        for part in windows(text) {
            self.text.push_str(&text[part]);
            self.text.push('\n');
        }
        took(self.text.len());
        self.glance = Glance::at(self.text.as_bytes(), places);
        self.is_read = false;
    }

    /// Reads the words where that was not done before.
    fn sketch(&mut self, words: &mut Words, hashes: &mut Vec<u32>) -> &mut Sketch {
        if !std::mem::replace(&mut self.is_read, true) {
            words.read(&self.text, None);
            hashes.clear();
            hashes.extend(words.tokens.iter().map(|token| token.hash));
            self.sketch.take(&words.tokens, hashes);
        }
        &mut self.sketch
    }

    fn likeness(&mut self, other: &mut Reply, words: &mut Words, hashes: &mut Vec<u32>) -> f64 {
        if !self.glance.may_resemble(&other.glance) {
            return 0.0;
        }
        let other = other.sketch(words, hashes);
        let own = self.sketch(words, hashes);
        if own.words.min(other.words) < SHORTEST {
            return 0.0;
        }
        own.likeness(other)
    }
}

impl Sketch {
    fn take(&mut self, tokens: &[Token], hashes: &[u32]) {
        self.least.clear();
        self.sorted = false;
        self.words = hashes.len();
        self.trace = [u32::MAX; BINS];
        self.numbers = 0;
        for token in tokens.iter().filter(|token| token.has(NUMBER)) {
            self.numbers = self.numbers.wrapping_mul(0x0100_0193) ^ token.hash;
        }
        took(hashes.len());
        self.least.extend(hashes.array_windows().map(|[a, b, c]| {
            let mixed = a.rotate_left(18) ^ b.rotate_left(9) ^ c;
            (mixed ^ (mixed >> 16)).wrapping_mul(0x7FEB_352D)
        }));
        for &triple in &self.least {
            let bin = &mut self.trace[(triple >> 26) as usize];
            *bin = (*bin).min(triple);
        }
    }

    /// Keeps the least triples, sorted and each once: a bottom-k sketch.
    fn sort(&mut self) {
        if std::mem::replace(&mut self.sorted, true) {
            return;
        }
        if self.least.len() > 4 * SKETCH {
            self.least.select_nth_unstable(2 * SKETCH);
            self.least.truncate(2 * SKETCH);
        }
        self.least.sort_unstable();
        self.least.dedup();
        self.least.truncate(SKETCH);
    }

    /// Whether half of the bins that either fills have the same triple; at a likeness of 0.8 that fails by chance alone.
    fn resembles(&self, other: &Self) -> bool {
        took(BINS);
        let (mut same, mut filled) = (0, 0);
        for (&a, &b) in self.trace.iter().zip(&other.trace) {
            filled += u32::from(a.min(b) != u32::MAX);
            same += u32::from(a == b && a != u32::MAX);
        }
        same * 2 >= filled
    }

    /// Estimated share of common triples (bottom-k sketch); 0 where the numbers differ.
    fn likeness(&mut self, other: &mut Self) -> f64 {
        if self.numbers != other.numbers || !self.resembles(other) {
            return 0.0;
        }
        self.sort();
        other.sort();
        self.estimate(other)
    }

    /// The estimate itself, for sorted sketches.
    fn estimate(&self, other: &Self) -> f64 {
        let (mut a, mut b, mut common, mut all) = (0, 0, 0, 0);
        while all < SKETCH && (a < self.least.len() || b < other.least.len()) {
            all += 1;
            took(1);
            match (self.least.get(a), other.least.get(b)) {
                (Some(x), Some(y)) if x == y => {
                    common += 1;
                    a += 1;
                    b += 1;
                }
                (Some(x), Some(y)) if x < y => a += 1,
                (Some(_), None) => a += 1,
                _ => b += 1,
            }
        }
        as_f64(common) / as_f64(all.max(1))
    }
}

/// A stretch of words that is repeated on and on: where, and how many times.
fn degeneration(tokens: &[Token]) -> Option<(std::ops::Range<usize>, usize)> {
    let (times, words) = DEGENERATE;
    if tokens.len() < words {
        return None;
    }
    (1..=LONGEST_PERIOD.min(tokens.len() / times)).find_map(|period| {
        let mut run = 0;
        for at in counted(period..tokens.len()) {
            let same = tokens[at].hash == tokens[at - period].hash && is_prose(&tokens[at]);
            run = if same { run + 1 } else { 0 };
            let filled = run + period;
            if run > 0 && filled >= words && filled / period >= times {
                return Some((at + 1 - filled..at + 1, filled / period));
            }
        }
        None
    })
}

/// Numbers and code repeat in tables for good reasons.
fn is_prose(token: &Token) -> bool {
    !token.has(NUMBER) && (token.symbol != QUOTED || token.symbol == OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::indexes;
    use crate::signals::text::glance::CIRCLE;

    use proptest::prelude::*;

    const MENU: &str = "I am sorry, I can only help with orders, returns and shipping.";

    fn check(turns: &[(&str, &str)], expected: &[usize]) {
        assert_eq!(indexes(DETECTOR.kind, turns), expected, "{turns:?}");
    }

    #[test]
    fn near_duplicates_and_cycles_fire() {
        check(&[("a", MENU), ("u", "but my bill"), ("a", MENU)], &[2]);
        let almost = "I am sorry, I can only help with orders, returns, and shipping!";
        check(&[("a", MENU), ("u", "but my bill"), ("a", almost)], &[2]);
        let long = "To change the address on your account, open the settings page, choose the profile tab, press the edit button \
                    beside the address, type the new one and press the save button at the bottom of the page.";
        let longer = format!("{long} Anything else?");
        check(&[("a", long), ("u", "I did"), ("a", &longer)], &[2]);
        let other = "Please send me the number that stands on your last invoice.";
        check(&[("a", MENU), ("a", other), ("a", MENU), ("a", other)], &[2, 3]);
    }

    #[test]
    fn progress_courtesies_and_requested_repeats_do_not() {
        check(
            &[
                ("a", "Your order 17 was shipped on May 3 by post."),
                ("a", "Your order 18 was shipped on May 4 by post."),
            ],
            &[],
        );
        check(&[("a", "You're welcome!"), ("u", "bye"), ("a", "You're welcome!")], &[]);
        check(&[("a", MENU), ("u", "could you repeat that?"), ("a", MENU)], &[]);
        check(&[("u", MENU), ("u", MENU)], &[]);
    }

    #[test]
    fn a_reply_that_runs_in_a_circle_fires() {
        let circle = "the answer is in the answer and so ".repeat(6);
        check(&[("a", &circle)], &[0]);
        check(&[("a", &"no ".repeat(30))], &[0]);
        check(&[("a", &"0 1 0 1 ".repeat(30))], &[]);
        check(&[("a", &format!("```\n{}```", "let x = y;\n".repeat(30)))], &[]);
    }

    fn sketch(hashes: &[u32]) -> Sketch {
        let mut sketch = Sketch::default();
        sketch.take(&[], hashes);
        sketch
    }

    proptest! {
        #[test]
        fn replies_that_are_alike_resemble_each_other(
            words in prop::collection::vec(any::<u32>(), 8..300),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 0..6),
        ) {
            let mut changed = words.clone();
            for (at, word) in changes {
                *at.get_mut(&mut changed) = word;
            }
            let (mut before, mut now) = (sketch(&words), sketch(&changed));
            let resembles = now.resembles(&before);
            before.sort();
            now.sort();
            prop_assert!(resembles || now.estimate(&before) < LIKENESS);
        }

        #[test]
        fn no_stretch_that_repeats_is_missed(
            before in "[a-z]{0,9}( [a-z]{1,9}){0,40}",
            stretch in "[a-z]{1,9}( [a-z]{1,9}){0,23}",
        ) {
            let (times, words) = DEGENERATE;
            let times = times
                .max(words.div_ceil(stretch.split(' ').count()))
                .max(CIRCLE.div_ceil(stretch.len() + 1))
                + 1;
            let text = format!("{before} {}", format!("{stretch} ").repeat(times));
            prop_assert!(Glance::at(text.as_bytes(), &mut Places::default()).may_circle, "{text}");
        }
    }
}
