//! Text as the detectors read it: a bounded part of each message as words with their places, folded for case, width,
//! apostrophes, elongation and digits in place of letters. Quotation and code become one opaque word each, so no phrase
//! matches inside or across them. Makes no copy of the text and allocates nothing once its buffers have grown. Plain words take
//! the short way of `scan.rs`; the loop here reads everything, and is what the short way is held to.

mod characters;
mod fold;
pub(crate) mod glance;
mod mask;
mod scan;
mod words;

use std::ops::Range;

use super::steps::took;
use characters::Character;
use scan::{Map, Plain};

use words::{Code, Letters};
pub(crate) use words::{OTHER, QUOTED, Vocabulary, hash};

/// Bytes read at the start of a message that is longer than both parts together.
const HEAD: usize = 2 * 1024;
/// Bytes read at its end.
const TAIL: usize = 8 * 1024;
/// Longest word, in bytes, that can be part of a phrase.
const WORD: usize = 48;

/// The word starts after a comma or another light break.
pub(crate) const AFTER_COMMA: u8 = 1;
/// The word starts a sentence or a line.
pub(crate) const AFTER_STOP: u8 = 2;
/// Two letters or more, all of them capitals.
pub(crate) const CAPITALS: u8 = 4;
/// Holds a digit.
pub(crate) const NUMBER: u8 = 8;
/// A further symbol of the same written word: the `not` of "don't".
pub(crate) const CONTINUED: u8 = 16;

/// One word, or one symbol of a word that stands for several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// Its symbol in the vocabulary, [`OTHER`] where it has none.
    pub(crate) symbol: u32,
    /// Hash of the folded word, equal for equal words.
    pub(crate) hash: u32,
    /// First byte in the message's text.
    pub(crate) start: u32,
    /// One past its last byte.
    pub(crate) end: u32,
    /// [`AFTER_COMMA`] and the like.
    pub(crate) marks: u8,
}

impl Token {
    pub(crate) fn has(&self, marks: u8) -> bool {
        self.marks & marks != 0
    }
}

/// How a text is shouted, whatever it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Longest run of `!` behind a word.
    pub(crate) bangs: u32,
    /// Longest run of `?`, or of `?` and `!` mixed, behind a word or alone.
    pub(crate) questions: u32,
    /// Words in capitals.
    pub(crate) capitals: u32,
    /// Words of two letters and more that are not.
    pub(crate) lower: u32,
}

/// The words of one message; reused from message to message.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) tokens: Vec<Token>,
    pub(crate) shape: Shape,
    masks: Vec<Range<usize>>,
    map: Map,
    word: Vec<u8>,
    pending: u8,
    /// Bytes of white space at the start of the text.
    blank: usize,
}

/// What a character is to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Part of a word.
    Letter,
    /// A word of its own: an ideograph, a kana, an emoji.
    Single,
    Space,
    Comma,
    Stop,
    /// Not there: joiners, variation selectors, zero-width spaces.
    Nothing,
}

impl Words {
    /// Reads `text`, replacing what was read before. Without a vocabulary no word has a symbol.
    pub(crate) fn read(&mut self, text: &str, vocabulary: Option<&Vocabulary>) {
        let mut map = std::mem::take(&mut self.map);
        self.clear();
        self.blank = text.len() - text.trim_ascii_start().len();
        for part in windows(text) {
            map.read(text.as_bytes(), part.clone());
            self.read_part(text, part, vocabulary, |bytes, at| map.plain_word(bytes, at));
        }
        self.map = map;
    }

    /// Forgets what was read.
    pub(crate) fn clear(&mut self) {
        self.tokens.clear();
        self.shape = Shape::default();
    }

