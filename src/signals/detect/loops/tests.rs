//! Loops and their false friends, as conversations of calls and results.

use proptest::prelude::*;

use super::*;
use crate::signals::{Analyzer, Category, Conversation, Message, Report, Settings, SignalType};
use crate::signals::{lexicon::Lexicon, text::Words};

use std::sync::LazyLock;

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).unwrap());

/// Calls that are made together, each with its result.
fn together(id: usize, calls: &[(&str, &str, &str)]) -> Vec<Message<'static>> {
    let mut asks = Message::new(Role::Assistant, "");
    let mut results = Vec::new();
    for (nth, (name, arguments, result)) in calls.iter().enumerate() {
        let id = format!("call_{id}_{nth}");
        asks.tool_calls.push(ToolCall {
            id: id.clone().into(),
            name: (*name).to_owned().into(),
            arguments: (*arguments).to_owned().into(),
        });
        let mut message = Message::new(Role::Tool, (*result).to_owned());
        message.tool_call_id = Some(id.into());
        results.push(message);
    }
    results.insert(0, asks);
    results
}

/// One call after the other: (tool, arguments, result). "u" is a user's turn, "a" what the assistant says.
fn conversation(calls: &[(&str, &str, &str)]) -> Conversation<'static> {
    let messages = calls.iter().enumerate().flat_map(|(id, call)| match call.0 {
        "u" => vec![Message::new(Role::User, call.1.to_owned())],
        "a" => vec![Message::new(Role::Assistant, call.1.to_owned())],
        _ => together(id, &[*call]),
    });
    Conversation {
        messages: messages.collect(),
    }
}

fn found(report: &Report) -> Vec<(SignalType, usize)> {
    let loops = report
        .signals
        .iter()
        .filter(|signal| signal.kind.category() == Category::Loops);
    loops.map(|signal| (signal.kind, signal.message_index)).collect()
}

fn check(calls: &[(&str, &str, &str)], expected: &[(SignalType, usize)]) {
    assert_eq!(found(&ANALYZER.analyze(&conversation(calls))), expected, "{calls:?}");
}

fn many<'a>(times: usize, calls: &[(&'a str, &'a str, &'a str)]) -> Vec<(&'a str, &'a str, &'a str)> {
    calls.repeat(times)
}

#[test]
fn progress_in_the_middle_of_a_large_result_is_progress() {
    let page = |done: usize| {
        let rows = |from: usize| "{\"state\": \"as before\"},".repeat(from);
        format!(
            "{{\"jobs\": [{}{{\"state\": \"{done:03} of 100\"}},{}0]}}",
            rows(400),
            rows(400)
        )
    };
    let polled = [page(10), page(20), page(30), page(40)];
    let calls: Vec<_> = polled.iter().map(|page| ("jobs", "{}", page.as_str())).collect();
    check(&calls, &[]);
    let still: Vec<_> = calls.iter().map(|_| calls[0]).collect();
    check(&still, &[(SignalType::Retry, 5), (SignalType::Retry, 7)]);
}

