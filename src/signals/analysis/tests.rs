//! Reading in pieces is reading at once: for conversations with everything that a detector remembers.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::signals::{Conversation, Settings, SignalType, ToolCall};

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).unwrap());

fn check_newest_turn(roles: &str, expected: usize) {
    let mut counts = Counts::default();
    for role in roles.chars() {
        let role = match role {
            'u' => Role::User,
            'a' => Role::Assistant,
            't' => Role::Tool,
            _ => Role::System,
        };
        counts.take(&Message::new(role, "x"));
    }
    assert_eq!(counts.newest_turn, expected, "{roles}");
}

#[test]
fn the_newest_turn_starts_after_the_last_earlier_reply() {
    check_newest_turn("", 0);
    check_newest_turn("u", 0);
    check_newest_turn("sua", 0);
    check_newest_turn("suau", 3);
    check_newest_turn("suaua", 3);
    check_newest_turn("uata", 2);
    check_newest_turn("aa", 0);
}

const MENU: &str = "I am sorry, I can only help with orders, returns and shipping.";

/// Replies that are like each other, equal, other, short and circling; long ones are only glanced at until a state is saved.
fn replies() -> Vec<String> {
    let long = "To change the address on your account, open the settings page, choose the profile tab, press the edit button \
                beside the address, type the new one and press the save button at the bottom of the page. ";
    vec![
        MENU.to_owned(),
        MENU.to_uppercase(),
        format!("{MENU} Anything else?"),
        long.to_owned(),
        format!("{long}Anything else?"),
        long.replace("button", "switch"),
        long.repeat(3),
        format!("{}{long}", long.repeat(3)),
        "Your order 17 was shipped on May 3.".to_owned(),
        "Ok.".to_owned(),
        String::new(),
        "the answer is in the answer and so ".repeat(8),
    ]
}

/// What a user says: phrases, the same in other words, shouts.
const SAID: [&str; 10] = [
    "I want to book a flight to Paris tomorrow",
    "please book me a flight to paris for tomorrow",
    "could you repeat that?",
    "THIS IS STILL NOT FIXED!!",
    "so where is it???",
    "no, I meant the other one",
    "thanks, that worked",
    "let me talk to a human",
    "where is my order",
    " ",
];

const RESULTS: [&str; 6] = [
    "Error: no",
    "[]",
    "{\"error\": \"timeout\"}",
    "{\"a\": 1, \"b\": 2}",
    "{\"b\": 2, \"a\": 1}",
    "ok",
];

pub(crate) fn any_message() -> impl Strategy<Value = Message<'static>> {
    let call = (0..4_usize, 0..3_usize, 0..3_usize).prop_map(|(id, tool, arguments)| ToolCall {
        id: ["", "1", "2", "3"][id].into(),
        name: ["get", "find", "pay"][tool].into(),
        arguments: ["", "{\"n\": 1}", "{\"n\": 2}"][arguments].into(),
    });
    let user = prop::sample::select(SAID.to_vec()).prop_map(|text| Message::new(Role::User, text));
    let reply = (prop::sample::select(replies()), prop::collection::vec(call, 0..3)).prop_map(|(text, calls)| {
        let mut message = Message::new(Role::Assistant, text);
        message.tool_calls = calls;
        message
    });
    let result = (prop::sample::select(RESULTS.to_vec()), 0..4_usize).prop_map(|(text, id)| {
        let mut message = Message::new(Role::Tool, text);
        message.tool_call_id = Some(["", "1", "2", "3"][id].into());
        message
    });
    prop_oneof![
        4 => user,
        6 => reply,
        3 => result,
        1 => "\\PC{0,40}".prop_map(|text| Message::new(Role::System, text)),
        1 => ("(?s).{0,60}").prop_map(|text| Message::new(Role::User, text)),
    ]
}

fn whole(messages: &[Message<'static>]) -> Report {
    ANALYZER.analyze(&Conversation {
        messages: messages.to_vec(),
    })
}

/// Reads it in pieces, each from the state that the one before left.
fn in_pieces(messages: &[Message<'static>], ends: &[usize]) -> Report {
    let mut state = State::default();
    for &end in ends {
        let mut analysis = ANALYZER.resume(&state);
        analysis.read(&messages[state.messages()..end]);
        state = analysis.state();
        assert_eq!(state.messages(), end);
    }
    let mut analysis = ANALYZER.resume(&state);
    analysis.read(&messages[state.messages()..]);
    analysis.report()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_prefix_can_be_taken_up(messages in prop::collection::vec(any_message(), 0..24)) {
        let expected = whole(&messages);
        for end in 0..=messages.len() {
            prop_assert_eq!(&in_pieces(&messages, &[end]), &expected, "from {}", end);
        }
        let all: Vec<usize> = (0..=messages.len()).collect();
        prop_assert_eq!(&in_pieces(&messages, &all), &expected);
    }

    #[test]
    fn any_pieces_make_the_whole(
        messages in prop::collection::vec(any_message(), 0..100),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(messages.len() + 1)).collect();
        ends.sort_unstable();
        prop_assert_eq!(in_pieces(&messages, &ends), whole(&messages));
    }

    /// What the prefix memory relies on when it leaves the text of system messages out.
    #[test]
    fn of_a_system_message_only_its_place_counts(messages in prop::collection::vec(any_message(), 0..20)) {
        let mut other = messages.clone();
        for message in other.iter_mut().filter(|message| message.role == Role::System) {
            *message = Message::new(Role::System, SAID[3]);
            message.name = Some("clock".into());
        }
        prop_assert_eq!(whole(&other), whole(&messages));
    }
}

/// Loops over more calls than a window, and more replies than are looked for in a list.
#[test]
fn long_conversations_can_be_taken_up() {
    let messages: Vec<Message<'static>> = (0..600)
        .map(|n| match n % 4 {
            0 => Message::new(Role::User, format!("Please tell me the price of article {}", n % 28)),
            1 => {
                let mut message = Message::new(Role::Assistant, "");
                message.tool_calls.push(ToolCall {
                    id: n.to_string().into(),
                    name: format!("tool_{}", n % 90).into(),
                    arguments: "{}".into(),
                });
                message
            }
            2 => {
                let mut message = Message::new(Role::Tool, if n % 3 == 0 { "Error: no" } else { "[]" });
                message.tool_call_id = Some((n - 1).to_string().into());
                message
            }
            _ => Message::new(
                Role::Assistant,
                format!("That is article number {} of the whole list.", n % 400),
            ),
        })
        .collect();
    let expected = whole(&messages);
    assert!(
        expected.count(SignalType::Repetition) > 20,
        "{}",
        expected.signals.len()
    );
    for end in [1, 2, 3, 100, 300, 301, 302, 303, 599, 600] {
        assert_eq!(in_pieces(&messages, &[end]), expected, "from {end}");
    }
}

#[test]
fn a_state_is_small_whatever_the_texts_are() {
    let messages: Vec<Message<'static>> = (0..200)
        .map(|n| {
            let role = if n % 2 == 0 { Role::User } else { Role::Assistant };
            Message::new(role, format!("{n} words of a secret number {n} ").repeat(400))
        })
        .collect();
    let mut analysis = ANALYZER.begin();
    analysis.read(&messages);
    let state = analysis.state();
    let texts: usize = messages.iter().map(|message| message.text.len()).sum();
    assert!(
        state.bytes() < 8 << 10 && texts > 2_000_000,
        "{} of {texts}",
        state.bytes()
    );
    assert!(!format!("{state:?}").contains("secret"));
}
