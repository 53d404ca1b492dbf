//! How `planoai trace` and what is below it end: the exit code, and what is said on stderr.

use std::{fmt::Write as _, future::Future, process::ExitCode};

use anyhow::Context;

use super::{DEFAULT_PORT, ask::AskError};
use crate::{
    cli::{INTERRUPTED, stop::Signals},
    viewer::harmless,
};

/// Exit code: nothing matched.
pub(super) const NOTHING: u8 = 3;
/// Exit code: the listener cannot be reached.
pub(super) const UNREACHABLE: u8 = 4;

/// Why a command ends early.
pub(super) enum Stop {
    /// The listener does not answer, or says no.
    Ask(AskError),
    /// With an exit code, and why, where that was not said already.
    Said(u8, String),
    /// The user was asked and wants nothing.
    Cancelled,
    /// A signal came.
    Interrupted,
    /// What was to be written could not be, or the like.
    Failed(anyhow::Error),
}

impl From<AskError> for Stop {
    fn from(error: AskError) -> Stop {
        Stop::Ask(error)
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Stop {
        Stop::Failed(error)
    }
}

impl Stop {
    /// Says why and gives the exit code.
    ///
    /// # Errors
    /// The failure, where it is one: a closed pipe is told from others above.
    pub(super) fn end(self) -> anyhow::Result<ExitCode> {
        match self {
            Stop::Ask(error) => Ok(refuse(&error)),
            Stop::Said(code, why) if why.is_empty() => Ok(ExitCode::from(code)),
            Stop::Said(code, why) => Ok(fail(code, &why)),
            Stop::Cancelled => Ok(ExitCode::SUCCESS),
            Stop::Interrupted => Ok(ExitCode::from(INTERRUPTED)),
            Stop::Failed(error) => Err(error),
        }
    }
}

/// Lets work run until it is done or a signal comes; it is dropped then.
pub(super) async fn until_interrupted<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let mut signals = Signals::new().context("watching for signals")?;
    tokio::select! {
        outcome = work => outcome,
        () = signals.next() => Err(Stop::Interrupted),
    }
}

/// Says that the listener does not answer, or what it says.
pub(super) fn refuse(error: &AskError) -> ExitCode {
    match error {
        AskError::Unreachable { address, why } => {
            let start = match address.port() {
                DEFAULT_PORT => "planoai trace listen".to_owned(),
                port => format!("planoai trace listen --port {port}"),
            };
            let hint = "PLANO_TRACE_PORT names another port";
            fail(
                UNREACHABLE,
                &format!("no trace listener on {address}: {why}\nstart one with `{start}`; {hint}"),
            )
        }
        AskError::Refused(why) => fail(1, why),
    }
}

pub(super) fn fail(code: u8, why: &str) -> ExitCode {
    complain(why);
    ExitCode::from(code)
}

/// Says something to the user. It may hold names out of traces, which are made harmless.
pub(super) fn complain(message: &str) {
    let mut text = "planoai: ".to_owned();
    for (number, line) in message.lines().enumerate() {
        let gap = if number > 0 { "\n" } else { "" };
        write!(text, "{gap}{}", harmless(line)).expect("a String takes all");
    }
    crate::cli::complain(&text);
}

/// `1 span`, `2 spans`.
pub(super) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
