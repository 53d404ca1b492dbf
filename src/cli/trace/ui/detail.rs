//! One span in full: its attributes, its conversation, its events and links, its resource, each on a tab of its own, as lines
//! through which a cursor goes.

mod talk;

use std::sync::Arc;

use super::{
    cursor::Cursor,
    opened::Opened,
    text::{Item, Text},
};
use crate::viewer::{Attribute, Conversation, Detail as Much, Span, Tint, length, shown};

/// A tab.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Attributes,
    Conversation,
    Events,
    Resource,
}

impl Tab {
    /// All of them, in order.
    pub(super) const ALL: [Tab; 4] = [Tab::Attributes, Tab::Conversation, Tab::Events, Tab::Resource];

    /// What stands on it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Tab::Attributes => "Attributes",
            Tab::Conversation => "Conversation",
            Tab::Events => "Events",
            Tab::Resource => "Resource",
        }
    }

    /// The next one, or the one before, round the ends.
    pub(super) fn beside(self, forward: bool) -> Tab {
        let by = if forward { 1 } else { Tab::ALL.len() - 1 };
        Tab::ALL[(self as usize + by) % Tab::ALL.len()]
    }
}

/// A span's conversation, which another task reads.
#[derive(Debug, Clone, Default)]
pub(super) enum Talk {
    /// Not asked for, or not there yet.
    #[default]
    Reading,
    /// There is none.
    None,
    /// What was said.
    Said(Box<Conversation>),
}

/// The span that is shown.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// The trace.
    pub(super) opened: Arc<Opened>,
    /// The row of the span.
    pub(super) row: usize,
}

impl Subject {
    pub(super) fn span(&self) -> &Span {
        self.opened.span(self.row)
    }

    /// Whether it is the same row of the same reading of the trace.
    pub(super) fn is(&self, other: &Subject) -> bool {
        Arc::ptr_eq(&self.opened, &other.opened) && self.row == other.row
    }

    /// Whether it is the same span, perhaps of a later reading.
    fn is_of_same_span(&self, other: &Subject) -> bool {
        let (one, other) = (self.span(), other.span());
        one.span_id == other.span_id && one.trace_id == other.trace_id
    }
}

/// The detail pane.
#[derive(Debug, Clone, Default)]
pub(super) struct Detail {
    /// The tab in front.
    pub(super) tab: Tab,
    /// Where one stands in the lines.
    pub(super) cursor: Cursor,
    /// The lines of the tab in front.
    pub(super) text: Text,
    subject: Option<Subject>,
    talk: Talk,
    /// What the lines were made for.
    made: Option<(Tab, usize)>,
}

impl Detail {
    /// The span that is shown.
    pub(super) fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// Whose conversation is missing.
    pub(super) fn unread(&self) -> Option<&Subject> {
        let is_asked = self.tab == Tab::Conversation && matches!(self.talk, Talk::Reading);
        self.subject.as_ref().filter(|_| is_asked)
    }

    /// What stands under the cursor, to be copied.
    pub(super) fn item(&self) -> Option<&Item> {
        self.text.items.get(self.text.lines.get(self.cursor.at)?.item?)
    }

    /// Puts a tab in front.
    pub(super) fn choose(&mut self, tab: Tab) {
        if self.tab != tab {
            self.tab = tab;
            self.cursor = Cursor::default();
        }
    }

    /// Another span, or none. Of the same span the place is kept.
    pub(super) fn show(&mut self, subject: Option<Subject>) {
        let same = match (&self.subject, &subject) {
            (Some(old), Some(new)) if old.is(new) => return,
            (Some(old), Some(new)) => old.is_of_same_span(new),
            (None, None) => return,
            _ => false,
        };
        if !same {
            self.cursor = Cursor::default();
        }
        self.talk = Talk::Reading;
        self.made = None;
        self.subject = subject;
    }

    /// A conversation came. Of another span it is too late.
    pub(super) fn hear(&mut self, subject: &Subject, said: Option<Box<Conversation>>) {
        if self.subject.as_ref().is_some_and(|shown| shown.is(subject)) {
            self.talk = said.map_or(Talk::None, Talk::Said);
            self.made = None;
        }
    }