#[test]
fn the_third_time_without_progress_is_a_retry() {
    use SignalType::Retry;
    let failing = ("get_order", r#"{"id": 7}"#, "Error: not found");
    check(&many(2, &[failing]), &[]);
    check(&many(3, &[failing]), &[(Retry, 5)]);
    check(&many(5, &[failing]), &[(Retry, 5), (Retry, 7), (Retry, 9)]);
    check(
        &many(3, &[("get_order", r#"{"id": 7}"#, r#"{"total": 3}"#)]),
        &[(Retry, 5)],
    );
    check(&many(3, &[("get_order", r#"{"id": "#, "[]")]), &[(Retry, 5)]);
    let talk = ("a", "Let me try that once more.", "");
    check(&many(3, &[failing, talk]), &[(Retry, 7)]);
    check(
        &[
            ("find", r#"{"a": 1, "b": 2}"#, "[]"),
            ("find", r#"{"b":2,"a":1}"#, "[ ]"),
            ("think", r#"{"thought": "once more"}"#, ""),
            ("find", r#"{ "b":2, "a":1 }"#, "[]"),
        ],
        &[(Retry, 7)],
    );
    check(
        &[
            ("ping", "", "Error: timed out after 101 ms"),
            ("ping", "{}", "Error: timed out after 107 ms"),
            ("ping", " ", "Error: connection closed"),
        ],
        &[(Retry, 5)],
    );
}

#[test]
fn progress_and_another_reason_are_no_retry() {
    let poll = |status| ("job", r#"{"id": 1}"#, status);
    check(
        &[
            poll(r#"{"done":10}"#),
            poll(r#"{"done":50}"#),
            poll(r#"{"done":90}"#),
            poll(r#"{"done":100}"#),
        ],
        &[],
    );
    check(
        &[poll("Error: timeout"), poll("Error: timeout"), poll(r#"{"done":100}"#)],
        &[],
    );
    let fixed = |arguments, result| ("book", arguments, result);
    check(
        &[
            fixed(r#"{"on":"5/1"}"#, "Error: bad date"),
            fixed(r#"{"on":"2024-05-01"}"#, "booked"),
        ],
        &[],
    );
    let asked = [
        ("u", "And what is my balance now?", ""),
        ("balance", "{}", r#"{"balance": 5}"#),
    ];
    check(&many(5, &asked), &[]);
    let names: Vec<String> = (0..6).map(|n| format!(r#"{{"path": "{n}.rs"}}"#)).collect();
    let work: Vec<_> = names
        .iter()
        .flat_map(|name| [("edit", name.as_str(), "ok"), ("test", "{}", "all passed")])
        .collect();
    check(&work, &[]);
}

#[test]
fn a_user_who_asks_for_another_try_does_not_help() {
    let again = [("u", "Please try again", ""), ("pay", "{}", "Error: gateway down")];
    check(&many(3, &again), &[(SignalType::Retry, 8)]);
}

#[test]
fn ever_other_arguments_with_failures_drift() {
    use SignalType::ParameterDrift;
    let dates: Vec<String> = (1..=5).map(|day| format!(r#"{{"date": "2024-05-{day}"}}"#)).collect();
    let search = |result| -> Vec<_> { dates.iter().map(|date| ("search", date.as_str(), result)).collect() };
    let third = [(ParameterDrift, 5), (ParameterDrift, 7), (ParameterDrift, 9)];
    for failing in [
        "Error: no seats",
        "[]",
        "No results found",
        r#"{"error":"unavailable"}"#,
    ] {
        check(&search(failing), &third);
        check(&search(failing)[..2], &[]);
    }
    for fine in ["ok", "", r#"{"status":"delivered"}"#] {
        check(&search(fine), &[]);
    }
    let mut informed = search("[]");
    informed.insert(2, ("read_help", "{}", "dates are written DD.MM."));
    check(&informed, &[(ParameterDrift, 11)]);
    let told: Vec<_> = dates
        .iter()
        .flat_map(|date| [("u", "another day then", ""), ("search", date.as_str(), "[]")])
        .collect();
    check(&told, &[]);
}

#[test]
fn fan_out_and_paging_do_not_drift() {
    let pages: Vec<(String, String)> = (0..8)
        .map(|n| {
            (
                format!(r#"{{"cursor": {n}}}"#),
                format!(r#"{{"items": [{n}], "next": {}}}"#, n + 1),
            )
        })
        .collect();
    let mut paging: Vec<_> = pages
        .iter()
        .map(|(page, items)| ("list", page.as_str(), items.as_str()))
        .collect();
    paging.push(("list", r#"{"cursor": 8}"#, r#"{"items": [], "next": null}"#));
    check(&paging, &[]);
    let ids = [1, 2, 3, 4, 5].map(|n| format!(r#"{{"id": {n}}}"#));
    let calls: Vec<_> = ids.iter().map(|id| ("free_times", id.as_str(), "[]")).collect();
    let report = ANALYZER.analyze(&Conversation {
        messages: together(0, &calls),
    });
    assert_eq!(found(&report), []);
}

#[test]
fn cycles_oscillate_once_a_round() {
    use SignalType::Oscillation;
    let pair = [
        ("order", r#"{"n": 1}"#, "[]"),
        ("user", r#"{"n": 1}"#, r#"{"orders": [1]}"#),
    ];
    check(&many(2, &pair), &[]);
    check(&many(3, &pair), &[(Oscillation, 9)]);
    check(
        &many(5, &pair),
        &[(Oscillation, 9), (Oscillation, 13), (Oscillation, 17)],
    );
    let six = ["a1", "b", "c", "d", "e", "f"].map(|name| (name, "{}", "state unchanged"));
    check(&many(3, &six), &[(Oscillation, 25)]);
    let looked_up = [
        ("u", "Next question", ""),
        ("rules", "{}", "the rules"),
        ("user", "{}", "Ann"),
    ];
    check(&many(4, &looked_up), &[]);
    let progress = ["10", "20", "30", "40", "50"];
    let polls: Vec<_> = progress
        .iter()
        .flat_map(|percent| [("sleep", "{}", ""), ("job", "{}", *percent)])
        .collect();
    check(&polls, &[]);
}

#[test]
fn results_find_their_calls_by_id_or_by_order() {
    let failing = ("get", "{}", "Error: no");
    for ids in [["1", "1", "1"], ["", "", ""]] {
        let mut loops = conversation(&many(3, &[failing]));
        for (nth, pair) in loops.messages.chunks_mut(2).enumerate() {
            pair[0].tool_calls[0].id = ids[nth].into();
            pair[1].tool_call_id = (!ids[nth].is_empty()).then(|| ids[nth].into());
        }
        assert_eq!(found(&ANALYZER.analyze(&loops)), [(SignalType::Retry, 5)], "{ids:?}");
    }
    let mut unanswered = conversation(&many(9, &[failing]));
    unanswered.messages.retain(|message| message.role != Role::Tool);
    assert_eq!(found(&ANALYZER.analyze(&unanswered)), []);
    // Results in another order than the calls.
    let messages = (0..3).flat_map(|id| {
        let mut messages = together(id, &[("one", "{}", "Error: a"), ("two", "{}", ["x", "y", "z"][id])]);
        messages.swap(1, 2);
        messages
    });
    let swapped = Conversation {
        messages: messages.collect(),
    };
    assert_eq!(found(&ANALYZER.analyze(&swapped)), [(SignalType::Retry, 8)]);
}

#[test]
fn the_metadata_are_numbers_and_the_tool() {
    let report = ANALYZER.analyze(&conversation(&many(3, &[("get", r#"{"secret": 1}"#, "[]")])));
    let expected = [("times", Detail::Number(3.0)), ("tool", Detail::Name("get".into()))];
    assert_eq!(report.signals[0].metadata, expected);
}

#[test]
fn what_is_remembered_is_bounded() {
    let (words, lexicon) = (Words::default(), Lexicon::compile(&[]).expect("an empty lexicon"));
    let mut calls = Calls::default();
    calls.clear();
    for round in 0..300 {
        let (name, arguments) = (format!("tool {round}"), format!("{{\"n\": {round}}}"));
        let batch = vec![(name.as_str(), arguments.as_str(), "Error: x"); 3];
        let mut messages = together(round, &batch);
        // One of the calls is never answered.
        messages.pop();
        for message in &messages {
            calls.read(&Observed::new(message, &words, &[], &lexicon));
            let lengths = [calls.pending.len(), calls.known.len(), calls.tools.len()];
            assert!(lengths.iter().all(|&length| length <= WINDOW), "{lengths:?}");
        }
    }
    assert_eq!([calls.known.len(), calls.tools.len()], [WINDOW; 2]);
}

fn any_message() -> impl Strategy<Value = Message<'static>> {
    let word = || {
        prop::sample::select(vec![
            "",
            "a",
            "b",
            "[]",
            "{",
            "{\"a\":1}",
            "Error: x",
            "{\"error\":1}",
            "é",
        ])
    };
    let call = (word(), word(), word()).prop_map(|(id, name, arguments)| ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    });
    let roles = prop::sample::select(vec![
        Role::Assistant,
        Role::Tool,
        Role::User,
        Role::Assistant,
        Role::Tool,
    ]);
    let calls = prop::collection::vec(call, 0..3);
    (roles, calls, prop::option::of(word()), word()).prop_map(|(role, tool_calls, id, text)| {
        let mut message = Message::new(role, text);
        message.tool_call_id = id.map(Into::into);
        message.tool_calls = tool_calls;
        message
    })
}

proptest! {
    #[test]
    fn what_a_prefix_shows_the_whole_shows_too(messages in prop::collection::vec(any_message(), 1..40)) {
        let whole = ANALYZER.analyze(&Conversation { messages: messages.clone() });
        prop_assert_eq!(&whole, &ANALYZER.analyze(&Conversation { messages: messages.clone() }));
        for length in 0..messages.len() {
            let prefix = ANALYZER.analyze(&Conversation { messages: messages[..length].to_vec() });
            prop_assert_eq!(&whole.signals[..prefix.signals.len()], &prefix.signals[..]);
        }
    }

    #[test]
    fn any_text_is_judged(text in "(?s).{0,200}", start in 0_usize..4) {
        let text = format!("{}{text}", ["", "{", "[", "Error"][start]);
        let _ = (outcome::failure(&text), outcome::finds_nothing(&text), digest::digest(&text));
    }
}
