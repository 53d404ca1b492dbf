//! What holds whatever the facts are: a strict reader accepts the batch, no key stands twice on a span, no credential is in it.

use std::collections::HashSet;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::*;
use crate::otlp::validate;

/// Any characters, controls too; sometimes none, sometimes many.
fn text() -> impl Strategy<Value = String> {
    let characters = proptest::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter);
    (characters, prop_oneof![9 => Just(1_usize), 1 => Just(3_000_usize)]).prop_map(|(text, times)| text.repeat(times))
}

/// Keys that collide with those of the spans, and others.
fn custom() -> impl Strategy<Value = Vec<(String, String)>> {
    let own = prop_oneof![
        Just("http.method"),
        Just("llm.model"),
        Just("request_id"),
        Just("plano.session_id"),
        Just("http.request.header.accept"),
        Just("error.type"),
    ];
    let key = prop_oneof![own.prop_map(str::to_owned), text()];
    proptest::collection::vec((key, text()), 0..6)
}

fn uri() -> impl Strategy<Value = Uri> {
    text().prop_map(|text| {
        let usual = Uri::from_static("https://user:sk-secret@[::1]:1/v1?key=sk-secret&sk-secret");
        text.parse().unwrap_or(usual)
    })
}

/// Facts made of arbitrary texts and numbers.
#[derive(Debug, Clone)]
struct Wild {
    texts: Vec<String>,
    numbers: Vec<Option<u64>>,
    doubles: (Option<f64>, Option<f64>),
    common: Common,
    uri: Uri,
    bytes: Vec<u8>,
    failure: Option<usize>,
    depth: usize,
}

fn wild() -> impl Strategy<Value = Wild> {
    let texts = proptest::collection::vec(text(), 12);
    let numbers = proptest::collection::vec(any::<Option<u64>>(), 8);
    let doubles = any::<(Option<f64>, Option<f64>)>();
    let bytes = proptest::collection::vec(any::<u8>(), 0..20);
    let common = (text(), any::<u8>(), text(), proptest::option::of(text()), custom());
    let common = common.prop_map(|(trace_state, trace_flags, request_id, session_id, custom)| Common {
        trace_id: TraceId([7; 16]),
        trace_state,
        trace_flags,
        request_id,
        session_id,
        custom,
    });
    let failure = proptest::option::of(0..ErrorType::ALL.len());
    let all = (texts, numbers, doubles, common, uri(), bytes, failure, 0_usize..300);
    all.prop_map(|(texts, numbers, doubles, common, uri, bytes, failure, depth)| Wild {
        texts,
        numbers,
        doubles,
        common,
        uri,
        bytes,
        failure,
        depth,
    })
}

impl Wild {
    fn request(&self) -> Request {
        let text = |i: usize| self.texts[i].clone();
        let number = |i: usize| self.numbers[i].map(|number| number as i64);
        let mut chat = chat();
        if let Ok(value) = HeaderValue::from_bytes(&self.bytes) {
            chat.headers.append("user-agent", value.clone());
            chat.headers.append("accept", value);
        }
        chat.recorded
            .extend([text(0), "USER-AGENT".to_owned(), "user-agent".to_owned()]);
        chat.recorded.extend(FORBIDDEN_HEADERS.map(str::to_uppercase));
        chat.upstream = self.uri.clone();
        chat.request = RequestFacts {
            model: text(1),
            temperature: self.doubles.0,
            top_p: self.doubles.1,
            max_tokens: number(0),
            tools: vec![text(2), text(3)],
            messages: json!([{"role": text(4)}]).to_string(),
            last_user_text: text(5),
            ..RequestFacts::default()
        };
        chat.reply.text = text(6);
        chat.reply.finish_reason = Some(text(7));
        chat.reply.usage.prompt = number(1);
        chat.reply.usage.completion = number(2);
        chat.reply.calls[0].arguments = "[".repeat(self.depth) + &"]".repeat(self.depth);
        chat.reply.calls[1].arguments = text(8);
        chat
    }

    fn batch(&self) -> TraceBatch {
        let chat = self.request();
        let failure = self.failure.map(|kind| Failure {
            kind: ErrorType::ALL[kind],
            message: &self.texts[9],
        });
        let parent = self.numbers[3].map(|parent| SpanId(parent.to_be_bytes()));
        let place = |id| Place {
            span_id: SpanId([id; 8]),
            parent,
            start_unix_nano: self.numbers[4].unwrap_or_default(),
            end_unix_nano: self.numbers[5].unwrap_or_default(),
        };
        let mut trace = Trace::new(self.common.clone());
        let inbound = Inbound {
            path: &self.texts[10],
            query: Some("key=sk-secret"),
            listener: &self.texts[11],
            request_size: self.numbers[6],
            failure,
            ..chat.inbound()
        };
        let llm = Llm {
            model: &self.texts[2],
            first_token_unix_nano: self.numbers[7],
            conversation: true,
            preview: Preview::Shown,
            failure,
            ..chat.llm()
        };
        let handoff = Handoff {
            headers_unix_nano: self.numbers[7],
            attempt: self.depth as u32,
            failure,
            ..chat.handoff()
        };
        let filter = Filter {
            id: &self.texts[3],
            kind: &self.texts[4],
            tool: Some(&self.texts[5]),
            request_size: self.numbers[6],
            failure,
            ..chat.filter()
        };
        trace.inbound(place(1), &inbound);
        trace.filter(place(6), &filter);
        trace.llm(place(2), &llm);
        trace.handoff(place(3), &handoff);
        trace.routing(place(4), &chat.routing());
        trace.handoff(place(5), &handoff);
        let emitter = Emitter {
            instance_id: self.texts[0].clone(),
            host_name: self.texts[1].clone(),
        };
        trace.into_batch(&emitter.resources())
    }
}

fn check_sound(batch: &TraceBatch) {
    let wire = batch.clone().into_contiguous();
    let validated = validate(wire.clone()).expect("a strict reader accepts it");
    assert_eq!((validated.batch.span_count(), validated.rejected_spans), (6, 0));
    assert_eq!(batch.span_count(), 6);
    assert!(!String::from_utf8_lossy(&wire).contains("sk-secret"));
    let scopes = batch.resource_spans().flat_map(|resource| resource.scope_spans());
    for span in scopes.flat_map(|scope| scope.spans()) {
        let mut seen = HashSet::new();
        for attribute in span.attributes() {
            assert!(seen.insert(attribute.key()), "{:?} twice", attribute.key());
        }
        assert!(span.end_unix_nano() >= span.start_unix_nano());
        assert_eq!(span.flags() & 0x100, 0x100);
    }
}

proptest! {
    #[test]
    fn every_batch_is_sound(wild in wild()) {
        check_sound(&wild.batch());
    }
}

#[test]
fn huge_texts_pass_whole() {
    let huge = "日本 ".repeat(1_000_000);
    let mut chat = chat();
    chat.reply.text = huge.clone();
    let mut trace = Trace::new(common());
    trace.llm(place(1, None, 0, 1), &chat.llm());
    let wire = trace.into_batch(&emitter().resources()).into_contiguous();
    assert_eq!(validate(wire.clone()).expect("valid").batch.span_count(), 1);
    assert!(wire.len() > huge.len());
}
