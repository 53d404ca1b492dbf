//! Every attribute and event name that the program reads or writes, one constant each, so that a name is spelt in one place.

pub mod datadog;
pub mod statistics;
pub mod xray;

// Resource and session.

/// Name of the host that a resource runs on.
pub const HOST_NAME: &str = "host.name";
/// Id of one request through the gateway, as in `x-request-id`.
pub const REQUEST_ID: &str = "request_id";
/// Id of the process that emitted a resource's spans.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// Logical name of the service that emitted a resource's spans (OTel resource conventions).
pub const SERVICE_NAME: &str = "service.name";
/// Version of the service that emitted a resource's spans.
pub const SERVICE_VERSION: &str = "service.version";
/// Id of the session that a span belongs to (OTel, OpenInference, Langtrace).
pub const SESSION_ID: &str = "session.id";
/// Language of the library that made a resource's spans.
pub const TELEMETRY_SDK_LANGUAGE: &str = "telemetry.sdk.language";
/// Name of the library that made a resource's spans.
pub const TELEMETRY_SDK_NAME: &str = "telemetry.sdk.name";
/// Version of the library that made a resource's spans.
pub const TELEMETRY_SDK_VERSION: &str = "telemetry.sdk.version";
/// Id of the conversation's thread, without a namespace (LangGraph and others).
pub const THREAD_ID: &str = "thread_id";
/// Id of the user, as Langtrace names it.
pub const USER_ID: &str = "user_id";

// Errors and exceptions.

/// Whether a span failed, in the form before OTel.
pub const ERROR: &str = "error";
/// What went wrong.
pub const ERROR_MESSAGE: &str = "error.message";
/// Class of what went wrong (OTel).
pub const ERROR_TYPE: &str = "error.type";
/// Message of an exception event (OTel).
pub const EXCEPTION_MESSAGE: &str = "exception.message";
/// Class of an exception event (OTel).
pub const EXCEPTION_TYPE: &str = "exception.type";

// HTTP.

/// Address of the client.
pub const CLIENT_ADDRESS: &str = "client.address";
/// Request method, in OTel's form before 1.23.
pub const HTTP_METHOD: &str = "http.method";
/// Path of the request, without its query (gateway).
pub const HTTP_PATH: &str = "http.path";
/// Size of the request body, in bytes.
pub const HTTP_REQUEST_BODY_SIZE: &str = "http.request.body.size";
/// Prefix of a request header, its name in lower case behind it (array of strings).
pub const HTTP_REQUEST_HEADER_PREFIX: &str = "http.request.header.";
/// Request method.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// How many attempts at the request came before this one; absent on the first.
pub const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
/// Size of the response body, in bytes.
pub const HTTP_RESPONSE_BODY_SIZE: &str = "http.response.body.size";
/// Status code of the response.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// Route template of the server.
pub const HTTP_ROUTE: &str = "http.route";
/// `http` or `https`, in OTel's form before 1.23.
pub const HTTP_SCHEME: &str = "http.scheme";
/// Status code of the response, in OTel's form before 1.23.
pub const HTTP_STATUS_CODE: &str = "http.status_code";
/// Path and query, in OTel's form before 1.23.
pub const HTTP_TARGET: &str = "http.target";
/// `User-Agent` of the request, in OTel's form before 1.23.
pub const HTTP_USER_AGENT: &str = "http.user_agent";
/// Address of the other end of the connection.
pub const NETWORK_PEER_ADDRESS: &str = "network.peer.address";
/// Port of the other end of the connection.
pub const NETWORK_PEER_PORT: &str = "network.peer.port";
/// Version of HTTP, such as `1.1`.
pub const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
/// Name or address of the server.
pub const SERVER_ADDRESS: &str = "server.address";
/// Port of the server.
pub const SERVER_PORT: &str = "server.port";
/// Whole URL of a client's request.
pub const URL_FULL: &str = "url.full";
/// Path of the URL.
pub const URL_PATH: &str = "url.path";
/// Query of the URL, without secrets.
pub const URL_QUERY: &str = "url.query";
/// Scheme of the URL.
pub const URL_SCHEME: &str = "url.scheme";
/// `User-Agent` of the request.
pub const USER_AGENT_ORIGINAL: &str = "user_agent.original";

