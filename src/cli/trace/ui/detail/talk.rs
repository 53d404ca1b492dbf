//! A conversation as lines: who speaks, what was said, which tools were called, and what was found in which words.

use super::Talk;
use crate::{
    cli::trace::ui::text::Text,
    viewer::{Conversation, Found, Message, Tint},
};

/// The lines of a conversation, or why there are none.
pub(super) fn lines(text: &mut Text, talk: &Talk) {
    match talk {
        Talk::Reading => text.flow(None, 0, &[(Tint::Dim, "reading …")]),
        Talk::None => text.flow(None, 0, &[(Tint::Dim, "this span carries no conversation")]),
        Talk::Said(said) => conversation(text, said),
    }
}

fn conversation(text: &mut Text, said: &Conversation) {
    verdict(text, said);
    if let Some(note) = &said.note {
        text.flow(None, 0, &[(Tint::Mark, note)]);
    }
    found(text, 0, &said.signals);
    for message in &said.messages {
        if !text.lines.is_empty() {
            text.blank();
        }
        one(text, message);
    }
}

/// `Severe 12 of 100, flagged for: escalation`.
fn verdict(text: &mut Text, said: &Conversation) {
    let Some(quality) = &said.quality else { return };
    let tint = match quality.as_str() {
        "Severe" | "Poor" => Tint::Error,
        _ => Tint::Bold,
    };
    let score = said
        .score
        .map(|score| format!(" {score:.0} of 100"))
        .unwrap_or_default();
    let reasons = match said.flag_reasons.as_slice() {
        [] => String::new(),
        reasons => format!(", flagged for: {}", reasons.join(", ")),
    };
    text.flow(
        None,
        0,
        &[(tint, quality), (Tint::Normal, &score), (Tint::Mark, &reasons)],
    );
}

fn one(text: &mut Text, message: &Message) {
    let item = text.item("the message", message.plain());
    let mut head: Vec<(Tint, &str)> = vec![(tint(&message.role), &message.role)];
    if let Some(name) = &message.name {
        head.extend([(Tint::Normal, " "), (Tint::Bold, name)]);
    }
    if let Some(id) = &message.tool_call_id {
        head.extend([(Tint::Dim, " answers "), (Tint::Dim, id)]);
    }
    text.flow(item, 0, &head);
    if !message.text.is_empty() {
        let piece = |marked: bool| if marked { Tint::Mark } else { Tint::Normal };
        let pieces = message
            .text
            .iter()
            .map(|part| (piece(!part.signals.is_empty()), part.text.as_str()));
        text.flow(item, 2, &pieces.collect::<Vec<_>>());
    }
    for call in &message.tool_calls {
        let item = text.item("the arguments", call.arguments.clone());
        let pieces = [
            (Tint::Dim, "→ calls "),
            (Tint::Bold, call.name.as_str()),
            (Tint::Normal, " "),
            (Tint::Normal, call.arguments.as_str()),
        ];
        text.flow(item, 2, &pieces);
    }
    found(text, 2, &message.signals);
}

/// What was found, by name, with the words that it rests on.
fn found(text: &mut Text, indent: usize, signals: &[Found]) {
    for signal in signals {
        let item = text.item("the signal's name", signal.r#type.clone());
        let sure = format!(" {:.0}%", signal.confidence * 100.0);
        let why = match signal.why.as_str() {
            "" => String::new(),
            why => format!("  {why}"),
        };
        let pieces = [
            (Tint::Mark, "▲ "),
            (Tint::Mark, signal.r#type.as_str()),
            (Tint::Dim, sure.as_str()),
            (Tint::Dim, why.as_str()),
        ];
        text.flow(item, indent, &pieces);
    }
}

fn tint(role: &str) -> Tint {
    use crate::viewer::Role;
    match role {
        "user" => Tint::Role(Role::Agent),
        "assistant" => Tint::Role(Role::Llm),
        "tool" => Tint::Role(Role::Orchestrator),
        _ => Tint::Bold,
    }
}
