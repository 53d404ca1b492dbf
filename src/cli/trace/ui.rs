//! `planoai trace ui`: a full-screen viewer in the terminal. State and keys (`app`) know no terminal, drawing (`draw`) changes no
//! state, asking (`feed`) goes on while keys are taken; this file brings them together.

mod app;
mod canvas;
mod cursor;
mod detail;
mod draw;
mod feed;
mod input;
mod key;
mod list;
mod news;
mod opened;
mod place;
mod screen;
mod text;
mod tree;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::Args;

use self::{
    app::{App, Effect, Event, Scope},
    feed::Feed,
    list::MOST,
    news::News,
    screen::{Keys, Screen},
};
use super::{
    ask::{AskError, Listener, port},
    ending::{fail, refuse},
    select::{condition, window},
};
use crate::{
    cli::{INTERRUPTED, USAGE, stop::Signals, terminal},
    viewer::{Ink, Query, Reply, View},
};

const EXAMPLES: &str = "\
Examples:
  planoai trace ui
  planoai trace ui --flagged --since 2h
  planoai trace ui --where llm.model=gpt-4o-mini
";

const KEYS: &str =
    "Keys: j k g G move, Enter opens, Esc goes back, / filters, e next error, f next flag, c conversation,
y copies, ? shows all keys, q quits.
PLANO_TRACE_PORT is the port that is asked, 4317 without it.";

/// Look at traces on a full screen
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, after_help = KEYS)]
pub(super) struct UiArgs {
    /// Only traces with a span that has this attribute, as in `planoai trace`; repeatable, all must hold
    #[arg(long = "where", value_name = "KEY=VALUE", value_parser = condition)]
    conditions: Vec<String>,
    /// Only traces with a flag 🚩; F on the screen shows all
    #[arg(long)]
    flagged: bool,
    /// Only traces with a span in the last so much time: 30s, 5m, 2h, 1d
    #[arg(long, value_name = "WINDOW", value_parser = window, allow_hyphen_values = true)]
    since: Option<String>,
    /// No colors; so does a variable NO_COLOR
    #[arg(long)]
    no_color: bool,
}

/// Runs the viewer until the user ends it.
///
/// # Errors
/// Where the terminal fails.
pub(super) fn run(args: &UiArgs) -> anyhow::Result<ExitCode> {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let why = "`trace ui` needs a terminal on standard input and output; `planoai trace` prints to files and pipes";
        return Ok(fail(USAGE, why));
    }
    let port = match port(std::env::var("PLANO_TRACE_PORT").ok().as_deref()) {
        Ok(port) => port,
        Err(why) => return Ok(fail(USAGE, &why)),
    };
    // Asking and reading go on while this thread takes keys and draws.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        let listener = Arc::new(Listener::new(port));
        let outcome = open(args, port, &listener).await;
        listener.close().await;
        outcome
    })
}

/// Asks once before the terminal is taken: without a listener there is nothing to see, and a plain message says so best.
async fn open(args: &UiArgs, port: u16, listener: &Arc<Listener>) -> anyhow::Result<ExitCode> {
    let fixed = Query {
        r#where: args.conditions.clone(),
        since: args.since.clone(),
        ..Query::default()
    };
    let first = Query {
        flagged: args.flagged,
        limit: Some(MOST),
        view: View::Summary,
        ..fixed.clone()
    };
    let first: Reply = match listener.all(&first).await {
        Ok(reply) => reply,
        Err(error @ (AskError::Unreachable { .. } | AskError::Refused(_))) => return Ok(refuse(&error)),
    };
    let scope = Scope {
        address: format!("127.0.0.1:{port}"),
        conditions: args.conditions.clone(),
        since: args.since.clone(),
    };
    let mut signals = Signals::new().context("watching for signals")?;
    let ink = terminal::page(args.no_color).ink;
    let mut screen = Screen::take().context("taking the terminal")?;
    let mut app = App::new(scope, screen.size(), args.flagged);
    app.take(Event::News(News::Whole(app.asked.clone(), first.clone())));
    let mut feed = Feed::start(listener, &fixed, app.wanted(), first);
    let mut keys = Keys::start();
    let outcome = tokio::select! {
        outcome = show(&mut app, &mut screen, &mut keys, &mut feed, ink) => outcome,
        () = signals.next() => Ok(ExitCode::from(INTERRUPTED)),
    };
    feed.end().await;
    keys.end();
    drop(screen);
    outcome
}

/// Draws, waits for something to happen, takes it; until a key ends it.
async fn show(
    app: &mut App,
    screen: &mut Screen,
    keys: &mut Keys,
    feed: &mut Feed,
    ink: Ink,
) -> anyhow::Result<ExitCode> {
    loop {
        screen.draw(app, ink).context("drawing on the terminal")?;
        let mut next = tokio::select! {
            event = keys.next() => Some(event.context("the terminal is gone")?),
            news = feed.next() => Some(Event::News(news.context("a task of the viewer failed")?)),
        };
        // What came meanwhile costs no frame of its own.
        while let Some(event) = next {
            match app.take(event) {
                Effect::None => {}
                Effect::Quit => return Ok(ExitCode::SUCCESS),
                Effect::Interrupt => return Ok(ExitCode::from(INTERRUPTED)),
                Effect::Redraw => screen.clear()?,
                Effect::Copy(text) => screen.copy(&text)?,
                Effect::Suspend => {
                    screen.suspend().await?;
                    let (width, height) = screen.size();
                    app.take(Event::Size(width, height));
                }
            }
            next = keys.ready().or_else(|| feed.ready().map(Event::News));
        }
        feed.want(app.wanted());
    }
}

#[cfg(test)]
mod tests;
