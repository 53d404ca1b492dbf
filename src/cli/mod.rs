//! The command line: one file a command. stdout is data, stderr is messages. Exit codes: 0 ok, 1 failure, 2 usage, 3 nothing
//! matched, 4 the listener cannot be reached, 5 the condition of `--fail-on` holds, 130 interrupted. A closed pipe is success.

mod collector;
mod completions;
mod demo;
mod feed;
mod health;
mod man;
mod progress;
mod signals;
mod stop;
mod terminal;
mod trace;
mod up;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// Exit code of a command line that makes no sense.
const USAGE: u8 = 2;

/// Exit code of a command that the user interrupted.
const INTERRUPTED: u8 = 130;

/// Watches conversations with language models and tells, on the trace, which of them went wrong.
#[derive(Debug, Parser)]
#[command(
    name = "planoai",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    before_help = "Examples:
  planoai demo
  planoai up --with-tracing
  planoai collector --config pipelines/enrichment.yaml
  planoai trace listen
  planoai trace
  planoai signals chats.jsonl"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// One line a command, sorted; each has its file.
#[derive(Debug, Subcommand)]
enum Command {
    Collector(collector::CollectorArgs),
    Completions(completions::CompletionsArgs),
    Demo(demo::DemoArgs),
    Man(man::ManArgs),
    Signals(signals::SignalsArgs),
    Trace(trace::TraceArgs),
    Up(up::UpArgs),
}

/// Runs the command line and tells how it went.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Where even the message cannot be written there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let outcome = match &cli.command {
        Command::Collector(args) => collector::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Man(args) => man::run(args),
        Command::Signals(args) => signals::run(args),
        Command::Trace(args) => trace::run(args),
        Command::Up(args) => up::run(args),
    };
    outcome.unwrap_or_else(|error| {
        if is_closed_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        complain(&format!("planoai: {error:#}"));
        ExitCode::FAILURE
    })
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes a line for the user. Where that fails there is nobody to tell.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Tells what is wrong with the command line.
fn usage(line: &str) -> ExitCode {
    complain(line);
    ExitCode::from(USAGE)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_leads_with_examples() {
        let mut command = Cli::command();
        command.build();
        let mut open: Vec<&clap::Command> = vec![&command];
        while let Some(command) = open.pop() {
            if command.get_name() == "help" {
                continue;
            }
            let help = command.clone().render_help().to_string();
            assert!(help.starts_with("Examples:"), "{}:\n{help}", command.get_name());
            open.extend(command.get_subcommands());
        }
    }
}
