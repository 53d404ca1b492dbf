//! What the shipped lexicons find, language by language, all of them compiled together as they are at work.

mod de;
mod es;
mod fr;
mod ja;
mod pt;
mod ru;
mod zh;

use std::sync::LazyLock;

use crate::signals::{Analyzer, Conversation, Message, Role, Settings, SignalType};

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).unwrap());

/// Exactly these types fire on a user's message; `expected` in any order.
fn check(text: &str, expected: &[SignalType]) {
    let messages = vec![Message::new(Role::User, text)];
    let report = ANALYZER.analyze(&Conversation { messages });
    let mut found: Vec<_> = report.signals.iter().map(|signal| signal.kind.name()).collect();
    let mut expected: Vec<_> = expected.iter().map(|kind| kind.name()).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{text}");
}