    /// Reads one part; `plain_word` is the short way for words that it can read.
    fn read_part(
        &mut self,
        text: &str,
        part: Range<usize>,
        vocabulary: Option<&Vocabulary>,
        mut plain_word: impl FnMut(&[u8], usize) -> Option<Plain>,
    ) {
        self.pending = AFTER_STOP;
        self.masks.clear();
        mask::find(text, part.clone(), &mut self.masks);
        took(part.len());
        let (mut at, mut mask) = (part.start, 0);
        while at < part.end {
            took(1);
            if let Some(range) = self.masks.get(mask).cloned().filter(|range| range.start <= at) {
                self.push(QUOTED, QUOTED, range.clone(), 0);
                at = range.end.max(at);
                if text.as_bytes()[at - 1] == b'\n' {
                    self.pending = AFTER_STOP;
                }
                mask += 1;
                continue;
            }
            let limit = self.masks.get(mask).map_or(part.end, |range| range.start);
            let bytes = &text.as_bytes()[..limit];
            while let Some(plain) = plain_word(bytes, at) {
                took(plain.end - at);
                self.push_plain(bytes, at, plain, vocabulary);
                at = plain.end + usize::from(bytes.get(plain.end) == Some(&b' '));
            }
            if at >= limit {
                continue;
            }
            at = match classify(text, at) {
                (Kind::Letter, _) => self.read_word(text, at, limit, vocabulary),
                (Kind::Single, _) => self.read_single(text, at, vocabulary),
                (Kind::Stop, next) => self.read_stop(text, at, next),
                (Kind::Comma, next) => {
                    self.pending |= AFTER_COMMA;
                    next
                }
                (Kind::Space | Kind::Nothing, next) => next,
            };
        }
    }

    /// Reads an ideograph, a kana or an emoji. Scripts without spaces have one where a clause ends, or before foreign letters.
    fn read_single(&mut self, text: &str, at: usize, vocabulary: Option<&Vocabulary>) -> usize {
        let mut rest = text[at..].chars();
        let Some(c) = rest.next() else {
            return at + 1;
        };
        let is_alphabetic = Character::of(c).is_alphabetic;
        let c = fold::voiced(fold::plain(c), &mut rest);
        let next = text.len() - rest.as_str().len();
        self.word.clear();
        self.word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.finish_word(at..next, 0, vocabulary);
        if is_alphabetic {
            self.shape.lower += 1;
            let behind = rest.next().map(fold::plain);
            if behind == Some(' ') && rest.next().is_some_and(|c| !c.is_ascii()) {
                self.pending |= AFTER_COMMA;
            }
        }
        next
    }

    /// A run of sentence marks: a break, and a measure of shouting.
    fn read_stop(&mut self, text: &str, at: usize, mut next: usize) -> usize {
        self.pending |= AFTER_STOP;
        let bytes = text.as_bytes();
        while next < bytes.len() && matches!(bytes[next], b'!' | b'?') {
            next += 1;
        }
        took(next - at);
        let (mut length, mut asks) = (next - at, false);
        if bytes[at] >= 0x80 || bytes.get(next) == Some(&fold::WIDE) {
            (next, length) = fold::marks(text, at, next);
            asks = text[at..next].contains('？');
        }
        let run = &bytes[at..next];
        if length > 0 && (run[0] == b'!' || run[0] == b'?' || run[0] == fold::WIDE) {
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            let behind_word = at > 0 && (bytes[at - 1].is_ascii_alphabetic() || bytes[at - 1] >= 0x80);
            if asks || run.contains(&b'?') {
                let counts = behind_word || at <= self.blank;
                self.shape.questions = self.shape.questions.max(if counts { length } else { 0 });
            } else if behind_word {
                self.shape.bangs = self.shape.bangs.max(length);
            }
        }
        next
    }

    #[inline]
    fn push_plain(&mut self, bytes: &[u8], start: usize, plain: Plain, vocabulary: Option<&Vocabulary>) {
        let word = &bytes[start..plain.end];
        let long = u32::from(word.len() >= 2);
        let capitals = u32::from(plain.capitals) & long;
        self.shape.capitals += capitals;
        self.shape.lower += long - capitals;
        let marks = if capitals == 1 { CAPITALS } else { 0 };
        let code = vocabulary.and_then(|vocabulary| vocabulary.exact(word, &plain.letters));
        self.push_code(code, vocabulary, plain.letters.hash, start..plain.end, marks);
    }

