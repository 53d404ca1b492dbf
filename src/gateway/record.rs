//! What is known of one request, from its first byte to its last, and the trace that becomes of it. Emits exactly once: when it is
//! finished, or when it is dropped because the client went away. Offers; never waits.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, Uri, uri::Authority};

use super::{
    exchange::{Api, ReplyError, ReplyFacts, RequestFacts},
    serve::Shared,
    spans::{self, Auth, Common, ErrorType, Failure, Handoff, Inbound, Llm, Place, Preview, Routing, Validation},
};
use crate::{
    otlp::{SpanId, TraceId},
    propagation::{self, nonzero},
};

/// A failure that outlives what it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: ErrorType,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(kind: ErrorType, message: impl Into<String>) -> Fault {
        Fault {
            kind,
            message: message.into(),
        }
    }

    /// What a provider told with a status of success. Its own words may quote the conversation, so they stay off the spans.
    pub(super) fn told(error: &ReplyError) -> Fault {
        let kind = ErrorType::of_upstream_status(error.status).unwrap_or(ErrorType::Upstream5xx);
        Fault::new(kind, format!("the provider told of an error ({})", error.status))
    }

    fn shown(&self) -> Failure<'_> {
        Failure {
            kind: self.kind,
            message: &self.message,
        }
    }
}

/// A clock that never goes back within a request, in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    begun: Instant,
    unix_nano: u64,
}

impl Clock {
    pub(super) fn start() -> Clock {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock {
            begun: Instant::now(),
            unix_nano: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    pub(super) fn now(&self) -> u64 {
        let passed = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.unix_nano.saturating_add(passed)
    }
}

/// An id for a span.
pub(super) fn span_id() -> SpanId {
    SpanId(nonzero(fastrand::u64(..).to_be_bytes()))
}

/// The client's side of a request.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) http_version: &'static str,
    pub(super) authority: Option<Authority>,
    pub(super) headers: HeaderMap,
    pub(super) peer: SocketAddr,
    pub(super) request_id: String,
}

/// How the model was chosen.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) endpoint: Option<Uri>,
    pub(super) reason: &'static str,
    pub(super) alias_resolved: Option<String>,
    pub(super) selected: Option<String>,
    pub(super) fault: Option<Fault>,
}

/// A model call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) span_id: SpanId,
    pub(super) start: u64,
    pub(super) api: Api,
    pub(super) provider: String,
    /// As the config names it, for metrics.
    pub(super) provider_id: String,
    pub(super) model: String,
    pub(super) url: Uri,
    pub(super) attempts: Vec<Attempt>,
    pub(super) reply: Option<ReplyFacts>,
    pub(super) first_token: Option<u64>,
    pub(super) response_bytes: Option<u64>,
}

/// An attempt at an upstream.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) span_id: SpanId,
    pub(super) start: u64,
    /// None while it is under way.
    pub(super) end: Option<u64>,
    pub(super) headers_at: Option<u64>,
    pub(super) status: Option<u16>,
    pub(super) request_size: u64,
    pub(super) response_size: Option<u64>,
    pub(super) fault: Option<Fault>,
}

/// One request's record.
pub(super) struct Record {
    pub(super) clock: Clock,
    pub(super) client: Client,
    pub(super) trace: propagation::Trace,
    pub(super) request_size: Option<u64>,
    pub(super) response_size: u64,
    pub(super) status: Option<u16>,
    pub(super) validation: Option<Validation>,
    pub(super) auth: Auth,
    pub(super) facts: Option<RequestFacts>,
    pub(super) choice: Option<Choice>,
    pub(super) call: Option<Call>,
    pub(super) fault: Option<Fault>,
    pub(super) shared: Arc<Shared>,
    pub(super) listener: usize,
    root: SpanId,
    emitted: bool,
}

impl Record {
    pub(super) fn begin(shared: Arc<Shared>, listener: usize, client: Client, trace: propagation::Trace) -> Record {
        shared.meters.begin(listener);
        Record {
            clock: Clock::start(),
            client,
            trace,
            request_size: None,
            response_size: 0,
            status: None,
            validation: None,
            auth: Auth::None,
            facts: None,
            choice: None,
            call: None,
            fault: None,
            shared,
            listener,
            root: span_id(),
            emitted: false,
        }
    }

    /// Notes why it failed, unless something was noted before.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Ends it: the answer is written, or will never be.
    pub(super) fn finish(mut self) {
        self.emit();
    }

    fn session_id(&self) -> Option<String> {
        const HEADERS: [&str; 3] = ["x-model-affinity", "x-session-id", "x-claude-code-session-id"];
        let header = |name: &str| self.client.headers.get(name)?.to_str().ok();
        let named = HEADERS.iter().find_map(|name| header(name)).filter(|id| !id.is_empty());
        named
            .map(str::to_owned)
            .or_else(|| self.facts.as_ref()?.session_id.clone())
    }

