//! Attribute and event names that the X-Ray exporter reads or writes. Refuses names that another part of the program reads, which stand
//! in `keys` itself; those that the Datadog exporter reads as well are spelt there.

pub use super::ENDUSER_ID;
pub use super::datadog::{
    AWS_ECS_CLUSTER_ARN, AWS_ECS_CONTAINER_ARN, AWS_ECS_LAUNCHTYPE, AWS_ECS_TASK_ARN, AWS_ECS_TASK_FAMILY,
    CLOUD_ACCOUNT_ID, CLOUD_AVAILABILITY_ZONE, CLOUD_PLATFORM, CLOUD_PROVIDER, CONTAINER_ID, CONTAINER_IMAGE_TAG,
    CONTAINER_IMAGE_TAGS, CONTAINER_NAME, DB_NAME, DB_STATEMENT, DB_SYSTEM, EXCEPTION_STACKTRACE, HOST_ID,
    HTTP_CLIENT_IP, HTTP_SERVER_NAME, HTTP_URL, K8S_CLUSTER_NAME, K8S_POD_NAME, PEER_SERVICE, RPC_METHOD, RPC_SERVICE,
    RPC_SYSTEM,
};

// Resources and clouds.

/// ARNs of the log groups that a resource writes to (array of strings, or one string with `&` between them).
pub const AWS_LOG_GROUP_ARNS: &str = "aws.log.group.arns";
/// Names of the log groups that a resource writes to, in the same forms.
pub const AWS_LOG_GROUP_NAMES: &str = "aws.log.group.names";
/// Id of the host's image.
pub const HOST_IMAGE_ID: &str = "host.image.id";
/// Size of the host, such as `m5.large`.
pub const HOST_TYPE: &str = "host.type";
/// Namespace of the service.
pub const SERVICE_NAMESPACE: &str = "service.namespace";
/// Version of an automatic instrumentation, in OTel's form before 1.24.
pub const TELEMETRY_AUTO_VERSION: &str = "telemetry.auto.version";
/// Version of an automatic instrumentation.
pub const TELEMETRY_DISTRO_VERSION: &str = "telemetry.distro.version";

// What a span says to X-Ray.

/// Account that a call went to.
pub const AWS_ACCOUNT_ID: &str = "aws.account_id";
/// Tables that a call touched (array of strings).
pub const AWS_DYNAMODB_TABLE_NAMES: &str = "aws.dynamodb.table_names";
/// What one attempt of the SDK got as an error, on its event.
pub const AWS_HTTP_ERROR_MESSAGE: &str = "aws.http.error_message";
/// Name of the service that a span belongs to (Application Signals).
pub const AWS_LOCAL_SERVICE: &str = "aws.local.service";
/// Operation of an AWS API.
pub const AWS_OPERATION: &str = "aws.operation";
/// URL of a queue.
pub const AWS_QUEUE_URL: &str = "aws.queue_url";
/// The same in another spelling.
pub const AWS_QUEUE_URL_DOTTED: &str = "aws.queue.url";
/// Region that a call went to.
pub const AWS_REGION: &str = "aws.region";
/// Operation that was called (Application Signals).
pub const AWS_REMOTE_OPERATION: &str = "aws.remote.operation";
/// Service that was called (Application Signals).
pub const AWS_REMOTE_SERVICE: &str = "aws.remote.service";
/// What was called within the service (Application Signals).
pub const AWS_REMOTE_TARGET: &str = "remoteTarget";
/// Id of a request to AWS.
pub const AWS_REQUEST_ID: &str = "aws.request_id";
/// The same in another spelling.
pub const AWS_REQUEST_ID_CAMEL: &str = "aws.requestId";
/// Service of AWS that was called.
pub const AWS_SERVICE: &str = "aws.service";
/// `LOCAL_ROOT` on the first span of a service (Application Signals).
pub const AWS_SPAN_KIND: &str = "aws.span.kind";
/// Name of a table.
pub const AWS_TABLE_NAME: &str = "aws.table_name";
/// The same in another spelling.
pub const AWS_TABLE_NAME_DOTTED: &str = "aws.table.name";
/// True (bool) on a span that has not ended.
pub const AWS_XRAY_INPROGRESS: &str = "aws.xray.inprogress";
/// Prefix of a namespace of metadata, whose value is a JSON object.
pub const AWS_XRAY_METADATA_PREFIX: &str = "aws.xray.metadata.";
/// Namespace of the service that was called (Application Signals).
pub const K8S_REMOTE_NAMESPACE: &str = "K8s.RemoteNamespace";
/// True (bool, ours) in the metadata of a segment that was too large and lost text.
pub const TRIMMED: &str = "plano.xray.trimmed";

// Requests.

/// Where the database is, in OTel's form before 1.25.
pub const DB_CONNECTION_STRING: &str = "db.connection_string";
/// User of the database.
pub const DB_USER: &str = "db.user";
/// `Host` of the request, in OTel's form before 1.13.
pub const HTTP_HOST: &str = "http.host";
/// Text of the status (OpenCensus).
pub const HTTP_STATUS_TEXT: &str = "http.status_text";
/// `RECEIVED` or `SENT`, on the event of a message.
pub const MESSAGE_TYPE: &str = "message.type";
/// Size of a message.
pub const MESSAGING_MESSAGE_PAYLOAD_SIZE_BYTES: &str = "messaging.message_payload_size_bytes";
/// URL of the queue, in OTel's form before 1.17.
pub const MESSAGING_URL: &str = "messaging.url";
/// Name of the server, in OTel's form before 1.23.
pub const NET_HOST_NAME: &str = "net.host.name";
/// Port of the server, in OTel's form before 1.23.
pub const NET_HOST_PORT: &str = "net.host.port";
/// Address of the other end, in OTel's form before 1.23.
pub const NET_PEER_IP: &str = "net.peer.ip";
/// Name of the other end, in OTel's form before 1.23.
pub const NET_PEER_NAME: &str = "net.peer.name";
/// Port of the other end, in OTel's form before 1.23.
pub const NET_PEER_PORT: &str = "net.peer.port";

// Events.

/// Event of an exception (OTel).
pub const EXCEPTION: &str = "exception";
/// Event of one failed attempt of an AWS SDK.
pub const HTTP_REQUEST_FAILURE: &str = "HTTP request failure";
