//! Attribute names of the Datadog exporter: what its mapping reads on resources and spans, and what Datadog reads on a span. Refuses names
//! that another part of the program reads, which stand in `keys` itself.

// Resources and clouds.

/// ARN of the ECS cluster.
pub const AWS_ECS_CLUSTER_ARN: &str = "aws.ecs.cluster.arn";
/// ARN of the ECS container.
pub const AWS_ECS_CONTAINER_ARN: &str = "aws.ecs.container.arn";
/// How an ECS task runs: ec2 or fargate.
pub const AWS_ECS_LAUNCHTYPE: &str = "aws.ecs.launchtype";
/// ARN of the ECS task.
pub const AWS_ECS_TASK_ARN: &str = "aws.ecs.task.arn";
/// Family of the ECS task.
pub const AWS_ECS_TASK_FAMILY: &str = "aws.ecs.task.family";
/// Revision of the ECS task.
pub const AWS_ECS_TASK_REVISION: &str = "aws.ecs.task.revision";
/// Replica of an Azure container app.
pub const AZURE_CONTAINER_APP_INSTANCE_ID: &str = "azure.container_app.instance.id";
/// Resource group (OTel).
pub const AZURE_RESOURCE_GROUP_NAME: &str = "azure.resource_group.name";
/// Account, subscription or project in the cloud.
pub const CLOUD_ACCOUNT_ID: &str = "cloud.account.id";
/// Zone within the region.
pub const CLOUD_AVAILABILITY_ZONE: &str = "cloud.availability_zone";
/// The cloud's service that runs the program.
pub const CLOUD_PLATFORM: &str = "cloud.platform";
/// The cloud: aws, azure, gcp.
pub const CLOUD_PROVIDER: &str = "cloud.provider";
/// Region of the cloud.
pub const CLOUD_REGION: &str = "cloud.region";
/// The cloud's own name of what runs the program.
pub const CLOUD_RESOURCE_ID: &str = "cloud.resource_id";
/// Id of the container.
pub const CONTAINER_ID: &str = "container.id";
/// Image of the container.
pub const CONTAINER_IMAGE_NAME: &str = "container.image.name";
/// Tag of the image, in OTel's form before 1.20.
pub const CONTAINER_IMAGE_TAG: &str = "container.image.tag";
/// Tags of the image (array of strings).
pub const CONTAINER_IMAGE_TAGS: &str = "container.image.tags";
/// Name of the container.
pub const CONTAINER_NAME: &str = "container.name";
/// What runs the container.
pub const CONTAINER_RUNTIME: &str = "container.runtime";
/// Prefix of a container tag of the user's own.
pub const CONTAINER_TAG_PREFIX: &str = "datadog.container.tag.";
/// Host to show in Datadog in the place of the one that was found.
pub const DATADOG_HOST_NAME: &str = "datadog.host.name";
/// Deployment environment, in OTel's form before 1.27.
pub const DEPLOYMENT_ENVIRONMENT: &str = "deployment.environment";
/// Deployment environment.
pub const DEPLOYMENT_ENVIRONMENT_NAME: &str = "deployment.environment.name";
/// Deployment environment, as Datadog names it.
pub const ENV: &str = "env";
/// Instance of the function.
pub const FAAS_INSTANCE: &str = "faas.instance";
/// Name of the function.
pub const FAAS_NAME: &str = "faas.name";
/// Execution of a Cloud Run job.
pub const GCP_CLOUD_RUN_JOB_EXECUTION: &str = "gcp.cloud_run.job.execution";
/// Task of a Cloud Run job.
pub const GCP_CLOUD_RUN_JOB_TASK_INDEX: &str = "gcp.cloud_run.job.task_index";
/// Host, as Datadog names it.
pub const HOST: &str = "host";
/// Id of the host, as the cloud names it.
pub const HOST_ID: &str = "host.id";
/// Kubernetes cluster.
pub const K8S_CLUSTER_NAME: &str = "k8s.cluster.name";
/// Name of the container in its pod.
pub const K8S_CONTAINER_NAME: &str = "k8s.container.name";
/// Cron job of the pod.
pub const K8S_CRONJOB_NAME: &str = "k8s.cronjob.name";
/// Daemon set of the pod.
pub const K8S_DAEMONSET_NAME: &str = "k8s.daemonset.name";
/// Deployment of the pod.
pub const K8S_DEPLOYMENT_NAME: &str = "k8s.deployment.name";
/// Job of the pod.
pub const K8S_JOB_NAME: &str = "k8s.job.name";
/// Namespace of the pod.
pub const K8S_NAMESPACE_NAME: &str = "k8s.namespace.name";
/// Node of the pod.
pub const K8S_NODE_NAME: &str = "k8s.node.name";
/// Name of the pod.
pub const K8S_POD_NAME: &str = "k8s.pod.name";
/// Replica set of the pod.
pub const K8S_REPLICASET_NAME: &str = "k8s.replicaset.name";
/// Stateful set of the pod.
pub const K8S_STATEFULSET_NAME: &str = "k8s.statefulset.name";
/// Version of a service, as Datadog names it.
pub const VERSION: &str = "version";

