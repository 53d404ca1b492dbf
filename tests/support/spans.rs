//! Requests to send: encoded by prost, the judge that is not ours, or put together from bytes.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message as _;

/// A span of its own trace.
pub(crate) fn span(number: u32, name: &str) -> Span {
    let mut trace_id = vec![7; 16];
    trace_id[..4].copy_from_slice(&number.to_be_bytes());
    let mut span_id = vec![9; 8];
    span_id[..4].copy_from_slice(&number.to_be_bytes());
    Span {
        trace_id,
        span_id,
        name: name.to_owned(),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_001_000_000_000,
        ..Span::default()
    }
}

/// A text attribute.
pub(crate) fn attribute(key: &str, text: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(text.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// A chat span as OpenLLMetry writes it: texts of the user and the assistant in turn.
pub(crate) fn chat(number: u32, texts: &[&str]) -> Span {
    let mut span = span(number, "openai.chat");
    span.attributes.push(attribute("gen_ai.request.model", "gpt-4o"));
    for (index, text) in texts.iter().enumerate() {
        let role = ["user", "assistant"][index % 2];
        span.attributes
            .push(attribute(&format!("gen_ai.prompt.{index}.role"), role));
        span.attributes
            .push(attribute(&format!("gen_ai.prompt.{index}.content"), text));
    }
    span
}

/// The request that holds those spans.
pub(crate) fn request(spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// A length-delimited field.
pub(crate) fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut out);
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

/// A request of one span without any conversation, with fields at every level that OTLP does not know.
pub(crate) fn request_from_the_future(number: u32) -> Vec<u8> {
    let unknown = field(9_999, b"from the future");
    let span = [span(number, "GET /").encode_to_vec(), unknown.clone()].concat();
    let scope = [unknown.clone(), field(2, &span), field(3, b"https://schema")].concat();
    let resource = [field(2, &scope), unknown.clone()].concat();
    [field(1, &resource), unknown].concat()
}