    fn emit(&mut self) {
        if std::mem::replace(&mut self.emitted, true) {
            return;
        }
        let end = self.clock.now();
        self.shared.meters.count(self, self.listener, end);
        // What has no room is counted by the feed.
        let _dropped = if self.trace.recorded {
            let mut trace = spans::Trace::new(self.common());
            self.add_routing(&mut trace);
            self.add_handoffs(&mut trace, end);
            self.add_llm(&mut trace, end);
            self.add_inbound(&mut trace, end);
            self.shared.feed.offer(trace.into_batch(&self.shared.resources))
        } else if self.shared.gateway.signals {
            let mut trace = spans::Trace::new(self.common());
            self.add_llm(&mut trace, end);
            self.shared.feed.measure(trace.into_batch(&self.shared.resources))
        } else {
            Ok(())
        };
    }

    fn common(&self) -> Common {
        let tracing = &self.shared.gateway.tracing;
        Common {
            trace_id: TraceId(self.trace.trace_id),
            trace_state: self.trace.tracestate().unwrap_or_default().to_owned(),
            trace_flags: self.trace.flags.bits(),
            request_id: self.client.request_id.clone(),
            session_id: self.session_id(),
            custom: spans::custom_attributes(
                &self.client.headers,
                &tracing.header_prefixes,
                &tracing.static_attributes,
            ),
        }
    }

    fn add_inbound(&self, trace: &mut spans::Trace, end: u64) {
        let place = Place {
            span_id: self.root,
            parent: self.trace.parent_id.map(SpanId),
            start_unix_nano: self.clock.unix_nano,
            end_unix_nano: end,
        };
        trace.inbound(
            place,
            &Inbound {
                method: &self.client.method,
                path: &self.client.path,
                query: self.client.query.as_deref(),
                scheme: "http",
                http_version: self.client.http_version,
                authority: self.client.authority.as_ref(),
                peer: Some(self.client.peer),
                headers: &self.client.headers,
                recorded_headers: &self.shared.recorded_headers,
                listener: &self.shared.gateway.listeners[self.listener].name,
                status: self.status,
                request_size: self.request_size,
                response_size: Some(self.response_size),
                validation: self.validation,
                auth: self.auth,
                failure: self.fault.as_ref().map(Fault::shown),
            },
        );
    }

    fn add_routing(&self, trace: &mut spans::Trace) {
        let (Some(choice), Some(facts)) = (&self.choice, &self.facts) else {
            return;
        };
        let place = Place {
            span_id: span_id(),
            parent: Some(self.root),
            start_unix_nano: choice.start,
            end_unix_nano: choice.end,
        };
        let candidates: Vec<&str> = choice.selected.as_deref().into_iter().collect();
        trace.routing(
            place,
            &Routing {
                method: &self.client.method,
                path: &self.client.path,
                endpoint: choice.endpoint.as_ref(),
                determination: std::time::Duration::from_nanos(choice.end.saturating_sub(choice.start)),
                reason: Some(choice.reason),
                candidates: &candidates,
                requested: &facts.model,
                alias_resolved: choice.alias_resolved.as_deref(),
                selected: choice.selected.as_deref(),
                failure: choice.fault.as_ref().map(Fault::shown),
                ..Routing::default()
            },
        );
    }

    fn add_handoffs(&self, trace: &mut spans::Trace, end: u64) {
        let Some(call) = &self.call else {
            return;
        };
        let mut reason = None;
        for (number, attempt) in (1_u32..).zip(&call.attempts) {
            let place = Place {
                span_id: attempt.span_id,
                parent: Some(call.span_id),
                start_unix_nano: attempt.start,
                end_unix_nano: attempt.end.unwrap_or(end),
            };
            let last = number as usize == call.attempts.len();
            // What broke the answer off broke the last attempt too.
            let fault = attempt.fault.as_ref().or(self.fault.as_ref().filter(|_| last));
            trace.handoff(
                place,
                &Handoff {
                    method: &self.client.method,
                    url: &call.url,
                    status: attempt.status,
                    request_size: Some(attempt.request_size),
                    response_size: attempt.response_size,
                    headers_unix_nano: attempt.headers_at,
                    attempt: number,
                    retry_reason: reason,
                    failure: fault.map(Fault::shown),
                },
            );
            reason = attempt.fault.as_ref().map(|fault| fault.kind);
        }
    }

    fn add_llm(&self, trace: &mut spans::Trace, end: u64) {
        let (Some(call), Some(facts)) = (&self.call, &self.facts) else {
            return;
        };
        let place = Place {
            span_id: call.span_id,
            parent: Some(self.root),
            start_unix_nano: call.start,
            end_unix_nano: end,
        };
        let tracing = &self.shared.gateway.tracing;
        trace.llm(
            place,
            &Llm {
                method: &self.client.method,
                path: &self.client.path,
                api: call.api,
                provider: &call.provider,
                model: &call.model,
                request: facts,
                reply: call.reply.as_ref(),
                status: call.attempts.last().and_then(|attempt| attempt.status),
                first_token_unix_nano: call.first_token,
                response_bytes: call.response_bytes,
                preview: if tracing.capture_content || tracing.message_preview {
                    Preview::Shown
                } else {
                    Preview::Hidden
                },
                failure: self.fault.as_ref().map(Fault::shown),
            },
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.emitted {
            self.fail(Fault::new(ErrorType::ClientCancelled, "the client went away"));
            self.emit();
        }
    }
}
