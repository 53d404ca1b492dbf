//! A span's events and links as the JSON that Datadog shows them from.

use super::{
    attributes::as_text,
    json::{self, push},
};
use crate::otlp::{EventRef, LinkRef};

/// What stands in the place of a value that JSON cannot hold.
const REDACTED: &str = "\"redacted\"";

/// The events, in order.
pub(super) fn events<'a>(events: impl Iterator<Item = EventRef<'a>>) -> String {
    list(events, |event, out| {
        let mut fields = Fields::new(out);
        if event.time_unix_nano() != 0 {
            push(
                fields.next("time_unix_nano"),
                format_args!("{}", event.time_unix_nano()),
            );
        }
        if !event.name().is_empty() {
            json::string(event.name(), fields.next("name"));
        }
        let mut attributes = event.attributes().map(|one| (one.key(), one.value())).peekable();
        if attributes.peek().is_some() {
            let out = fields.next("attributes");
            let _ = json::object(attributes, out, |value, out| {
                let start = out.len();
                if json::value(value, out).is_err() {
                    out.truncate(start);
                    out.push_str(REDACTED);
                }
                Ok(())
            });
        }
        if event.dropped_attributes_count() != 0 {
            push(
                fields.next("dropped_attributes_count"),
                format_args!("{}", event.dropped_attributes_count()),
            );
        }
    })
}

/// The links, in order.
pub(super) fn links<'a>(links: impl Iterator<Item = LinkRef<'a>>) -> String {
    list(links, |link, out| {
        let mut fields = Fields::new(out);
        push(fields.next("trace_id"), format_args!("\"{}\"", link.trace_id()));
        push(fields.next("span_id"), format_args!("\"{}\"", link.span_id()));
        if !link.trace_state().is_empty() {
            json::string(link.trace_state(), fields.next("tracestate"));
        }
        let mut attributes = link.attributes().map(|one| (one.key(), one.value())).peekable();
        if attributes.peek().is_some() {
            let out = fields.next("attributes");
            let _ = json::object(attributes, out, |value, out| {
                json::string(&as_text(value), out);
                Ok(())
            });
        }
        if link.dropped_attributes_count() != 0 {
            push(
                fields.next("dropped_attributes_count"),
                format_args!("{}", link.dropped_attributes_count()),
            );
        }
    })
}

fn list<T>(items: impl Iterator<Item = T>, write: impl Fn(T, &mut String)) -> String {
    let mut out = String::from("[");
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push('{');
        write(item, &mut out);
        out.push('}');
    }
    out.push(']');
    out
}

/// Fields of an object, with commas between them.
struct Fields<'a> {
    out: &'a mut String,
    is_first: bool,
}

impl<'a> Fields<'a> {
    fn new(out: &'a mut String) -> Fields<'a> {
        Fields { out, is_first: true }
    }

    /// Where the next field's value is to be written.
    fn next(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(',');
        }
        json::string(name, self.out);
        self.out.push(':');
        self.out
    }
}