// Gateway: what it did with a request.

/// Which of the chosen agents it is, and of how many: `1/2`.
pub const AGENT_SEQUENCE: &str = "agent.sequence";
/// Replies and rounds of tools that an agent's messages show.
pub const AGENT_STEPS: &str = "agent.steps";
/// Names of the tools that an agent called.
pub const AGENT_TOOLS: &str = "agent.tools";
/// Name of an agent, as the gateway has it.
pub const AGENT_ID: &str = "agent_id";
/// Number of the attempt, from 1.
pub const ATTEMPT: &str = "attempt";
/// What became of the client's key: none, ok or refused.
pub const AUTH_RESULT: &str = "auth.result";
/// What the filter looked at: input or output.
pub const FILTER_DIRECTION: &str = "filter.direction";
/// Id of the filter.
pub const FILTER_NAME: &str = "filter.name";
/// What the filter did: passed, changed, rejected or failed.
pub const FILTER_OUTCOME: &str = "filter.outcome";
/// Name of the tool that was called as a filter.
pub const FILTER_TOOL: &str = "filter.tool";
/// How the filter is spoken to: http or mcp.
pub const FILTER_TYPE: &str = "filter.type";
/// URL of the filter, without secrets.
pub const FILTER_URL: &str = "filter.url";
/// Id of the request, as Envoy names it.
pub const GUID_X_REQUEST_ID: &str = "guid:x-request-id";
/// Name of the listener.
pub const LISTENER_NAME: &str = "listener.name";
/// What an alias stands for.
pub const MODEL_ALIAS_RESOLVED: &str = "model.alias_resolved";
/// Name of the model as the client wrote it.
pub const MODEL_REQUESTED: &str = "model.requested";
/// Address of the client, as Envoy names it.
pub const PEER_ADDRESS: &str = "peer.address";
/// The part of the gateway that did it.
pub const COMPONENT: &str = "component";
/// How long something took.
pub const DURATION_MS: &str = "duration_ms";
/// Number of messages in a request.
pub const MESSAGE_COUNT: &str = "message_count";
/// Name of the routing preference that matched.
pub const PLANO_ROUTE_NAME: &str = "plano.route.name";
/// Size of the request body, in bytes.
pub const REQUEST_SIZE: &str = "request_size";
/// Size of the response body, in bytes.
pub const RESPONSE_SIZE: &str = "response_size";
/// Why there is another attempt: an `error.type`.
pub const RETRY_REASON: &str = "retry.reason";
/// Model that was chosen.
pub const ROUTE_SELECTED_MODEL: &str = "route.selected_model";
/// Models that could have been chosen (array of strings).
pub const ROUTING_CANDIDATES: &str = "routing.candidates";
/// Time to the decision, in milliseconds (double).
pub const ROUTING_DETERMINATION_MS: &str = "routing.determination_ms";
/// Whether the choice was not the first one.
pub const ROUTING_IS_FALLBACK: &str = "routing.is_fallback";
/// Why that model was chosen.
pub const ROUTING_SELECTION_REASON: &str = "routing.selection_reason";
/// How the choice was made, such as `direct` or `round-robin`.
pub const ROUTING_STRATEGY: &str = "routing.strategy";
/// URL that the request goes to.
pub const ROUTING_UPSTREAM_ENDPOINT: &str = "routing.upstream_endpoint";
/// Number of agents that were chosen.
pub const SELECTION_AGENT_COUNT: &str = "selection.agent_count";
/// Names of the agents that were chosen, joined by commas.
pub const SELECTION_AGENTS: &str = "selection.agents";
/// How long the choice of agents took.
pub const SELECTION_DETERMINATION_MS: &str = "selection.determination_ms";
/// The listener whose agents were chosen among.
pub const SELECTION_LISTENER: &str = "selection.listener";
/// Why these agents.
pub const SELECTION_REASON: &str = "selection.reason";
/// Time to the last byte from upstream, in milliseconds.
pub const UPSTREAM_DURATION_MS: &str = "upstream.duration_ms";
/// Time to the headers from upstream, in milliseconds.
pub const UPSTREAM_RESPONSE_MS: &str = "upstream.response_ms";
/// URL of the upstream, without secrets.
pub const UPSTREAM_URL: &str = "upstream.url";
/// What the check of the body said: ok, invalid_json, missing_model or too_large.
pub const VALIDATION_RESULT: &str = "validation.result";

