//! Operation, resource and type of a span by the rules of Datadog's agent: the current ones, which look at what kind of work a span is, and
//! the older ones, which hold where the user maps or keeps span names. Refuses to know of models and agents, which `llm` does.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    attributes::Facts,
    normalize::{RESOURCE_LIMIT, start_of, tag_value},
};
use crate::otlp::{
    SpanRef,
    keys::{self, datadog as dd},
};

/// Kinds by number, as OTel writes them.
pub(super) const KINDS: [&str; 6] = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
/// `SPAN_KIND_SERVER`.
pub(super) const SERVER: i32 = 2;
/// `SPAN_KIND_CLIENT`.
pub(super) const CLIENT: i32 = 3;
/// `SPAN_KIND_PRODUCER`.
pub(super) const PRODUCER: i32 = 4;
/// `SPAN_KIND_CONSUMER`.
pub(super) const CONSUMER: i32 = 5;

const HTTP_METHODS: [&str; 2] = [keys::HTTP_REQUEST_METHOD, keys::HTTP_METHOD];
const DB_SYSTEMS: [&str; 2] = [dd::DB_SYSTEM_NAME, dd::DB_SYSTEM];
const DESTINATIONS: [&str; 2] = [dd::MESSAGING_DESTINATION, dd::MESSAGING_DESTINATION_NAME];

/// A kind's name, lower case.
pub(super) fn kind_name(kind: i32) -> String {
    let known = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind));
    known.unwrap_or(&KINDS[0]).to_ascii_lowercase()
}

/// The operation by the current rules.
pub(super) fn operation(facts: Facts<'_, '_>, kind: i32) -> String {
    let tag = |key: &str| tag_value(facts.text(&[key]));
    let explicit = tag(dd::OPERATION_NAME);
    if !explicit.is_empty() {
        return explicit;
    }
    let side = match kind {
        SERVER => Some("server"),
        CLIENT => Some("client"),
        _ => None,
    };
    if let Some(side) = side.filter(|_| !facts.text(&HTTP_METHODS).is_empty()) {
        return format!("http.{side}.request");
    }
    let db = tag_value(facts.text(&DB_SYSTEMS));
    if kind == CLIENT && !db.is_empty() {
        return format!("{db}.query");
    }
    let (broker, work) = (tag(dd::MESSAGING_SYSTEM), tag(dd::MESSAGING_OPERATION));
    if matches!(kind, SERVER..=CONSUMER) && !broker.is_empty() && !work.is_empty() {
        return format!("{broker}.{work}");
    }
    if let Some(call) = side.and_then(|side| remote_call(facts, side)) {
        return call;
    }
    if kind == CLIENT {
        let (provider, name) = (tag(dd::FAAS_INVOKED_PROVIDER), tag(dd::FAAS_INVOKED_NAME));
        if !provider.is_empty() && !name.is_empty() {
            return format!("{provider}.{name}.invoke");
        }
    }
    let trigger = tag(dd::FAAS_TRIGGER);
    if kind == SERVER && !trigger.is_empty() {
        return format!("{trigger}.invoke");
    }
    if !tag(dd::GRAPHQL_OPERATION_TYPE).is_empty() {
        return "graphql.server.request".to_owned();
    }
    if let Some(side) = side {
        let protocol = tag(dd::NETWORK_PROTOCOL_NAME);
        let dot = if protocol.is_empty() { "" } else { "." };
        return format!("{protocol}{dot}{side}.request");
    }
    match kind {
        0 => KINDS[1].to_owned(),
        kind => KINDS
            .get(kind as usize)
            .map_or_else(String::new, |name| (*name).to_owned()),
    }
}

fn remote_call(facts: Facts<'_, '_>, side: &str) -> Option<String> {
    let system = tag_value(facts.text(&[dd::RPC_SYSTEM]));
    if system.is_empty() {
        return None;
    }
    if system == "aws-api" && side == "client" {
        let service = tag_value(facts.text(&[dd::RPC_SERVICE]));
        return Some(match service.as_str() {
            "" => "aws.client.request".to_owned(),
            service => format!("aws.{service}.request"),
        });
    }
    Some(format!("{system}.{side}.request"))
}

/// The resource by the current rules.
pub(super) fn resource(facts: Facts<'_, '_>, span: &SpanRef<'_>) -> String {
    let (explicit, method) = (facts.text(&[dd::RESOURCE_NAME]), facts.text(&HTTP_METHODS));
    let found = match (explicit, method) {
        ("", "") => resource_of_work(facts, span),
        ("", method) => {
            let path = match span.kind() {
                CLIENT => facts.text(&[dd::URL_TEMPLATE]),
                SERVER => facts.text(&[keys::HTTP_ROUTE]),
                _ => "",
            };
            joined(if method == "_OTHER" { "HTTP" } else { method }, path)
        }
        (explicit, _) => Cow::Borrowed(explicit),
    };
    start_of(&found, RESOURCE_LIMIT).to_owned()
}

