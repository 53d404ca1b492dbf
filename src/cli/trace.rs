//! `planoai trace`: shows, compares, writes and takes back traces that the local listener holds. Data goes to stdout, messages to
//! stderr; a listener that cannot be reached is never mistaken for one that holds nothing.

mod ask;
#[cfg(unix)]
mod background;
mod choose;
#[cfg(unix)]
mod claim;
mod diff;
mod ending;
mod export;
mod follow;
mod import;
mod keep;
mod kept;
mod listen;
mod select;
mod sessions;
mod show;
#[cfg(unix)]
mod stop;
mod ui;

pub(super) use listen::Local;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::ending::complain;

/// The port that is asked unless `PLANO_TRACE_PORT` says otherwise.
const DEFAULT_PORT: u16 = 4317;

const EXAMPLES: &str = "\
Examples:
  planoai trace listen                     start the listener, in another terminal
  planoai trace                            the newest trace
  planoai trace --follow                   and every one that completes from now on
  planoai trace --list                     ids of all traces
  planoai trace 7f4e9a1c                   one trace, by the start of its id
  planoai trace --where llm.model=gpt-4o-mini --since 30m
  planoai trace --where 'duration>2s' --where status=error --limit 5
  planoai trace --filter 'http.*' -v       only some attributes
  planoai trace ui                         look at them on a full screen
  planoai trace --messages                 what was said in the newest trace
  planoai trace --json | jq '.traces[0].spans[].name'
  planoai trace diff                       the last trace against the one before it
  planoai trace export -o trace.jsonl      for a colleague, who runs
  planoai trace --file trace.jsonl         without a listener
";

const EXIT_CODES: &str =
    "Exit codes: 0 shown, 1 failure, 2 usage, 3 nothing matched, 4 the listener cannot be reached, \
130 interrupted.
PLANO_TRACE_PORT is the port that is asked, 4317 without it.";

/// Show traces that the local listener holds
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, after_help = EXIT_CODES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct TraceArgs {
    #[command(subcommand)]
    command: Option<TraceCommand>,
    #[command(flatten)]
    show: show::ShowArgs,
}

#[derive(Debug, Subcommand)]
enum TraceCommand {
    Diff(diff::DiffArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    /// Start the local listener: takes OTLP, keeps traces in memory for `planoai trace`
    Listen(listen::ListenArgs),
    Sessions(sessions::SessionsArgs),
    #[cfg(unix)]
    #[command(visible_alias = "down")]
    Stop(stop::StopArgs),
    /// Look at traces on a full screen
    Ui(ui::UiArgs),
}

/// Runs the command. The exit code says what happened: 0 shown, 1 failed, 2 used wrongly, 3 nothing matched, 4 no
/// listener, 130 interrupted.
///
/// # Errors
/// Where standard output cannot be written, other than for a closed pipe.
pub(super) fn run(args: &TraceArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        None => show::run(&args.show),
        Some(TraceCommand::Diff(args)) => diff::run(args),
        Some(TraceCommand::Export(args)) => export::run(args),
        Some(TraceCommand::Import(args)) => import::run(args),
        Some(TraceCommand::Listen(args)) => listen::run(args),
        Some(TraceCommand::Sessions(args)) => sessions::run(args),
        #[cfg(unix)]
        Some(TraceCommand::Stop(args)) => stop::run(args),
        Some(TraceCommand::Ui(args)) => ui::run(args),
    }
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
                    Some(command) => format!("{command:?}")
                        .split('(')
                        .next()
                        .unwrap_or_default()
                        .to_lowercase(),
                    None => format!("{:?}", root.args.show.select.target),
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
        check("listen --background --page-port 0", Ok("listen"));
        check("stop --port 5000", Ok("stop"));
        check("down --all", Ok("stop"));
        check("ui --flagged --since 2h --where llm.model=x", Ok("ui"));
        check("last", Ok("Some(Back(0))"));
        check("last~2", Ok("Some(Back(2))"));
        check("any --no-interactive", Ok("Some(Any)"));
        check("7F4E9A1C", Ok("Some(Id(\"7f4e9a1c\"))"));
        check(
            "7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a",
            Ok("Some(Id(\"7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a\"))"),
        );
        check("--where llm.model=gpt-4o-mini --since 30m", Ok("None"));
        check("--filter http.* --limit 5 -v --list --json", Ok("None"));
        check("-f --where status=error --format jsonl", Ok("None"));
        check("--file a --file b any", Ok("Some(Any)"));
        check("diff", Ok("diff"));
        check("diff last~1 7f4e9a1c --json", Ok("diff"));
        check("export any --flagged -o x", Ok("export"));
        check("import - x --partial", Ok("import"));
        check("sessions c-17", Ok("sessions"));
    }

    #[test]
    fn what_is_used_wrongly_is_a_usage_error() {
        check("7f4", Err("no target"));
        check("xyzw1234", Err("no target"));
        check("lsten", Err("planoai trace listen"));
        check("00000000000000000000000000000000", Err("zeros"));
        check("--since 5", Err("30s, 5m, 2h or 1d"));
        check("--since -5m", Err("--since"));
        check("--limit -1", Err("--limit"));
        check("--limit x", Err("--limit"));
        check("--where model", Err("no operator"));
        check("--where n>many", Err("no number"));
        check("--format yaml", Err("jsonl"));
        check("--json --format jsonl", Err("cannot be used with"));
        check("-f --file x", Err("cannot be used with"));
        check("diff any", Err("one trace"));
        check("import", Err("FILE"));
        check("sessions a --limit 1", Err("cannot be used with"));
        check("listen --no-page --page-port 1", Err("--no-page"));
        check("stop --all --port 1", Err("--all"));
        check("ui --where model", Err("no operator"));
        check("listen --max-memory lots", Err("256MiB"));
        check("listen --port 70000", Err("--port"));
        check("listen --host a/b", Err("host"));
    }
}