    /// Reads the word at `start`; an identifier or an address becomes one unknown word.
    fn read_word(&mut self, text: &str, start: usize, limit: usize, vocabulary: Option<&Vocabulary>) -> usize {
        let bytes = text.as_bytes();
        self.word.clear();
        let (mut at, mut marks, mut upper, mut lower) = (start, 0, 0_u32, 0_u32);
        while at < limit {
            took(1);
            let byte = bytes[at];
            match byte {
                b'a'..=b'z' => lower += 1,
                b'A'..=b'Z' => upper += 1,
                b'0'..=b'9' => marks |= NUMBER,
                b'\'' | b'*' | b'@' | b'$' | b'.' if !joins(bytes, at, limit) => break,
                b'\'' | b'*' | b'@' | b'$' | b'.' => {}
                b'_' => return self.read_opaque(text, start, limit),
                b':' if bytes[at..limit].starts_with(b"://") => return self.read_opaque(text, start, limit),
                0..=0x7F => break,
                _ => match self.fold(text, at, &mut upper, &mut lower) {
                    Some(next) => {
                        at = next;
                        continue;
                    }
                    None => break,
                },
            }
            self.word.push(byte.to_ascii_lowercase());
            at += 1;
        }
        if at == start {
            return start + text[start..].chars().next().map_or(1, char::len_utf8);
        }
        if upper >= 2 && lower == 0 {
            marks |= CAPITALS;
            self.shape.capitals += 1;
        } else if upper + lower >= 2 {
            self.shape.lower += 1;
        }
        self.finish_word(start..at, marks, vocabulary);
        at
    }