// Databases, messages, calls.

/// Name of the database, in OTel's form before 1.24.
pub const DB_NAME: &str = "db.name";
/// Name of the database.
pub const DB_NAMESPACE: &str = "db.namespace";
/// Text of the query.
pub const DB_QUERY_TEXT: &str = "db.query.text";
/// Text of the query, in OTel's form before 1.24.
pub const DB_STATEMENT: &str = "db.statement";
/// Kind of database, in OTel's form before 1.30.
pub const DB_SYSTEM: &str = "db.system";
/// Kind of database.
pub const DB_SYSTEM_NAME: &str = "db.system.name";
/// Stack of an exception event (OTel).
pub const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";
/// Function that was called.
pub const FAAS_INVOKED_NAME: &str = "faas.invoked_name";
/// Cloud of the function that was called.
pub const FAAS_INVOKED_PROVIDER: &str = "faas.invoked_provider";
/// What started the function.
pub const FAAS_TRIGGER: &str = "faas.trigger";
/// Name of the GraphQL operation.
pub const GRAPHQL_OPERATION_NAME: &str = "graphql.operation.name";
/// query, mutation or subscription.
pub const GRAPHQL_OPERATION_TYPE: &str = "graphql.operation.type";
/// gRPC's code, as Datadog's tracers name it.
pub const GRPC_CODE: &str = "grpc.code";
/// gRPC's code, as some of Datadog's tracers name it.
pub const GRPC_STATUS_CODE: &str = "grpc.status.code";
/// Queue or topic, in OTel's form before 1.17.
pub const MESSAGING_DESTINATION: &str = "messaging.destination";
/// Queue or topic.
pub const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";
/// What is done with the message, in OTel's form before 1.27.
pub const MESSAGING_OPERATION: &str = "messaging.operation";
/// Kind of broker.
pub const MESSAGING_SYSTEM: &str = "messaging.system";
/// Protocol of the application.
pub const NETWORK_PROTOCOL_NAME: &str = "network.protocol.name";
/// Service at the other end.
pub const PEER_SERVICE: &str = "peer.service";
/// gRPC's code, in OTel's form before 1.39.
pub const RPC_GRPC_STATUS_CODE: &str = "rpc.grpc.status_code";
/// gRPC's code, in a form that some libraries write.
pub const RPC_GRPC_STATUS_CODE_DOTTED: &str = "rpc.grpc.status.code";
/// Method that was called.
pub const RPC_METHOD: &str = "rpc.method";
/// Code of the answer.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
/// Service that was called.
pub const RPC_SERVICE: &str = "rpc.service";
/// Kind of remote call, in OTel's form before 1.39.
pub const RPC_SYSTEM: &str = "rpc.system";
/// Kind of remote call.
pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";
/// Path of a client's request with its parameters by name.
pub const URL_TEMPLATE: &str = "url.template";

// Agents and tools.

/// Name of an agent.
pub const GEN_AI_AGENT_NAME: &str = "gen_ai.agent.name";
/// Name of a tool.
pub const GEN_AI_TOOL_NAME: &str = "gen_ai.tool.name";
/// Name of a tool (OpenInference).
pub const TOOL_NAME: &str = "tool.name";
/// Name of a workflow, task, agent or tool (OpenLLMetry).
pub const TRACELOOP_ENTITY_NAME: &str = "traceloop.entity.name";

// What Datadog reads on a span.

