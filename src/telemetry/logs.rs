//! The program's own logs: structured, on stderr, as lines for people or as JSON. Promises that stdout stays free for data.

use std::io::{self, IsTerminal};

use anyhow::Context;
use tracing::Level;
use tracing_subscriber::{EnvFilter, fmt};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people; colored on a terminal unless `NO_COLOR` is set.
    Console,
    /// One JSON object a line.
    Json,
}

/// Starts the log of this process. `filter`, where given, replaces the level: a list of `target=level`, as in `PLANO_LOG`
/// (`plano::exporters=debug,info`).
///
/// # Errors
/// A filter that is none, or a log that runs already.
pub fn start(level: Level, form: Form, filter: Option<&str>) -> anyhow::Result<()> {
    let filter = match filter.filter(|text| !text.is_empty()) {
        Some(text) => EnvFilter::try_new(text).with_context(|| format!("PLANO_LOG: {text:?} is no log filter"))?,
        None => EnvFilter::new(directives(level)),
    };
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
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))
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

    #[test]
    fn a_wrong_filter_is_told() {
        let error = start(Level::INFO, Form::Console, Some("plano=loud")).expect_err("no such level");
        assert_eq!(error.to_string(), "PLANO_LOG: \"plano=loud\" is no log filter");
    }
}
