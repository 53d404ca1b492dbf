//! `planoai trace [TARGET]`: finds traces and prints them as a tree, a list, JSON or OTLP/JSON.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::{Args, ValueEnum};

use super::{
    ask::{Source, asking},
    choose,
    ending::{NOTHING, Stop, complain, counted, fail},
    follow,
    select::{Place, SelectArgs, narrow, nothing, refuse_ambiguous},
};
use crate::{
    cli::{USAGE, terminal},
    viewer::{
        AttributeFilter, Detail, Page, Query, Reply, Trace, View, harmless, harmless_json, json_line, json_text,
        messages, render, table, to_text, trace_ids,
    },
};

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Show only attributes whose key matches; `*` stands for any text; repeatable, commas allowed
    #[arg(long, value_name = "PATTERN")]
    filter: Vec<String>,
    /// Trace ids only, one a line; with -v a table
    #[arg(long)]
    pub(super) list: bool,
    /// Print traces as they complete, until Ctrl-C or until --limit traces are printed
    #[arg(long, short, conflicts_with = "files")]
    follow: bool,
    /// Never ask
    #[arg(long)]
    no_interactive: bool,
    /// How traces are written
    #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "json")]
    format: Option<Format>,
    /// The same as --format json; with --list the ids only
    #[arg(long)]
    json: bool,
    /// Every attribute, events and resource attributes; messages as a conversation, with --filter as they came
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// What was said: the conversations of the models' calls alone, each message once
    #[arg(long, conflicts_with_all = ["format", "json", "list", "verbose", "filter"])]
    messages: bool,
    /// No colors; so does a variable NO_COLOR
    #[arg(long)]
    no_color: bool,
}

/// How traces are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: a tree with times; with --list the ids
    Tree,
    /// One document: {"traces":[…]}, the newest first; with --list {"trace_ids":[…]}
    Json,
    /// A trace a line, the newest last; with --list a summary a line, the newest first
    Jsonl,
    /// OTLP/JSON, a request a line, the newest last: what `planoai trace export` writes
    Otlp,
}

impl ShowArgs {
    fn format(&self) -> Format {
        let unsaid = if self.json { Format::Json } else { Format::Tree };
        self.format.unwrap_or(unsaid)
    }

    /// What makes no sense together.
    fn fault(&self) -> Option<&'static str> {
        match (self.format(), self.list, self.filter.is_empty()) {
            (Format::Otlp, true, _) => Some("--list has no OTLP form; write --format json or jsonl with it"),
            (Format::Otlp, _, false) => {
                Some("--filter trims what is shown, and OTLP is written whole; write --format jsonl with it")
            }
            _ if self.follow && matches!(self.select.target, Some(Place::Back(1..))) => {
                Some("--follow goes on from the last trace; last~N is none to go on from")
            }
            _ => None,
        }
    }

    pub(super) fn view(&self) -> View {
        match (self.list, self.format()) {
            (true, _) => View::Summary,
            (false, Format::Otlp) => View::Otlp,
            (false, _) => View::Spans,
        }
    }
}

/// How answers become text.
pub(super) struct Style {
    pub(super) list: bool,
    pub(super) verbose: bool,
    messages: bool,
    pub(super) format: Format,
    pub(super) page: Page,
    filter: AttributeFilter,
}

/// Runs the command.
///
/// # Errors
/// Where standard output cannot be written, other than for a closed pipe.
pub(super) fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let filter = match (AttributeFilter::parse(&args.filter), args.fault()) {
        (Err(why), _) => return Ok(fail(USAGE, &why)),
        (_, Some(why)) => return Ok(fail(USAGE, why)),
        (Ok(filter), None) => filter,
    };
    let style = Style {
        list: args.list,
        verbose: args.verbose,
        messages: args.messages,
        format: args.format(),
        page: terminal::page(args.no_color),
        filter,
    };
    asking(&args.select.filter.files, async |source| {
        if args.follow {
            return follow::follow(source, args, style).await;
        }
        let found = find(source, args).await?;
        show(source, &found, args, &style)
    })
}

