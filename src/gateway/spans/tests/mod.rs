//! Spans of whole requests, as text in `tests/golden/gateway/spans/` (`PLANO_GOLDEN=write cargo test` writes it anew; read the
//! difference before committing it), against the table of names, and against everything that facts may be.

mod hostile;
mod names;
mod shown;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};
use serde_json::json;

use super::*;
use crate::gateway::exchange::{Api, Call, ReplyFacts, RequestFacts, Usage};
use shown::check_golden;

const START: u64 = 1_700_000_000_000_000_000;

/// A span of that number, its parent, start and end in milliseconds.
fn place(id: u8, parent: Option<u8>, start: u64, end: u64) -> Place {
    Place {
        span_id: SpanId([id; 8]),
        parent: parent.map(|id| SpanId([id; 8])),
        start_unix_nano: START + start * 1_000_000,
        end_unix_nano: START + end * 1_000_000,
    }
}

fn emitter() -> Emitter {
    Emitter {
        instance_id: "5f0c".to_owned(),
        host_name: "box".to_owned(),
    }
}

fn common() -> Common {
    Common {
        trace_id: TraceId([0xab; 16]),
        trace_state: "vendor=1".to_owned(),
        trace_flags: 3,
        request_id: "req-1".to_owned(),
        session_id: Some("session-9".to_owned()),
        custom: vec![
            ("environment".to_owned(), "dev".to_owned()),
            ("tenant.id".to_owned(), "ten_456".to_owned()),
        ],
    }
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in FORBIDDEN_HEADERS {
        headers.insert(name, HeaderValue::from_static("sk-secret"));
    }
    headers.insert("user-agent", HeaderValue::from_static("openai-python/2.1"));
    headers.append("accept", HeaderValue::from_static("application/json"));
    headers.append("accept", HeaderValue::from_static("text/event-stream"));
    headers.insert("x-other", HeaderValue::from_static("not on the list"));
    headers
}

/// The facts of one request to a model; what borrows is made from it.
struct Request {
    method: &'static str,
    path: &'static str,
    headers: HeaderMap,
    recorded: Vec<String>,
    authority: Authority,
    upstream: Uri,
    request: RequestFacts,
    reply: ReplyFacts,
}

fn chat() -> Request {
    let messages = json!([
        {"role": "user", "parts": [{"type": "text", "content": "Where is my order?"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "On its way."}]},
        {"role": "user", "parts": [{"type": "text", "content": "This is useless, I want to speak to a human."}]},
    ]);
    Request {
        method: "POST",
        path: Api::Chat.path(),
        headers: headers(),
        recorded: ["Accept", "content-type", "Authorization", "accept"]
            .map(String::from)
            .to_vec(),
        authority: Authority::from_static("localhost:12000"),
        upstream: Uri::from_static("https://api.openai.com/v1/chat/completions?api-version=2&key=sk-secret"),
        request: RequestFacts {
            model: "fast-llm".to_owned(),
            stream: false,
            temperature: Some(0.7),
            top_p: Some(0.9),
            max_tokens: Some(256),
            tools: vec!["track_order".to_owned(), "call_human".to_owned()],
            session_id: None,
            messages: messages.to_string(),
            last_user_text: "This is useless, I want to speak to a human. Gruß… ünd mehr".to_owned(),
            message_count: 3,
        },
        reply: ReplyFacts {
            id: Some("chatcmpl-1".to_owned()),
            model: Some("gpt-4o-2024-08-06".to_owned()),
            text: "I will get someone.".to_owned(),
            calls: vec![
                Call {
                    id: "call_1".to_owned(),
                    name: "call_human".to_owned(),
                    arguments: r#"{"queue": "orders"}"#.to_owned(),
                },
                Call {
                    id: "call_2".to_owned(),
                    name: "track_order".to_owned(),
                    arguments: r#"{"cut"#.to_owned(),
                },
            ],
            finish_reason: Some("tool_calls".to_owned()),
            usage: Usage {
                prompt: Some(150),
                completion: Some(75),
                total: None,
                cached_input: Some(100),
                cache_creation: Some(20),
                reasoning: Some(30),
            },
            complete: true,
            error: None,
        },
    }
}

