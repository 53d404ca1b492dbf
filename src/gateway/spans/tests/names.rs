//! Every attribute that is promised for a kind of span, by name, type and span: on a trace whose facts are all there.

use super::*;
use crate::otlp::{SpanRef, ValueRef};

/// On every span.
const EVERYWHERE: &str = "plano.session_id:str request_id:str tenant.id:str environment:str";

/// On every span of what may fail.
const FAILED: &str = "error.type:str error.message:str";

const ORCHESTRATOR: &str = "component:str selection.listener:str selection.agents:str selection.agent_count:int \
    selection.determination_ms:double selection.reason:str llm.model:str";

const AGENT: &str = "agent_id:str agent.sequence:str agent.tools:list agent.steps:int message_count:int \
    http.status_code:int duration_ms:int";

const INBOUND: &str = "http.method:str http.target:str http.status_code:int http.scheme:str http.user_agent:str \
    guid:x-request-id:str request_size:int response_size:int peer.address:str listener.name:str \
    validation.result:str auth.result:str http.request.header.accept:list http.request.method:str \
    http.response.status_code:int url.path:str url.query:str url.scheme:str server.address:str server.port:int \
    client.address:str network.peer.address:str network.peer.port:int network.protocol.version:str \
    user_agent.original:str http.request.body.size:int http.response.body.size:int";

const FILTER: &str = "filter.name:str filter.type:str filter.url:str filter.tool:str filter.direction:str \
    filter.outcome:str request_size:int response_size:int http.status_code:int";

const ROUTING: &str = "routing.strategy:str routing.upstream_endpoint:str routing.determination_ms:double \
    routing.is_fallback:bool routing.selection_reason:str routing.candidates:list model.requested:str \
    model.alias_resolved:str route.selected_model:str plano.route.name:str";

const LLM: &str = "llm.model:str llm.provider:str llm.operation_type:str llm.is_streaming:bool \
    llm.temperature:double llm.max_tokens:int llm.top_p:double llm.tools:list llm.usage.prompt_tokens:int \
    llm.usage.completion_tokens:int llm.usage.total_tokens:int llm.usage.cached_input_tokens:int \
    llm.usage.cache_creation_tokens:int llm.usage.reasoning_tokens:int llm.duration_ms:int \
    llm.time_to_first_token:int llm.response_bytes:int llm.response.id:str llm.response.finish_reason:str \
    llm.user_message_preview:str http.method:str http.path:str http.status_code:int \
    gen_ai.operation.name:str gen_ai.provider.name:str gen_ai.request.model:str gen_ai.request.stream:bool \
    gen_ai.request.temperature:double gen_ai.request.max_tokens:int gen_ai.request.top_p:double \
    gen_ai.response.id:str gen_ai.response.model:str gen_ai.response.finish_reasons:list \
    gen_ai.response.time_to_first_chunk:double gen_ai.usage.input_tokens:int gen_ai.usage.output_tokens:int \
    gen_ai.usage.total_tokens:int gen_ai.usage.cache_read.input_tokens:int \
    gen_ai.usage.cache_creation.input_tokens:int gen_ai.usage.reasoning.output_tokens:int \
    gen_ai.conversation.id:str gen_ai.input.messages:str gen_ai.output.messages:str";

const HANDOFF: &str = "upstream.url:str server.address:str server.port:int http.method:str http.status_code:int \
    request_size:int response_size:int upstream.response_ms:int upstream.duration_ms:int attempt:int \
    retry.reason:str http.request.method:str http.response.status_code:int url.full:str url.path:str \
    url.scheme:str http.request.body.size:int http.response.body.size:int http.request.resend_count:int";

