//! What is known of one request, from its first byte to its last, and the trace that becomes of it. Emits exactly once: when it is
//! finished, or when it is dropped because the client went away. Offers; never waits.

mod emit;

use std::{
    borrow::Cow,
    net::SocketAddr,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderValue, Uri, uri::Authority};

use super::{
    exchange::{Api, ReplyError, ReplyFacts, RequestFacts},
    filters,
    limits::Permit,
    serve::Shared,
    spans::{Auth, ErrorType, Failure, Strategy, Validation},
};
use crate::{
    otlp::SpanId,
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

    pub(super) fn shown(&self) -> Failure<'_> {
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
    pub(super) span_id: SpanId,
    pub(super) start: u64,
    /// None while the routing model is asked.
    pub(super) end: Option<u64>,
    pub(super) strategy: Strategy,
    pub(super) reason: Cow<'static, str>,
    /// `provider/model` of each, the first one to ask first.
    pub(super) candidates: Vec<String>,
    /// Whether the client named an alias.
    pub(super) is_alias: bool,
    /// Who is asked, or was asked last.
    pub(super) selected: Option<Arc<Callee>>,
    /// Whether that is not the first of the candidates.
    pub(super) is_fallback: bool,
    /// Name of the preference.
    pub(super) route: Option<String>,
    pub(super) fault: Option<Fault>,
}

/// Who is asked.
#[derive(Debug)]
pub(super) struct Callee {
    /// Name of the provider; id of an agent.
    pub(super) provider: String,
    /// As the config names it, for metrics.
    pub(super) provider_id: String,
    pub(super) model: String,
    pub(super) url: Uri,
    /// Where it is measured; none where nobody chooses it.
    pub(super) slot: Option<usize>,
}

impl Callee {
    /// `provider/model`.
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }
}

/// Whether a call's answer is the client's, or one that the gateway needs on the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Answer,
    Step,
}

/// An agent's part.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) agent: usize,
    /// Which of the chosen agents it is, from 1, and how many there are.
    pub(super) sequence: (usize, usize),
}

/// How the agents were chosen.
#[derive(Debug)]
pub(super) struct Orchestration {
    pub(super) span_id: SpanId,
    pub(super) start: u64,
    /// None while the orchestrating model is asked.
    pub(super) end: Option<u64>,
    pub(super) agents: Vec<usize>,
    pub(super) reason: String,
    /// The model that was asked.
    pub(super) model: Option<String>,
}

/// A call of a model or of an agent, attempts included.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) span_id: SpanId,
    /// None: the inbound span.
    pub(super) parent: Option<SpanId>,
    pub(super) purpose: Purpose,
    /// None where a model is called.
    pub(super) part: Option<Part>,
    pub(super) start: u64,
    /// None while it is under way.
    pub(super) end: Option<u64>,
    pub(super) api: Api,
    /// What is asked where it is not what the client asks.
    pub(super) request: Option<Arc<RequestFacts>>,
    /// Who was asked last.
    pub(super) callee: Option<Arc<Callee>>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) reply: Option<ReplyFacts>,
    pub(super) first_token: Option<u64>,
    pub(super) response_bytes: Option<u64>,
    /// Whether its answer came whole: what fails after that is not its fault.
    pub(super) is_sound: bool,
    /// Whether its answer broke off, or told of an error, after its head.
    pub(super) is_broken: bool,
    /// Why it failed, where that is not why the request failed.
    pub(super) fault: Option<Fault>,
}

/// An attempt at an upstream.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) span_id: SpanId,
    pub(super) callee: Arc<Callee>,
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
    pub(super) facts: Option<Arc<RequestFacts>>,
    /// What filters did.
    pub(super) filters: Vec<filters::Step>,
    /// What the rate limits are charged with.
    pub(super) permits: Vec<Permit>,
    pub(super) orchestration: Option<Orchestration>,
    pub(super) choice: Option<Choice>,
    /// The call whose answer the client gets, or the one under way.
    pub(super) call: Option<Call>,
    /// Calls before it, ended.
    pub(super) calls: Vec<Call>,
    pub(super) fault: Option<Fault>,
    pub(super) shared: Arc<Shared>,
    pub(super) listener: usize,
    /// How many agents and filters stand before this request.
    pub(super) depth: u32,
    root: SpanId,
    emitted: bool,
}

impl Call {
    /// A call that begins.
    pub(super) fn begin(purpose: Purpose, api: Api, start: u64) -> Call {
        Call {
            span_id: span_id(),
            parent: None,
            purpose,
            part: None,
            start,
            end: None,
            api,
            request: None,
            callee: None,
            attempts: Vec::new(),
            reply: None,
            first_token: None,
            response_bytes: None,
            is_sound: false,
            is_broken: false,
            fault: None,
        }
    }
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
            filters: Vec::new(),
            permits: Vec::new(),
            orchestration: None,
            choice: None,
            call: None,
            calls: Vec::new(),
            fault: None,
            shared,
            listener,
            depth: 0,
            root: span_id(),
            emitted: false,
        }
    }

    /// What the calls of its filters have in common.
    pub(super) fn envelope(&self, deadline: Instant) -> filters::Envelope {
        let id = HeaderValue::from_str(&self.client.request_id).expect("it was a header's value");
        filters::Envelope::new(&self.client.path, &id, (&self.trace, self.depth), self.clock, deadline)
    }

    /// Notes why it failed, unless something was noted before.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Ends it: the answer is written, or will never be.
    pub(super) fn finish(mut self) {
        self.emit();
    }

    /// Ends a call on the way; the one before it, if there is one, is under way again.
    pub(super) fn end_step(&mut self, before: Option<Call>, fault: Option<Fault>) {
        let end = self.clock.now();
        if let Some(mut call) = std::mem::replace(&mut self.call, before) {
            (call.end, call.fault) = (Some(end), fault);
            call.is_sound = call.fault.is_none();
            call.is_broken = !call.is_sound;
            self.teach(&call, end);
            self.calls.push(call);
        }
    }

    fn session_id(&self) -> Option<String> {
        const HEADERS: [&str; 3] = ["x-model-affinity", "x-session-id", "x-claude-code-session-id"];
        let header = |name: &str| self.client.headers.get(name)?.to_str().ok();
        let named = HEADERS.iter().find_map(|name| header(name)).filter(|id| !id.is_empty());
        named
            .map(str::to_owned)
            .or_else(|| self.facts.as_ref()?.session_id.clone())
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
