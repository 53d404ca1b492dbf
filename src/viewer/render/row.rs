//! One span's lines: the branch of the tree, service and name, when it began, its bar, how long it took, its status; and
//! below it what is shown of its attributes. Everything is measured first, so that columns line up.

use super::{Detail, Page, WRAP_PIPED, millis, talk, title};
use crate::otlp::keys as otlp_keys;
use crate::viewer::{
    Conversation,
    attributes::{Shown, shown},
    condition::KINDS,
    conversation,
    facts::{self, Role},
    model::{Attribute, Event, Span, Trace},
    paint::{Ink, Tint, columns, fit, harmless},
    tree::{Branch, Oddity},
};

/// Columns of a bar.
const BAR: usize = 20;
/// Narrower terminals get no bars.
const NARROW: usize = 72;
/// Fewest columns for the branch and the name.
const LEFT_LEAST: usize = 16;
/// Most columns that short lines are padded to where there is no terminal.
const LEFT_PIPED: usize = 72;
/// Levels drawn where there is no terminal.
const LEVELS_PIPED: usize = 32;
/// Most columns of a value in the compact form.
const VALUE: usize = 80;

/// Most conversations that are read for the compact form of one trace.
const MOST_HEARD: usize = 100;

/// What the compact form has told of conversations.
#[derive(Default)]
pub(super) struct Heard {
    /// What a user said last: the calls of one turn repeat it.
    last: String,
    spans: usize,
}

/// The measured columns of one trace.
pub(super) struct Columns {
    page: Page,
    start: u64,
    total: u64,
    left: usize,
    offset: usize,
    duration: usize,
    bars: bool,
    levels: usize,
}

impl Columns {
    pub(super) fn measure(trace: &Trace, lines: &[Branch], page: Page) -> Columns {
        let (start, end) = trace.bounds();
        let mut measured = Columns {
            page,
            start,
            total: end - start,
            left: 0,
            offset: 0,
            duration: 0,
            bars: page.width.is_some_and(|width| width >= NARROW),
            levels: LEVELS_PIPED,
        };
        for span in &trace.spans {
            measured.offset = measured.offset.max(columns(&measured.begin(span)));
            measured.duration = measured.duration.max(columns(&millis(span.duration_nanos())));
        }
        let bar = if measured.bars { BAR + 1 } else { 0 };
        let outcomes = lines
            .iter()
            .map(|line| Columns::outcome_columns(&trace.spans[line.span], line));
        let outcome = outcomes.max().unwrap_or(0);
        let right = 1 + measured.offset + 1 + bar + measured.duration + outcome;
        let room = page
            .width
            .map_or(LEFT_PIPED, |width| width.saturating_sub(right).max(LEFT_LEAST));
        if page.width.is_some() {
            measured.levels = (room / 6).clamp(2, LEVELS_PIPED);
        }
        let widest = lines
            .iter()
            .map(|line| measured.left_columns(&trace.spans[line.span], line));
        measured.left = widest.max().unwrap_or(0).min(room);
        measured
    }

    fn left_columns(&self, span: &Span, line: &Branch) -> usize {
        columns(&self.branch(line)) + columns(&harmless(&span.service)) + 1 + columns(&title(span))
    }

    /// The span's line.
    pub(super) fn row(&self, out: &mut String, trace: &Trace, line: &Branch) {
        let span = &trace.spans[line.span];
        let ink = self.page.ink;
        let branch = self.branch(line);
        ink.put(out, Tint::Dim, &branch);
        let mut room = self.room(columns(&branch));
        let service = harmless(&span.service);
        let service = fit(&service, room);
        ink.put(out, Tint::Role(Role::of(&span.service)), &service);
        room = room.saturating_sub(columns(&service) + 1);
        let failed = facts::error(span).is_some();
        let name = title(span);
        let name = fit(&name, room);
        let mut used = columns(&branch) + columns(&service);
        if !name.is_empty() {
            out.push(' ');
            ink.put(out, if failed { Tint::Error } else { Tint::Normal }, &name);
            used += 1 + columns(&name);
        }
        out.push_str(&" ".repeat(self.left.saturating_sub(used)));
        out.push_str(&format!(" {:>width$} ", self.begin(span), width = self.offset));
        if self.bars {
            ink.put(out, Tint::Role(Role::of(&span.service)), &self.bar(span));
            out.push(' ');
        }
        let took = millis(span.duration_nanos());
        out.push_str(&" ".repeat(self.duration.saturating_sub(columns(&took))));
        out.push_str(&took);
        outcome(out, span, line, self.page.ink);
        out.push('\n');
    }

