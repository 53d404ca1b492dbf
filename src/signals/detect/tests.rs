//! The table's laws, and what the detectors' own tests share.

use std::sync::LazyLock;

use super::*;
use crate::signals::{Analyzer, Conversation, Settings};

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).unwrap());

/// Where a type fires in a conversation of ("u" or "a", text).
pub(super) fn indexes(kind: SignalType, turns: &[(&str, &str)]) -> Vec<usize> {
    let role = |name| if name == "u" { Role::User } else { Role::Assistant };
    let messages = turns
        .iter()
        .map(|(name, text)| Message::new(role(*name), *text))
        .collect();
    let report = ANALYZER.analyze(&Conversation { messages });
    report
        .signals
        .iter()
        .filter(|signal| signal.kind == kind)
        .map(|signal| signal.message_index)
        .collect()
}

fn wrong<'a>(kind: SignalType, texts: &[&'a str], expected: bool) -> Vec<&'a str> {
    texts
        .iter()
        .filter(|text| indexes(kind, &[("u", text)]).is_empty() == expected)
        .copied()
        .collect()
}

pub(super) fn fires(kind: SignalType, texts: &[&str]) {
    assert_eq!(wrong(kind, texts, true), [""; 0], "{} should fire", kind.name());
}

pub(super) fn silent(kind: SignalType, texts: &[&str]) {
    assert_eq!(wrong(kind, texts, false), [""; 0], "{} should not fire", kind.name());
}

/// Which of these results of a tool have a signal of that type: all of the first, none of the second.
pub(super) fn check_results(kind: SignalType, fires: &[&str], silent: &[&str]) {
    for (results, expected) in [(fires, true), (silent, false)] {
        for result in results {
            let messages = vec![Message::new(Role::Tool, *result)];
            let report = ANALYZER.analyze(&Conversation { messages });
            let found: Vec<&str> = report.signals.iter().map(|signal| signal.kind.name()).collect();
            assert_eq!(found.contains(&kind.name()), expected, "{result}: {found:?}");
            assert!(expected || found.is_empty(), "{result}: {found:?}");
        }
    }
}

#[test]
fn a_result_that_is_marked_as_a_failure_is_one_whatever_its_text() {
    let kinds = |role, text: &'static str| {
        let mut message = Message::new(role, text);
        message.failed = true;
        let report = ANALYZER.analyze(&Conversation {
            messages: vec![message],
        });
        report.signals.iter().map(|signal| signal.kind).collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("The city is closed", SignalType::StateError),
        ("", SignalType::StateError),
        (r#"{"city": "closed"}"#, SignalType::StateError),
        ("sorry, too many requests", SignalType::RateLimit),
        (r#"{"error": {"code": 504}}"#, SignalType::Timeout),
    ] {
        assert_eq!(kinds(Role::Tool, text), [expected], "{text}");
    }
    assert_eq!(kinds(Role::User, "The city is closed"), []);
}

#[test]
fn the_table_is_sorted_and_each_type_stands_once() {
    assert!(
        DETECTORS
            .windows(2)
            .all(|pair| pair[0].kind.name() < pair[1].kind.name())
    );
}

#[test]
fn every_type_has_its_detector() {
    let missing = |kind: &SignalType| !DETECTORS.iter().any(|detector| detector.kind == *kind);
    let missing: Vec<_> = SignalType::ALL
        .into_iter()
        .filter(missing)
        .map(SignalType::name)
        .collect();
    assert_eq!(missing, [""; 0]);
}