    /// Adds a character beyond ASCII to the word; the place behind it, or none where the word ends before it.
    fn fold(&mut self, text: &str, at: usize, upper: &mut u32, lower: &mut u32) -> Option<usize> {
        let c = text[at..].chars().next()?;
        let next = at + c.len_utf8();
        let character = Character::of(c);
        if character.is_apostrophe {
            let inner = text[next..].chars().next().is_some_and(char::is_alphabetic);
            if inner {
                self.word.push(b'\'');
            }
            return inner.then_some(next);
        }
        match character.kind {
            Kind::Letter => {
                *upper += u32::from(character.is_upper);
                *lower += u32::from(!character.is_upper);
                if character.is_folded {
                    self.word.extend_from_slice(&text.as_bytes()[at..next]);
                } else {
                    for small in fold::plain(c).to_lowercase() {
                        self.word.extend_from_slice(small.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                Some(next)
            }
            Kind::Nothing => Some(next),
            _ => None,
        }
    }

    fn read_opaque(&mut self, text: &str, start: usize, limit: usize) -> usize {
        let length = text.as_bytes()[start..limit].iter().position(u8::is_ascii_whitespace);
        let end = length.map_or(limit, |length| start + length);
        took(end - start);
        let hash = hash(&text.as_bytes()[start..end]);
        self.push(OTHER, hash, start..end, NUMBER);
        end
    }

    fn finish_word(&mut self, place: Range<usize>, marks: u8, vocabulary: Option<&Vocabulary>) {
        let letters = Letters::of_folded(&self.word);
        let code = match vocabulary {
            Some(vocabulary) if self.word.len() <= WORD => Some(vocabulary.find(&mut self.word, &letters)),
            _ => None,
        };
        self.push_code(code, vocabulary, letters.hash, place, marks);
    }

    #[inline]
    fn push_code(
        &mut self,
        code: Option<Code>,
        vocabulary: Option<&Vocabulary>,
        hash: u32,
        place: Range<usize>,
        marks: u8,
    ) {
        let code = code.unwrap_or(Code::OTHER);
        match (code.symbol(), vocabulary) {
            (Some(symbol), _) => self.push(symbol, hash, place, marks),
            (None, Some(vocabulary)) => {
                for (nth, symbol) in vocabulary.symbols_of(code).iter().enumerate() {
                    let marks = if nth == 0 { marks } else { marks | CONTINUED };
                    self.push(*symbol, hash, place.clone(), marks);
                }
            }
            (None, None) => {}
        }
    }

    #[inline]
    fn push(&mut self, symbol: u32, hash: u32, place: Range<usize>, marks: u8) {
        let small = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let marks = marks | self.pending;
        self.pending = 0;
        self.tokens.push(Token {
            symbol,
            hash,
            start: small(place.start),
            end: small(place.end),
            marks,
        });
    }
}

/// The words of a phrase in a lexicon, folded as [`Words::read`] folds them.
pub(crate) fn fold(phrase: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut rest = phrase.chars();
    while let Some(c) = rest.next() {
        let c = fold::voiced(fold::plain(c), &mut rest);
        let current = words.last_mut().expect("there is always a last word");
        match classify_char(c) {
            _ if is_apostrophe(c) => current.push('\''),
            _ if matches!(c, '\'' | '*' | '@' | '$') => current.push(c),
            Kind::Letter => current.extend(c.to_lowercase()),
            Kind::Single => words.extend([c.to_string(), String::new()]),
            Kind::Nothing => {}
            Kind::Space | Kind::Comma | Kind::Stop => words.push(String::new()),
        }
    }
    words.retain(|word| word.chars().any(|c| c.is_alphanumeric() || !c.is_ascii()));
    words
}

/// The parts of a text that are read, on character boundaries.
pub(crate) fn windows(text: &str) -> impl Iterator<Item = Range<usize>> {
    let (head, tail) = if text.len() <= HEAD + TAIL {
        (0..text.len(), None)
    } else {
        let start = text.ceil_char_boundary(text.len() - TAIL);
        (0..text.floor_char_boundary(HEAD), Some(start..text.len()))
    };
    std::iter::once(head).chain(tail)
}

/// Whether the sign at `at` stands inside a word: "don't", "sh*t", "4.5", not "end.Begin".
fn joins(bytes: &[u8], at: usize, limit: usize) -> bool {
    let next = bytes.get(at + 1).filter(|_| at + 1 < limit);
    match (bytes[at], next) {
        (b'.', Some(next)) => bytes[at - 1].is_ascii_digit() && next.is_ascii_digit(),
        (b'*', Some(next)) => {
            next.is_ascii_alphabetic() || *next == b'*' || (*next >= 0x80 && matches!(bytes[at - 1], b'*' | 0x80..))
        }
        (_, Some(next)) => next.is_ascii_alphanumeric() || *next >= 0x80,
        (_, None) => false,
    }
}

fn classify(text: &str, at: usize) -> (Kind, usize) {
    let byte = text.as_bytes()[at];
    let kind = match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => Kind::Letter,
        b'\n' | b'.' | b'!' | b'?' | b';' | b':' => Kind::Stop,
        b' ' | b'\t' | b'\r' | b'\'' | b'"' | b'*' | b'_' | b'~' => Kind::Space,
        b'-' if !spaced(text.as_bytes(), at) => Kind::Space,
        0..=0x7F => Kind::Comma,
        _ => {
            let Some(c) = text[at..].chars().next() else {
                return (Kind::Space, at + 1);
            };
            return (Character::of(c).kind, at + c.len_utf8());
        }
    };
    (kind, at + 1)
}

fn spaced(bytes: &[u8], at: usize) -> bool {
    let beyond = |at: usize| bytes[at] >= 0x80;
    bytes
        .get(at + 1)
        .is_none_or(|next| !(next.is_ascii_alphanumeric() || at > 0 && beyond(at - 1) && beyond(at + 1)))
}

fn classify_char(c: char) -> Kind {
    match c {
        '\u{200B}'..='\u{200F}'
        | '\u{2060}'
        | '\u{FEFF}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{1F3FB}'..='\u{1F3FF}'
        | '\u{AD}' => Kind::Nothing,
        '。' | '！' | '？' | '!' | '?' | '.' | ';' | ':' | '…' | '¿' | '¡' | '\u{2028}' | '\u{2029}' => {
            Kind::Stop
        }
        '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' => Kind::Single,
        '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => {
            Kind::Single
        }
        c if is_apostrophe(c) || c.is_whitespace() => Kind::Space,
        c if c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36F}') => Kind::Letter,
        _ => Kind::Comma,
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '’' | '‘' | 'ʼ' | '´' | '＇')
}

#[cfg(test)]
mod tests;
