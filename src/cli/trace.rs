//! `planoai trace`: shows traces that the local listener holds. Data goes to stdout, messages to stderr; a listener that
//! cannot be reached is never mistaken for one that holds nothing.

mod ask;
mod choose;
mod listen;

pub(super) use listen::Local;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Subcommand};

use self::ask::{AskError, Listener};
use super::{USAGE, terminal};
use crate::viewer::{
    AttributeFilter, Condition, Detail, Query, Reply, Summary, Target, Trace, View, Window, harmless, render, table,
    to_text, trace_ids,
};

/// Exit code: nothing matched.
const NOTHING: u8 = 3;
/// Exit code: the listener cannot be reached.
const UNREACHABLE: u8 = 4;

/// The port that is asked unless `PLANO_TRACE_PORT` says otherwise.
const DEFAULT_PORT: u16 = 4317;

/// Candidates that are listed for a short id that fits several traces.
const CANDIDATES: usize = 10;

const EXAMPLES: &str = "\
Examples:
  planoai trace listen                     start the listener, in another terminal
  planoai trace                            the newest trace
  planoai trace --list                     ids of all traces
  planoai trace 7f4e9a1c                   one trace, by the start of its id
  planoai trace --where llm.model=gpt-4o-mini --since 30m
  planoai trace --where 'duration>2s' --where status=error --limit 5
  planoai trace --filter 'http.*' -v       only some attributes
  planoai trace --json | jq '.traces[0].spans[].name'
";

const EXIT_CODES: &str = "Exit codes: 0 shown, 1 failure, 2 usage, 3 nothing matched, 4 the listener cannot be reached.
PLANO_TRACE_PORT is the port that is asked, 4317 without it.";

/// Show traces that the local listener holds
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, after_help = EXIT_CODES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct TraceArgs {
    #[command(subcommand)]
    command: Option<TraceCommand>,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Subcommand)]