fn full() -> TraceBatch {
    let chat = chat();
    let failure = Some(Failure {
        kind: ErrorType::StreamInterrupted,
        message: "the stream ended early",
    });
    let mut trace = Trace::new(common());
    let inbound = Inbound {
        query: Some("a=b"),
        failure,
        ..chat.inbound()
    };
    let routing = Routing {
        route: Some("code generation"),
        failure,
        ..chat.routing()
    };
    let llm = Llm {
        first_token_unix_nano: Some(START + 1),
        conversation: true,
        preview: Preview::Shown,
        failure,
        ..chat.llm()
    };
    let handoff = Handoff {
        attempt: 2,
        retry_reason: Some(ErrorType::Timeout),
        failure,
        ..chat.handoff()
    };
    let orchestrator = Orchestrator {
        listener: "travel",
        agents: &["weather", "flight"],
        reason: "the orchestrating model chose",
        model: Some("openai/gpt-4o-mini"),
        ..Orchestrator::default()
    };
    let agent = Agent {
        id: "weather",
        path: "/v1/chat/completions",
        sequence: (1, 2),
        request: llm.request,
        reply: llm.reply,
        status: Some(200),
        failure,
    };
    trace.inbound(place(1, None, 0, 9), &inbound);
    trace.orchestrator(place(5, Some(1), 0, 9), &orchestrator);
    trace.agent(place(6, Some(1), 0, 9), &agent);
    let filter = Filter {
        failure,
        ..chat.filter()
    };
    trace.filter(place(7, Some(1), 0, 9), &filter);
    trace.routing(place(2, Some(1), 0, 9), &routing);
    trace.llm(place(3, Some(1), 0, 9), &llm);
    trace.handoff(place(4, Some(3), 0, 9), &handoff);
    trace.into_batch(&emitter().resources())
}

/// `key:type` of every attribute, sorted.
fn names(span: &SpanRef<'_>) -> Vec<String> {
    let kind = |value| match value {
        ValueRef::Str(_) => "str",
        ValueRef::Bool(_) => "bool",
        ValueRef::Int(_) => "int",
        ValueRef::Double(_) => "double",
        ValueRef::Array(_) => "list",
        _ => "other",
    };
    let attributes = span.attributes();
    let mut names: Vec<String> = attributes
        .map(|it| format!("{}:{}", it.key(), kind(it.value())))
        .collect();
    names.sort();
    names
}

#[test]
fn every_promised_name_is_there_and_no_other() {
    let batch = full();
    let tables = [INBOUND, ORCHESTRATOR, FILTER, AGENT, ROUTING, LLM, HANDOFF];
    assert_eq!(batch.resource_spans().count(), tables.len());
    for ((resource, table), component) in batch.resource_spans().zip(tables).zip(Component::ALL) {
        assert_eq!(resource.service_name(), Some(component.service_name()));
        let span = resource.scope_spans().flat_map(|scope| scope.spans()).next();
        let failed = if component == Component::Orchestrator {
            ""
        } else {
            FAILED
        };
        let expected = [table, EVERYWHERE, failed].into_iter();
        let mut expected: Vec<&str> = expected.flat_map(str::split_whitespace).collect();
        expected.sort_unstable();
        assert_eq!(names(&span.expect("one span")), expected, "{component:?}");
    }
}

#[test]
fn a_words_list_says_what_the_specification_says() {
    let strategies = [
        Strategy::Direct,
        Strategy::RoundRobin,
        Strategy::LeastLatency,
        Strategy::CostOptimized,
        Strategy::Preference,
    ];
    assert_eq!(
        strategies.map(Strategy::as_str).join(" "),
        "direct round-robin least-latency cost-optimized preference"
    );
    let validations = [
        Validation::Ok,
        Validation::InvalidJson,
        Validation::MissingModel,
        Validation::TooLarge,
    ];
    assert_eq!(
        validations.map(Validation::as_str).join(" "),
        "ok invalid_json missing_model too_large"
    );
    assert_eq!(
        FilterOutcome::ALL.map(FilterOutcome::as_str).join(" "),
        "passed changed failed rejected"
    );
    assert_eq!(
        [Direction::Input, Direction::Output].map(Direction::as_str).join(" "),
        "input output"
    );
    assert_eq!(
        [Auth::None, Auth::Ok, Auth::Refused].map(Auth::as_str).join(" "),
        "none ok refused"
    );
}
