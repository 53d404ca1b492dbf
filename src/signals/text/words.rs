//! The vocabulary: every word that some phrase or cue names, as a small number. Looks a word up by one hash; tries usual
//! misspellings only for words that it does not know. Holds nothing about phrases.

use std::collections::HashMap;

/// The symbol of every word that no phrase names.
pub(crate) const OTHER: u32 = 0;
/// The symbol of a stretch of quotation or code.
pub(crate) const QUOTED: u32 = 1;
const FIRST_WORD: u32 = 2;

const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Takes eight further letters of a word, the first lowest, into its hash.
pub(super) const fn mix(sum: u64, letters: u64) -> u64 {
    (sum.rotate_left(23) ^ letters).wrapping_mul(FACTOR)
}

/// Ends the hash of a word.
pub(super) fn finish(sum: u64) -> u32 {
    u32::try_from((sum ^ (sum >> 32)).wrapping_mul(FACTOR) >> 32).expect("32 bits are left")
}

/// Hash of a folded word, eight letters at a time; never 0 bytes inside, so the padding is no ambiguity.
pub(crate) fn hash(word: &[u8]) -> u32 {
    finish(word.chunks(8).fold(0, |sum, letters| mix(sum, eight(letters))))
}

/// The first eight bytes, the first lowest, zeros behind the end.
pub(super) fn eight(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk() {
        return u64::from_le_bytes(*first);
    }
    let mut padded = [0; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(padded)
}

/// A word: its letters and symbols as stretches of the vocabulary's vectors.
#[derive(Debug)]
struct Word {
    /// Its first eight letters.
    prefix: u64,
    letters: (u32, u32),
    symbols: (u32, u32),
}

/// Bits of the sieve, as a power of two.
const SIEVE: u32 = 16;

/// Words by hash, in an open table behind a sieve of one bit a hash.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    words: Vec<Word>,
    letters: Vec<u8>,
    symbols: Vec<u32>,
    /// Hash, and index in `words` plus one, or 0; a power of two long, at most half full.
    table: Vec<(u32, u32)>,
    /// A bit for every known hash: most words of a text are unknown, and are told so here.
    sieve: Vec<u64>,
    count: u32,
    building: HashMap<Box<str>, u32>,
}

impl Vocabulary {
    /// How many symbols there are, the two reserved ones included.
    pub(crate) fn symbol_count(&self) -> usize {
        (FIRST_WORD + self.count) as usize
    }

    /// Makes `variant` stand for `words`, unless it is known already; whether it was new.
    pub(crate) fn alias(&mut self, variant: &str, words: &[u32]) -> bool {
        if self.building.contains_key(variant) {
            return false;
        }
        self.add(variant, words);
        true
    }

    /// The symbols that a word of a phrase stands for; a new word gets a new symbol.
    pub(crate) fn intern(&mut self, word: &str) -> &[u32] {
        let index = if let Some(&index) = self.building.get(word) {
            index
        } else {
            let symbol = FIRST_WORD + self.count;
            self.count += 1;
            self.add(word, &[symbol])
        };
        self.symbols_of(&self.words[index as usize])
    }

    fn add(&mut self, word: &str, symbols: &[u32]) -> u32 {
        let small = |length: usize| u32::try_from(length).expect("a lexicon has fewer than 2^32 letters");
        let (letter, symbol) = (small(self.letters.len()), small(self.symbols.len()));
        self.letters.extend_from_slice(word.as_bytes());
        self.symbols.extend_from_slice(symbols);
        let index = small(self.words.len());
        self.words.push(Word {
            prefix: eight(word.as_bytes()),
            letters: (letter, small(self.letters.len())),
            symbols: (symbol, small(self.symbols.len())),
        });
        self.building.insert(word.into(), index);
        index
    }

    fn letters_of(&self, word: &Word) -> &[u8] {
        &self.letters[word.letters.0 as usize..word.letters.1 as usize]
    }

