//! The analyzer as a whole: settings, laws that hold for every conversation, and the report's arithmetic.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::report::Facts;
use super::*;

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).unwrap());

fn talk(turns: &[(Role, &str)]) -> Report {
    let messages = turns
        .iter()
        .map(|(role, text)| Message::new(*role, text.to_string()))
        .collect();
    ANALYZER.analyze(&Conversation { messages })
}

fn refuse(settings: Settings, expected: &str) {
    let error = Analyzer::new(settings)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(error.contains(expected), "{error}");
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn settings_are_refused_with_what_is_valid() {
    refuse(
        Settings {
            languages: strings(&["xx"]),
            ..Settings::default()
        },
        "valid are en, de, fr",
    );
    refuse(
        Settings {
            disabled: strings(&["interaction.satisfaction.gratitud"]),
            ..Settings::default()
        },
        "did you mean `interaction.satisfaction.gratitude`?",
    );
    let lexicons = vec![(
        "my.yaml".to_owned(),
        "signals: {interaction.disengagement.quiet: []}".to_owned(),
    )];
    refuse(
        Settings {
            lexicons,
            ..Settings::default()
        },
        "lexicon my.yaml: signals: unknown signal type",
    );
    let lexicons = vec![("my.yaml".to_owned(), "nonsense: 1".to_owned())];
    refuse(
        Settings {
            lexicons,
            ..Settings::default()
        },
        "lexicon my.yaml:",
    );
}

#[test]
fn types_can_be_disabled_and_phrases_added() {
    let hello = Conversation {
        messages: vec![Message::new(Role::User, "Thanks! zork")],
    };
    let settings = |disabled: &[&str], yaml: &str| Settings {
        disabled: strings(disabled),
        lexicons: vec![("my.yaml".into(), yaml.into())],
        ..Settings::default()
    };
    let kinds = |settings| -> Vec<SignalType> {
        Analyzer::new(settings)
            .unwrap()
            .analyze(&hello)
            .signals
            .iter()
            .map(|signal| signal.kind)
            .collect()
    };
    assert_eq!(kinds(settings(&[], "{}")), [SignalType::Gratitude]);
    assert_eq!(kinds(settings(&["interaction.satisfaction.gratitude"], "{}")), []);
    let added = "signals: {interaction.disengagement.quit: [{phrases: [zork]}]}";
    assert_eq!(kinds(settings(&[], added)), [SignalType::Quit, SignalType::Gratitude]);
}

#[test]
fn a_type_that_is_switched_off_changes_no_other() {
    let answer = "You can follow your order on the orders page of your account, under its number.";
    let turns = [
        (Role::User, "Where is my order?"),
        (Role::Assistant, answer),
        (Role::User, "Sorry, can you repeat that please?"),
        (Role::Assistant, answer),
        (Role::User, "I see, thanks!"),
        (Role::Assistant, answer),
    ];
    let messages = turns.map(|(role, text)| Message::new(role, text)).to_vec();
    let conversation = Conversation { messages };
    let whole = ANALYZER.analyze(&conversation).signals;
    assert!(whole.iter().any(|signal| signal.kind == SignalType::Clarification));
    assert!(whole.iter().any(|signal| signal.kind == SignalType::Repetition));
    for kind in SignalType::ALL {
        let settings = Settings {
            disabled: strings(&[kind.name()]),
            ..Settings::default()
        };
        let found = Analyzer::new(settings).unwrap().analyze(&conversation).signals;
        let others = whole.iter().filter(|signal| signal.kind != kind).cloned();
        assert_eq!(found, others.collect::<Vec<_>>(), "without {}", kind.name());
    }
}

#[test]
fn each_language_may_stand_alone() {
    for &language in LANGUAGES {
        let settings = Settings {
            languages: strings(&[language]),
            ..Settings::default()
        };
        assert_eq!(Analyzer::new(settings).err(), None, "{language}");
    }
}

#[test]
fn the_analyzer_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Analyzer>();
}

