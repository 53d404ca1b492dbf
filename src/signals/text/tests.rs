//! How messages become words.

use proptest::prelude::*;

use super::*;

fn vocabulary(words: &[&str]) -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    for word in words {
        vocabulary.intern(word);
    }
    vocabulary.finish();
    vocabulary
}

/// The words that are known, `?` for others, `Q` for quotation or code; `/` before a sentence and `,` before a clause.
fn check(text: &str, expected: &str) {
    const KNOWN: &[&str] = &[
        "this", "is", "so", "useless", "i", "give", "up", "don't", "good", "没", "用", "😡", "for", "f*ck",
    ];
    let vocabulary = vocabulary(KNOWN);
    let mut words = Words::default();
    words.read(text, Some(&vocabulary));
    let shown: Vec<String> = words
        .tokens
        .iter()
        .map(|token| {
            let word = match token.symbol {
                OTHER => "?",
                QUOTED => "Q",
                known => KNOWN[known as usize - 2],
            };
            let before = if token.has(AFTER_STOP) {
                "/"
            } else if token.has(AFTER_COMMA) {
                ","
            } else {
                ""
            };
            format!("{before}{word}")
        })
        .collect();
    assert_eq!(shown.join(" "), expected, "{text:?}");
}

#[test]
fn case_width_apostrophes_and_invisible_characters_are_folded() {
    check("This IS useless", "/this is useless");
    check("ＴＨＩＳ　ＩＳ　ＵＳＥＬＥＳＳ", "/this is useless");
    check("this is\u{200b} useless", "/this is useless");
    check("I don’t", "/i don't");
}

#[test]
fn elongation_and_digits_for_letters_are_read_through() {
    check("this is soooo uselesssss", "/this is so useless");
    check("th1s is us3less", "/this is useless");
    check("goood 2024", "/good ?");
}

#[test]
fn sentences_and_clauses_are_kept_apart() {
    check("This is good. I give up, so", "/this is good /i give up ,so");
    check("useless\nthis", "/useless /this");
    check("4.5 is so-so", "/? is so so");
    check("useless.this", "/useless /this");
}

#[test]
fn ideographs_and_emoji_are_words_of_their_own() {
    check("没用😡😡", "/没 用 😡 😡");
}

#[test]
fn identifiers_and_addresses_are_one_unknown_word() {
    check("this_is_useless is so", "/? is so");
    check("https://good.example/useless is good", "/? is good");
}

#[test]
fn quotation_and_code_become_one_word() {
    check("this 'i give up' is good", "/this Q is good");
    check("this “i give up” is", "/this Q is");
    check("this \"useless\" `up`", "/this Q Q");
    check("so\n```\nthis is useless\n```\ngood", "/so /Q /good");
    check("> this is useless\nso", "/Q /so");
    check("let this = useless;", "/Q");
    check("SELECT this FROM useless", "/Q");
    check("don't give 'up", "/don't give up");
}

#[test]
fn only_the_head_and_the_tail_of_a_long_message_are_read() {
    let text = format!("useless {} give {} up", "x".repeat(HEAD), "y ".repeat(TAIL));
    let mut words = Words::default();
    words.read(&text, Some(&vocabulary(&["useless", "give", "up"])));
    let known: Vec<u32> = words
        .tokens
        .iter()
        .map(|token| token.symbol)
        .filter(|symbol| *symbol > QUOTED)
        .collect();
    assert_eq!(known, [2, 4]);
}

#[test]
fn offsets_point_into_the_original_text() {
    let text = "Ｔhis is soooo don’t";
    let mut words = Words::default();
    words.read(text, Some(&vocabulary(&["this"])));
    let parts: Vec<&str> = words
        .tokens
        .iter()
        .map(|token| &text[token.start as usize..token.end as usize])
        .collect();
    assert_eq!(parts, ["Ｔhis", "is", "soooo", "don’t"]);
}

/// Text in which plain words, words that only look plain, and marks of every kind stand side by side.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "this",
        "useless",
        "USELESS",
        "don't",
        "DON'T",
        "I",
        "sooo",
        "uselesss",
        "www",
        "good4",
        "4.5",
        "th1s",
        "f*ck",
        "**so**",
        "a@b",
        "x_y",
        "https://a.b",
        "a.b",
        "goodgood",
        "goodgoodg",
        "extraordinarily",
        "'up'",
        "\"so\"",
        "`is`",
        "don’t",
        "café",
        "ﬁ",
        "没用",
        "😡",
        "…",
        "'",
        "’",
        "!!!",
        "?",
        ".",
        ",",
        ":",
        ";",
        "-",
        " - ",
        "\n",
        "> ",
        "```",
        "(",
        ")",
        " ",
        "\u{200b}",
        "$",
    ]);
    let joint = prop::sample::select(vec!["", " ", " ", " ", ", "]);
    let pieces = prop::collection::vec((piece, joint), 0..40);
    let written = pieces.prop_map(|pieces| pieces.into_iter().flat_map(|(piece, joint)| [piece, joint]).collect());
    prop_oneof!["\\PC{0,200}", "(?s).{0,80}", "[a-zA-Z' .]{0,300}", written]
}

