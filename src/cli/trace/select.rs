//! Which traces a command is about: the target and the filters that all commands below `planoai trace` share.

use clap::{Args, Subcommand};

use super::{
    TraceCommand,
    ask::Source,
    ending::{NOTHING, Stop},
};
use crate::{
    values::suggest,
    viewer::{Condition, Query, Reply, Summary, Target, View, Window},
};

/// Candidates that are listed for a short id that fits several traces.
const CANDIDATES: usize = 10;

/// Which traces, beside a target.
#[derive(Debug, Default, Args)]
pub(super) struct FilterArgs {
    /// Only traces with a span that has this attribute; repeatable, all must hold; also KEY!=V, KEY>N, KEY>=N, KEY<N,
    /// KEY<=N, KEY~REGEX, and !KEY=V for traces without such a span; keys may also be name, service, kind, status,
    /// duration, time, error, flagged, model, quality, session
    #[arg(long = "where", value_name = "KEY=VALUE", value_parser = condition)]
    conditions: Vec<String>,
    /// Only traces with a flag 🚩
    #[arg(long)]
    flagged: bool,
    /// Only traces with a span in the last so much time: 30s, 5m, 2h, 1d
    #[arg(long, value_name = "WINDOW", value_parser = window, allow_hyphen_values = true)]
    pub(super) since: Option<String>,
    /// Look into a file instead of asking the listener: OTLP/JSON, as the Collector's file exporter writes it, or what
    /// `planoai trace` wrote; `-` is standard input; repeatable
    #[arg(long = "file", value_name = "FILE")]
    pub(super) files: Vec<String>,
}

impl FilterArgs {
    /// All traces that pass, in short.
    pub(super) fn query(&self) -> Query {
        Query {
            r#where: self.conditions.clone(),
            since: self.since.clone(),
            flagged: self.flagged,
            view: View::Summary,
            ..Query::default()
        }
    }
}

/// Which traces.
#[derive(Debug, Default, Args)]
pub(super) struct SelectArgs {
    /// `last` (the default; all with --list, --limit or --since), `last~1` for the one before it, `any` (all; with a
    /// terminal, choose from a list), a trace id, or its first 4 digits or more
    #[arg(value_parser = place)]
    pub(super) target: Option<Place>,
    /// At most so many traces
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) limit: Option<usize>,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
}

impl SelectArgs {
    /// The place that was named, or the one that stands for none.
    pub(super) fn place(&self, many: bool) -> Place {
        let many = many || self.limit.is_some() || self.filter.since.is_some();
        let unsaid = if many { Place::Any } else { Place::Back(0) };
        self.target.clone().unwrap_or(unsaid)
    }
}

/// Where a trace is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// So many before the newest.
    Back(usize),
    /// Anywhere.
    Any,
    /// Under an id, or one that begins so.
    Id(String),
}

/// Reads a target. What is none may be a misspelt command.
pub(super) fn place(text: &str) -> Result<Place, String> {
    if let Some(number) = text.strip_prefix("last~") {
        let back = number.parse().map(Place::Back);
        return back.map_err(|_| format!("{text:?} is no target; last~1 is the trace before the last one"));
    }
    match text.parse() {
        Ok(Target::Last) => Ok(Place::Back(0)),
        Ok(Target::Any) => Ok(Place::Any),
        Ok(Target::Id(id)) => Ok(Place::Id(id)),
        Err(why) => Err(match command_meant(text) {
            Some(command) => format!("{why}; did you mean the command `planoai trace {command}`?"),
            None => why,
        }),
    }
}

/// Reads a target that is one trace.
pub(super) fn one_place(text: &str) -> Result<Place, String> {
    match place(text)? {
        Place::Any => Err("one trace is wanted here; write last, last~1 or an id".to_owned()),
        place => Ok(place),
    }
}

/// The command whose name is near, or begins and goes on like the word (`lst`).
fn command_meant(word: &str) -> Option<String> {
    let root = TraceCommand::augment_subcommands(clap::Command::new("trace"));
    let names: Vec<&str> = root
        .get_subcommands()
        .flat_map(clap::Command::get_name_and_visible_aliases)
        .collect();
    let goes_on = |name: &&str| {
        let (mut letters, mut wanted) = (name.chars(), word.chars().peekable());
        letters.clone().next() == wanted.peek().copied() && wanted.all(|wanted| letters.any(|letter| letter == wanted))
    };
    let abbreviated = || names.iter().copied().find(|name| word.len() > 1 && goes_on(name));
    let found = suggest::nearest(word, names.iter().copied()).filter(|_| word.len() > 1);
    found.or_else(abbreviated).map(str::to_owned)
}

