//! What the shipped lexicons find, language by language, all of them compiled together as they are at work.

mod de;
mod es;
mod fr;
mod pt;

use std::sync::LazyLock;

use crate::signals::{Analyzer, Conversation, Message, Role, Settings, SignalType};

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).unwrap());

/// Checks that a message shows exactly the expected types, given in the order of the taxonomy.
fn check(text: &str, expected: &[SignalType]) {
    let messages = vec![Message::new(Role::User, text.to_owned())];
    let report = ANALYZER.analyze(&Conversation { messages });
    let mut found: Vec<_> = report.signals.iter().map(|signal| signal.kind).collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{text}");
}
