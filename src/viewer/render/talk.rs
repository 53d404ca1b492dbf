//! A conversation below its span: who said what in wrapped text, calls, the matched words marked and what was found in them. One
//! line of it in the compact form.

use super::{WRAP_PIPED, count};
use crate::viewer::facts::Role;
use crate::viewer::{
    Conversation, Found, Message,
    lines::Lines,
    paint::{Tint, columns, fit, harmless},
    render::Page,
};

/// Columns for the role; narrow terminals give it a line of its own.
const ROLE: usize = 11;
const ROLE_NARROW: usize = 2;
/// Columns from which the role stands beside the text.
const WIDE: usize = 48;
/// Most columns of a quotation in the compact form.
const QUOTED: usize = 80;

/// Writes a conversation behind a margin, from its message `first` on.
pub(super) fn block(out: &mut String, conversation: &Conversation, first: usize, page: Page, margin: &str) {
    let width = page.width.unwrap_or(WRAP_PIPED);
    let is_wide = width.saturating_sub(columns(margin)) >= WIDE;
    let indent = if is_wide { ROLE } else { ROLE_NARROW };
    for message in conversation.messages.iter().skip(first) {
        let mut lines = Lines::new(out, page.ink, width, margin, indent).with_blanks();
        said(&mut lines, message);
    }
    if !conversation.signals.is_empty() {
        let mut lines = Lines::new(out, page.ink, width, margin, indent);
        lines.label("signals", Tint::Dim);
        found(&mut lines, &conversation.signals);
    }
}

fn said(lines: &mut Lines<'_>, message: &Message) {
    lines.label(&message.role, tint(&message.role));
    if let Some(name) = &message.name {
        lines.text(name, Tint::Bold);
        lines.text(if message.role == "tool" { " → " } else { ": " }, Tint::Dim);
    }
    for piece in &message.text {
        match piece.signals.is_empty() {
            true => lines.text(&piece.text, Tint::Normal),
            false => lines.mark(&piece.text),
        }
    }
    if message.text.is_empty() && message.tool_calls.is_empty() {
        lines.text("(no text)", Tint::Dim);
    }
    if !message.text.is_empty() {
        lines.end();
    }
    for call in &message.tool_calls {
        lines.text(&call.name, Tint::Bold);
        lines.text(&format!("({})", call.arguments), Tint::Normal);
        lines.end();
    }
    lines.end();
    found(lines, &message.signals);
}

/// What was found, a line each.
fn found(lines: &mut Lines<'_>, found: &[Found]) {
    for Found {
        r#type,
        confidence,
        why,
    } in found
    {
        lines.text("^ ", Tint::Dim);
        lines.text(r#type, Tint::Mark);
        lines.text(&format!(" {confidence:.2}  "), Tint::Normal);
        lines.text(why, Tint::Dim);
        lines.end();
    }
}

/// The colors of roles are those of the components that speak for them.
fn tint(role: &str) -> Tint {
    match role {
        "user" => Tint::Role(Role::Agent),
        "assistant" => Tint::Role(Role::Llm),
        "tool" => Tint::Role(Role::Routing),
        _ => Tint::Dim,
    }
}

/// How it went, in a line: `7 messages, Severe 32, 🚩 frustration`.
pub(super) fn verdict(conversation: &Conversation) -> String {
    let mut parts = Vec::new();
    if !conversation.messages.is_empty() {
        parts.push(count(conversation.messages.len(), "message"));
    }
    if let Some(quality) = &conversation.quality {
        let score = conversation.score.map(|score| format!(" {score:.0}"));
        parts.push(format!("{quality}{}", score.unwrap_or_default()));
    }
    if !conversation.flag_reasons.is_empty() {
        parts.push(format!("🚩 {}", conversation.flag_reasons.join(", ")));
    }
    parts.extend(conversation.note.clone());
    parts.join(", ")
}

/// `7 messages · last user: “…”`.
pub(super) fn line(messages: usize, last_user: &str, room: usize) -> String {
    let start = format!("{} · last user: “", count(messages, "message"));
    let room = room.saturating_sub(columns(&start) + 1).clamp(8, QUOTED);
    let words: Vec<&str> = last_user.split_whitespace().take(room).collect();
    let words = words.join(" ");
    let words = harmless(&words);
    format!("{start}{}”", fit(&words, room))
}

#[cfg(test)]
mod tests;
