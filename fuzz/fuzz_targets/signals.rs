//! Any text in any roles: no panic, snippets inside their messages, and the same report when the conversation is read in two parts.
//! The first byte of each line chooses the role.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plano::signals::{Analyzer, Conversation, Message, Role, Settings};

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).expect("the lexicons compile"));

fuzz_target!(|input: &str| {
    let messages: Vec<Message<'_>> = input.split('\n').map(message).collect();
    let half = messages.len() / 2;
    let mut first = ANALYZER.begin();
    first.read(&messages[..half]);
    let mut second = ANALYZER.resume(&first.state());
    second.read(&messages[half..]);
    let resumed = second.report();
    let conversation = Conversation { messages };
    let whole = ANALYZER.analyze(&conversation);
    assert_eq!(whole, resumed);
    for signal in &whole.signals {
        let text = &conversation.messages[signal.message_index].text;
        assert!(signal.snippet.clone().is_none_or(|range| text.get(range).is_some()));
    }
});

fn message(line: &str) -> Message<'_> {
    let role = match line.as_bytes().first().map(|byte| byte % 4) {
        Some(0) => Role::User,
        Some(1) => Role::Assistant,
        Some(2) => Role::Tool,
        _ => Role::System,
    };
    Message::new(role, line)
}
