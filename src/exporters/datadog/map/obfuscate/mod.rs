//! What Datadog's agent never sends: the values in queries, the arguments of Redis' commands, users and passwords in URLs. The rules are its
//! own defaults, so that a resource is called the same whichever way it came.

mod sql;

use crate::{exporters::datadog::wire::Span, otlp::keys::datadog as dd};

/// Stands in the place of a query that cannot be read.
const UNREADABLE: &str = "Non-parsable SQL query";
/// Most commands of a pipeline that are named.
const REDIS_COMMANDS: usize = 3;

/// Takes the values out of a span, by its type.
pub(super) fn span(span: &mut Span) {
    match span.r#type.as_str() {
        "sql" | "cassandra" => query(span),
        "redis" | "valkey" => {
            span.resource = redis(&span.resource);
            for key in [dd::REDIS_RAW_COMMAND, dd::VALKEY_RAW_COMMAND] {
                if let Some(command) = span.meta.get_mut(key) {
                    *command = without_arguments(command);
                }
            }
        }
        "web" | "http" => {
            if let Some(url) = span.meta.get_mut(dd::HTTP_URL)
                && let Some(bare) = without_user(url)
            {
                *url = bare;
            }
        }
        _ => {}
    }
}

fn query(span: &mut Span) {
    if span.resource.is_empty() {
        return;
    }
    let bare = sql::obfuscate(&span.resource).unwrap_or_else(|| UNREADABLE.to_owned());
    for key in [dd::SQL_QUERY, dd::DB_STATEMENT, dd::DB_QUERY_TEXT] {
        match span.meta.get_mut(key) {
            Some(text) if text.is_empty() && key == dd::SQL_QUERY => {
                span.meta.remove(key);
            }
            Some(text) if *text == span.resource => text.clone_from(&bare),
            Some(text) if !text.is_empty() => *text = sql::obfuscate(text).unwrap_or_else(|| UNREADABLE.to_owned()),
            _ => {}
        }
    }
    span.resource = bare;
}

/// The names of the first commands, without arguments.
fn redis(text: &str) -> String {
    const CUT: &str = "...";
    let (mut names, mut is_cut): (Vec<String>, bool) = (Vec::new(), false);
    for line in text.split('\n') {
        if names.len() == REDIS_COMMANDS {
            break;
        }
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let Some(first) = words.next() else { continue };
        let mut name = first.to_uppercase();
        is_cut = first.ends_with(CUT);
        let is_compound = matches!(
            name.as_str(),
            "CLIENT" | "CLUSTER" | "COMMAND" | "CONFIG" | "DEBUG" | "SCRIPT"
        );
        if let Some(second) = words.next().filter(|_| is_compound && !is_cut) {
            is_cut = second.ends_with(CUT);
            name = format!("{name} {}", second.to_uppercase());
        }
        if !is_cut {
            names.push(name);
        }
    }
    if names.len() == REDIS_COMMANDS || is_cut {
        names.push(CUT.to_owned());
    }
    names.join(" ")
}

/// Commands, one a line, with a question mark for all arguments of each.
fn without_arguments(text: &str) -> String {
    let bare = |line: &str| match line.trim_start().split_once(' ') {
        Some((command, _)) => format!("{command} ?"),
        None => line.to_owned(),
    };
    text.lines().map(bare).collect::<Vec<_>>().join("\n")
}

/// A URL without its user and password; `None` where it has none.
fn without_user(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("//")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (_, host) = rest[..end].rsplit_once('@')?;
    Some(format!("{scheme}//{host}{}", &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_keeps_commands_only() {
        let check = |text: &str, expected: &str| assert_eq!(redis(text), expected, "{text:?}");
        check("SET key secret", "SET");
        check("  get   a ", "GET");
        check("CONFIG set requirepass x", "CONFIG SET");
        check("GET a\nSET b c\nDEL d\nDEL e", "GET SET DEL ...");
        check("GET a\nSE...", "GET ...");
        check("", "");
        assert_eq!(without_arguments("AUTH me secret\nPING\n GET a"), "AUTH ?\nPING\nGET ?");
    }

    #[test]
    fn urls_lose_users() {
        let check = |url: &str, expected: Option<&str>| assert_eq!(without_user(url).as_deref(), expected, "{url:?}");
        check(
            "https://me:secret@example.org/a?b=c@d",
            Some("https://example.org/a?b=c@d"),
        );
        check("https://example.org/a@b", None);
        check("/a@b", None);
    }
}