/// Whether the span is an event for analytics (deprecated there).
pub const ANALYTICS_EVENT: &str = "analytics.event";
/// 1 on events for analytics (deprecated there).
pub const ANALYZED: &str = "_dd.analyzed";
/// Whether APM runs at the edge.
pub const APM_MODE: &str = "_dd.apm_mode";
/// Service that the span would have had without an override.
pub const BASE_SERVICE: &str = "_dd.base_service";
/// Share of the traces that were kept at the head, on the root.
pub const CLIENT_SAMPLE_RATE: &str = "_dd1.sr.rcusr";
/// Tags of the container, joined by commas.
pub const CONTAINER_TAGS: &str = "_dd.tags.container";
/// Dialect of the database.
pub const DB_TYPE: &str = "db.type";
/// Host, as Datadog's tracers name it.
pub const DD_HOSTNAME: &str = "_dd.hostname";
/// Product that the trace comes from: rum, lambda, …
pub const DD_ORIGIN: &str = "_dd.origin";
/// Who decided on sampling: -4 the application, -9 a rate for OTLP.
pub const DECISION_MAKER: &str = "_dd.p.dm";
/// What went wrong.
pub const ERROR_MSG: &str = "error.msg";
/// Stack of what went wrong.
pub const ERROR_STACK: &str = "error.stack";
/// Events as JSON.
pub const EVENTS: &str = "events";
/// Rate of events for analytics (deprecated there).
pub const EVENT_SAMPLE_RATE: &str = "_dd1.sr.eausr";
/// Whether an event of the span is an exception.
pub const HAS_EXCEPTION: &str = "_dd.span_events.has_exception";
/// Address of the client.
pub const HTTP_CLIENT_IP: &str = "http.client_ip";
/// Page that led to the request.
pub const HTTP_REFERRER: &str = "http.referrer";
/// Size of the request body.
pub const HTTP_REQUEST_CONTENT_LENGTH: &str = "http.request.content_length";
/// Prefix of a request header.
pub const HTTP_REQUEST_HEADERS_PREFIX: &str = "http.request.headers.";
/// Size of the response body.
pub const HTTP_RESPONSE_CONTENT_LENGTH: &str = "http.response.content_length";
/// Name of the server.
pub const HTTP_SERVER_NAME: &str = "http.server_name";
/// Whole URL.
pub const HTTP_URL: &str = "http.url";
/// Client's program.
pub const HTTP_USERAGENT: &str = "http.useragent";
/// Version of HTTP.
pub const HTTP_VERSION: &str = "http.version";
/// 1 on further spans that statistics are made of.
pub const MEASURED: &str = "_dd.measured";
/// Operation: what the span does, the same for all of its kind.
pub const OPERATION_NAME: &str = "operation.name";
/// Instrumentation scope, in OTel's form before 1.4.
pub const OTEL_LIBRARY_NAME: &str = "otel.library.name";
/// Version of the instrumentation scope, in OTel's form before 1.4.
pub const OTEL_LIBRARY_VERSION: &str = "otel.library.version";
/// Instrumentation scope.
pub const OTEL_SCOPE_NAME: &str = "otel.scope.name";
/// Version of the instrumentation scope.
pub const OTEL_SCOPE_VERSION: &str = "otel.scope.version";
/// Unset, Ok or Error.
pub const OTEL_STATUS_CODE: &str = "otel.status_code";
/// Message of an error.
pub const OTEL_STATUS_DESCRIPTION: &str = "otel.status_description";
/// Whole trace id, in hex.
pub const OTEL_TRACE_ID: &str = "otel.trace_id";
/// Rate at which the exporter samples.
pub const OTLP_SAMPLE_RATE: &str = "_dd.otlp_sr";
/// Command of a client of Redis.
pub const REDIS_RAW_COMMAND: &str = "redis.raw_command";
/// Resource: what the operation is done to.
pub const RESOURCE_NAME: &str = "resource.name";
/// Share of the traces that were kept at the head.
pub const SAMPLE_RATE: &str = "_sample_rate";
/// The application's decision: 2 and 1 keep, 0 and -1 drop.
pub const SAMPLING_PRIORITY: &str = "sampling.priority";
/// The application's decision on sampling, as Datadog's tracers name it.
pub const SAMPLING_PRIORITY_V1: &str = "_sampling_priority_v1";
/// Kind, as OTel names it.
pub const SPAN_KIND: &str = "span.kind";
/// Links as JSON.
pub const SPAN_LINKS: &str = "_dd.span_links";
/// Type: web, http, db, …
pub const SPAN_TYPE: &str = "span.type";
/// Text of the query.
pub const SQL_QUERY: &str = "sql.query";
/// Whether somebody before has made the statistics of a resource's spans.
pub const STATS_COMPUTED: &str = "_dd.stats_computed";
/// 1 on a service's entry spans, which statistics are made of.
pub const TOP_LEVEL: &str = "_top_level";
/// 1 on a service's entry spans, as Datadog's tracers name it.
pub const TRACER_TOP_LEVEL: &str = "_dd.top_level";
/// The high 64 bits of the trace id, in hex.
pub const TRACE_ID_HIGH: &str = "_dd.p.tid";
/// Command of a client of Valkey.
pub const VALKEY_RAW_COMMAND: &str = "valkey.raw_command";
/// The span's trace state.
pub const W3C_TRACESTATE: &str = "w3c.tracestate";