#[test]
fn a_good_and_a_bad_conversation() {
    let good = talk(&[
        (Role::User, "How do I reset my password?"),
        (Role::Assistant, "Open the settings page and press reset."),
        (Role::User, "Great, that worked, thank you!"),
    ]);
    assert_eq!(
        (good.quality, good.turn_count, good.user_turns, good.flagged()),
        (Quality::Excellent, 3, 2, false)
    );
    let bad = talk(&[
        (Role::User, "Where is my order?"),
        (Role::Assistant, "I can help you with orders."),
        (Role::User, "you are useless, let me talk to a human"),
    ]);
    assert!(bad.escalation_requested() && bad.flagged());
    assert_eq!(
        (bad.quality, bad.frustration_count(), bad.new_count),
        (Quality::Severe, 1, 2)
    );
    let snippet = bad.signals[0].snippet.clone().unwrap();
    assert_eq!(&"you are useless, let me talk to a human"[snippet], "talk to a human");
}

#[test]
fn an_empty_conversation_is_neutral_arithmetic() {
    let report = talk(&[]);
    assert_eq!(
        (report.score, report.quality, report.turn_count),
        (60.0, Quality::Good, 0)
    );
    assert_eq!(report.repair_ratio, 0.0);
}

fn report(kinds: &[(SignalType, usize)], turns: usize, users: usize) -> Report {
    let signal = |kind| Signal {
        kind,
        message_index: 0,
        confidence: 1.0,
        snippet: None,
        metadata: Vec::new(),
    };
    let signals = kinds
        .iter()
        .flat_map(|(kind, count)| std::iter::repeat_n(signal(*kind), *count))
        .collect();
    let facts = Facts {
        turn_count: turns,
        user_turns: users,
        message_count: turns,
        newest_turn: 1,
        baseline_turns: 5,
    };
    Report::new(signals, facts, &Weights::default())
}

fn check(kinds: &[(SignalType, usize)], turns: usize, users: usize, score: f64, quality: Quality, flagged: bool) {
    let report = report(kinds, turns, users);
    assert!((report.score - score).abs() < 1e-9, "{kinds:?}: {}", report.score);
    assert_eq!((report.quality, report.flagged()), (quality, flagged), "{kinds:?}");
}

#[test]
fn the_score_follows_the_specification() {
    use SignalType as S;
    check(&[], 2, 1, 60.0, Quality::Good, false);
    check(&[(S::Gratitude, 1)], 2, 1, 72.0, Quality::Good, false);
    check(
        &[(S::Gratitude, 1), (S::Success, 1)],
        2,
        1,
        76.0,
        Quality::Excellent,
        false,
    );
    check(&[(S::Gratitude, 3)], 2, 1, 79.0, Quality::Excellent, false);
    check(&[(S::NegativeStance, 1)], 2, 1, 50.0, Quality::Neutral, true);
    check(&[(S::NegativeStance, 3)], 2, 1, 40.0, Quality::Neutral, true);
    check(&[(S::NegativeStance, 5)], 2, 1, 30.0, Quality::Severe, true);
    check(&[(S::Escalation, 1)], 2, 1, 60.0, Quality::Severe, true);
    check(&[(S::Quit, 1)], 2, 1, 60.0, Quality::Severe, true);
    check(&[(S::Correction, 1)], 4, 2, 45.0, Quality::Neutral, false);
    check(&[(S::Correction, 3)], 5, 10, 60.0, Quality::Good, false);
    check(&[(S::Repetition, 2)], 4, 2, 60.0, Quality::Good, false);
    check(&[(S::Repetition, 3)], 4, 2, 44.0, Quality::Neutral, true);
    check(&[(S::Repetition, 5)], 4, 2, 36.0, Quality::Severe, true);
    check(&[(S::InvalidArgs, 3)], 4, 2, 36.0, Quality::Poor, true);
    check(&[(S::Retry, 1)], 4, 2, 55.0, Quality::Neutral, true);
    check(&[(S::Timeout, 2)], 4, 2, 54.0, Quality::Neutral, false);
    check(&[(S::ApiError, 40)], 4, 2, 0.0, Quality::Severe, true);
    // Length takes 18 points over 40 messages, and praise fades with it.
    check(&[], 7, 4, 58.0 + 2.0 / 1.6, Quality::Neutral, false);
    check(&[], 15, 8, 58.0 + 0.5 - 18.0 * 8.0 / 40.0, Quality::Neutral, false);
    check(
        &[(S::Gratitude, 1)],
        9,
        4,
        58.0 + 2.0 / 2.2 - 0.9 + 12.0 / 9.0,
        Quality::Neutral,
        false,
    );
    check(&[], 4_000, 2_000, 40.0 + 2.0 / 1199.5, Quality::Neutral, false);
}