// LLM, as the gateway and older emitters name it.

/// Prefix of indexed completions (older OpenLLMetry).
pub const LLM_COMPLETIONS: &str = "llm.completions";
/// Duration of the model call, in milliseconds.
pub const LLM_DURATION_MS: &str = "llm.duration_ms";
/// Whether the reply was streamed.
pub const LLM_IS_STREAMING: &str = "llm.is_streaming";
/// Most tokens that the reply may have.
pub const LLM_MAX_TOKENS: &str = "llm.max_tokens";
/// Name of the model (gateway).
pub const LLM_MODEL: &str = "llm.model";
/// Name of the model (OpenInference).
pub const LLM_MODEL_NAME: &str = "llm.model_name";
/// Kind of operation, such as `chat` (gateway).
pub const LLM_OPERATION_TYPE: &str = "llm.operation_type";
/// Prefix of indexed prompts (older OpenLLMetry); a JSON string in older Langtrace.
pub const LLM_PROMPTS: &str = "llm.prompts";
/// Name of the model's provider.
pub const LLM_PROVIDER: &str = "llm.provider";
/// Kind of request, such as `chat` (OpenLLMetry).
pub const LLM_REQUEST_TYPE: &str = "llm.request.type";
/// Size of the reply as it came from upstream, in bytes.
pub const LLM_RESPONSE_BYTES: &str = "llm.response_bytes";
/// Why the model stopped, in its provider's words.
pub const LLM_RESPONSE_FINISH_REASON: &str = "llm.response.finish_reason";
/// Id of the reply.
pub const LLM_RESPONSE_ID: &str = "llm.response.id";
/// Name of the model that replied.
pub const LLM_RESPONSE_MODEL_NAME: &str = "llm.response.model_name";
/// Replies as a JSON string (older Langtrace).
pub const LLM_RESPONSES: &str = "llm.responses";
/// Temperature asked for (double).
pub const LLM_TEMPERATURE: &str = "llm.temperature";
/// Time to the first token, in milliseconds.
pub const LLM_TIME_TO_FIRST_TOKEN: &str = "llm.time_to_first_token";
/// Token counts as a JSON string (older Langtrace).
pub const LLM_TOKEN_COUNTS: &str = "llm.token.counts";
/// Tokens of the reply (OpenInference).
pub const LLM_TOKEN_COUNT_COMPLETION: &str = "llm.token_count.completion";
/// Tokens of the prompt (OpenInference).
pub const LLM_TOKEN_COUNT_PROMPT: &str = "llm.token_count.prompt";
/// Tokens of prompt and reply (OpenInference).
pub const LLM_TOKEN_COUNT_TOTAL: &str = "llm.token_count.total";
/// Names of the tools that the model may call (array of strings).
pub const LLM_TOOLS: &str = "llm.tools";
/// Nucleus sampling asked for (double).
pub const LLM_TOP_P: &str = "llm.top_p";
/// Tokens of the prompt that were written into a cache.
pub const LLM_USAGE_CACHE_CREATION_TOKENS: &str = "llm.usage.cache_creation_tokens";
/// Tokens of the prompt that came from a cache.
pub const LLM_USAGE_CACHED_INPUT_TOKENS: &str = "llm.usage.cached_input_tokens";
/// Tokens of the reply.
pub const LLM_USAGE_COMPLETION_TOKENS: &str = "llm.usage.completion_tokens";
/// Tokens of the prompt.
pub const LLM_USAGE_PROMPT_TOKENS: &str = "llm.usage.prompt_tokens";
/// Tokens of the reply that were spent on reasoning.
pub const LLM_USAGE_REASONING_TOKENS: &str = "llm.usage.reasoning_tokens";
/// Tokens of prompt and reply.
pub const LLM_USAGE_TOTAL_TOKENS: &str = "llm.usage.total_tokens";
/// The first characters of the last user message; only where asked for.
pub const LLM_USER_MESSAGE_PREVIEW: &str = "llm.user_message_preview";

// OpenInference.

