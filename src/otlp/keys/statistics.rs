//! Attribute names that Datadog tells its statistics apart by, beside those of its mapping in `keys::datadog` (its agent 7.85).

/// Commit that the traced program was built of.
pub const GIT_COMMIT_SHA: &str = "_dd.git.commit.sha";
/// Which state of a span that is sent more than once this is.
pub const PARTIAL_VERSION: &str = "_dd.partial_version";
/// What gave the service another name than its own.
pub const SERVICE_SOURCE: &str = "_dd.svc_src";

/// What a span talks to (the agent's peer tags), sorted.
pub const PEER_TAGS: [&str; 44] = [
    "_dd.base_service",
    "active_record.db.vendor",
    "amqp.destination",
    "amqp.exchange",
    "amqp.queue",
    "aws.queue.name",
    "aws.s3.bucket",
    "bucketname",
    "cassandra.keyspace",
    "db.cassandra.contact.points",
    "db.couchbase.seed.nodes",
    "db.hostname",
    "db.instance",
    "db.name",
    "db.namespace",
    "db.system",
    "db.system.name",
    "db.type",
    "dns.hostname",
    "grpc.host",
    "hostname",
    "http.host",
    "http.server_name",
    "messaging.destination",
    "messaging.destination.name",
    "messaging.kafka.bootstrap.servers",
    "messaging.rabbitmq.exchange",
    "messaging.system",
    "mongodb.db",
    "msmq.queue.path",
    "net.peer.name",
    "network.destination.ip",
    "network.destination.name",
    "out.host",
    "peer.hostname",
    "peer.service",
    "queuename",
    "rpc.service",
    "rpc.system",
    "sequel.db.vendor",
    "server.address",
    "streamname",
    "tablename",
    "topicname",
];
