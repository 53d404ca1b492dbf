//! The messages of OTLP traces as data (opentelemetry-proto 1.8: `common.v1`, `resource.v1`, `trace.v1`): what `validate`
//! checks and what JSON names. Refuses to hold logic.

/// How many messages and groups may be nested, the request itself not counted: prost's limit.
pub(super) const MAX_DEPTH: u32 = 100;
/// The reason of a refused nesting.
pub(super) const TOO_DEEP: &str = "messages are nested more than 100 deep";

/// A message: its fields by number, from 1 on.
pub(super) struct Message {
    /// `fields[n - 1]` is field number n.
    pub(super) fields: &'static [Field],
}

/// A field of a message.
pub(super) struct Field {
    /// Name in the protobuf definition.
    pub(super) name: &'static str,
    /// Name in JSON.
    pub(super) json: &'static str,
    /// Type.
    pub(super) kind: Kind,
    /// One or a list.
    pub(super) label: Label,
}

/// Whether a field may stand more than once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// At most one value.
    One,
    /// A list.
    Repeated,
}

/// A field's type.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// No field of that number: skipped as unknown.
    Reserved,
    /// `bool`.
    Bool,
    /// `int32`.
    Int32,
    /// `uint32`.
    Uint32,
    /// `int64`, a string in JSON.
    Int64,
    /// An enum with the names of its numbers from 0 on.
    Enum(&'static [&'static str]),
    /// `fixed32`.
    Fixed32,
    /// `fixed64`, a string in JSON.
    Fixed64,
    /// `double`.
    Double,
    /// `string`.
    Text,
    /// `bytes`, Base64 in JSON.
    Blob,
    /// `bytes` that are an id of that length, hex in JSON.
    Id(usize),
    /// A message.
    Message(&'static Message),
}

const fn one(name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field {
        name,
        json,
        kind,
        label: Label::One,
    }
}

const fn many(name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field {
        name,
        json,
        kind,
        label: Label::Repeated,
    }
}

const fn attributes() -> Field {
    many("attributes", "attributes", Kind::Message(&KEY_VALUE))
}

const fn dropped_attributes() -> Field {
    one("dropped_attributes_count", "droppedAttributesCount", Kind::Uint32)
}

const fn schema_url() -> Field {
    one("schema_url", "schemaUrl", Kind::Text)
}

/// `collector.trace.v1.ExportTraceServiceRequest`, which is `TracesData` too.
pub(super) static REQUEST: Message = Message {
    fields: &[many("resource_spans", "resourceSpans", Kind::Message(&RESOURCE_SPANS))],
};

/// `trace.v1.ResourceSpans`.
pub(super) static RESOURCE_SPANS: Message = Message {
    fields: &[
        one("resource", "resource", Kind::Message(&RESOURCE)),
        many("scope_spans", "scopeSpans", Kind::Message(&SCOPE_SPANS)),
        schema_url(),
    ],
};

/// `resource.v1.Resource`.
pub(super) static RESOURCE: Message = Message {
    fields: &[
        attributes(),
        dropped_attributes(),
        many("entity_refs", "entityRefs", Kind::Message(&ENTITY_REF)),
    ],
};

/// `common.v1.EntityRef`.
pub(super) static ENTITY_REF: Message = Message {
    fields: &[
        schema_url(),
        one("type", "type", Kind::Text),
        many("id_keys", "idKeys", Kind::Text),
        many("description_keys", "descriptionKeys", Kind::Text),
    ],
};

/// `trace.v1.ScopeSpans`.
pub(super) static SCOPE_SPANS: Message = Message {
    fields: &[
        one("scope", "scope", Kind::Message(&SCOPE)),
        many("spans", "spans", Kind::Message(&SPAN)),
        schema_url(),
    ],
};

/// `common.v1.InstrumentationScope`.
pub(super) static SCOPE: Message = Message {
    fields: &[
        one("name", "name", Kind::Text),
        one("version", "version", Kind::Text),
        attributes(),
        dropped_attributes(),
    ],
};

/// `trace.v1.Span`.
pub(super) static SPAN: Message = Message {
    fields: &[
        one("trace_id", "traceId", Kind::Id(16)),
        one("span_id", "spanId", Kind::Id(8)),
        one("trace_state", "traceState", Kind::Text),
        one("parent_span_id", "parentSpanId", Kind::Id(8)),
        one("name", "name", Kind::Text),
        one("kind", "kind", Kind::Enum(&SPAN_KINDS)),
        one("start_time_unix_nano", "startTimeUnixNano", Kind::Fixed64),
        one("end_time_unix_nano", "endTimeUnixNano", Kind::Fixed64),
        attributes(),
        dropped_attributes(),
        many("events", "events", Kind::Message(&EVENT)),
        one("dropped_events_count", "droppedEventsCount", Kind::Uint32),
        many("links", "links", Kind::Message(&LINK)),
        one("dropped_links_count", "droppedLinksCount", Kind::Uint32),
        one("status", "status", Kind::Message(&STATUS)),
        one("flags", "flags", Kind::Fixed32),
    ],
};

