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
const fn mix(sum: u64, letters: u64) -> u64 {
    (sum.rotate_left(23) ^ letters).wrapping_mul(FACTOR)
}

/// Ends the hash of a word.
fn finish(sum: u64) -> u32 {
    u32::try_from((sum ^ (sum >> 32)).wrapping_mul(FACTOR) >> 32).expect("32 bits are left")
}

/// Hash of a folded word.
pub(crate) fn hash(word: &[u8]) -> u32 {
    Letters::of_folded(word).hash
}

/// The first eight bytes, the first lowest, zeros behind the end.
fn eight(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk() {
        return u64::from_le_bytes(*first);
    }
    // A copy of so few bytes would be a call; where the pieces overlap, they are the same.
    let at = |at: usize| u64::from(bytes[at]) << (8 * at);
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (bytes.len() - 4))
        }
        _ if bytes.is_empty() => 0,
        _ => at(0) | at(bytes.len() / 2) | at(bytes.len() - 1),
    }
}

/// Letters that are held as numbers.
pub(super) const HELD: usize = 16;

/// The first letters of a folded word as two numbers, zeros behind the end, and the hash of the whole word. There are no zeros in
/// a word, so words of fewer letters than are held are equal where their letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letters {
    first: [u64; 2],
    pub(super) hash: u32,
}

/// What to keep of the held bytes, for a word of each length.
const KEEP: [[u64; 2]; HELD + 1] = {
    let mut keep = [[0; 2]; HELD + 1];
    let mut length = 1;
    while length <= HELD {
        keep[length][0] = u64::MAX >> (64 - 8 * if length < 8 { length } else { 8 });
        keep[length][1] = if length > 8 { u64::MAX >> (128 - 8 * length) } else { 0 };
        length += 1;
    }
    keep
};

impl Letters {
    /// Of a word that is folded.
    pub(super) fn of_folded(word: &[u8]) -> Letters {
        let (held, rest) = word.split_at(word.len().min(HELD));
        let first = [eight(held), eight(held.get(8..).unwrap_or_default())];
        let sum = mix(mix(0, first[0]), first[1]);
        Letters {
            first,
            hash: finish(rest.chunks(8).fold(sum, |sum, letters| mix(sum, eight(letters)))),
        }
    }

    /// Of a word of so many ASCII letters and apostrophes, in any case, at the start of the bytes.
    #[inline]
    pub(super) fn of_plain(bytes: &[u8; HELD], length: usize) -> Letters {
        const SMALL: u64 = 0x2020_2020_2020_2020;
        let (halves, _) = bytes.as_chunks::<8>();
        let half = |at: usize| (u64::from_le_bytes(halves[at]) | SMALL) & KEEP[length][at];
        let first = [half(0), half(1)];
        Letters {
            first,
            hash: finish(mix(mix(0, first[0]), first[1])),
        }
    }
}

/// A word: its letters and symbols as stretches of the vocabulary's vectors.
#[derive(Debug, Clone, Copy)]
struct Word {
    letters: (u32, u32),
    symbols: u32,
}

/// A place in the table: what tells most words apart, so that one look at it is enough for them.
#[derive(Debug, Clone, Copy)]
struct Slot {
    first: [u64; 2],
    /// Index in `words`; [`FREE`] where there is no word.
    word: u32,
    code: Code,
}

/// The index of no word.
const FREE: u32 = u32::MAX;

/// What a word stands for: its symbol, or where its several symbols lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code(u32);

impl Code {
    /// Set where there are several.
    const SEVERAL: u32 = 1 << 31;
    /// What every word stands for that nobody names.
    pub(super) const OTHER: Code = Code(OTHER);

    /// The symbol, if it is one.
    #[inline]
    pub(super) fn symbol(self) -> Option<u32> {
        (self.0 & Code::SEVERAL == 0).then_some(self.0)
    }
}

/// Bits of the sieve, as a power of two.
const SIEVE: u32 = 16;

