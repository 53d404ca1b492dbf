//! Which conversation a span belongs to, where its emitter says so: one scalar with a spelling for each emitter. Reads keys and
//! one value, copies nothing; an empty id is none.

use crate::otlp::{SpanRef, ValueRef, keys::CONVERSATION_IDS};

/// The id of the conversation, from the most trusted spelling that the span has.
pub(super) fn of<'a>(span: &SpanRef<'a>) -> Option<&'a str> {
    let mut best = (CONVERSATION_IDS.len(), None);
    for attribute in span.attributes() {
        let key = attribute.key_bytes();
        let better = &CONVERSATION_IDS[..best.0];
        let Some(rank) = better.iter().position(|spelling| spelling.as_bytes() == key) else {
            continue;
        };
        if let ValueRef::Str(id) = attribute.value()
            && !id.is_empty()
        {
            best = (rank, Some(id));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{SpanBuilder, SpanId, TraceId, Value};

    fn check(attributes: &[(&str, Value<'_>)], expected: Option<&str>) {
        let span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "chat");
        let span = (attributes.iter()).fold(span, |span, (key, value)| span.attribute(key, *value));
        let batch = SpanBuilder::batch(&[], ("scope", ""), [span]);
        let resource = batch.resource_spans().next().expect("a resource");
        let scope = resource.scope_spans().next().expect("a scope");
        assert_eq!(of(&scope.spans().next().expect("a span")), expected);
    }

    #[test]
    fn every_spelling_is_known_and_the_first_is_preferred() {
        for (rank, key) in CONVERSATION_IDS.iter().enumerate() {
            check(&[("other", Value::Str("no")), (key, Value::Str("s1"))], Some("s1"));
            for later in &CONVERSATION_IDS[rank + 1..] {
                check(&[(later, Value::Str("b")), (key, Value::Str("a"))], Some("a"));
                check(&[(key, Value::Str("a")), (later, Value::Str("b"))], Some("a"));
            }
        }
    }

    #[test]
    fn what_is_empty_or_no_text_is_no_id() {
        check(&[], None);
        check(&[("session.id", Value::Str("")), ("thread_id", Value::Int(3))], None);
        check(
            &[("session.id", Value::Str("")), ("thread_id", Value::Str("t"))],
            Some("t"),
        );
    }
}
