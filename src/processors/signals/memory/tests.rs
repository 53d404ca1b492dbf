//! What is remembered changes no report, and nothing is told twice as long as it is remembered.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::signals::analysis::tests::any_message;
use crate::signals::{Conversation, Settings, SignalType, ToolCall};

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).expect("valid"));

const ANGRY: &str = "This is useless";
const MENU: &str = "I am sorry, I can only help with orders, returns and shipping.";

fn memory(max_bytes: usize) -> Memory {
    Memory::new(max_bytes).expect("above 0")
}

fn owner(conversation: Option<&str>) -> Owner<'_> {
    Owner {
        service: "shop",
        scope: "test",
        conversation,
        trace: TraceId([1; 16]),
    }
}

/// "s", "u", "a" with text.
fn list<'a>(turns: &[(&str, &'a str)]) -> Vec<Message<'a>> {
    let turn = |&(who, text): &(&str, &'a str)| match who {
        "s" => Message::new(Role::System, text),
        "u" => Message::new(Role::User, text),
        "t" => Message::new(Role::Tool, text),
        _ => Message::new(Role::Assistant, text),
    };
    turns.iter().map(turn).collect()
}

fn whole(messages: &[Message<'_>]) -> Report {
    ANALYZER.analyze(&Conversation {
        messages: messages.to_vec(),
    })
}

/// A memory, and what a dashboard that counts would show.
struct Counted {
    memory: Memory,
    signals: Vec<SignalType>,
    conversations: Vec<Quality>,
}

impl Counted {
    fn new() -> Counted {
        Counted {
            memory: memory(1 << 20),
            signals: Vec::new(),
            conversations: Vec::new(),
        }
    }

    fn see(&mut self, id: Option<&str>, turns: &[(&str, &str)]) -> Outcome {
        let outcome = self.memory.analyze(&ANALYZER, &list(turns), &owner(id));
        let new = outcome.report.signals.iter();
        self.signals.extend(
            new.filter(|signal| signal.message_index >= outcome.news.since)
                .map(|signal| signal.kind),
        );
        let quality = outcome.report.quality;
        if outcome.news.before.is_none_or(|before| before.quality != quality) {
            self.conversations.push(quality);
        }
        outcome
    }

    /// A span that shows the whole conversation.
    fn see_whole(&mut self, id: Option<&str>, turns: &[(&str, &str)]) -> Outcome {
        let outcome = self.see(id, turns);
        assert_eq!(outcome.report, whole(&list(turns)), "{turns:?}");
        assert_eq!(outcome.first, 0, "{turns:?}");
        outcome
    }

    /// A span that shows the newest messages of a conversation.
    fn see_joined(&mut self, id: &str, before: &[(&str, &str)], turns: &[(&str, &str)]) -> Outcome {
        let outcome = self.see(Some(id), turns);
        assert_eq!(outcome.report, whole(&list(&[before, turns].concat())), "{turns:?}");
        assert_eq!(outcome.first, before.len(), "{turns:?}");
        outcome
    }
}

const TALK: [(&str, &str); 8] = [
    ("s", "You are a helpful assistant."),
    ("u", "Where is my order?"),
    ("a", MENU),
    ("u", ANGRY),
    ("a", MENU),
    ("u", "let me talk to a human"),
    ("a", "I will get someone."),
    ("u", "thank you"),
];

/// Each signal once, whatever the spans show.
fn all_of(turns: &[(&str, &str)]) -> Vec<SignalType> {
    whole(&list(turns)).signals.iter().map(|signal| signal.kind).collect()
}

#[test]
fn a_growing_conversation_is_taken_up_and_counted_once() {
    // With the reply on the span, and without it.
    for ends in [[3, 5, 7, 8], [2, 4, 6, 8]] {
        let mut counted = Counted::new();
        for end in ends {
            let known = counted.see_whole(None, &TALK[..end]).news.before.is_some();
            assert_eq!(known, end > 3);
        }
        assert_eq!(counted.signals, all_of(&TALK));
        assert_eq!(
            counted.conversations,
            [Quality::Good, Quality::Neutral, Quality::Severe][..counted.conversations.len()]
        );
        assert_eq!(counted.conversations.last(), Some(&Quality::Severe));
    }
}

#[test]
fn the_same_again_counts_nothing() {
    let mut counted = Counted::new();
    // An outer span that repeats the inner one's content, a retry, a retry of the request before.
    for end in [3, 3, 5, 5, 3, 5, 7, 7, 5, 8, 8] {
        counted.see_whole(None, &TALK[..end]);
    }
    assert_eq!(counted.signals, all_of(&TALK));
    // A retry that got no reply, then one.
    let mut counted = Counted::new();
    for end in [4, 5, 4, 5] {
        counted.see_whole(None, &TALK[..end]);
    }
    assert_eq!(counted.signals, all_of(&TALK[..5]));
}

#[test]
fn a_reply_that_comes_back_in_other_words_costs_nothing_but_itself() {
    let mut counted = Counted::new();
    counted.see_whole(None, &TALK[..5]);
    let mut again = TALK;
    again[4] = ("a", "I am sorry.");
    let outcome = counted.see_whole(None, &again[..7]);
    assert_eq!((outcome.news.since, counted.memory.store.len()), (4, 3));
    assert_eq!(
        counted
            .signals
            .iter()
            .filter(|kind| **kind == SignalType::NegativeStance)
            .count(),
        1
    );
}

#[test]
fn branches_and_edits_are_conversations_of_their_own_from_where_they_part() {
    let mut counted = Counted::new();
    counted.see_whole(None, &TALK[..5]);
    counted.see_whole(None, &TALK[..7]);
    let before = counted.signals.len();
    let mut branch = TALK;
    branch[5] = ("u", "ok, then cancel it");
    let outcome = counted.see_whole(None, &branch[..7]);
    assert_eq!(outcome.news.since, 5, "the reply's repetition was counted");
    assert_eq!(counted.signals.len(), before);
    let mut edited = TALK;
    edited[1] = ("u", "Where is my refund?");
    assert_eq!(counted.see_whole(None, &edited[..7]).news, News::default());
    let mut inserted = TALK.to_vec();
    inserted.insert(0, ("s", "Be brief."));
    assert_eq!(counted.see_whole(None, &inserted).news, News::default());
}

#[test]
fn a_date_in_the_instructions_makes_no_other_conversation() {
    let mut counted = Counted::new();
    for (day, end) in [("Monday", 3), ("Tuesday", 5), ("Wednesday", 7)] {
        let mut turns = TALK;
        let text = format!("Today is {day}. {}", "Be kind. ".repeat(day.len()));
        turns[0] = ("s", &text);
        let outcome = counted.see_whole(None, &turns[..end]);
        assert_eq!(outcome.news.before.is_some(), end > 3, "{day}");
    }
    assert_eq!(counted.signals, all_of(&TALK[..7]));
}

#[test]
fn services_and_ids_keep_conversations_apart() {
    let mut counted = Counted::new();
    assert!(counted.see_whole(None, &TALK[..5]).news.before.is_none());
    assert!(counted.see_whole(Some("a"), &TALK[..5]).news.before.is_none());
    assert!(counted.see_whole(Some("b"), &TALK[..5]).news.before.is_none());
    assert!(counted.see_whole(Some(""), &TALK[..5]).news.before.is_none());
    let other = Owner {
        service: "bank",
        ..owner(None)
    };
    let outcome = counted.memory.analyze(&ANALYZER, &list(&TALK[..5]), &other);
    assert!(outcome.news.before.is_none());
    assert!(counted.see_whole(Some("a"), &TALK[..7]).news.before.is_some());
}

#[test]
fn many_people_begin_with_the_same_words() {
    let counted = Counted::new();
    let starter = [
        ("a", "How can I help?"),
        ("u", "I want to speak to a human"),
        ("a", MENU),
        ("u", ANGRY),
    ];
    let new = |trace: u8, id: Option<&str>, end: usize| {
        let owner = Owner {
            trace: TraceId([trace; 16]),
            ..owner(id)
        };
        let outcome = counted.memory.analyze(&ANALYZER, &list(&starter[..end]), &owner);
        assert_eq!(outcome.report, whole(&list(&starter[..end])));
        outcome.news.before.is_none()
    };
    // Two people, each with a retry in the same trace; one goes on in a trace of its own, and once more in another.
    let people = [
        (1, 3, true),
        (1, 3, false),
        (2, 3, true),
        (2, 2, false),
        (3, 4, false),
        (4, 4, false),
    ];
    for (trace, end, expected) in people {
        assert_eq!(new(trace, None, end), expected, "{trace}");
    }
    // Who has an id is told apart by that.
    assert!(new(1, Some("a"), 3) && !new(2, Some("a"), 3) && new(2, Some("b"), 3));
}

#[test]
fn spans_with_only_the_newest_messages_are_joined() {
    for instructions in [0, 1] {
        let mut counted = Counted::new();
        let talk = &TALK[instructions..];
        let cuts: Vec<usize> = [3, 5, 7, 8].map(|end| end - instructions).to_vec();
        let mut from = 0;
        for end in cuts {
            let outcome = counted.see_joined("id", &talk[..from], &talk[from..end]);
            assert_eq!(outcome.news.since, from);
            from = end;
        }
        assert_eq!(counted.signals, all_of(&TALK));
        assert_eq!(counted.conversations.last(), Some(&Quality::Severe));
    }
}

#[test]
fn the_newest_turn_of_joined_spans_is_the_span() {
    let mut counted = Counted::new();
    counted.see_joined("id", &[], &TALK[..3]);
    let second = counted.see_joined("id", &TALK[..3], &TALK[3..5]);
    assert_eq!(second.report.new_count, second.report.signals.len());
    let third = counted.see_joined("id", &TALK[..5], &TALK[5..7]);
    assert_eq!(third.report.new_count, 1);
    assert!(third.report.signals.len() > 1);
}

#[test]
fn a_joined_span_that_comes_again_counts_once() {
    let mut counted = Counted::new();
    counted.see_joined("id", &[], &TALK[..3]);
    // Without its reply, with it, once more with it.
    counted.see_joined("id", &TALK[..3], &TALK[3..4]);
    counted.see_joined("id", &TALK[..3], &TALK[3..5]);
    counted.see_joined("id", &TALK[..3], &TALK[3..5]);
    counted.see_joined("id", &TALK[..5], &TALK[5..7]);
    assert_eq!(counted.signals, all_of(&TALK[..7]));
    // The user may well say the same twice.
    let yes = [("u", "yes"), ("a", "Next step."), ("u", "yes"), ("a", "And the next.")];
    counted.see_joined("yes", &[], &[("u", "I want to return it"), ("a", "Shall I?")]);
    let all = [&[("u", "I want to return it"), ("a", "Shall I?")], &yes[..]].concat();
    counted.see_joined("yes", &all[..2], &all[2..4]);
    counted.see_joined("yes", &all[..4], &all[4..6]);
}

#[test]
fn an_agent_that_sends_only_results_is_joined() {
    let counted = Counted::new();
    let asks = |call: usize| {
        let mut asks = Message::new(Role::Assistant, "");
        asks.tool_calls.push(ToolCall {
            id: call.to_string().into(),
            name: "get".into(),
            arguments: "{}".into(),
        });
        asks
    };
    let mut all = vec![Message::new(Role::User, "Where is my order?"), asks(0)];
    counted.memory.analyze(&ANALYZER, &all, &owner(Some("id")));
    for call in 0..3 {
        let mut result = Message::new(Role::Tool, "Error: no such order");
        result.tool_call_id = Some(call.to_string().into());
        let step = [result, asks(call + 1)];
        all.extend_from_slice(&step);
        let outcome = counted.memory.analyze(&ANALYZER, &step, &owner(Some("id")));
        assert_eq!(outcome.report, whole(&all), "{call}");
    }
    assert!(whole(&all).looping());
}

#[test]
fn who_sends_the_history_is_not_joined() {
    let mut counted = Counted::new();
    for end in [3, 5, 7] {
        counted.see_whole(Some("id"), &TALK[..end]);
    }
    assert_eq!(counted.signals, all_of(&TALK[..7]));
    // Another call of the same session, with its own instructions, and one with a history of its own, cut at its head.
    counted.see_whole(
        Some("id"),
        &[("s", "Write a title."), ("u", "Where is my order?"), ("a", "Order")],
    );
    counted.see_whole(Some("id"), &TALK[3..7]);
    counted.see_whole(Some("id"), &TALK[5..7]);
    // The very first two requests, in the wrong order.
    let mut counted = Counted::new();
    counted.see_whole(Some("id"), &TALK[..5]);
    counted.see_whole(Some("id"), &TALK[..3]);
    // A first request that failed, or was sent again and answered otherwise.
    let mut counted = Counted::new();
    counted.see_whole(Some("id"), &TALK[..2]);
    counted.see_whole(Some("id"), &[TALK[0], TALK[1], ("u", "Hello?"), TALK[2]]);
    let mut counted = Counted::new();
    counted.see_whole(Some("id"), &TALK[..3]);
    counted.see_whole(Some("id"), &[TALK[0], TALK[1], ("a", "Let me look.")]);
    counted.see_whole(Some("id"), &[TALK[0], TALK[1], ("a", "Let me look."), TALK[3]]);
}

#[test]
fn calls_with_other_instructions_are_joined_among_themselves() {
    let mut counted = Counted::new();
    let title = ("s", "Write a title. It is 10:05.");
    let later = ("s", "Write a title. It is 10:07.");
    counted.see_joined("id", &[], &TALK[..3]);
    counted.see_joined("id", &[], &[title, ("u", "Orders"), ("a", "Order")]);
    counted.see_joined("id", &TALK[..3], &[TALK[0], TALK[3], TALK[4]]);
    counted.see_joined(
        "id",
        &[title, ("u", "Orders"), ("a", "Order")],
        &[later, ("u", "Returns"), ("a", "Return")],
    );
}

#[test]
fn requests_at_the_same_time_lose_nothing() {
    for round in 0..20 {
        let memory = memory(1 << 20);
        let told = std::sync::Mutex::new(0);
        std::thread::scope(|scope| {
            for n in 0..7 {
                let (memory, told) = (&memory, &told);
                scope.spawn(move || {
                    let text = format!("{ANGRY}, number {n}");
                    let turns = list(&[("u", &text), ("a", "Sorry.")]);
                    let outcome = memory.analyze(&ANALYZER, &turns, &owner(Some("id")));
                    let new = outcome.report.signals.iter();
                    let new = new.filter(|signal| signal.message_index >= outcome.news.since);
                    *told.lock().expect("no panic") += new.count();
                });
            }
        });
        let last = memory.analyze(&ANALYZER, &list(&[("u", "bye"), ("a", "Bye.")]), &owner(Some("id")));
        assert_eq!(
            (last.report.turn_count, last.report.frustration_count()),
            (16, 7),
            "{round}"
        );
        assert_eq!(*told.lock().expect("no panic"), 7, "{round}");
    }
}

#[test]
fn the_same_span_at_the_same_time_counts_once() {
    for _ in 0..20 {
        let memory = memory(1 << 20);
        let new = std::sync::Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let outcome = memory.analyze(&ANALYZER, &list(&TALK[..5]), &owner(None));
                    *new.lock().expect("no panic") += usize::from(outcome.news.before.is_none());
                });
            }
        });
        assert_eq!(*new.lock().expect("no panic"), 1);
    }
}