enum TraceCommand {
    /// Start the local listener: takes OTLP, keeps traces in memory for `planoai trace`
    Listen(listen::ListenArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// `last` (the default; all with --list, --limit or --since), `any` (choose from a list), a trace id, or its first 4
    /// digits or more
    #[arg(value_parser = str::parse::<Target>)]
    target: Option<Target>,
    /// Show only attributes whose key matches; `*` stands for any text; repeatable, commas allowed
    #[arg(long, value_name = "PATTERN")]
    filter: Vec<String>,
    /// Only traces with a span that has this attribute; repeatable, all must hold; also KEY!=V, KEY>N, KEY>=N, KEY<N,
    /// KEY<=N, KEY~REGEX; keys may also be name, status, kind, service, duration
    #[arg(long = "where", value_name = "KEY=VALUE", value_parser = condition)]
    conditions: Vec<String>,
    /// Only traces with a flag 🚩
    #[arg(long)]
    flagged: bool,
    /// Trace ids only, one a line; with -v a table
    #[arg(long)]
    list: bool,
    /// Never ask
    #[arg(long)]
    no_interactive: bool,
    /// At most so many traces
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    limit: Option<usize>,
    /// Only traces with a span in the last so much time: 30s, 5m, 2h, 1d
    #[arg(long, value_name = "WINDOW", value_parser = window, allow_hyphen_values = true)]
    since: Option<String>,
    /// JSON; with --list the ids only
    #[arg(long)]
    json: bool,
    /// Every attribute, events and resource attributes
    #[arg(long, short)]
    verbose: bool,
    /// No colors; so does a variable NO_COLOR
    #[arg(long)]
    no_color: bool,
}

fn condition(text: &str) -> Result<String, String> {
    Condition::parse(text).map(|_| text.to_owned())
}

fn window(text: &str) -> Result<String, String> {
    text.parse::<Window>().map(|_| text.to_owned())
}

/// Runs the command. The exit code says what happened: 0 shown, 1 failed, 2 used wrongly, 3 nothing matched, 4 no
/// listener.
///
/// # Errors
/// Where standard output cannot be written, other than for a closed pipe.
pub(super) fn run(args: &TraceArgs) -> anyhow::Result<ExitCode> {
    if let Some(TraceCommand::Listen(args)) = &args.command {
        return listen::run(args);
    }
    let args = &args.show;
    let filter = match AttributeFilter::parse(&args.filter) {
        Ok(filter) => filter,
        Err(why) => return Ok(fail(USAGE, &why)),
    };
    let port = match port(std::env::var("PLANO_TRACE_PORT").ok().as_deref()) {
        Ok(port) => port,
        Err(why) => return Ok(fail(USAGE, &why)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let listener = Listener::new(port);
    let outcome = runtime.block_on(async {
        let outcome = find(&listener, args).await;
        listener.close().await;
        outcome
    });
    match outcome {
        Ok(found) => show(&found, args, &filter),
        Err(Stop::Ask(error)) => Ok(refuse(&error)),
        Err(Stop::Said(code, why)) => Ok(fail(code, &why)),
        Err(Stop::Cancelled) => Ok(ExitCode::SUCCESS),
    }
}

/// Why nothing is shown.
enum Stop {
    Ask(AskError),
    Said(u8, String),
    Cancelled,
}

impl From<AskError> for Stop {
    fn from(error: AskError) -> Stop {
        Stop::Ask(error)
    }
}

async fn find(listener: &Listener, args: &ShowArgs) -> Result<Reply, Stop> {
    let many = args.list || args.limit.is_some() || args.since.is_some();
    let target = args
        .target
        .clone()
        .unwrap_or(if many { Target::Any } else { Target::Last });
    let mut query = Query {
        r#where: args.conditions.clone(),
        since: args.since.clone(),
        flagged: args.flagged,
        limit: args.limit,
        view: if args.list { View::Summary } else { View::Spans },
        ..Query::default()
    };
    match target {
        Target::Last => query.limit = Some(args.limit.unwrap_or(1).min(1)),
        Target::Id(id) => {
            query.ids = vec![id.clone()];
            if !args.list {
                one(listener, &query, &id).await?;
            }
        }
        Target::Any => {
            let asks = args.target.is_some() && !args.list && !args.json && !args.no_interactive;
            if asks && io::stdin().is_terminal() && io::stdout().is_terminal() {
                query.view = View::Summary;
                let found = listener.all(&query).await?;
                if !found.summaries.is_empty() {
                    let id = choose::choose(&found.summaries).ok_or(Stop::Cancelled)?;
                    query.ids = vec![id];
                }
                query.view = View::Spans;
            }
        }
    }
    Ok(listener.all(&query).await?)
}

/// Refuses a short id that fits several traces.
async fn one(listener: &Listener, query: &Query, id: &str) -> Result<(), Stop> {
    if id.len() == 32 {
        return Ok(());
    }
    let narrow = Query {
        ids: query.ids.clone(),
        limit: Some(CANDIDATES + 1),
        view: View::Summary,
        ..Query::default()
    };
    let found = listener.all(&narrow).await?.summaries;
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

fn line(summary: &Summary) -> String {
    let text = format!("{}  {} {}", summary.trace_id, summary.service, summary.root);
    harmless(&text).into_owned()
}

/// What is printed for what was found.
fn show(found: &Reply, args: &ShowArgs, filter: &AttributeFilter) -> anyhow::Result<ExitCode> {
    let nothing = found.traces.is_empty() && found.summaries.is_empty();
    let unmatched = filter.unmatched(&found.traces);
    if !nothing && !args.list && !unmatched.is_empty() {
        complain(&format!("no attribute matches --filter {}", unmatched.join(",")));
    }
    let ids = || -> Vec<String> { found.summaries.iter().map(|summary| summary.trace_id.clone()).collect() };
    let trimmed = || {
        found.traces.iter().map(|trace| {
            let mut trace = trace.clone();
            filter.trim(&mut trace);
            trace
        })
    };
    let page = terminal::page(args.no_color);
    let text = match (args.list, args.json) {
        (true, true) => trace_ids(&ids()),
        (false, true) => to_text(&trimmed().collect::<Vec<Trace>>()),
        _ if nothing => String::new(),
        (true, false) if args.verbose => table(&found.summaries, page.ink),
        (true, false) => ids().iter().map(|id| format!("{}\n", harmless(id))).collect(),
        (false, false) => {
            let detail = match (args.verbose, filter.is_empty()) {
                (true, _) => Detail::Everything,
                (false, true) => Detail::Compact,
                (false, false) => Detail::Attributes,
            };
            let texts: Vec<String> = trimmed().map(|trace| render(&trace, page, detail)).collect();
            texts.join("\n")
        }
    };
    terminal::print(&text)?;
    if args.list && found.dropped.traces + found.dropped.spans > 0 {
        complain(&format!(
            "the listener dropped {} ({}) to stay within --max-traces and --max-memory",
            counted(found.dropped.traces, "older trace"),
            counted(found.dropped.spans, "span"),
        ));
    }
    if nothing {
        let why = match found.held {
            0 => "the listener holds no traces yet".to_owned(),
            1 => "the one trace that the listener holds does not match".to_owned(),
            held => format!("none of the {held} traces that the listener holds matches"),
        };
        return Ok(fail(NOTHING, &why));
    }
    Ok(ExitCode::SUCCESS)
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn port(text: Option<&str>) -> Result<u16, String> {
    match text {
        None | Some("") => Ok(DEFAULT_PORT),
        Some(text) => match text.trim().parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!(
                "PLANO_TRACE_PORT is {text:?}; it must be a port from 1 to 65535"
            )),
        },
    }
}

fn refuse(error: &AskError) -> ExitCode {
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

fn fail(code: u8, why: &str) -> ExitCode {
    complain(why);
    ExitCode::from(code)
}

fn complain(message: &str) {
    super::complain(&format!("planoai: {message}"));
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Root {
        #[command(flatten)]
        args: TraceArgs,
    }

    fn check(line: &str, expected: Result<&str, &str>) {
        let words = std::iter::once("trace").chain(line.split_whitespace());
        let outcome = Root::try_parse_from(words);
        match (outcome, expected) {
            (Ok(root), Ok(expected)) => {
                let shown = match &root.args.command {
                    Some(TraceCommand::Listen(_)) => "listen".to_owned(),
                    None => format!("{:?}", root.args.show.target),
                };
                assert_eq!(shown, expected, "{line}");
            }
            (Err(error), Err(expected)) => {
                assert_eq!(error.exit_code(), 2, "{line}");
                assert!(error.to_string().contains(expected), "{line}: {error}");
            }
            (outcome, _) => panic!("{line}: {outcome:?}"),
        }
    }

    #[test]
    fn targets_and_commands_stand_in_the_same_place() {
        check("", Ok("None"));
        check("listen", Ok("listen"));
        check("listen --port 5000", Ok("listen"));
        check("last", Ok("Some(Last)"));
        check("any --no-interactive", Ok("Some(Any)"));
        check("7F4E9A1C", Ok("Some(Id(\"7f4e9a1c\"))"));
        check(
            "7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a",
            Ok("Some(Id(\"7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a\"))"),
        );
        check("--where llm.model=gpt-4o-mini --since 30m", Ok("None"));
        check("--filter http.* --limit 5 -v --list --json", Ok("None"));
    }

    #[test]
    fn what_is_used_wrongly_is_a_usage_error() {
        check("7f4", Err("no target"));
        check("xyzw1234", Err("no target"));
        check("00000000000000000000000000000000", Err("zeros"));
        check("--since 5", Err("30s, 5m, 2h or 1d"));
        check("--since -5m", Err("--since"));
        check("--limit -1", Err("--limit"));
        check("--limit x", Err("--limit"));
        check("--where model", Err("no operator"));
        check("--where n>many", Err("no number"));
        check("listen --max-memory lots", Err("256MiB"));
        check("listen --port 70000", Err("--port"));
        check("listen --host a/b", Err("host"));
    }

    #[test]
    fn the_port_comes_from_the_environment() {
        assert_eq!(port(None), Ok(4317));
        assert_eq!(port(Some("50051")), Ok(50051));
        for text in ["0", "70000", "x", "-1"] {
            assert!(port(Some(text)).is_err(), "{text}");
        }
    }
}
