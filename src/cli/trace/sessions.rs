//! `planoai trace sessions`: the sessions that traces belong to, and the traces of one of them.

use std::process::ExitCode;

use clap::Args;

use super::{
    ask::{Source, asking},
    ending::{NOTHING, Stop, complain},
    select::{FilterArgs, nothing},
};
use crate::{
    cli::terminal,
    values::suggest,
    viewer::{Reply, Session, Summary, json_text, session_table, table},
};

const EXAMPLES: &str = "\
Examples:
  planoai trace sessions                              the session with the newest trace first
  planoai trace sessions c-17                         its traces, the newest last
  planoai trace sessions --flagged --since 1d         those in which something went wrong
  planoai trace sessions --json | jq '.sessions[].session'
";

/// List sessions, or the traces of one
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct SessionsArgs {
    /// A session whose traces are listed; the start of its name is enough
    session: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// At most so many sessions
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "session")]
    limit: Option<usize>,
    /// JSON
    #[arg(long)]
    json: bool,
    /// No colors; so does a variable NO_COLOR
    #[arg(long)]
    no_color: bool,
}

/// Runs the command.
///
/// # Errors
/// Where standard output cannot be written, other than for a closed pipe.
pub(super) fn run(args: &SessionsArgs) -> anyhow::Result<ExitCode> {
    asking(&args.filter.files, async |source| {
        let found = source.all(&args.filter.query()).await?;
        let mut sessions = Session::group(&found.summaries);
        match &args.session {
            Some(name) => one(source, args, &found, &sessions, name),
            None => {
                sessions.truncate(args.limit.unwrap_or(usize::MAX));
                all(source, args, &found, &sessions)
            }
        }
    })
}

fn all(source: &Source, args: &SessionsArgs, found: &Reply, sessions: &[Session]) -> Result<u8, Stop> {
    let text = match args.json {
        true => json_text(&serde_json::json!({ "sessions": sessions })),
        false if sessions.is_empty() => String::new(),
        false => session_table(sessions, terminal::page(args.no_color).ink),
    };
    terminal::print(&text)?;
    if !sessions.is_empty() {
        return Ok(0);
    }
    let why = match found.summaries.len() {
        _ if args.limit == Some(0) => "--limit 0 shows none".to_owned(),
        0 => nothing(source, found),
        1 => "the one trace that matches names no session; session.id is the attribute that does".to_owned(),
        many => format!("none of the {many} traces that match names a session; session.id is the attribute that does"),
    };
    Err(Stop::Said(NOTHING, why))
}

fn one(source: &Source, args: &SessionsArgs, found: &Reply, sessions: &[Session], name: &str) -> Result<u8, Stop> {
    let session = match pick(sessions, name) {
        Ok(session) => session,
        Err(why) if sessions.is_empty() => {
            let reason = if found.is_empty() { nothing(source, found) } else { why };
            return Err(Stop::Said(NOTHING, reason));
        }
        Err(why) => return Err(Stop::Said(NOTHING, why)),
    };
    let of_it = |summary: &&Summary| summary.session.as_deref() == Some(&session.session);
    let traces: Vec<Summary> = found.summaries.iter().filter(of_it).rev().cloned().collect();
    let text = match args.json {
        true => json_text(&serde_json::json!({ "session": session, "traces": traces })),
        false => table(&traces, terminal::page(args.no_color).ink),
    };
    terminal::print(&text)?;
    if session.session != name {
        complain(&format!("session {}", session.session));
    }
    Ok(0)
}

/// The session of that name, or the only one that begins so.
fn pick<'a>(sessions: &'a [Session], name: &str) -> Result<&'a Session, String> {
    if let Some(exact) = sessions.iter().find(|session| session.session == name) {
        return Ok(exact);
    }
    let begins: Vec<&Session> = sessions
        .iter()
        .filter(|session| session.session.starts_with(name))
        .collect();
    match begins[..] {
        [only] if !name.is_empty() => Ok(only),
        [] | [_] => {
            let names = sessions.iter().map(|session| session.session.as_str());
            Err(format!("no session is called {name:?}{}", suggest::hint(name, names)))
        }
        [first, second, ..] => Err(format!(
            "{} sessions begin with {name:?}, such as {:?} and {:?}",
            begins.len(),
            first.session,
            second.session
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_by_its_start() {
        let sessions = ["c-17", "c-170", "d-1"].map(|name| Session {
            session: name.into(),
            ..Session::default()
        });
        for (name, expected) in [
            ("c-17", Ok("c-17")),
            ("d", Ok("d-1")),
            ("c", Err("2 sessions begin with \"c\", such as \"c-17\" and \"c-170\"")),
            ("c-71", Err("no session is called \"c-71\" (did you mean \"c-17\"?)")),
            ("x-99999", Err("no session is called \"x-99999\"")),
        ] {
            let found = pick(&sessions, name).map(|session| session.session.as_str());
            assert_eq!(found, expected.map_err(String::from), "{name}");
        }
        assert!(pick(&sessions[..1], "").is_err());
    }
}