#[test]
fn a_long_conversation_keeps_two_states() {
    let mut counted = Counted::new();
    let texts: Vec<String> = (0..60)
        .map(|n| format!("Please tell me the price of article {n}"))
        .collect();
    let turns: Vec<(&str, &str)> = texts
        .iter()
        .flat_map(|text| [("u", text.as_str()), ("a", "It is as every other article.")])
        .collect();
    for end in (2..turns.len()).step_by(2) {
        counted.see_whole(None, &turns[..end]);
    }
    let prefixes = counted.memory.store.len() - counted.signals_told();
    assert_eq!(prefixes, 2);
    assert!(
        counted.memory.store.bytes() < 40 << 10,
        "{}",
        counted.memory.store.bytes()
    );
}

impl Counted {
    /// Notes of replies whose signals were told, one for each.
    fn signals_told(&self) -> usize {
        self.signals
            .iter()
            .filter(|kind| matches!(kind, SignalType::Repetition))
            .count()
    }
}

/// Requests of conversations that grow, each with what it shows.
fn any_requests() -> impl Strategy<Value = Vec<Vec<Message<'static>>>> {
    let talks = prop::collection::vec(prop::collection::vec(any_message(), 1..16), 1..4);
    let steps = prop::collection::vec(
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_u8),
        1..24,
    );
    (talks, steps).prop_map(|(talks, steps)| {
        let request = |(talk, end, change): (prop::sample::Index, prop::sample::Index, u8)| {
            let talk: &Vec<Message<'static>> = talk.get(&talks);
            let mut messages = talk[..=end.index(talk.len())].to_vec();
            match change {
                0 => messages.push(Message::new(Role::Assistant, MENU)),
                1 => messages.insert(0, Message::new(Role::System, "now")),
                2 => *end.get_mut(&mut messages) = Message::new(Role::User, ANGRY),
                _ => {}
            }
            messages
        };
        steps.into_iter().map(request).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every prefix in order, with a memory that forgets nothing, much, and all.
    #[test]
    fn every_prefix_is_analyzed_like_the_whole(messages in prop::collection::vec(any_message(), 1..24)) {
        for max_bytes in [1 << 20, 9000, 1] {
            let memory = memory(max_bytes);
            for end in 1..=messages.len() {
                let outcome = memory.analyze(&ANALYZER, &messages[..end], &owner(None));
                prop_assert_eq!(&outcome.report, &whole(&messages[..end]), "{} in {}", end, max_bytes);
                prop_assert!(memory.store.bytes() <= max_bytes);
            }
        }
    }

    #[test]
    fn any_requests_are_analyzed_like_the_whole(requests in any_requests(), max_bytes in 1000..60_000_usize) {
        let expected: Vec<Report> = requests.iter().map(|messages| whole(messages)).collect();
        let memory = memory(max_bytes);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (requests, expected, memory) = (&requests, &expected, &memory);
                scope.spawn(move || {
                    for (messages, expected) in requests.iter().zip(expected).skip(thread) {
                        let outcome = memory.analyze(&ANALYZER, messages, &owner(None));
                        assert_eq!(&outcome.report, expected);
                        assert!(outcome.news.since <= messages.len());
                    }
                });
            }
        });
        prop_assert!(memory.store.bytes() <= max_bytes);
    }

    /// Pieces that show no history are joined to the whole.
    #[test]
    fn joined_pieces_are_analyzed_like_the_whole(
        pieces in prop::collection::vec((0..3_usize, 0..4_usize), 2..20),
    ) {
        let memory = memory(1 << 20);
        let mut all = Vec::new();
        for (number, (user, reply)) in pieces.into_iter().enumerate() {
            let said = [format!("{ANGRY} {number}"), format!("thanks {number}"), format!("and {number}?")][user].clone();
            let mut piece = vec![Message::new(Role::User, said)];
            if reply > 0 {
                piece.push(Message::new(Role::Assistant, [MENU, "Ok.", ANGRY][reply - 1]));
            }
            all.extend_from_slice(&piece);
            let outcome = memory.analyze(&ANALYZER, &piece, &owner(Some("id")));
            prop_assert_eq!(&outcome.report, &whole(&all));
            prop_assert_eq!((outcome.first, outcome.news.since), (all.len() - piece.len(), all.len() - piece.len()));
        }
    }
}

#[test]
fn instructions_are_not_kept() {
    let bytes = |instructions: &str| {
        let memory = memory(1 << 20);
        let messages = list(&[("s", instructions), ("u", "hi"), ("a", "hello")]);
        let _outcome = memory.analyze(&ANALYZER, &messages, &owner(Some("c")));
        memory.store.bytes()
    };
    assert_eq!(bytes("x"), bytes(&"Be kind to customers. ".repeat(100)));
}