    fn outcome_columns(span: &Span, line: &Branch) -> usize {
        let mut text = String::new();
        outcome(&mut text, span, line, Ink::Plain);
        columns(&text)
    }

    /// Columns that are left for text that begins at a column; unbounded where there is no terminal.
    fn room(&self, used: usize) -> usize {
        match self.page.width {
            Some(_) => self.left.saturating_sub(used),
            None => usize::MAX,
        }
    }

    fn begin(&self, span: &Span) -> String {
        match span.start_time_unix_nano {
            0 => "-".to_owned(),
            start => format!("{}ms", (start - self.start) / 1_000_000),
        }
    }

    /// `├─ ` and its like. Levels beyond what is drawn are counted instead.
    fn branch(&self, line: &Branch) -> String {
        let (mut text, drawn) = self.hidden_levels(line);
        if let Some((own, above)) = drawn.split_last() {
            text.extend(above.iter().map(|more| if *more { "│  " } else { "   " }));
            text.push_str(if *own { "├─ " } else { "└─ " });
        }
        text
    }

    /// What stands before lines that belong to a span.
    fn below(&self, line: &Branch) -> String {
        let (hidden, drawn) = self.hidden_levels(line);
        let mut text = " ".repeat(columns(&hidden));
        text.extend(drawn.iter().map(|more| if *more { "│  " } else { "   " }));
        text.push_str(if line.has_children { "│  " } else { "   " });
        text
    }