fn resource_of_work<'a>(facts: Facts<'a, '_>, span: &SpanRef<'a>) -> Cow<'a, str> {
    let pairs: [(&str, &[&str]); 3] = [
        (dd::MESSAGING_OPERATION, &DESTINATIONS),
        (dd::RPC_METHOD, &[dd::RPC_SERVICE]),
        (dd::GRAPHQL_OPERATION_TYPE, &[dd::GRAPHQL_OPERATION_NAME]),
    ];
    for (work, object) in pairs {
        let work = facts.text(&[work]);
        if !work.is_empty() {
            return joined(work, facts.text(object));
        }
    }
    let statement = facts.text(&[dd::DB_STATEMENT, dd::DB_QUERY_TEXT]);
    if !facts.text(&DB_SYSTEMS).is_empty() && !statement.is_empty() {
        return Cow::Borrowed(statement);
    }
    Cow::Borrowed(span.name())
}

fn joined<'a>(first: &'a str, second: &str) -> Cow<'a, str> {
    match second {
        "" => Cow::Borrowed(first),
        second => Cow::Owned(format!("{first} {second}")),
    }
}

/// The type.
pub(super) fn span_type(facts: Facts<'_, '_>, kind: i32) -> String {
    let explicit = facts.text(&[dd::SPAN_TYPE]);
    if !explicit.is_empty() {
        return explicit.to_owned();
    }
    let found = match kind {
        SERVER => "web",
        CLIENT => match tag_value(facts.text(&DB_SYSTEMS)).as_str() {
            "" => "http",
            system => db_type(system),
        },
        _ => "custom",
    };
    found.to_owned()
}

/// The type of a database that OTel calls so. Some have a type of their own, SQL databases have one together.
fn db_type(system: &str) -> &'static str {
    const OWN: [&str; 6] = [
        "cassandra",
        "elasticsearch",
        "memcached",
        "mongodb",
        "opensearch",
        "redis",
    ];
    #[rustfmt::skip]
    const SQL: [&str; 48] = [
        "actian.ingres", "adabas", "aws.redshift", "cache", "clickhouse", "cloudscape", "cockroachdb", "coldfusion", "db2", "derby", "edb",
        "filemaker", "firebird", "firebirdsql", "firstsql", "h2", "h2database", "hanadb", "hsqldb", "ibm.db2", "ibm.informix", "ibm.netezza",
        "informix", "ingres", "instantdb", "interbase", "intersystems.cache", "mariadb", "maxdb", "microsoft.sql_server", "mssql", "mysql",
        "netezza", "oracle", "oracle.db", "other_sql", "pervasive", "pointbase", "postgresql", "progress", "redshift", "sap.hana", "sap.maxdb",
        "softwareag.adabas", "sqlite", "sybase", "teradata", "vertica",
    ];
    let own = OWN.iter().find(|own| **own == system);
    own.unwrap_or(if SQL.contains(&system) { &"sql" } else { &"db" })
}

/// What the older rules look at beside the span.
pub(super) struct Older<'a> {
    /// The span's name is its operation.
    pub(super) span_name_as_resource_name: bool,
    /// Operations by the names that they would have.
    pub(super) remappings: &'a BTreeMap<String, String>,
    /// Name of the instrumentation scope.
    pub(super) scope: &'a str,
}

impl Older<'_> {
    /// The operation by the older rules.
    pub(super) fn operation(&self, facts: Facts<'_, '_>, span: &SpanRef<'_>) -> String {
        let explicit = facts.resource_first(&[dd::OPERATION_NAME]);
        let name = match explicit {
            Some(name) => name.into_owned(),
            None if self.span_name_as_resource_name => span.name().to_owned(),
            None => {
                let scope = if self.scope.is_empty() {
                    "opentelemetry"
                } else {
                    self.scope
                };
                format!("{scope}.{}", kind_name(span.kind()))
            }
        };
        self.remapped(name)
    }

    /// The name that the user wants in the place of that one.
    pub(super) fn remapped(&self, name: String) -> String {
        self.remappings.get(&name).cloned().unwrap_or(name)
    }
}

/// The resource by the older rules.
pub(super) fn older_resource(facts: Facts<'_, '_>, span: &SpanRef<'_>) -> String {
    let pairs: [(&[&str], &[&str]); 5] = [
        (&[dd::RESOURCE_NAME], &[]),
        (&HTTP_METHODS, &[keys::HTTP_ROUTE]),
        (&[dd::MESSAGING_OPERATION], &DESTINATIONS),
        (&[dd::RPC_METHOD], &[dd::RPC_SERVICE]),
        (&[dd::GRAPHQL_OPERATION_TYPE], &[dd::GRAPHQL_OPERATION_NAME]),
    ];
    let found = pairs.iter().find_map(|(work, object)| {
        let work = facts.resource_first(work)?;
        let object = facts.resource_first(object).unwrap_or_default();
        Some(joined(&work, &object).into_owned())
    });
    let name = found.unwrap_or_else(|| span.name().to_owned());
    start_of(&name, RESOURCE_LIMIT).to_owned()
}

#[cfg(test)]
mod tests;
