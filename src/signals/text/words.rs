//! The vocabulary: every word that some phrase or cue names, as a small number. Looks a word up by one hash; tries usual
//! misspellings only for words that it does not know. Holds nothing about phrases.

use std::collections::HashMap;

/// The symbol of every word that no phrase names.
pub(crate) const OTHER: u32 = 0;
/// The symbol of a stretch of quotation or code.
pub(crate) const QUOTED: u32 = 1;
const FIRST_WORD: u32 = 2;

/// FNV-1a over 32 bits, finished so that its low bits are good enough for a table.
pub(crate) fn hash(word: &[u8]) -> u32 {
    let sum = word.iter().fold(0x811C_9DC5_u32, |sum, &byte| {
        (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (sum ^ (sum >> 15)).wrapping_mul(0x2C1B_3C6D) ^ (sum >> 12)
}

#[derive(Debug)]
struct Word {
    text: Box<[u8]>,
    symbols: Box<[u32]>,
}

/// Words by hash, in an open table.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    words: Vec<Word>,
    /// Index in `words` plus one, or 0; a power of two long, at most half full.
    table: Vec<u32>,
    symbols: u32,
    building: HashMap<Box<str>, u32>,
}

impl Vocabulary {
    /// How many symbols there are, the two reserved ones included.
    pub(crate) fn symbol_count(&self) -> usize {
        (FIRST_WORD + self.symbols) as usize
    }

    /// Makes `variant` stand for `words`, unless it is known already; whether it was new.
    pub(crate) fn alias(&mut self, variant: &str, words: &[u32]) -> bool {
        if self.building.contains_key(variant) {
            return false;
        }
        self.add(variant, words.into());
        true
    }

    /// The symbols that a word of a phrase stands for; a new word gets a new symbol.
    pub(crate) fn intern(&mut self, word: &str) -> &[u32] {
        let index = if let Some(&index) = self.building.get(word) {
            index
        } else {
            let symbol = FIRST_WORD + self.symbols;
            self.symbols += 1;
            self.add(word, [symbol].into())
        };
        &self.words[index as usize].symbols
    }

    fn add(&mut self, word: &str, symbols: Box<[u32]>) -> u32 {
        let index = u32::try_from(self.words.len()).expect("a lexicon has fewer than 2^32 words");
        self.words.push(Word {
            text: word.as_bytes().into(),
            symbols,
        });
        self.building.insert(word.into(), index);
        index
    }

    /// Ends the building: lays out the table that `find` reads.
    pub(crate) fn finish(&mut self) {
        self.building = HashMap::new();
        self.table = vec![0; (self.words.len() * 2).next_power_of_two().max(2)];
        let mask = self.table.len() - 1;
        for (index, word) in (1_u32..).zip(&self.words) {
            let mut slot = hash(&word.text) as usize & mask;
            while self.table[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = index;
        }
    }

    fn exact(&self, word: &[u8], hash: u32) -> Option<&[u32]> {
        let mask = self.table.len().checked_sub(1)?;
        let mut slot = hash as usize & mask;
        while let Some(found) = (self.table[slot] as usize).checked_sub(1) {
            let candidate = &self.words[found];
            if *candidate.text == *word {
                return Some(&candidate.symbols);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    /// The symbols of a folded word; none where it is unknown in every usual spelling. `word` is scratch space.
    pub(crate) fn find(&self, word: &mut Vec<u8>, hash_of_word: u32) -> &[u32] {
        if let Some(symbols) = self.exact(word, hash_of_word) {
            return symbols;
        }
        if let Some(symbols) = self.possessive_or_elongated(word) {
            return symbols;
        }
        if word.len() >= 4 && spells_with_digits(word) {
            return self.exact(word, hash(word)).unwrap_or_default();
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
            if let Some(symbols) = self.exact(word, hash(word)) {
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