/// Type of `input.value`.
pub const INPUT_MIME_TYPE: &str = "input.mime_type";
/// Whole input, as text or JSON.
pub const INPUT_VALUE: &str = "input.value";
/// Prefix of indexed completions: `.{i}.completion.text`.
pub const LLM_CHOICES: &str = "llm.choices";
/// Prefix of indexed input messages: `.{i}.message.role` and so on.
pub const LLM_INPUT_MESSAGES: &str = "llm.input_messages";
/// Prefix of indexed output messages: `.{i}.message.role` and so on.
pub const LLM_OUTPUT_MESSAGES: &str = "llm.output_messages";
/// Kind of span, such as `LLM` or `TOOL`.
pub const OPENINFERENCE_SPAN_KIND: &str = "openinference.span.kind";
/// Type of `output.value`.
pub const OUTPUT_MIME_TYPE: &str = "output.mime_type";
/// Whole output, as text or JSON.
pub const OUTPUT_VALUE: &str = "output.value";

// OTel GenAI.

/// Event of one assistant message (1.28–1.36).
pub const GEN_AI_ASSISTANT_MESSAGE: &str = "gen_ai.assistant.message";
/// Event of one choice of the reply (1.28–1.36).
pub const GEN_AI_CHOICE: &str = "gen_ai.choice";
/// Event that may carry the conversation (≥ 1.37).
pub const GEN_AI_CLIENT_INFERENCE_OPERATION_DETAILS: &str = "gen_ai.client.inference.operation.details";
/// Completions as JSON (1.26–1.27), and the prefix of OpenLLMetry's indexed ones.
pub const GEN_AI_COMPLETION: &str = "gen_ai.completion";
/// Completions as JSON.
pub const GEN_AI_COMPLETION_JSON: &str = "gen_ai.completion_json";
/// Event that carries `gen_ai.completion` (1.26–1.27).
pub const GEN_AI_CONTENT_COMPLETION: &str = "gen_ai.content.completion";
/// Event that carries `gen_ai.prompt` (1.26–1.27).
pub const GEN_AI_CONTENT_PROMPT: &str = "gen_ai.content.prompt";
/// Id of the conversation.
pub const GEN_AI_CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// Messages sent to the model: an array of `{role, parts}` (≥ 1.37).
pub const GEN_AI_INPUT_MESSAGES: &str = "gen_ai.input.messages";
/// Name of the operation, such as `chat`.
pub const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
/// Messages of the reply: an array of `{role, parts, finish_reason}` (≥ 1.37).
pub const GEN_AI_OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
/// Prompt as JSON (1.26–1.27), and the prefix of OpenLLMetry's indexed messages.
pub const GEN_AI_PROMPT: &str = "gen_ai.prompt";
/// Prompt as JSON.
pub const GEN_AI_PROMPT_JSON: &str = "gen_ai.prompt_json";
/// Name of the model's provider (≥ 1.37).
pub const GEN_AI_PROVIDER_NAME: &str = "gen_ai.provider.name";
/// Most tokens that the reply may have.
pub const GEN_AI_REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
/// Name of the model that was asked for.
pub const GEN_AI_REQUEST_MODEL: &str = "gen_ai.request.model";
/// Whether the reply was asked for as a stream.
pub const GEN_AI_REQUEST_STREAM: &str = "gen_ai.request.stream";
/// Temperature asked for (double).
pub const GEN_AI_REQUEST_TEMPERATURE: &str = "gen_ai.request.temperature";
/// Nucleus sampling asked for (double).
pub const GEN_AI_REQUEST_TOP_P: &str = "gen_ai.request.top_p";
/// Why the model stopped, per choice.
pub const GEN_AI_RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// Id of the reply.
pub const GEN_AI_RESPONSE_ID: &str = "gen_ai.response.id";
/// Name of the model that replied.
pub const GEN_AI_RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Time to the first chunk, in seconds.
pub const GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// Time to the first token, in seconds (milliseconds in Strands).
pub const GEN_AI_SERVER_TIME_TO_FIRST_TOKEN: &str = "gen_ai.server.time_to_first_token";
/// Name of the model's provider (before 1.37).
pub const GEN_AI_SYSTEM: &str = "gen_ai.system";
/// Event of one system message (1.28–1.36).
pub const GEN_AI_SYSTEM_MESSAGE: &str = "gen_ai.system.message";
/// System instructions given apart from the messages (≥ 1.37).
pub const GEN_AI_SYSTEM_INSTRUCTIONS: &str = "gen_ai.system_instructions";
/// What a tool was called with, on its span.
pub const GEN_AI_TOOL_CALL_ARGUMENTS: &str = "gen_ai.tool.call.arguments";
/// What a tool gave, on its span.
pub const GEN_AI_TOOL_CALL_RESULT: &str = "gen_ai.tool.call.result";
/// Tools that the model may call (≥ 1.37).
pub const GEN_AI_TOOL_DEFINITIONS: &str = "gen_ai.tool.definitions";
/// Event of one tool result (1.28–1.36).
pub const GEN_AI_TOOL_MESSAGE: &str = "gen_ai.tool.message";
/// Tokens of the prompt that were written into a cache.
pub const GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
/// Tokens of the prompt that came from a cache.
pub const GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Tokens of the reply (before 1.27).
pub const GEN_AI_USAGE_COMPLETION_TOKENS: &str = "gen_ai.usage.completion_tokens";
/// Tokens of the prompt.
pub const GEN_AI_USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Tokens of the reply.
pub const GEN_AI_USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Tokens of the prompt (before 1.27).
pub const GEN_AI_USAGE_PROMPT_TOKENS: &str = "gen_ai.usage.prompt_tokens";
/// Tokens of the reply that were spent on reasoning.
pub const GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// Tokens of prompt and reply.
pub const GEN_AI_USAGE_TOTAL_TOKENS: &str = "gen_ai.usage.total_tokens";
/// Event of one user message (1.28–1.36).
pub const GEN_AI_USER_MESSAGE: &str = "gen_ai.user.message";

