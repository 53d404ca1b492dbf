//! `planoai trace diff A B`: two traces side by side.

use std::process::ExitCode;

use clap::Args;

use super::{
    ask::{Source, asking},
    ending::{NOTHING, Stop},
    select::{FilterArgs, Place, narrow, nothing, one_place, refuse_ambiguous},
};
use crate::{
    cli::terminal,
    viewer::{Diff, Query, Trace, View, diff_text, json_text},
};

const EXAMPLES: &str = "\
Examples:
  planoai trace diff                                  the last trace against the one before it
  planoai trace diff 7f4e9a1c 0d9d4a0b
  planoai trace diff 7f4e9a1c                         it against the last one
  planoai trace diff --where name~chat                of those with such a span
  planoai trace diff --file before.jsonl --file after.jsonl
  planoai trace diff --json | jq '.spans[] | select(.change != \"same\")'
";

/// Compare two traces: durations, failures, models, tokens, quality, spans that are new or gone
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct DiffArgs {
    /// The trace that was: `last~1`, `last`, a trace id, or its first 4 digits or more
    #[arg(default_value = "last~1", value_parser = one_place)]
    a: Place,
    /// The trace that is
    #[arg(default_value = "last", value_parser = one_place)]
    b: Place,
    #[command(flatten)]
    filter: FilterArgs,
    /// Compare every attribute
    #[arg(long, short)]
    verbose: bool,
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
pub(super) fn run(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    asking(&args.filter.files, async |source| {
        let a = find(source, &args.a, &args.filter).await?;
        let b = find(source, &args.b, &args.filter).await?;
        let diff = Diff::of(&a, &b, args.verbose);
        terminal::print(&match args.json {
            true => json_text(&diff),
            false => diff_text(&diff, terminal::page(args.no_color)),
        })?;
        Ok(0)
    })
}

async fn find(source: &Source, place: &Place, filter: &FilterArgs) -> Result<Trace, Stop> {
    // Whoever names an id means that trace, whatever else is asked for.
    let unfiltered = FilterArgs::default();
    let filter = if matches!(place, Place::Id(_)) {
        &unfiltered
    } else {
        filter
    };
    refuse_ambiguous(source, place).await?;
    let query = narrow(source, place, filter, Some(1)).await?;
    let found = source
        .all(&Query {
            view: View::Spans,
            ..query
        })
        .await?;
    let missing = || match place {
        Place::Id(id) => format!("no trace has the id {id}"),
        _ => nothing(source, &found),
    };
    found
        .traces
        .first()
        .cloned()
        .ok_or_else(|| Stop::Said(NOTHING, missing()))
}
