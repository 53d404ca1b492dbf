//! The `sql` block of a segment. Takes the attributes that it reads off those that become metadata, where the database speaks SQL;
//! others keep theirs.

use super::{
    Attributes, Span,
    object::{Object, text},
};
use crate::otlp::keys::xray;

/// Databases that the Collector takes for SQL.
const SYSTEMS: &[&str] = &[
    "db2",
    "derby",
    "hive",
    "mariadb",
    "mssql",
    "mysql",
    "oracle",
    "postgresql",
    "sqlite",
    "teradata",
    "other_sql",
];

/// The block, and the attributes that it leaves.
pub(super) fn block<'a>(mut attributes: Attributes<'a>, span: &Span<'a>) -> (Attributes<'a>, Option<Object>) {
    let system = attributes.get(xray::DB_SYSTEM).copied().map(text).unwrap_or_default();
    if !SYSTEMS.contains(&system) {
        return (attributes, None);
    }
    attributes.remove(xray::DB_SYSTEM);
    let mut take = |key: &str| attributes.remove(key).map(text).unwrap_or_default();
    let (connection, database) = (take(xray::DB_CONNECTION_STRING), take(xray::DB_NAME));
    let (statement, user) = (take(xray::DB_STATEMENT), take(xray::DB_USER));
    let connection = if connection.is_empty() { "localhost" } else { connection };
    let mut block = Object::default();
    block.set("connection_string", format!("{connection}/{database}"));
    block.text("url", span.wire.name());
    block.text("sanitized_query", statement);
    block.text("database_type", system);
    block.text("user", user);
    (attributes, Some(block))
}
