//! Standard output as a command finds it: colors or none, its width, and a reader that may have seen enough.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;

use crate::viewer::{Ink, Page};

/// Colors unless `--no-color`, `NO_COLOR` or a terminal without any says otherwise; none where stdout is no terminal.
pub(super) fn page(no_color: bool) -> Page {
    Page {
        width: width(),
        ink: ink(no_color),
    }
}

fn ink(no_color: bool) -> Ink {
    let off = no_color
        || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    if off || !io::stdout().is_terminal() {
        Ink::Plain
    } else {
        Ink::Color
    }
}

/// Columns of the terminal; `None` where stdout is none.
fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let size = terminal_size::terminal_size_of(io::stdout());
    Some(size.map_or(80, |(width, _)| usize::from(width.0)))
}

/// Writes to stdout. A reader that has seen enough is no error.
///
/// # Errors
/// What else kept it from being written.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("writing to standard output"),
    }
}