proptest! {
    #[test]
    fn the_short_way_reads_what_the_loop_reads(text in any_text()) {
        let vocabulary = vocabulary(&["this", "is", "useless", "good", "goodgood", "goodgoodg", "extraordinarily", "don't", "so", "up"]);
        for vocabulary in [Some(&vocabulary), None] {
            let (mut short, mut long) = (Words::default(), Words::default());
            short.read(&text, vocabulary);
            long.blank = short.blank;
            for part in windows(&text) {
                long.read_part(&text, part, vocabulary, |_, _| None);
            }
            prop_assert_eq!(&short.tokens, &long.tokens);
            prop_assert_eq!(short.shape, long.shape);
        }
    }

    #[test]
    fn any_text_is_read_with_offsets_in_order_and_on_boundaries(text in "\\PC{0,200}|[a-z'\"`>\n .!?*_@$’“”😡没]{0,400}") {
        let mut words = Words::default();
        words.read(&text, Some(&vocabulary(&["this"])));
        let mut last = 0;
        for token in &words.tokens {
            prop_assert!(last <= token.start as usize || token.has(CONTINUED));
            prop_assert!(text.get(token.start as usize..token.end as usize).is_some_and(|word| !word.is_empty()));
            last = token.end as usize;
        }
    }
}

#[test]
fn a_question_behind_blanks_alone_counts() {
    let mut words = Words::default();
    words.read("\n ?", None);
    assert_eq!(words.shape.questions, 1);
    words.read("\n - ?", None);
    assert_eq!(words.shape.questions, 0);
}

#[test]
fn a_word_is_found_without_its_accents_unless_that_is_another_word() {
    let mut words = Vocabulary::default();
    for word in ["möchte", "schön", "schon", "não", "cœur", "groß"] {
        words.intern(word);
    }
    words.finish();
    let symbol = |text: &str| {
        let mut read = Words::default();
        read.read(text, Some(&words));
        read.tokens[0].symbol
    };
    for (plain, accented) in [
        ("mochte", "möchte"),
        ("MOECHTE", "möchte"),
        ("schoen", "schön"),
        ("nao", "não"),
        ("coeur", "cœur"),
        ("gross", "groß"),
    ] {
        assert_ne!(symbol(plain), OTHER, "{plain}");
        assert_eq!(symbol(plain), symbol(accented), "{plain}");
    }
    assert_ne!(symbol("schon"), symbol("schön"));
    assert_eq!(symbol("nau"), OTHER);
}

/// The words of a text, as places, after a comma or a stop marked by a bar.
fn marked(text: &str) -> String {
    let mut words = Words::default();
    words.read(text, None);
    let shown = words.tokens.iter().map(|token| {
        let mark = if token.has(AFTER_COMMA | AFTER_STOP) { "|" } else { "" };
        format!("{mark}{}", &text[token.start as usize..token.end as usize])
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn other_scripts_have_their_own_breaks() {
    assert_eq!(marked("没用 转人工"), "|没 用 |转 人 工");
    assert_eq!(marked("用 SQL 写"), "|用 SQL 写");
    assert_eq!(marked("кто-нибудь - я"), "|кто нибудь |я");
    assert_eq!(marked("б*я п**дец ну*"), "|б*я п**дец ну");
    assert_eq!(marked("ｶﾞ、無"), "|ｶﾞ |無");
}

#[test]
fn wide_marks_shout_as_narrow_ones_do() {
    let shape = |text| {
        let mut words = Words::default();
        words.read(text, None);
        (words.shape.bangs, words.shape.questions, words.shape.lower)
    };
    assert_eq!(shape("不好！！！"), (3, 0, 2));
    assert_eq!(shape("为?？！"), (0, 3, 1));
    assert_eq!(shape("不。好…"), (0, 0, 2));
}

#[test]
fn elongation_is_folded_in_every_alphabet() {
    let mut vocabulary = Vocabulary::default();
    let symbol = vocabulary.intern("спасибо")[0];
    vocabulary.finish();
    let mut words = Words::default();
    for text in ["спасибоооо", "СПАСИИИБО"] {
        words.read(text, Some(&vocabulary));
        assert_eq!(words.tokens[0].symbol, symbol, "{text}");
    }
    words.read("спассибо", Some(&vocabulary));
    assert_eq!(words.tokens[0].symbol, OTHER);
}