// OpenLLMetry.

/// Prefix of the application's own properties.
pub const TRACELOOP_ASSOCIATION_PROPERTIES: &str = "traceloop.association.properties";
/// Id of the session, set by the application.
pub const TRACELOOP_ASSOCIATION_PROPERTIES_SESSION_ID: &str = "traceloop.association.properties.session_id";
/// Id of the thread, set by the application.
pub const TRACELOOP_ASSOCIATION_PROPERTIES_THREAD_ID: &str = "traceloop.association.properties.thread_id";
/// Input of a workflow, task or tool, as JSON.
pub const TRACELOOP_ENTITY_INPUT: &str = "traceloop.entity.input";
/// Output of a workflow, task or tool, as JSON.
pub const TRACELOOP_ENTITY_OUTPUT: &str = "traceloop.entity.output";
/// Kind of span: workflow, task, agent, tool.
pub const TRACELOOP_SPAN_KIND: &str = "traceloop.span.kind";

// Other emitters' conversation ids, models, usage and times.

/// Which function of the SDK the span is of (Vercel AI SDK).
pub const AI_OPERATION_ID: &str = "ai.operationId";
/// Name of the model that replied (Vercel AI SDK).
pub const AI_RESPONSE_MODEL: &str = "ai.response.model";
/// Time to the first chunk, in milliseconds (Vercel AI SDK).
pub const AI_RESPONSE_MS_TO_FIRST_CHUNK: &str = "ai.response.msToFirstChunk";
/// Id of the session (Vercel AI SDK).
pub const AI_TELEMETRY_METADATA_SESSION_ID: &str = "ai.telemetry.metadata.sessionId";
/// Tokens of the prompt (Vercel AI SDK).
pub const AI_USAGE_INPUT_TOKENS: &str = "ai.usage.inputTokens";
/// Tokens of the reply (Vercel AI SDK).
pub const AI_USAGE_OUTPUT_TOKENS: &str = "ai.usage.outputTokens";
/// Event at the first token (OpenInference instrumentations).
pub const FIRST_TOKEN_STREAM_EVENT: &str = "First Token Stream Event";
/// What a step was given, as JSON (Langfuse).
pub const LANGFUSE_OBSERVATION_INPUT: &str = "langfuse.observation.input";
/// What a step gave, as JSON (Langfuse).
pub const LANGFUSE_OBSERVATION_OUTPUT: &str = "langfuse.observation.output";
/// Kind of step: `generation` for a model's call (Langfuse).
pub const LANGFUSE_OBSERVATION_TYPE: &str = "langfuse.observation.type";
/// Id of the session (Langfuse).
pub const LANGFUSE_SESSION_ID: &str = "langfuse.session.id";
/// What the whole trace was given (Langfuse).
pub const LANGFUSE_TRACE_INPUT: &str = "langfuse.trace.input";
/// What the whole trace gave (Langfuse).
pub const LANGFUSE_TRACE_OUTPUT: &str = "langfuse.trace.output";
/// Id of the session (LangSmith).
pub const LANGSMITH_TRACE_SESSION_ID: &str = "langsmith.trace.session_id";
/// Id of the session (our gateway).
pub const PLANO_SESSION_ID: &str = "plano.session_id";