/// Words by hash, in an open table behind a sieve of one bit a hash.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    words: Vec<Word>,
    letters: Vec<u8>,
    /// For each word the number of its symbols, then the symbols.
    symbols: Vec<u32>,
    /// A power of two long, at most half full.
    table: Vec<Slot>,
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
        self.symbols_at(self.words[index as usize].symbols)
    }

    fn add(&mut self, word: &str, symbols: &[u32]) -> u32 {
        let small = |length: usize| u32::try_from(length).expect("a lexicon has fewer than 2^32 letters");
        let (letter, symbol) = (small(self.letters.len()), small(self.symbols.len()));
        self.letters.extend_from_slice(word.as_bytes());
        self.symbols.push(small(symbols.len()));
        self.symbols.extend_from_slice(symbols);
        let index = small(self.words.len());
        self.words.push(Word {
            letters: (letter, small(self.letters.len())),
            symbols: symbol,
        });
        self.building.insert(word.into(), index);
        index
    }

    fn letters_of(&self, word: &Word) -> &[u8] {
        &self.letters[word.letters.0 as usize..word.letters.1 as usize]
    }

    fn symbols_at(&self, place: u32) -> &[u32] {
        let (count, symbols) = self.symbols[place as usize..]
            .split_first()
            .expect("a place of the vocabulary's own");
        &symbols[..*count as usize]
    }

    /// Lets every word be found without its accents too, as many people type, unless that is a word of its own.
    fn add_plain_spellings(&mut self) {
        for index in 0..self.words.len() {
            let Word { letters, symbols } = self.words[index];
            let word = std::str::from_utf8(&self.letters[letters.0 as usize..letters.1 as usize]);
            let spellings = word.map(plain_spellings).unwrap_or_default();
            let symbols = self.symbols_at(symbols).to_vec();
            for spelling in spellings {
                self.alias(&spelling, &symbols);
            }
        }
    }

    /// Ends the building: lays out the table that `find` reads.
    pub(crate) fn finish(&mut self) {
        self.add_plain_spellings();
        self.building = HashMap::new();
        let free = Slot {
            first: [0; 2],
            word: FREE,
            code: Code::OTHER,
        };
        self.table = vec![free; (self.words.len() * 2).next_power_of_two().max(2)];
        self.sieve = vec![0; 1 << (SIEVE - 6)];
        let mask = self.table.len() - 1;
        for (index, word) in (0_u32..).zip(&self.words) {
            let Letters { first, hash } = Letters::of_folded(self.letters_of(word));
            let mut slot = hash as usize & mask;
            while self.table[slot].word != FREE {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = Slot {
                first,
                word: index,
                code: match self.symbols_at(word.symbols) {
                    [symbol] => Code(*symbol),
                    _ => Code(Code::SEVERAL | word.symbols),
                },
            };
            let bit = hash >> (32 - SIEVE);
            self.sieve[bit as usize / 64] |= 1 << (bit % 64);
        }
    }

    /// The symbols of a code that stands for several.
    pub(super) fn symbols_of(&self, code: Code) -> &[u32] {
        self.symbols_at(code.0 & !Code::SEVERAL)
    }

    /// What a word stands for, given its letters; `word` is the word itself, in any case of ASCII letters.
    #[inline]
    pub(super) fn exact(&self, word: &[u8], letters: &Letters) -> Option<Code> {
        let bit = letters.hash >> (32 - SIEVE);
        if self.sieve[bit as usize / 64] & (1 << (bit % 64)) == 0 {
            return None;
        }
        let mask = self.table.len() - 1;
        let mut at = letters.hash as usize & mask;
        loop {
            let slot = &self.table[at];
            if slot.word == FREE {
                return None;
            }
            let whole = || {
                self.letters_of(&self.words[slot.word as usize])
                    .eq_ignore_ascii_case(word)
            };
            if slot.first == letters.first && (word.len() < HELD || whole()) {
                return Some(slot.code);
            }
            at = (at + 1) & mask;
        }
    }

    fn folded(&self, word: &[u8]) -> Option<Code> {
        self.exact(word, &Letters::of_folded(word))
    }

    /// What a folded word of these letters stands for, in every usual spelling. `word` is scratch space.
    pub(super) fn find(&self, word: &mut Vec<u8>, letters: &Letters) -> Code {
        let mut found = self.exact(word, letters).or_else(|| self.elongated(word));
        if found.is_none() && word.len() >= 4 && spells_with_digits(word) {
            found = self.folded(word);
        }
        found.unwrap_or(Code::OTHER)
    }

    /// "sooo", "uselesss", "pleeease": runs of three and more as two, then as one; a doubled last letter as one.
    fn elongated(&self, word: &mut Vec<u8>) -> Option<Code> {
        if !is_elongated(word) {
            return None;
        }
        for most in [2, 1] {
            shorten_runs(word, most);
            if let Some(code) = self.folded(word) {
                return Some(code);
            }
        }
        None
    }
}

/// How a word of the Latin alphabet is typed where its accents are not at hand: "möchte" as "mochte" and "moechte". None for
/// words without accents.
fn plain_spellings(word: &str) -> Vec<String> {
    let plain = |umlaut: &str| {
        let mut spelling = String::with_capacity(word.len() + 1);
        for c in word.chars() {
            match c {
                'à' | 'á' | 'â' | 'ã' => spelling.push('a'),
                'è' | 'é' | 'ê' | 'ë' => spelling.push('e'),
                'ì' | 'í' | 'î' | 'ï' => spelling.push('i'),
                'ò' | 'ó' | 'ô' | 'õ' => spelling.push('o'),
                'ù' | 'ú' | 'û' => spelling.push('u'),
                'ä' => spelling.extend(['a'].into_iter().chain(umlaut.chars())),
                'ö' => spelling.extend(['o'].into_iter().chain(umlaut.chars())),
                'ü' => spelling.extend(['u'].into_iter().chain(umlaut.chars())),
                'ç' => spelling.push('c'),
                'ñ' => spelling.push('n'),
                'ß' => spelling.push_str("ss"),
                'œ' => spelling.push_str("oe"),
                other => spelling.push(other),
            }
        }
        spelling
    };
    let mut spellings = Vec::new();
    if !word.is_ascii() {
        spellings.extend([plain(""), plain("e")]);
        spellings.retain(|spelling| spelling.is_ascii());
        spellings.dedup();
    }
    spellings
}

/// The bytes of the letter at the start of a folded word.
fn letter(word: &[u8]) -> &[u8] {
    let length = match word[0] {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    };
    &word[..length.min(word.len())]
}

/// Whether a letter stands three times in a row.
fn is_elongated(word: &[u8]) -> bool {
    let (mut at, mut run, mut before) = (0, 0, &word[..0]);
    while at < word.len() {
        let here = letter(&word[at..]);
        run = if here == before { run + 1 } else { 1 };
        if run == 3 && (here.len() > 1 || here[0].is_ascii_alphabetic()) {
            return true;
        }
        before = here;
        at += here.len();
    }
    false
}

/// Cuts runs of one letter down to `most`: at first only runs of three and more, then every run that was left at two.
fn shorten_runs(word: &mut Vec<u8>, most: usize) {
    let (mut at, mut kept, mut run, mut last) = (0, 0, 0, 0);
    while at < word.len() {
        let length = letter(&word[at..]).len();
        let again = kept > 0 && word[last..kept] == word[at..at + length];
        run = if again { run + 1 } else { 1 };
        if run <= most {
            word.copy_within(at..at + length, kept);
            last = kept;
            kept += length;
        }
        at += length;
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