/// Names of `Span.SpanKind`, by number.
pub(super) static SPAN_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// `trace.v1.Span.Event`.
pub(super) static EVENT: Message = Message {
    fields: &[
        one("time_unix_nano", "timeUnixNano", Kind::Fixed64),
        one("name", "name", Kind::Text),
        attributes(),
        dropped_attributes(),
    ],
};

/// `trace.v1.Span.Link`.
pub(super) static LINK: Message = Message {
    fields: &[
        one("trace_id", "traceId", Kind::Id(16)),
        one("span_id", "spanId", Kind::Id(8)),
        one("trace_state", "traceState", Kind::Text),
        attributes(),
        dropped_attributes(),
        one("flags", "flags", Kind::Fixed32),
    ],
};

/// `trace.v1.Status`.
pub(super) static STATUS: Message = Message {
    fields: &[
        one("", "", Kind::Reserved),
        one("message", "message", Kind::Text),
        one("code", "code", Kind::Enum(&STATUS_CODES)),
    ],
};

/// Names of `Status.StatusCode`, by number.
pub(super) static STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/// `common.v1.KeyValue`.
pub(super) static KEY_VALUE: Message = Message {
    fields: &[
        one("key", "key", Kind::Text),
        one("value", "value", Kind::Message(&ANY_VALUE)),
        one("key_strindex", "keyStrindex", Kind::Int32),
    ],
};

/// `common.v1.AnyValue`, all fields of one oneof.
pub(super) static ANY_VALUE: Message = Message {
    fields: &[
        one("string_value", "stringValue", Kind::Text),
        one("bool_value", "boolValue", Kind::Bool),
        one("int_value", "intValue", Kind::Int64),
        one("double_value", "doubleValue", Kind::Double),
        one("array_value", "arrayValue", Kind::Message(&ARRAY_VALUE)),
        one("kvlist_value", "kvlistValue", Kind::Message(&KEY_VALUE_LIST)),
        one("bytes_value", "bytesValue", Kind::Blob),
        one("string_value_strindex", "stringValueStrindex", Kind::Int32),
    ],
};

/// `common.v1.ArrayValue`.
pub(super) static ARRAY_VALUE: Message = Message {
    fields: &[many("values", "values", Kind::Message(&ANY_VALUE))],
};

/// `common.v1.KeyValueList`.
pub(super) static KEY_VALUE_LIST: Message = Message {
    fields: &[many("values", "values", Kind::Message(&KEY_VALUE))],
};

/// Field number of `resource_spans` in a request.
pub(super) const RESOURCE_SPANS_TAG: u8 = 1;
/// Field number of `scope_spans` in `ResourceSpans`.
pub(super) const SCOPE_SPANS_TAG: u8 = 2;
/// Field number of `spans` in `ScopeSpans`.
pub(super) const SPANS_TAG: u8 = 2;
/// Field number of `name` in `Span`.
pub(super) const SPAN_NAME_TAG: u8 = 5;
/// Field number of `attributes` in `Span`.
pub(super) const SPAN_ATTRIBUTES_TAG: u8 = 9;
/// Field number of `events` in `Span`.
pub(super) const SPAN_EVENTS_TAG: u8 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    fn camel(snake: &str) -> String {
        let mut words = snake.split('_');
        let first = words.next().unwrap_or_default().to_string();
        words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
    }

    #[test]
    fn json_names_are_the_camel_case_of_the_protobuf_names() {
        for message in [
            &REQUEST,
            &RESOURCE_SPANS,
            &RESOURCE,
            &ENTITY_REF,
            &SCOPE_SPANS,
            &SCOPE,
            &SPAN,
            &EVENT,
            &LINK,
        ] {
            message
                .fields
                .iter()
                .for_each(|field| assert_eq!(field.json, camel(field.name)));
        }
        for message in [&STATUS, &KEY_VALUE, &ANY_VALUE, &ARRAY_VALUE, &KEY_VALUE_LIST] {
            message
                .fields
                .iter()
                .for_each(|field| assert_eq!(field.json, camel(field.name)));
        }
    }
}
