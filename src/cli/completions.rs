//! `planoai completions SHELL`: the script that completes our command line in a shell, on stdout.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  planoai completions bash > ~/.local/share/bash-completion/completions/planoai
  planoai completions zsh > ~/.zfunc/_planoai
  planoai completions fish > ~/.config/fish/completions/planoai.fish
";

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell that the script is for
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// Where stdout does not take it.
pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    io::stdout().write_all(&script(args.shell))?;
    Ok(ExitCode::SUCCESS)
}

/// Made in memory: the generator panics where it cannot write.
fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::Cli::command(), "planoai", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_learns_the_commands_and_their_options() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).expect("text");
            for word in [
                "planoai",
                "listen",
                "with-tracing",
                "max-traces",
                "export",
                "import",
                "sessions",
                "follow",
            ] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
