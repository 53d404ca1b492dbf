//! Characters beyond ASCII as the reader takes them: full-width letters and half-width kana in their usual form, voicing marks
//! joined to their kana, `ё` as `е`, runs of full-width marks. Asked for no ASCII text.

use std::str::Chars;

/// First byte of a full-width mark.
pub(super) const WIDE: u8 = 0xEF;

/// The half-width kana from U+FF66 on, in their usual form.
const KANA: [char; 56] = [
    'ヲ', 'ァ', 'ィ', 'ゥ', 'ェ', 'ォ', 'ャ', 'ュ', 'ョ', 'ッ', 'ー', 'ア', 'イ', 'ウ', 'エ', 'オ', 'カ', 'キ', 'ク',
    'ケ', 'コ', 'サ', 'シ', 'ス', 'セ', 'ソ', 'タ', 'チ', 'ツ', 'テ', 'ト', 'ナ', 'ニ', 'ヌ', 'ネ', 'ノ', 'ハ', 'ヒ',
    'フ', 'ヘ', 'ホ', 'マ', 'ミ', 'ム', 'メ', 'モ', 'ヤ', 'ユ', 'ヨ', 'ラ', 'リ', 'ル', 'レ', 'ロ', 'ワ', 'ン',
];

/// A character in the form that phrases are read in, upper case kept.
pub(super) fn plain(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        '\u{FF66}'..='\u{FF9D}' => KANA[c as usize - 0xFF66],
        '\u{3000}' => ' ',
        '｡' => '。',
        '､' => '、',
        'ё' => 'е',
        'Ё' => 'Е',
        other => other,
    }
}

/// A kana with the voicing mark that follows it, if there is one.
pub(super) fn voiced(c: char, rest: &mut Chars<'_>) -> char {
    if !matches!(c, '\u{3046}'..='\u{30DB}') {
        return c;
    }
    let step = match rest.as_str().chars().next() {
        Some('\u{FF9E}' | '\u{3099}') => 1,
        Some('\u{FF9F}' | '\u{309A}') => 2,
        _ => return c,
    };
    let joined = match (c, step) {
        ('う', 1) => Some('ゔ'),
        ('ウ', 1) => Some('ヴ'),
        ('か'..='と' | 'カ'..='ト' | 'は'..='ほ' | 'ハ'..='ホ', 1) | ('は'..='ほ' | 'ハ'..='ホ', 2) => {
            char::from_u32(c as u32 + step)
        }
        _ => None,
    };
    if joined.is_some() {
        rest.next();
    }
    joined.unwrap_or(c)
}

/// The marks `!` and `?`, of either width, that go on at `next`: the place behind them, and how many there are from `at` on.
pub(super) fn marks(text: &str, at: usize, next: usize) -> (usize, usize) {
    let is_mark = |c: &char| matches!(c, '!' | '?' | '！' | '？');
    let more: usize = text[next..].chars().take_while(is_mark).map(char::len_utf8).sum();
    let end = next + more;
    (end, text[at..end].chars().filter(is_mark).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut rest = text.chars();
        let mut folded = String::new();
        while let Some(c) = rest.next() {
            folded.push(voiced(plain(c), &mut rest));
        }
        assert_eq!(folded, expected, "{text}");
    }

    #[test]
    fn every_width_reads_the_same() {
        check("ＡＢ　１！", "AB 1!");
        check("ｵﾍﾟﾚｰﾀｰに繋いで｡", "オペレーターに繋いで。");
        check("ﾊﾞｸﾞ､ｻﾎﾟｰﾄ ｳﾞ ｦﾝ", "バグ、サポート ヴ ヲン");
        check("か\u{3099}は\u{309A}あ\u{3099}", "がぱあ\u{3099}");
        check("Ёж, ещё", "Еж, еще");
    }

    #[test]
    fn marks_of_either_width_are_counted() {
        assert_eq!(marks("a！?？b", 1, 4), (8, 3));
        assert_eq!(marks("a…b", 1, 4), (4, 0));
    }
}
