//! Twice the text or twice the messages take at most 2.4 times the steps, whatever they are.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::signals::{Analyzer, Conversation, Message, Role, Settings, ToolCall};

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).unwrap());

const SPOKEN: [Role; 3] = [Role::User, Role::Assistant, Role::Tool];

/// The steps for some messages.
fn steps(messages: Vec<Message<'_>>) -> usize {
    let conversation = Conversation { messages };
    // What the thread keeps has grown before it is counted.
    let _report = ANALYZER.analyze(&conversation);
    of(|| {
        let _report = ANALYZER.analyze(&conversation);
    })
}

/// How many times the steps grow where a text is twice as long; a text within what is read of a message as a whole.
fn growth_of_text(unit: &str, role: Role) -> f64 {
    let times = 4096 / unit.len().max(1);
    let of_times = |times: usize| steps(vec![Message::new(role, unit.repeat(times))]);
    of_times(2 * times) as f64 / of_times(times) as f64
}

/// The same for twice the messages.
fn growth_of_messages(unit: &[Message<'_>]) -> f64 {
    let times = 400 / unit.len();
    let of_times = |times: usize| steps(unit.iter().cycle().take(times * unit.len()).cloned().collect());
    of_times(2 * times) as f64 / of_times(times) as f64
}

#[test]
fn steps_are_counted() {
    let text = "I asked you for the invoice of May, and this is the one of June. ".repeat(60);
    for role in [Role::User, Role::Assistant] {
        let counted = steps(vec![Message::new(role, text.as_str())]);
        assert!((text.len()..40 * text.len()).contains(&counted), "{role:?}: {counted}");
    }
    // A loop in a loop would be noticed.
    let pairs = |n: usize| of(|| (0..n).for_each(|_| (0..n).for_each(|_| took(1))));
    assert_eq!(pairs(20) / pairs(10), 4);
}

#[test]
fn known_traps_take_linear_time() {
    let blank = format!("{}{}", " ".repeat(2048), "? ".repeat(1024));
    assert!(steps(vec![Message::new(Role::User, blank)]) < 40 * 4096);
    for unit in [
        "“",
        "„",
        "«a ",
        "‘",
        "\"\"",
        "`",
        " 'a",
        "so ",
        "please ",
        "ok ",
        "thanks ",
        "well no ",
        "say thanks. ",
        "say thanks ",
        "translate ",
        "not ",
        "you are useless ",
        "? ",
        "!",
        "a_",
        "::",
        "{\"a\":",
        "{\"error\":\"",
        "[",
        "E ",
        "没",
        "谢谢",
        "ありがとう",
        "をに訳して",
        "a b c d ",
        "h",
        "hhhhhhhha",
        "\u{301}",
        "SELECT ",
        "no no ",
        "\n",
        "\n```\n",
        "can't ",
    ] {
        for role in SPOKEN {
            let growth = growth_of_text(unit, role);
            assert!(growth <= 2.4, "{growth} for {unit:?} as {role:?}");
        }
    }
}

#[test]
fn marks_that_nothing_closes_cost_no_more_than_prose() {
    for unit in [
        "«",
        "„",
        "“",
        "‹",
        "‘",
        "(«",
        "「",
        "『",
        "《",
        "» «",
        "«a ",
        " 'a",
        "a 'b c' d' 'e ",
        "\"",
        "`",
        "«„“‹「",
    ] {
        for role in [Role::User, Role::Assistant] {
            let text = unit.repeat(8192 / unit.len());
            let per_byte = steps(vec![Message::new(role, text.as_str())]) / text.len();
            assert!(per_byte < 40, "{per_byte} for {unit:?} as {role:?}");
        }
    }
}

#[test]
fn of_a_long_text_a_bounded_part_is_read() {
    for role in SPOKEN {
        let of_length = |length: usize| steps(vec![Message::new(role, "a word ".repeat(length / 7))]);
        assert_eq!(of_length(1 << 20), of_length(2 << 20), "{role:?}");
    }
}

fn any_unit() -> impl Strategy<Value = String> {
    let pieces = vec![
        "you",
        "are",
        "useless",
        "not",
        "don't",
        "\"",
        "'",
        "“",
        "”",
        "`",
        "```",
        "human",
        "i",
        "want",
        "to",
        "talk",
        "please",
        "ok",
        "so",
        "thanks",
        "translate",
        "!!!",
        "?",
        "\n",
        "😡",
        "没",
        "用",
        "です",
        "ё",
        "É",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        ";",
        "==",
        "error",
        "E",
        "SELECT",
        "1",
        "a.b",
        "_",
        "://",
        "aaa",
        "h",
        " ",
        "\t",
        "\u{200b}",
        "\\",
    ];
    let piece = prop_oneof![8 => prop::sample::select(pieces).prop_map(str::to_owned), 1 => "\\PC{1,8}"];
    (prop::collection::vec(piece, 1..12), any::<bool>())
        .prop_map(|(pieces, spaced)| pieces.join(if spaced { " " } else { "" }))
        .prop_filter("it must have a length", |unit| !unit.is_empty())
}

fn any_message() -> impl Strategy<Value = Message<'static>> {
    let text = any_unit();
    (0..4_usize, text, 0..6_usize, "\\PC{0,12}").prop_map(|(role, text, tool, arguments)| {
        let mut message = Message::new([Role::System, Role::User, Role::Assistant, Role::Tool][role], text);
        if role == 2 {
            message.tool_calls = vec![ToolCall {
                id: "".into(),
                name: format!("tool_{tool}").into(),
                arguments: arguments.into(),
            }];
        }
        message
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn twice_the_text_takes_twice_the_steps(unit in any_unit(), role in 0..3_usize) {
        let growth = growth_of_text(&unit, SPOKEN[role]);
        prop_assert!(growth <= 2.4, "{growth}");
    }

    #[test]
    fn twice_the_messages_take_twice_the_steps(unit in prop::collection::vec(any_message(), 1..9)) {
        let growth = growth_of_messages(&unit);
        prop_assert!(growth <= 2.4, "{growth}");
    }
}
