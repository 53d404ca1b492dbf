//! `planoai signals FILE…`: runs the analyzer over transcripts and prints a report for each, for tuning and for CI. A file that
//! cannot be read or holds nothing, and a conversation that cannot be parsed, are named on stderr and end in exit code 1; the
//! others are reported all the same.

use std::{
    fs,
    io::{self, BufWriter, Read, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::{
    processors::signals::{Transcript, transcripts},
    signals::{Analyzer, Report, Settings},
    viewer::harmless,
};

/// Report on conversations in files: quality, score and every signal.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:
  planoai signals chats.jsonl
  planoai signals --json chats.jsonl | jq 'select(.flagged)'
  some-export | planoai signals -",
    after_help = "Each conversation is {\"id\": …, \"messages\": [{\"role\", \"content\", …}, …]} as the OpenAI API has it, \
or the bare list of messages. A file holds one, a list of them, or one a line (JSONL).

Exit codes: 0 all were reported, 1 a file or a conversation could not be read, 2 usage."
)]
pub(super) struct SignalsArgs {
    /// Files of conversations; `-` is standard input
    #[arg(required = true)]
    files: Vec<String>,
    /// Print one JSON report a line
    #[arg(long)]
    json: bool,
    /// Phrases of one's own, as the processor's `lexicons` takes them; repeatable
    #[arg(long = "lexicon", value_name = "FILE")]
    lexicons: Vec<String>,
    /// Languages whose phrases are looked for, by code; all that ship where not given
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    languages: Option<Vec<String>>,
    /// Types of signals that are not looked for; repeatable, commas allowed
    #[arg(long = "disable", value_name = "TYPE", value_delimiter = ',')]
    disabled: Vec<String>,
}

impl SignalsArgs {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings {
            disabled: self.disabled.clone(),
            ..Settings::default()
        };
        if let Some(languages) = &self.languages {
            settings.languages.clone_from(languages);
        }
        for file in &self.lexicons {
            let text = read(file).with_context(|| format!("lexicon {file}"))?;
            settings.lexicons.push((file.clone(), text));
        }
        Ok(settings)
    }
}

/// Runs the command.
///
/// # Errors
/// Where standard output cannot be written.
pub(super) fn run(args: &SignalsArgs) -> anyhow::Result<ExitCode> {
    let analyzer = Analyzer::new(args.settings()?)?;
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let mut faults = 0;
    for file in &args.files {
        let text = match read(file) {
            Ok(text) => text,
            Err(error) => {
                faults += 1;
                complain(&format!("{file}: {error}"));
                continue;
            }
        };
        let mut conversations = transcripts(&text).peekable();
        if conversations.peek().is_none() {
            faults += 1;
            complain(&format!("{file}: holds no conversation"));
        }
        for transcript in conversations {
            match transcript {
                Ok(transcript) => {
                    let report = analyzer.analyze(&transcript.conversation);
                    if args.json {
                        print_json(&mut out, &transcript, &report)?;
                    } else {
                        print_text(&mut out, &transcript, &report)?;
                    }
                }
                Err(error) => {
                    faults += 1;
                    complain(&format!("{file}: {error}"));
                }
            }
        }
    }
    out.flush().context("writing to standard output")?;
    Ok(if faults == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn read(file: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    if file == "-" {
        io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        bytes = fs::read(file)?;
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| anyhow::anyhow!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))?;
    // Some editors put a byte order mark first, which is no JSON.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn complain(message: &str) {
    super::complain(&format!("planoai: {message}"));
}

fn print_json(out: &mut impl Write, transcript: &Transcript<'_>, report: &Report) -> anyhow::Result<()> {
    let signals: Vec<_> = (report.signals.iter())
        .map(|signal| {
            json!({"type": signal.kind.name(), "message_index": signal.message_index, "confidence": signal.confidence})
        })
        .collect();
    let line = json!({
        "id": transcript.id,
        "quality": report.quality.name(),
        "quality_score": report.score,
        "flagged": report.flagged(),
        "turn_count": report.turn_count,
        "efficiency_score": (report.efficiency * 1000.0).round() / 1000.0,
        "signals": signals,
    });
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn print_text(out: &mut impl Write, transcript: &Transcript<'_>, report: &Report) -> anyhow::Result<()> {
    let id = harmless(transcript.id.as_deref().unwrap_or("-"));
    let turns = match report.turn_count {
        1 => "1 turn".to_owned(),
        count => format!("{count} turns"),
    };
    let flag = if report.flagged() { " 🚩" } else { "" };
    writeln!(
        out,
        "{id}  {} {:.0}  {turns}{flag}",
        report.quality.name(),
        report.score
    )?;
    for signal in &report.signals {
        writeln!(out, "    {} in message {}", signal.kind.name(), signal.message_index)?;
    }
    Ok(())
}