#[test]
fn efficiency_ratio_and_severities_follow_the_specification() {
    assert_eq!(report(&[], 5, 1).efficiency, 1.0);
    assert!((report(&[], 15, 1).efficiency - 0.25).abs() < 1e-12);
    assert_eq!(report(&[(SignalType::Rephrase, 1)], 8, 4).repair_ratio, 0.25);
    let severity = |count| report(&[(SignalType::Timeout, count)], 1, 1).category_severity(Category::Exhaustion);
    assert_eq!([0, 1, 2, 3, 4, 5, 9].map(severity), [0, 1, 1, 2, 2, 3, 3]);
    let all = report(&SignalType::ALL.map(|kind| (kind, 1)), 4, 2);
    let counts = Category::ALL.map(|category| all.category_count(category));
    assert_eq!(counts, [6, 5, 3, 3, 3, 3, 2]);
}

#[test]
fn a_long_polite_conversation_alone_is_never_severe() {
    for turns in [10, 50, 400] {
        let texts: Vec<String> = (0..turns)
            .map(|n| format!("Please tell me the price of article {n}."))
            .collect();
        let turns: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| (if n % 2 == 0 { Role::User } else { Role::Assistant }, text.as_str()))
            .collect();
        let report = talk(&turns);
        assert!(report.quality > Quality::Poor && !report.flagged(), "{report:?}");
    }
}

fn any_message() -> impl Strategy<Value = Message<'static>> {
    let roles = prop_oneof![
        Just(Role::System),
        Just(Role::User),
        Just(Role::Assistant),
        Just(Role::Tool)
    ];
    let words = prop::sample::select(vec![
        "you", "are", "useless", "not", "\"", "'", "human", "i", "want", "to", "talk", "a", "!!!", "\n", "😡", "没",
        "thanks", "```",
    ]);
    let sentence = prop::collection::vec(words, 0..30).prop_map(|words| words.join(" "));
    (roles, prop_oneof!["\\PC{0,60}", "(?s).{0,60}", sentence]).prop_map(|(role, text)| Message::new(role, text))
}

proptest! {
    #[test]
    fn any_conversation_is_analyzed_the_same_way_twice(messages in prop::collection::vec(any_message(), 0..12)) {
        let conversation = Conversation { messages };
        let report = ANALYZER.analyze(&conversation);
        prop_assert_eq!(&report, &ANALYZER.analyze(&conversation));
        prop_assert!((0.0..=100.0).contains(&report.score));
        let keys: Vec<_> = report.signals.iter().map(|signal| (signal.message_index, signal.kind.name())).collect();
        prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "sorted, and once a message: {:?}", keys);
        for signal in &report.signals {
            let message = &conversation.messages[signal.message_index];
            prop_assert!((0.0..=1.0).contains(&signal.confidence));
            prop_assert!(signal.snippet.clone().is_none_or(|range| message.text.get(range).is_some()));
        }
    }

    #[test]
    fn what_a_prefix_shows_the_whole_shows_too(messages in prop::collection::vec(any_message(), 1..12)) {
        let whole = ANALYZER.analyze(&Conversation { messages: messages.clone() });
        for length in 0..messages.len() {
            let prefix = ANALYZER.analyze(&Conversation { messages: messages[..length].to_vec() });
            prop_assert_eq!(&whole.signals[..prefix.signals.len()], &prefix.signals[..]);
        }
    }
}
