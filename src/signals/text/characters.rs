//! What a character beyond ASCII is to the reader, in a table. The standard library searches its tables of Unicode for every
//! character, which cost a text of an Indic script or of Thai many times what reading it costs otherwise. A page of the table is
//! filled when a text first holds one of its characters, so that nobody pays for scripts that never come.

use std::sync::OnceLock;

use super::{Kind, classify_char, fold, is_apostrophe};
use crate::signals::steps::took;

/// Characters of a page.
const PAGE: usize = 256;
/// The planes with the scripts and the emoji; behind them are ideographs, which are told by their number.
const PAGES: usize = 0x2_0000 / PAGE;

static TABLE: [OnceLock<[Character; PAGE]>; PAGES] = [const { OnceLock::new() }; PAGES];

/// A character in its plain form, as the reader takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Character {
    pub(super) kind: Kind,
    pub(super) is_upper: bool,
    /// Whether its folded form is itself.
    pub(super) is_folded: bool,
    pub(super) is_apostrophe: bool,
    pub(super) is_alphabetic: bool,
}

impl Character {
    /// Looks a character up.
    #[inline]
    pub(super) fn of(c: char) -> Character {
        let number = c as usize;
        match TABLE.get(number / PAGE) {
            Some(page) => page.get_or_init(|| fill(number / PAGE))[number % PAGE],
            None => Character::new(c),
        }
    }

    fn new(c: char) -> Character {
        let plain = fold::plain(c);
        Character {
            kind: classify_char(plain),
            is_upper: plain.is_uppercase(),
            is_folded: plain.to_lowercase().eq([c]),
            is_apostrophe: is_apostrophe(c),
            is_alphabetic: plain.is_alphabetic(),
        }
    }
}

#[cold]
fn fill(page: usize) -> [Character; PAGE] {
    took(PAGE);
    std::array::from_fn(|at| {
        let number = u32::try_from(page * PAGE + at).unwrap_or(u32::MAX);
        // No text holds a surrogate.
        Character::new(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_unicode_says() {
        for c in (0x80..0x11_0000).filter_map(char::from_u32) {
            assert_eq!(Character::of(c), Character::new(c), "{c:?}");
        }
    }

    #[test]
    fn a_page_is_filled_once() {
        let look = || crate::signals::steps::of(|| assert!(Character::of('ᠠ').is_alphabetic));
        look();
        assert_eq!(look(), 0);
    }
}
