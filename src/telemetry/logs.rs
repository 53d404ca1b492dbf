//! The program's own logs: structured, on stderr, as lines for people or as JSON. Promises that stdout stays free for data.

use std::io::{self, IsTerminal};

use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::{EnvFilter, fmt};

use crate::values::foreign::harmless;

/// Most of a wrong filter that is repeated, in characters.
const SHOWN: usize = 100;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people; colored on a terminal unless `NO_COLOR` is set.
    Console,
    /// One JSON object a line.
    Json,
}

/// Starts the log of this process. `filter`, where given, replaces the level: a list of `target=level`, as in `PLANO_LOG`
/// (`plano::exporters=debug,info`). One that is wrong is told in the log, and the level stays.
///
/// # Errors
/// A log that runs already.
pub fn start(level: Level, form: Form, filter: Option<&str>) -> anyhow::Result<()> {
    let (filter, wrong) = choose(level, filter);
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match form {
        Form::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
        Form::Console => builder.with_ansi(is_colored()).with_target(false).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))?;
    if let Some(wrong) = wrong {
        tracing::warn!("{wrong}");
    }
    Ok(())
}

/// What is logged, and what is wrong with the filter that was asked for.
fn choose(level: Level, filter: Option<&str>) -> (EnvFilter, Option<String>) {
    let usual = || EnvFilter::new(directives(level));
    let Some(text) = filter.filter(|text| !text.trim().is_empty()) else {
        return (usual(), None);
    };
    // The reader takes a blank for a part of the name.
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    match EnvFilter::try_new(parts.join(",")) {
        Ok(filter) if parts.iter().all(|part| is_directive(part)) => (filter, None),
        _ => {
            let shown = harmless(text, SHOWN);
            let wrong = format!(
                "PLANO_LOG: {shown:?} is no log filter, the configured level is used; write a level or target=level, such as \
                 plano::exporters=debug,info"
            );
            (usual(), Some(wrong))
        }
    }
}

/// A word alone is a level or a part of this program. The filter's own reader takes any other word for the name of a target,
/// and a misspelt level would switch everything else off.
fn is_directive(text: &str) -> bool {
    let module = text.split("::").next().unwrap_or_default();
    text.contains(['=', '[', ']']) || text.parse::<LevelFilter>().is_ok() || ["plano", "planoai"].contains(&module)
}

/// The dependencies' details help nobody: `debug` is for this program's own modules, and `h2` warns of what any peer can
/// provoke at will.
fn directives(level: Level) -> &'static str {
    match level {
        Level::TRACE | Level::DEBUG => "info,h2=error,plano=debug,planoai=debug",
        Level::INFO => "info,h2=error",
        Level::WARN => "warn,h2=error",
        Level::ERROR => "error",
    }
}

fn is_colored() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_a_filter() {
        for level in [Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR] {
            EnvFilter::try_new(directives(level)).expect("valid");
        }
    }

    fn check(filter: Option<&str>, wrong: bool, expected: &str) {
        let (chosen, told) = choose(Level::ERROR, filter);
        assert_eq!(
            (told.is_some(), chosen.to_string().as_str()),
            (wrong, expected),
            "{filter:?}"
        );
        assert!(told.is_none_or(|line| line.starts_with("PLANO_LOG: \"") && line.contains("is no log filter")));
    }

    #[test]
    fn a_wrong_filter_leaves_the_level_as_it_is() {
        check(None, false, "error");
        check(Some(""), false, "error");
        check(Some(" "), false, "error");
        check(Some("debug"), false, "debug");
        check(Some("WARN"), false, "warn");
        check(Some("off"), false, "off");
        check(
            Some("plano::exporters=debug,info"),
            false,
            "plano::exporters=debug,info",
        );
        check(Some("plano::exporters"), false, "plano::exporters=trace");
        check(Some("h2=error, info"), false, "h2=error,info");
        for wrong in ["bogus", "inof", "info,bogus", "plano=loud", "a=b=c"] {
            check(Some(wrong), true, "error");
        }
    }
}