async fn find(source: &Source, args: &ShowArgs) -> Result<Reply, Stop> {
    let place = args.select.place(args.list);
    let mut query = narrow(source, &place, &args.select.filter, args.select.limit).await?;
    if !args.list {
        refuse_ambiguous(source, &place).await?;
    }
    let asks = args.select.target.is_some() && !args.list && args.format() == Format::Tree && !args.no_interactive;
    if place == Place::Any && asks && io::stdin().is_terminal() && io::stdout().is_terminal() {
        let found = source.all(&query).await?;
        if !found.summaries.is_empty() {
            let id = choose::choose(&found.summaries).ok_or(Stop::Cancelled)?;
            query.ids = vec![id];
        }
    }
    Ok(source
        .all(&Query {
            view: args.view(),
            ..query
        })
        .await?)
}

/// What is printed for what was found.
fn show(source: &Source, found: &Reply, args: &ShowArgs, style: &Style) -> Result<u8, Stop> {
    let unmatched = style.filter.unmatched(&found.traces);
    if !found.is_empty() && !style.list && !unmatched.is_empty() {
        complain(&format!("no attribute matches --filter {}", unmatched.join(",")));
    }
    terminal::print(&style.text(found))?;
    if (style.list || !source.is_live()) && found.dropped.traces + found.dropped.spans > 0 {
        let (traces, spans) = (
            counted(found.dropped.traces, "older trace"),
            counted(found.dropped.spans, "span"),
        );
        complain(&match source.is_live() {
            true => format!("the listener dropped {traces} ({spans}) to stay within --max-traces and --max-memory"),
            false => format!("{traces} ({spans}) did not fit into memory and are left out"),
        });
    }
    if found.is_empty() {
        let why = match args.select.limit {
            Some(0) => "--limit 0 shows none".to_owned(),
            _ => nothing(source, found),
        };
        return Err(Stop::Said(NOTHING, why));
    }
    Ok(0)
}

impl Style {
    /// What was found, as text.
    pub(super) fn text(&self, found: &Reply) -> String {
        let ids = || -> Vec<String> { found.summaries.iter().map(|summary| summary.trace_id.clone()).collect() };
        let trimmed = || {
            found.traces.iter().map(|trace| {
                let mut trace = trace.clone();
                self.filter.trim(&mut trace);
                trace
            })
        };
        match (self.list, self.format) {
            (true, Format::Json) if self.verbose => json_text(&serde_json::json!({
                "trace_ids": ids(),
                "summaries": found.summaries,
            })),
            (true, Format::Json) => trace_ids(&ids()),
            (true, Format::Jsonl) => found.summaries.iter().map(json_line).collect(),
            (true, _) if found.is_empty() => String::new(),
            (true, _) if self.verbose => table(&found.summaries, self.page.ink),
            (true, _) => ids().iter().map(|id| format!("{}\n", harmless(id))).collect(),
            (false, Format::Json) => to_text(&trimmed().collect::<Vec<Trace>>()),
            (false, Format::Jsonl) => trimmed().rev().map(|trace| json_line(&trace)).collect(),
            (false, Format::Otlp) => {
                let newest_last = found.exports.iter().rev();
                newest_last.map(|export| harmless_json(export.request.get())).collect()
            }
            (false, Format::Tree) if self.messages => {
                let texts: Vec<String> = found.traces.iter().map(|trace| messages(trace, self.page)).collect();
                texts.join("\n")
            }
            (false, Format::Tree) => {
                let texts: Vec<String> = trimmed()
                    .map(|trace| render(&trace, self.page, self.detail()))
                    .collect();
                texts.join("\n")
            }
        }
    }

    fn detail(&self) -> Detail {
        match (self.verbose, self.filter.is_empty()) {
            (true, true) => Detail::Everything,
            (true, false) => Detail::Raw,
            (false, true) => Detail::Compact,
            (false, false) => Detail::Attributes,
        }
    }
}