/// What emitters call the conversation, the session or the thread that a span belongs to, the one to prefer first: standards, then
/// products, then names that anybody may use.
pub const CONVERSATION_IDS: [&str; 9] = [
    GEN_AI_CONVERSATION_ID,
    SESSION_ID,
    LANGFUSE_SESSION_ID,
    LANGSMITH_TRACE_SESSION_ID,
    TRACELOOP_ASSOCIATION_PROPERTIES_SESSION_ID,
    TRACELOOP_ASSOCIATION_PROPERTIES_THREAD_ID,
    AI_TELEMETRY_METADATA_SESSION_ID,
    THREAD_ID,
    PLANO_SESSION_ID,
];

/// What a call cost, in USD (LiteLLM).
pub const GEN_AI_COST_TOTAL_COST: &str = "gen_ai.cost.total_cost";
/// What a call cost, in USD (OpenLIT, Langfuse).
pub const GEN_AI_USAGE_COST: &str = "gen_ai.usage.cost";
/// What a call cost, in USD (LiteLLM).
pub const LITELLM_COST_TOTAL: &str = "litellm.cost.total";
/// What a call cost, in USD (OpenInference).
pub const LLM_COST_TOTAL: &str = "llm.cost.total";
/// System or product that answered (OpenInference).
pub const LLM_SYSTEM: &str = "llm.system";
/// Tokens of the prompt that came from a cache (OpenInference).
pub const LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_READ: &str = "llm.token_count.prompt_details.cache_read";
/// What a call cost, in USD (Pydantic AI, Logfire).
pub const OPERATION_COST: &str = "operation.cost";

/// Tokens of the prompt that came from a cache (Langtrace).
pub const GEN_AI_USAGE_CACHED_TOKENS: &str = "gen_ai.usage.cached_tokens";
/// Name of the model that was asked for (Vercel AI SDK).
pub const AI_MODEL_ID: &str = "ai.model.id";
/// Name of the model's provider (Vercel AI SDK).
pub const AI_MODEL_PROVIDER: &str = "ai.model.provider";

// Other emitters' users.

/// Id of the user (Vercel AI SDK).
pub const AI_TELEMETRY_METADATA_USER_ID: &str = "ai.telemetry.metadata.userId";
/// Id of the user (OTel before 1.29).
pub const ENDUSER_ID: &str = "enduser.id";
/// Id of the user (Langfuse).
pub const LANGFUSE_USER_ID: &str = "langfuse.user.id";
/// Id of the user, set by the application (OpenLLMetry).
pub const TRACELOOP_ASSOCIATION_PROPERTIES_USER_ID: &str = "traceloop.association.properties.user_id";
/// Id of the user (OTel, OpenInference).
pub const OTEL_USER_ID: &str = "user.id";

// Langtrace.

/// Name of the library that wrote the span.
pub const LANGTRACE_SDK_NAME: &str = "langtrace.sdk.name";
/// What was called: the model's provider, or the framework.
pub const LANGTRACE_SERVICE_NAME: &str = "langtrace.service.name";
/// What kind of thing that is: `llm`, `framework`, `vectordb`.
pub const LANGTRACE_SERVICE_TYPE: &str = "langtrace.service.type";
/// Version of the library that wrote the span.
pub const LANGTRACE_VERSION: &str = "langtrace.version";

// Where a backend has no field for it (OTel's mapping to formats that are not OTLP).