impl Request {
    fn inbound(&self) -> Inbound<'_> {
        Inbound {
            method: self.method,
            path: self.path,
            query: None,
            scheme: "http",
            http_version: "1.1",
            authority: Some(&self.authority),
            peer: Some("127.0.0.1:50000".parse().expect("an address")),
            headers: &self.headers,
            recorded_headers: &self.recorded,
            listener: "llm",
            status: Some(200),
            request_size: Some(512),
            response_size: Some(900),
            validation: Some(Validation::Ok),
            auth: Auth::None,
            failure: None,
        }
    }

    fn filter(&self) -> Filter<'_> {
        Filter {
            id: "guard",
            kind: "mcp",
            url: &self.upstream,
            tool: Some("check"),
            direction: Direction::Input,
            outcome: FilterOutcome::Changed,
            request_size: Some(512),
            response_size: Some(300),
            status: Some(200),
            failure: None,
        }
    }

    fn routing(&self) -> Routing<'_> {
        Routing {
            method: self.method,
            path: self.path,
            strategy: Strategy::Direct,
            endpoint: Some(&self.upstream),
            determination: std::time::Duration::from_micros(250),
            reason: Some("the alias has one target"),
            candidates: &["openai/gpt-4o"],
            requested: &self.request.model,
            alias_resolved: Some("gpt-4o"),
            selected: Some("openai/gpt-4o"),
            ..Routing::default()
        }
    }

    fn llm(&self) -> Llm<'_> {
        Llm {
            method: self.method,
            path: self.path,
            api: Api::Chat,
            provider: "openai",
            model: "gpt-4o",
            request: &self.request,
            reply: Some(&self.reply),
            status: Some(200),
            first_token_unix_nano: None,
            response_bytes: Some(900),
            conversation: true,
            preview: Preview::Hidden,
            failure: None,
        }
    }

    fn handoff(&self) -> Handoff<'_> {
        Handoff {
            method: self.method,
            url: &self.upstream,
            status: Some(200),
            request_size: Some(540),
            response_size: Some(900),
            headers_unix_nano: Some(START + 300_400_000),
            attempt: 1,
            retry_reason: None,
            failure: None,
        }
    }
}

fn direct() -> Trace {
    let chat = chat();
    let mut trace = Trace::new(common());
    trace.routing(place(2, Some(1), 1, 2), &chat.routing());
    trace.handoff(place(4, Some(3), 3, 1250), &chat.handoff());
    trace.llm(place(3, Some(1), 2, 1252), &chat.llm());
    trace.inbound(place(1, Some(9), 0, 1254), &chat.inbound());
    trace
}

#[test]
fn a_request_that_went_well() {
    check_golden("direct", direct());
}

#[test]
fn a_request_that_failed_upstream() {
    let mut chat = chat();
    chat.upstream = Uri::from_static("http://user:sk-secret@localhost:11223/v1/chat/completions");
    let failure = |kind, message| Some(Failure { kind, message });
    let refused = failure(ErrorType::Connect, "connection refused");
    let failed = failure(ErrorType::Upstream5xx, "the upstream answered 503: overloaded");
    let mut trace = Trace::new(Common {
        trace_state: String::new(),
        trace_flags: 1,
        custom: Vec::new(),
        session_id: None,
        ..common()
    });
    trace.routing(place(2, Some(1), 0, 0), &chat.routing());
    let first = Handoff {
        status: None,
        request_size: None,
        response_size: None,
        headers_unix_nano: None,
        failure: refused,
        ..chat.handoff()
    };
    trace.handoff(place(4, Some(3), 3, 5), &first);
    let second = Handoff {
        status: Some(503),
        response_size: Some(40),
        attempt: 2,
        retry_reason: Some(ErrorType::Connect),
        failure: failed,
        ..chat.handoff()
    };
    trace.handoff(place(5, Some(3), 130, 310), &second);
    let llm = Llm {
        provider: "custom",
        model: "test-model",
        reply: None,
        status: Some(503),
        response_bytes: Some(40),
        failure: failed,
        ..chat.llm()
    };
    trace.llm(place(3, Some(1), 2, 311), &llm);
    let inbound = Inbound {
        query: Some("key=sk-secret"),
        peer: Some("[::1]:50000".parse().expect("an address")),
        status: Some(503),
        auth: Auth::Ok,
        failure: failed,
        ..chat.inbound()
    };
    trace.inbound(place(1, None, 0, 312), &inbound);
    check_golden("failed", trace);
}

#[test]
fn a_request_that_was_streamed_until_the_client_went() {
    let mut chat = chat();
    chat.path = Api::Messages.path();
    chat.upstream = Uri::from_static("https://api.anthropic.com/v1/messages");
    chat.request.stream = true;
    chat.request.messages = "[]".to_owned();
    chat.reply.text = "Half an ans".to_owned();
    chat.reply.calls.clear();
    chat.reply.finish_reason = None;
    chat.reply.complete = false;
    chat.reply.usage = Usage::default();
    let gone = Some(Failure {
        kind: ErrorType::ClientCancelled,
        message: "",
    });
    let mut trace = Trace::new(Common {
        session_id: Some("known late".to_owned()),
        ..common()
    });
    trace.routing(place(2, Some(1), 1, 2), &chat.routing());
    let handoff = Handoff {
        failure: gone,
        ..chat.handoff()
    };
    trace.handoff(place(4, Some(3), 3, 800), &handoff);
    let llm = Llm {
        api: Api::Messages,
        provider: "mistral",
        first_token_unix_nano: Some(START + 322_500_000),
        conversation: true,
        preview: Preview::Shown,
        failure: gone,
        ..chat.llm()
    };
    trace.llm(place(3, Some(1), 2, 801), &llm);
    let inbound = Inbound {
        failure: gone,
        ..chat.inbound()
    };
    trace.inbound(place(1, Some(9), 0, 802), &inbound);
    check_golden("streamed", trace);
}

#[test]
fn nothing_in_a_batch_of_nothing() {
    let trace = Trace::new(common());
    assert!(trace.into_batch(&emitter().resources()).is_empty());
}