pub(super) fn condition(text: &str) -> Result<String, String> {
    Condition::parse(text).map(|_| text.to_owned())
}

pub(super) fn window(text: &str) -> Result<String, String> {
    text.parse::<Window>().map(|_| text.to_owned())
}

/// The question for what a target and filters select, its view left to the caller.
pub(super) async fn narrow(
    source: &Source,
    place: &Place,
    args: &FilterArgs,
    limit: Option<usize>,
) -> Result<Query, Stop> {
    let mut query = Query { limit, ..args.query() };
    match place {
        Place::Any => {}
        Place::Back(0) => query.limit = Some(limit.unwrap_or(1).min(1)),
        Place::Back(back) => {
            query.limit = Some(back.saturating_add(1));
            let found = source.all(&query).await?;
            let Some(summary) = found.summaries.get(*back) else {
                let why = match found.summaries.len() {
                    0 => nothing(source, &found),
                    1 => format!("there is no last~{back}: one trace matches"),
                    few => format!("there is no last~{back}: {few} traces match"),
                };
                return Err(Stop::Said(NOTHING, why));
            };
            query.ids = vec![summary.trace_id.clone()];
            query.limit = limit;
        }
        Place::Id(id) => query.ids = vec![id.clone()],
    }
    Ok(query)
}

/// Refuses a short id that fits several traces.
pub(super) async fn refuse_ambiguous(source: &Source, place: &Place) -> Result<(), Stop> {
    let Place::Id(id) = place else { return Ok(()) };
    if id.len() == 32 {
        return Ok(());
    }
    let query = Query {
        ids: vec![id.clone()],
        limit: Some(CANDIDATES + 1),
        view: View::Summary,
        ..Query::default()
    };
    let found = source.all(&query).await?.summaries;
    if found.len() < 2 {
        return Ok(());
    }
    let mut text = format!("{id} fits more than one trace; write more of the id:");
    for summary in found.iter().take(CANDIDATES) {
        text.push_str(&format!("\n  {}", line(summary)));
    }
    if found.len() > CANDIDATES {
        text.push_str("\n  …");
    }
    Err(Stop::Said(1, text))
}

/// A trace in a line.
pub(super) fn line(summary: &Summary) -> String {
    let text = format!("{}  {} {}", summary.trace_id, summary.service, summary.root);
    crate::viewer::harmless(&text).into_owned()
}

/// Why no trace matches.
pub(super) fn nothing(source: &Source, found: &Reply) -> String {
    let who = source.name();
    match found.held {
        0 => format!("{who} holds no traces{}", if source.is_live() { " yet" } else { "" }),
        1 => format!("the one trace that {who} holds does not match"),
        held => format!("none of the {held} traces that {who} holds matches"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_places() {
        for (text, expected) in [
            ("last", Ok(Place::Back(0))),
            ("last~0", Ok(Place::Back(0))),
            ("last~12", Ok(Place::Back(12))),
            ("any", Ok(Place::Any)),
            ("7F4E", Ok(Place::Id("7f4e".to_owned()))),
            ("last~", Err("last~1 is the trace before")),
            ("last~x", Err("last~1 is the trace before")),
            ("last~-1", Err("last~1 is the trace before")),
            ("lsten", Err("did you mean the command `planoai trace listen`?")),
            ("lst", Err("did you mean the command `planoai trace listen`?")),
            ("exprot", Err("`planoai trace export`?")),
            ("session", Err("`planoai trace sessions`?")),
            ("difff", Err("`planoai trace diff`?")),
            ("", Err("no target")),
            ("é", Err("no target")),
        ] {
            match (place(text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{text}: {why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
        let plain = place("xyzw1234").expect_err("no target");
        assert!(!plain.contains("command"), "{plain}");
        assert!(one_place("any").is_err() && one_place("last~1").is_ok());
    }
}