/// Name of the instrumentation scope.
pub const OTEL_SCOPE_NAME: &str = "otel.scope.name";
/// Version of the instrumentation scope.
pub const OTEL_SCOPE_VERSION: &str = "otel.scope.version";
/// Message of the span's status.
pub const OTEL_STATUS_DESCRIPTION: &str = "otel.status_description";

/// What emitters call the user, the one to prefer first.
pub const USER_IDS: [&str; 6] = [
    USER_ID,
    OTEL_USER_ID,
    ENDUSER_ID,
    LANGFUSE_USER_ID,
    TRACELOOP_ASSOCIATION_PROPERTIES_USER_ID,
    AI_TELEMETRY_METADATA_USER_ID,
];
/// What emitters call the model that was asked for.
pub const REQUEST_MODELS: [&str; 4] = [GEN_AI_REQUEST_MODEL, LLM_MODEL, LLM_MODEL_NAME, AI_MODEL_ID];
/// What emitters call the model that replied.
pub const RESPONSE_MODELS: [&str; 3] = [GEN_AI_RESPONSE_MODEL, AI_RESPONSE_MODEL, LLM_RESPONSE_MODEL_NAME];
/// What emitters call the model's provider.
pub const PROVIDERS: [&str; 5] = [
    GEN_AI_PROVIDER_NAME,
    GEN_AI_SYSTEM,
    LLM_PROVIDER,
    LLM_SYSTEM,
    AI_MODEL_PROVIDER,
];
/// What emitters call the kind of a model's operation.
pub const OPERATIONS: [&str; 3] = [GEN_AI_OPERATION_NAME, LLM_OPERATION_TYPE, LLM_REQUEST_TYPE];
/// What emitters call the tokens of the prompt.
pub const INPUT_TOKENS: [&str; 5] = [
    LLM_USAGE_PROMPT_TOKENS,
    GEN_AI_USAGE_INPUT_TOKENS,
    GEN_AI_USAGE_PROMPT_TOKENS,
    LLM_TOKEN_COUNT_PROMPT,
    AI_USAGE_INPUT_TOKENS,
];
/// What emitters call the tokens of the reply.
pub const OUTPUT_TOKENS: [&str; 5] = [
    LLM_USAGE_COMPLETION_TOKENS,
    GEN_AI_USAGE_OUTPUT_TOKENS,
    GEN_AI_USAGE_COMPLETION_TOKENS,
    LLM_TOKEN_COUNT_COMPLETION,
    AI_USAGE_OUTPUT_TOKENS,
];
/// What emitters call the tokens of prompt and reply.
pub const TOTAL_TOKENS: [&str; 3] = [LLM_USAGE_TOTAL_TOKENS, GEN_AI_USAGE_TOTAL_TOKENS, LLM_TOKEN_COUNT_TOTAL];
/// What emitters call the tokens of the prompt that came from a cache.
pub const CACHED_TOKENS: [&str; 4] = [
    LLM_USAGE_CACHED_INPUT_TOKENS,
    GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_READ,
    GEN_AI_USAGE_CACHED_TOKENS,
];

// Signals: written on the span.