    fn symbols_of(&self, word: &Word) -> &[u32] {
        &self.symbols[word.symbols.0 as usize..word.symbols.1 as usize]
    }

    /// Ends the building: lays out the table that `find` reads.
    pub(crate) fn finish(&mut self) {
        self.building = HashMap::new();
        self.table = vec![(0, 0); (self.words.len() * 2).next_power_of_two().max(2)];
        self.sieve = vec![0; 1 << (SIEVE - 6)];
        let mask = self.table.len() - 1;
        for (index, word) in (1_u32..).zip(&self.words) {
            let hash = hash(self.letters_of(word));
            let mut slot = hash as usize & mask;
            while self.table[slot].1 != 0 {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = (hash, index);
            let bit = hash >> (32 - SIEVE);
            self.sieve[bit as usize / 64] |= 1 << (bit % 64);
        }
    }

    /// The symbols of an ASCII word as it is written, given the hash and the first letters of its folded form.
    #[inline]
    pub(super) fn exact(&self, word: &[u8], prefix: u64, hash: u32) -> Option<&[u32]> {
        let bit = hash >> (32 - SIEVE);
        if self.sieve.get(bit as usize / 64)? & (1 << (bit % 64)) == 0 {
            return None;
        }
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        while let Some(found) = (self.table[slot].1 as usize).checked_sub(1) {
            let candidate = &self.words[found];
            let same = self.table[slot].0 == hash
                && candidate.prefix == prefix
                && (candidate.letters.1 - candidate.letters.0) as usize == word.len()
                && (word.len() <= 8 || self.letters_of(candidate).eq_ignore_ascii_case(word));
            if same {
                return Some(self.symbols_of(candidate));
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    fn folded(&self, word: &[u8], hash: u32) -> Option<&[u32]> {
        self.exact(word, eight(word), hash)
    }

    /// The symbols of a folded word; none where it is unknown in every usual spelling. `word` is scratch space.
    pub(crate) fn find(&self, word: &mut Vec<u8>, hash_of_word: u32) -> &[u32] {
        if let Some(symbols) = self.folded(word, hash_of_word) {
            return symbols;
        }
        if let Some(symbols) = self.possessive_or_elongated(word) {
            return symbols;
        }
        if word.len() >= 4 && spells_with_digits(word) {
            return self.folded(word, hash(word)).unwrap_or_default();
        }
        &[]
    }

    /// "sooo", "uselesss", "pleeease": runs of three and more as two, then as one; a doubled last letter as one.
    fn possessive_or_elongated(&self, word: &mut Vec<u8>) -> Option<&[u32]> {
        let long = word
            .windows(3)
            .any(|run| run[0] == run[1] && run[1] == run[2] && run[0].is_ascii_alphabetic());
        if !long {
            return None;
        }
        for most in [2, 1] {
            shorten_runs(word, most);
            if let Some(symbols) = self.folded(word, hash(word)) {
                return Some(symbols);
            }
        }
        None
    }
}

/// Cuts runs of one letter down to `most`: at first only runs of three and more, then every run that was left at two.
fn shorten_runs(word: &mut Vec<u8>, most: usize) {
    let (mut kept, mut run) = (0, 0);
    for at in 0..word.len() {
        run = if kept > 0 && word[kept - 1] == word[at] {
            run + 1
        } else {
            1
        };
        if run <= most {
            word[kept] = word[at];
            kept += 1;
        }
    }
    word.truncate(kept);
}

/// Replaces digits and signs by the letters that they imitate ("us3less"); whether there were both.
fn spells_with_digits(word: &mut [u8]) -> bool {
    let letters = word.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if letters * 2 < word.len() || letters == word.len() {
        return false;
    }
    for byte in word.iter_mut() {
        *byte = match *byte {
            b'0' => b'o',
            b'1' => b'i',
            b'3' => b'e',
            b'4' | b'@' => b'a',
            b'5' | b'$' => b's',
            b'7' => b't',
            other => other,
        };
    }
    true
}
