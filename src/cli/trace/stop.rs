//! `planoai trace stop`: ends a listener that runs in the background, and waits until it has ended. Ends nothing else: a number in a
//! file is believed only while that process holds the file.

use std::{
    io,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use super::{
    DEFAULT_PORT,
    ask::port,
    claim::{Holder, LOOK, StateFolder},
    ending::{NOTHING, complain, fail},
};
use crate::cli::USAGE;

/// Longest wait for the end: what the listener gets to finish, and some more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time after which the wait is told.
const TELL: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  planoai trace stop
  planoai trace stop --port 50051
  planoai trace stop --all
";

/// Stop a listener that runs in the background
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, after_help = "Exit codes: 0 stopped, 1 failure, 2 usage, 3 nothing runs in the background.")]
pub(super) struct StopArgs {
    /// The listener on this port of OTLP/gRPC [default: PLANO_TRACE_PORT, else 4317]
    #[arg(long, value_name = "P")]
    port: Option<u16>,
    /// Every listener in the background
    #[arg(long, conflicts_with = "port")]
    all: bool,
}

/// What became of it.
enum Outcome {
    Stopped,
    /// Nothing ran.
    Absent,
    Failed,
}

/// Stops what is meant.
///
/// # Errors
/// The state directory cannot be read.
pub(super) fn run(args: &StopArgs) -> anyhow::Result<ExitCode> {
    let folder = StateFolder::open()?;
    if args.all {
        let mut outcomes = Vec::new();
        for port in folder.ports().context("the state directory")? {
            outcomes.push(stop(&folder, port)?);
        }
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed)) {
            return Ok(ExitCode::FAILURE);
        }
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Stopped)) {
            return Ok(ExitCode::SUCCESS);
        }
        return Ok(fail(NOTHING, "no listener runs in the background"));
    }
    let port = match args.port {
        Some(port) => port,
        None => match port(std::env::var("PLANO_TRACE_PORT").ok().as_deref()) {
            Ok(port) => port,
            Err(why) => return Ok(fail(USAGE, &why)),
        },
    };
    match stop(&folder, port)? {
        Outcome::Stopped => Ok(ExitCode::SUCCESS),
        Outcome::Failed => Ok(ExitCode::FAILURE),
        Outcome::Absent => Ok(fail(NOTHING, &absent(&folder, port)?)),
    }
}

fn absent(folder: &StateFolder, port: u16) -> io::Result<String> {
    let mut others = Vec::new();
    for other in folder.ports()? {
        if Holder::of(&folder.claim(other))?.is_some() {
            others.push(other.to_string());
        }
    }
    let hint = match (others.as_slice(), port) {
        ([], DEFAULT_PORT) => "one that runs in a terminal ends with Ctrl-C there".to_owned(),
        ([], _) => "none on another port either".to_owned(),
        (ports, _) => format!(
            "on port {} one does: --port says which, --all ends all",
            ports.join(", ")
        ),
    };
    Ok(format!("no listener runs in the background on port {port}; {hint}"))
}

fn stop(folder: &StateFolder, port: u16) -> anyhow::Result<Outcome> {
    let path = folder.claim(port);
    let Some(holder) = Holder::of(&path).with_context(|| path.display().to_string())? else {
        return Ok(Outcome::Absent);
    };
    let id = i32::try_from(holder.id).ok().and_then(Pid::from_raw);
    let Some(id) = id.filter(|_| holder.is_here()) else {
        complain(&format!(
            "the listener on port {port} runs elsewhere, in a container perhaps: here, PID {} is none; stop it where it was started",
            holder.id
        ));
        return Ok(Outcome::Failed);
    };
    if let Err(error) = kill_process(id, Signal::TERM)
        && holder.lives()?
    {
        complain(&format!(
            "the listener on port {port} (PID {}) cannot be stopped: {error}",
            holder.id
        ));
        return Ok(Outcome::Failed);
    }
    let started = Instant::now();
    let mut told = false;
    while holder.lives()? {
        if started.elapsed() > PATIENCE {
            complain(&format!(
                "the listener on port {port} (PID {}) was told to end and has not yet, after {} s; its log is {}",
                holder.id,
                PATIENCE.as_secs(),
                folder.log(port).display()
            ));
            return Ok(Outcome::Failed);
        }
        if !told && started.elapsed() > TELL {
            complain(&format!("the listener on port {port} finishes what it holds"));
            told = true;
        }
        thread::sleep(LOOK);
    }
    complain(&format!("stopped the listener on port {port} (PID {})", holder.id));
    Ok(Outcome::Stopped)
}