    /// Makes the lines for a width, where they are not made yet.
    pub(super) fn make(&mut self, width: usize) {
        if self.made == Some((self.tab, width)) {
            return;
        }
        self.made = Some((self.tab, width));
        let Some(subject) = &self.subject else {
            self.text = Text::default();
            return;
        };
        let mut text = Text::of_width(width);
        match self.tab {
            Tab::Attributes => attributes(&mut text, subject),
            Tab::Conversation => talk::lines(&mut text, &self.talk),
            Tab::Events => events(&mut text, subject.span()),
            Tab::Resource => resource(&mut text, subject.span()),
        }
        self.text = text;
    }
}

const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/// What the span is, then its attributes, those first that tell of failures.
fn attributes(text: &mut Text, subject: &Subject) {
    let (span, row) = (subject.span(), &subject.opened.rows[subject.row]);
    field(text, Tint::Bold, "name", &span.name);
    field(text, Tint::Role(row.role), "service", &span.service);
    if let Some(why) = &row.error {
        field(text, Tint::Error, "error", why);
    }
    if let Some(oddity) = row.oddity {
        field(text, Tint::Mark, "note", oddity.of_one());
    }
    let begin = match subject.opened.offset(span) {
        Some(offset) => format!("+{}, took {}", length(offset), length(span.duration_nanos())),
        None => "unknown".to_owned(),
    };
    field(text, Tint::Normal, "began", &begin);
    let kind = usize::try_from(span.kind).ok().and_then(|kind| KINDS.get(kind));
    let status = match (span.status.code, span.status.message.as_str()) {
        (0, _) => "unset".to_owned(),
        (1, _) => "ok".to_owned(),
        (_, "") => "error".to_owned(),
        (_, why) => format!("error: {why}"),
    };
    field(
        text,
        Tint::Normal,
        "kind, status",
        &format!("{}, {status}", kind.unwrap_or(&"unknown")),
    );
    field(text, Tint::Normal, "span id", &span.span_id);
    if !span.parent_span_id.is_empty() {
        field(text, Tint::Normal, "parent", &span.parent_span_id);
    }
    field(text, Tint::Normal, "trace id", &span.trace_id);
    text.blank();
    for attribute in shown(span, Much::Everything) {
        let tint = if attribute.is_error { Tint::Error } else { Tint::Normal };
        field(text, tint, attribute.key, &attribute.value.text());
    }
    if span.attributes.is_empty() {
        text.flow(None, 0, &[(Tint::Dim, "no attributes")]);
    }
}

/// What happened during the span, and the spans that it points at.
fn events(text: &mut Text, span: &Span) {
    for event in &span.events {
        let after = event.time_unix_nano.saturating_sub(span.start_time_unix_nano);
        let after = format!("+{} ", length(after));
        let tint = if event.name == "exception" {
            Tint::Error
        } else {
            Tint::Bold
        };
        let item = text.item("the event's name", event.name.clone());
        text.flow(item, 0, &[(Tint::Dim, &after), (tint, &event.name)]);
        pairs(text, 2, &event.attributes);
    }
    for link in &span.links {
        let item = text.item("the linked trace's id", link.trace_id.clone());
        let target = format!("{} {}", link.trace_id, link.span_id);
        text.flow(item, 0, &[(Tint::Dim, "link to "), (Tint::Bold, &target)]);
        pairs(text, 2, &link.attributes);
    }
    if text.lines.is_empty() {
        text.flow(None, 0, &[(Tint::Dim, "no events and no links")]);
    }
}

/// What emitted the span.
fn resource(text: &mut Text, span: &Span) {
    pairs(text, 0, &span.resource.attributes);
    if !span.scope.name.is_empty() {
        text.blank();
        field(text, Tint::Normal, "scope", &span.scope.name);
        if !span.scope.version.is_empty() {
            field(text, Tint::Normal, "scope version", &span.scope.version);
        }
    }
    if text.lines.is_empty() {
        text.flow(None, 0, &[(Tint::Dim, "it says nothing of what emitted it")]);
    }
}

fn pairs(text: &mut Text, indent: usize, attributes: &[Attribute]) {
    for Attribute { key, value } in attributes {
        let value = value.text();
        let item = text.item(&format!("the value of {key}"), value.clone());
        text.flow(
            item,
            indent,
            &[(Tint::Dim, key), (Tint::Dim, ": "), (Tint::Normal, &value)],
        );
    }
}

fn field(text: &mut Text, tint: Tint, key: &str, value: &str) {
    let item = text.item(&format!("the value of {key}"), value.to_owned());
    text.flow(item, 0, &[(Tint::Dim, key), (Tint::Dim, ": "), (tint, value)]);
}
