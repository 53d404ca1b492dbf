//! `planoai man`: manual pages made of the same definitions as `--help`: one page on stdout, or one file for each command.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

use super::usage;
use crate::values::suggest;

const EXAMPLES: &str = "\
Examples:
  planoai man | man -l -
  planoai man trace listen | man -l -
  planoai man --dir ~/.local/share/man/man1
";

/// Print a manual page, or write all of them
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct ManArgs {
    /// The command whose page is printed, such as `trace listen` [default: planoai itself]
    #[arg(conflicts_with = "dir")]
    command: Vec<String>,
    /// Write a page for each command into this folder instead
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints or writes the pages.
///
/// # Errors
/// What could not be written.
pub(super) fn run(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let mut root = super::Cli::command();
    root.build();
    if let Some(folder) = &args.dir {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write_all(&root, folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut command = &root;
    for name in &args.command {
        let Some(found) = command.find_subcommand(name) else {
            let names = command.get_subcommands().map(Command::get_name);
            let hint = suggest::hint(name, names);
            return Ok(usage(&format!("planoai: no command {name:?}{hint}")));
        };
        command = found;
    }
    io::stdout().write_all(&page(command)?)?;
    Ok(ExitCode::SUCCESS)
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let source = concat!("planoai ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(source).render(&mut page)?;
    // The generator leaves out what stands before the help, where our examples are.
    let before = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    let mut examples = Roff::new();
    examples.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in before.lines().skip(1) {
        examples.text([roman(line.trim_start())]);
    }
    examples.control("fi", []).to_writer(&mut page)?;
    Ok(page)
}

/// `planoai.1`, `planoai-trace.1`, `planoai-trace-listen.1`, …
fn write_all(command: &Command, folder: &Path) -> anyhow::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let file = folder.join(format!("{name}.1"));
    fs::write(&file, page(command)?).with_context(|| format!("cannot write {}", file.display()))?;
    let mut commands = command.get_subcommands().filter(|below| below.get_name() != "help");
    commands.try_for_each(|below| write_all(below, folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_of_its_own() {
        let folder = std::env::temp_dir().join(format!("plano-man-{}", std::process::id()));
        let args = ManArgs {
            command: Vec::new(),
            dir: Some(folder.clone()),
        };
        run(&args).expect("written");
        let pages = fs::read_dir(&folder).expect("a folder");
        let mut names: Vec<String> = pages
            .map(|page| page.expect("a page").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        let listen = fs::read_to_string(folder.join("planoai-trace-listen.1")).expect("the page of a command below");
        fs::remove_dir_all(&folder).expect("removed");
        let mut expected = Vec::new();
        let mut root = crate::cli::Cli::command();
        root.build();
        let mut open = vec![(root.clone(), "planoai".to_owned())];
        while let Some((command, name)) = open.pop() {
            let below = command.get_subcommands().filter(|below| below.get_name() != "help");
            open.extend(below.map(|below| (below.clone(), format!("{name}-{}", below.get_name()))));
            expected.push(format!("{name}.1"));
        }
        expected.sort();
        assert_eq!(names, expected);
        assert!(
            listen.contains("max\\-traces") && listen.contains("planoai trace listen \\-\\-host 127.0.0.1"),
            "{listen}"
        );
    }
}