    fn hidden_levels<'a>(&self, line: &'a Branch) -> (String, &'a [bool]) {
        let drawn = &line.more[line.more.len().saturating_sub(self.levels)..];
        let hidden = line.depth - drawn.len();
        let text = if hidden > 0 {
            format!("⋯{hidden} ")
        } else {
            String::new()
        };
        (text, drawn)
    }

    /// When in the trace the span ran: thick, with a thin cap where it does not reach the trace's own end.
    fn bar(&self, span: &Span) -> String {
        if span.start_time_unix_nano == 0 {
            return " ".repeat(BAR);
        }
        if self.total == 0 {
            return "━".repeat(BAR);
        }
        let cell = |nanos: u64, up: u128| {
            let cells = (u128::from(nanos) * BAR as u128 + up) / u128::from(self.total);
            usize::try_from(cells).unwrap_or(BAR).min(BAR)
        };
        let offset = span.start_time_unix_nano - self.start;
        let from = cell(offset, 0).min(BAR - 1);
        let until = cell(offset.saturating_add(span.duration_nanos()), u128::from(self.total) - 1);
        let cells = until.saturating_sub(from).max(1);
        let body = match cells {
            BAR => "━".repeat(BAR),
            1 => "╸".to_owned(),
            _ => format!("╺{}╸", "━".repeat(cells - 2)),
        };
        format!("{}{body}{}", " ".repeat(from), " ".repeat(BAR - from - cells))
    }

    /// The lines below the span's own, without what is told as a conversation.
    pub(super) fn details(
        &self,
        out: &mut String,
        span: &Span,
        line: &Branch,
        detail: Detail,
        told: Option<&Conversation>,
    ) {
        let below = self.below(line);
        let has_messages = |told: &&Conversation| !told.messages.is_empty();
        let keys = told.filter(has_messages).map(|_| conversation::message_keys(span));
        let mut shown = shown(span, detail);
        shown.retain(|shown| keys.is_none_or(|keys| !keys.is_read(shown.key)));
        if !matches!(detail, Detail::Everything | Detail::Raw) {
            return self.compact(out, &below, &shown);
        }
        let mut put = |tint, key: &str, text: &str| {
            self.page.ink.put(out, Tint::Dim, &below);
            self.page.ink.put(out, tint, &format!("{}:", harmless(key)));
            out.push_str(&format!(" {}\n", harmless(text)));
        };
        for Shown { key, value, is_error } in shown {
            put(if is_error { Tint::Error } else { Tint::Dim }, key, &value.text());
        }
        put(Tint::Dim, "span id", &span.span_id);
        if !span.parent_span_id.is_empty() {
            put(Tint::Dim, "parent span id", &span.parent_span_id);
        }
        let kind = usize::try_from(span.kind).ok().and_then(|kind| KINDS.get(kind));
        put(Tint::Dim, "kind", kind.unwrap_or(&"unknown"));
        match (span.status.code, span.status.message.as_str()) {
            (0, _) => {}
            (1, _) => put(Tint::Dim, "status", "ok"),
            (_, "") => put(Tint::Error, "status", "error"),
            (_, why) => put(Tint::Error, "status", &format!("error: {why}")),
        }
        if !span.scope.name.is_empty() {
            put(
                Tint::Dim,
                "scope",
                format!("{} {}", span.scope.name, span.scope.version).trim_end(),
            );
        }
        let untold = |event: &&Event| {
            let is_signal = told.is_some() && event.name.starts_with(otlp_keys::SIGNAL_EVENT_PREFIX);
            !is_signal && keys.is_none_or(|keys| !keys.is_read_event(&event.name))
        };
        for event in span.events.iter().filter(untold) {
            let after = event.time_unix_nano.saturating_sub(span.start_time_unix_nano);
            let text = format!("{}{}", event.name, pairs(&event.attributes));
            let tint = if event.name == "exception" {
                Tint::Error
            } else {
                Tint::Dim
            };
            put(tint, &format!("event +{}", millis(after)), &text);
        }
        for link in &span.links {
            put(
                Tint::Dim,
                "link",
                &format!("{} {}{}", link.trace_id, link.span_id, pairs(&link.attributes)),
            );
        }
        for Attribute { key, value } in &span.resource.attributes {
            put(Tint::Dim, &format!("resource {key}"), &value.text());
        }
    }

    /// The conversation of the span.
    pub(super) fn talk(&self, out: &mut String, found: &Conversation, line: &Branch) {
        let below = self.below(line);
        self.page.ink.put(out, Tint::Dim, &format!("{below}conversation:"));
        out.push_str(&format!(" {}\n", harmless(&talk::verdict(found))));
        talk::block(out, found, 0, self.page, &format!("{below}  "));
    }

    /// What the conversation of the span is about, where the spans above did not say so.
    pub(super) fn gist(&self, out: &mut String, span: &Span, line: &Branch, heard: &mut Heard) {
        if heard.spans >= MOST_HEARD || !conversation::has_messages(span) {
            return;
        }
        heard.spans += 1;
        let Some((messages, last)) = conversation::gist(span).filter(|(_, last)| *last != heard.last) else {
            return;
        };
        let below = self.below(line);
        let width = self.page.width.unwrap_or(WRAP_PIPED).max(columns(&below) + LEFT_LEAST);
        let text = talk::line(messages, &last, width - columns(&below));
        self.page.ink.put(out, Tint::Dim, &format!("{below}{text}"));
        out.push('\n');
        heard.last = last;
    }

    /// Several attributes on a line, as many as fit.
    fn compact(&self, out: &mut String, below: &str, shown: &[Shown<'_>]) {
        let width = self.page.width.unwrap_or(WRAP_PIPED).max(columns(below) + LEFT_LEAST);
        let mut used = 0;
        for Shown { key, value, is_error } in shown {
            let key = harmless(key);
            let value = value.text();
            let value = harmless(&value);
            let room = (width - columns(below))
                .saturating_sub(columns(&key) + 2)
                .max(LEFT_LEAST / 2);
            let value = fit(&value, room.min(VALUE));
            let needed = columns(&key) + 2 + columns(&value);
            if used > 0 && used + 3 + needed <= width {
                out.push_str("   ");
                used += 3 + needed;
            } else {
                out.push_str(if used > 0 { "\n" } else { "" });
                self.page.ink.put(out, Tint::Dim, below);
                used = columns(below) + needed;
            }
            let tint = if *is_error { Tint::Error } else { Tint::Normal };
            self.page.ink.put(out, Tint::Dim, &format!("{key}:"));
            out.push(' ');
            self.page.ink.put(out, tint, &value);
        }
        out.push_str(if used > 0 { "\n" } else { "" });
    }
}

/// HTTP status or `ERR`, and what is odd.
fn outcome(out: &mut String, span: &Span, line: &Branch, ink: Ink) {
    let failed = facts::error(span).is_some();
    let status = facts::http_status(span).map(|code| code.to_string());
    if let Some(status) = status.or_else(|| failed.then(|| "ERR".to_owned())) {
        out.push_str("  ");
        ink.put(out, if failed { Tint::Error } else { Tint::Normal }, &status);
    }
    let odd = match line.oddity {
        Some(Oddity::ParentMissing) => "  ? parent",
        Some(Oddity::Loop) => "  ? loop",
        Some(Oddity::EarlierThanParent) => "  ? clock",
        None => return,
    };
    ink.put(out, Tint::Dim, odd);
}

/// ` key: value` for each.
fn pairs(attributes: &[Attribute]) -> String {
    attributes
        .iter()
        .map(|attribute| format!("  {}: {}", attribute.key, attribute.value.text()))
        .collect()
}
