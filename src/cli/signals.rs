//! `planoai signals FILE…`: runs the analyzer over logged conversations and prints a report for each, for tuning and for CI. What
//! cannot be read is named on stderr and ends in exit code 1; the rest is reported all the same.

mod assess;
mod explain;
mod report;

use std::{
    fs,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::{Args, ValueEnum};

use self::assess::{Assessor, Outcome, Style, Tally};
use super::{
    feed::{self, Fed, Pace},
    progress::Progress,
    terminal, usage,
};
use crate::{
    signals::{Analyzer, Quality, Report, Settings, SettingsError},
    viewer::{Page, harmless},
};

/// Exit code: no conversation at all, or none with text.
const NOTHING: u8 = 3;
/// Exit code: the condition of `--fail-on` holds.
const CONDITION: u8 = 5;

/// Report on logged conversations: quality, score and signals
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:
  planoai signals chats.jsonl
  planoai signals --explain chats.jsonl              texts with what was found, and the score
  planoai signals --json chats.jsonl | jq 'select(.flagged)'
  planoai signals --quiet --fail-on severe logs/*.jsonl
  planoai trace --limit 100 --json | planoai signals",
    after_help = "A file holds JSON documents, usually one a line:
  {\"messages\": [{\"role\", \"content\", …}, …]}   as OpenAI's and Anthropic's APIs have them
  [{\"role\", \"content\", …}, …]                 the messages alone; or a list of conversations
  {\"input\": …, \"output\": …}                   as OpenAI's Responses API has them
  {\"request\": {…}, \"response\": {…}}           a request with its reply
  {\"resourceSpans\": […]}                      OTLP/JSON, as the Collector's file exporter writes it
  {\"traces\": […]}                             what `planoai trace --json` prints

An \"id\" beside them is the conversation's name; of a span it is TRACE_ID/SPAN_ID. Message indexes \
are positions in the client's own list, from 0. Spans without a conversation are passed over; \
a conversation without any text has `-` (JSON: null) for its quality.

Exit codes: 0 all were reported, 1 something could not be read, 2 usage, 3 there was no \
conversation with text, 5 the condition of --fail-on holds. What could not be read is an error even where \
the condition holds: 1 goes before 5."
)]
pub(super) struct SignalsArgs {
    /// Files of conversations; `-` is standard input, which is also read where no file is named
    files: Vec<String>,
    /// Print one JSON report a line
    #[arg(long)]
    json: bool,
    /// Show the messages with what was found in them, and how the score came about
    #[arg(long, conflicts_with = "json")]
    explain: bool,
    /// Print no reports: for --fail-on
    #[arg(long, short, conflicts_with_all = ["json", "explain"])]
    quiet: bool,
    /// End in exit code 5 if a conversation is Severe, is Poor or worse, or has the flag
    #[arg(long, value_name = "WHAT", ignore_case = true)]
    fail_on: Option<FailOn>,
    /// Phrases of one's own, as the processor's `lexicons` takes them; repeatable
    #[arg(long = "lexicon", value_name = "FILE")]
    lexicons: Vec<String>,
    /// Languages whose phrases are looked for, by code; all that ship where not given
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = language)]
    languages: Option<Vec<String>>,
    /// Types of signals that are not looked for; repeatable, commas allowed
    #[arg(long = "disable", value_name = "TYPE", value_delimiter = ',', value_parser = signal_type)]
    disabled: Vec<String>,
    /// Turns that a conversation may take before its efficiency falls
    #[arg(long, value_name = "N", default_value_t = Settings::default().baseline_turns, allow_negative_numbers = true)]
    baseline_turns: u32,
    /// No colors; so does a variable NO_COLOR
    #[arg(long)]
    no_color: bool,
}

/// The code of a language that ships; in any case, and with spaces around it, as a list is written.
fn language(given: &str) -> Result<String, SettingsError> {
    let language = given.trim().to_ascii_lowercase();
    let settings = Settings {
        languages: vec![language.clone()],
        ..Settings::default()
    };
    settings.check().map(|_| language)
}

/// The name of a type, read as that of a language.
fn signal_type(given: &str) -> Result<String, SettingsError> {
    let name = given.trim().to_ascii_lowercase();
    let settings = Settings {
        disabled: vec![name.clone()],
        ..Settings::default()
    };
    settings.check().map(|_| name)
}

/// What `--fail-on` looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Severe,
    Poor,
    Flag,
}

impl FailOn {
    fn holds(self, report: &Report) -> bool {
        match self {
            FailOn::Severe => report.quality == Quality::Severe,
            FailOn::Poor => report.quality <= Quality::Poor,
            FailOn::Flag => report.flagged(),
        }
    }

    /// What it says of conversations.
    fn predicate(self) -> &'static str {
        match self {
            FailOn::Severe => "Severe",
            FailOn::Poor => "Poor or Severe",
            FailOn::Flag => "flagged",
        }
    }
}

impl SignalsArgs {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings {
            disabled: self.disabled.clone(),
            baseline_turns: self.baseline_turns,
            ..Settings::default()
        };
        if let Some(languages) = &self.languages {
            settings.languages.clone_from(languages);
        }
        for file in &self.lexicons {
            let text = fs::read_to_string(file).with_context(|| format!("lexicon {file}"))?;
            settings.lexicons.push((file.clone(), text));
        }
        Ok(settings)
    }

    fn style(&self, page: Page) -> Style {
        match (self.json, self.explain, self.quiet) {
            (true, ..) => Style::Json,
            (_, true, _) => Style::Explained(page),
            (.., true) => Style::Nothing,
            _ => Style::Table(page.ink),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Where the settings are wrong, or standard output cannot be written.
pub(super) fn run(args: &SignalsArgs) -> anyhow::Result<ExitCode> {
    let mut files = args.files.clone();
    if files.is_empty() {
        if io::stdin().is_terminal() {
            return Ok(usage(
                "planoai: name a file of conversations, or send them on standard input; see `planoai signals --help`",
            ));
        }
        files.push("-".to_owned());
    }
    let settings = args.settings()?;
    let assessor = Assessor {
        weights: settings.weights.clone(),
        analyzer: Analyzer::new(settings)?,
        style: args.style(terminal::page(args.no_color)),
        fail_on: args.fail_on,
    };
    let style = assessor.style;
    let mut progress = Progress::new(args.quiet || !io::stdout().is_terminal());
    // A table lines up within a block.
    let pace = match style {
        Style::Table(_) => Pace::Full,
        _ => Pace::Eager,
    };
    let fed = feed::feed(files, pace, Arc::new(move |block| assessor.assess(block)));
    let mut printer = Printer::new(style);
    for item in fed {
        progress.show(|| counted(printer.total.conversations, "conversation"));
        match item {
            Fed::Block(outcome) => {
                let outcome = outcome.recv().context("the analysis broke off")?;
                if !outcome.faults.is_empty() {
                    progress.clear();
                }
                printer.block(outcome)?;
            }
            Fed::End { file } => {
                progress.clear();
                printer.end(&file);
            }
            Fed::Unreadable { file, error } => {
                progress.clear();
                printer.unreadable(&file, &error);
            }
        }
    }
    progress.clear();
    printer.finish(args.fail_on)
}

/// Faults of a file that are told one by one.
const FAULTS_TOLD: usize = 10;

/// Writes what was found, in the order of the input.
struct Printer {
    style: Style,
    total: Tally,
    faults: usize,
    /// Of the file that is being read.
    conversations_of_file: usize,
    /// Those that hold something to report on.
    telling_of_file: usize,
    faults_of_file: usize,
}

impl Printer {
    fn new(style: Style) -> Printer {
        Printer {
            style,
            total: Tally::default(),
            faults: 0,
            conversations_of_file: 0,
            telling_of_file: 0,
            faults_of_file: 0,
        }
    }

    fn block(&mut self, outcome: Outcome) -> anyhow::Result<()> {
        if let (Style::Table(ink), 0, 1..) = (self.style, self.total.conversations, outcome.tally.conversations) {
            write(&report::heading(outcome.id_columns, ink))?;
        }
        write(&outcome.out)?;
        for fault in &outcome.faults {
            self.faults_of_file += 1;
            if self.faults_of_file <= FAULTS_TOLD {
                complain(fault);
            }
        }
        self.conversations_of_file += outcome.tally.conversations;
        self.telling_of_file += outcome.tally.conversations - outcome.tally.silent;
        self.total.add(outcome.tally);
        Ok(())
    }

    fn end(&mut self, file: &str) {
        if self.faults_of_file > FAULTS_TOLD {
            let more = self.faults_of_file - FAULTS_TOLD;
            complain(&format!("{file}: {} more", counted(more, "fault")));
        }
        match (self.conversations_of_file, self.telling_of_file, self.faults_of_file) {
            (0, _, 0) => complain(&format!("{file}: holds no conversation")),
            (_, 0, 0) => complain(&format!("{file}: holds no conversation with text")),
            _ => {}
        }
        self.faults += self.faults_of_file;
        (self.conversations_of_file, self.telling_of_file, self.faults_of_file) = (0, 0, 0);
    }

    fn unreadable(&mut self, file: &str, error: &io::Error) {
        complain(&format!("{file}: {error}"));
        self.faults_of_file += 1;
        self.end(file);
    }

    fn finish(self, fail_on: Option<FailOn>) -> anyhow::Result<ExitCode> {
        if self.total.conversations > 0 {
            match self.style {
                Style::Table(_) => write(&format!("\n{}", report::summary(&self.total)))?,
                // An empty line is there already.
                Style::Explained(_) => write(&report::summary(&self.total))?,
                Style::Json | Style::Nothing => {}
            }
        }
        let failed = fail_on.filter(|_| self.total.failing > 0);
        if let Some(condition) = failed {
            complain(&report::failed(&self.total, condition.predicate()));
        }
        Ok(
            match (self.faults, failed, self.total.conversations - self.total.silent) {
                (1.., ..) => ExitCode::FAILURE,
                (0, Some(_), _) => ExitCode::from(CONDITION),
                (0, None, 0) => ExitCode::from(NOTHING),
                (0, None, _) => ExitCode::SUCCESS,
            },
        )
    }
}

/// Unlike [`terminal::print`], stops the work where nobody reads on.
fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("writing to standard output")
}

/// Names of files and what stands in them are shown, never sent to the terminal as they are.
fn complain(message: &str) {
    super::complain(&format!("planoai: {}", harmless(message)));
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