/// 1 up to the baseline of turns, falling beyond it (double, 3 decimals).
pub const SIGNALS_EFFICIENCY_SCORE: &str = "signals.efficiency_score";
/// Failures from outside (int).
pub const SIGNALS_ENVIRONMENT_EXHAUSTION_COUNT: &str = "signals.environment.exhaustion.count";
/// Their severity, 0–3.
pub const SIGNALS_ENVIRONMENT_EXHAUSTION_SEVERITY: &str = "signals.environment.exhaustion.severity";
/// `"true"` (string) where a human was asked for or the user gave up.
pub const SIGNALS_ESCALATION_REQUESTED: &str = "signals.escalation.requested";
/// Tool failures that the agent caused (int).
pub const SIGNALS_EXECUTION_FAILURE_COUNT: &str = "signals.execution.failure.count";
/// Their severity, 0–3.
pub const SIGNALS_EXECUTION_FAILURE_SEVERITY: &str = "signals.execution.failure.severity";
/// Loops of tool calls (int).
pub const SIGNALS_EXECUTION_LOOPS_COUNT: &str = "signals.execution.loops.count";
/// Their severity, 0–3.
pub const SIGNALS_EXECUTION_LOOPS_SEVERITY: &str = "signals.execution.loops.severity";
/// True (bool) where the conversation was flagged; absent otherwise.
pub const SIGNALS_FLAGGED: &str = "signals.flagged";
/// Signs of frustration (int).
pub const SIGNALS_FRUSTRATION_COUNT: &str = "signals.frustration.count";
/// Their severity, 0–3.
pub const SIGNALS_FRUSTRATION_SEVERITY: &str = "signals.frustration.severity";
/// Signs of disengagement (int).
pub const SIGNALS_INTERACTION_DISENGAGEMENT_COUNT: &str = "signals.interaction.disengagement.count";
/// Their severity, 0–3.
pub const SIGNALS_INTERACTION_DISENGAGEMENT_SEVERITY: &str = "signals.interaction.disengagement.severity";
/// Corrections, rephrasings and clarifications (int).
pub const SIGNALS_INTERACTION_MISALIGNMENT_COUNT: &str = "signals.interaction.misalignment.count";
/// Their severity, 0–3.
pub const SIGNALS_INTERACTION_MISALIGNMENT_SEVERITY: &str = "signals.interaction.misalignment.severity";
/// Signs of satisfaction (int).
pub const SIGNALS_INTERACTION_SATISFACTION_COUNT: &str = "signals.interaction.satisfaction.count";
/// Their severity, 0–3.
pub const SIGNALS_INTERACTION_SATISFACTION_SEVERITY: &str = "signals.interaction.satisfaction.severity";
/// Repetitions and dragging (int).
pub const SIGNALS_INTERACTION_STAGNATION_COUNT: &str = "signals.interaction.stagnation.count";
/// Their severity, 0–3.
pub const SIGNALS_INTERACTION_STAGNATION_SEVERITY: &str = "signals.interaction.stagnation.severity";
/// Signals that lie in the newest turn (int).
pub const SIGNALS_NEW_COUNT: &str = "signals.new_count";
/// Signs of satisfaction (int).
pub const SIGNALS_POSITIVE_FEEDBACK_COUNT: &str = "signals.positive_feedback.count";
/// Excellent, Good, Neutral, Poor or Severe (string).
pub const SIGNALS_QUALITY: &str = "signals.quality";
/// 0–100 (double).
pub const SIGNALS_QUALITY_SCORE: &str = "signals.quality_score";
/// Corrections, rephrasings and clarifications (int).
pub const SIGNALS_REPAIR_COUNT: &str = "signals.repair.count";
/// Repairs per user turn (double).
pub const SIGNALS_REPAIR_RATIO: &str = "signals.repair.ratio";
/// Repeated replies (int).
pub const SIGNALS_REPETITION_COUNT: &str = "signals.repetition.count";
/// User and assistant turns (int).
pub const SIGNALS_TURN_COUNT: &str = "signals.turn_count";

// Signals: written on the event of each instance.

/// How sure the detection is, 0–1 (double).
pub const SIGNAL_CONFIDENCE: &str = "signal.confidence";
/// Position of the message in the client's list, from 0 (int).
pub const SIGNAL_MESSAGE_INDEX: &str = "signal.message_index";
/// Numbers, ids and tool names as a JSON string; never message text.
pub const SIGNAL_METADATA: &str = "signal.metadata";
/// The words that it fired on; only where content may be exported.
pub const SIGNAL_SNIPPET: &str = "signal.snippet";
/// Type, such as `interaction.misalignment.correction`.
pub const SIGNAL_TYPE: &str = "signal.type";

// Backends.

/// Keys of the attributes that X-Ray indexes (array of strings).
pub const AWS_XRAY_ANNOTATIONS: &str = "aws.xray.annotations";

/// Prefix of the name of a signal's event: `signal.<type>`.
pub const SIGNAL_EVENT_PREFIX: &str = "signal.";
/// Namespace of what the signals processor writes; nothing else may.
pub const SIGNALS_PREFIX: &str = "signals.";
/// What a flagged span's name ends in: a space and U+1F6A9.
pub const FLAG_SUFFIX: &str = " \u{1F6A9}";
