//! `planoai trace --follow`: prints traces as they complete. Asks for what is newer than what it knows, a few times a second;
//! waits for a listener that is gone; says what came late and what was lost. Ends on a signal, on a closed pipe, or with
//! --limit.

mod watch;

use std::{
    io::{self, Write},
    time::Duration,
};

use anyhow::Context;
use tokio::time::{Instant, sleep};

use self::watch::{Verdict, Watch};
use super::{
    ask::{AskError, Source},
    ending::{NOTHING, Stop, complain, counted, until_interrupted},
    select::{Place, refuse_ambiguous},
    show::{Format, ShowArgs, Style},
};
use crate::viewer::{Query, Reply, View, table_row};

/// Between two questions.
const POLL: Duration = Duration::from_millis(250);
/// Between two attempts to reach a listener that is gone.
const RETRY: Duration = Duration::from_millis(500);

/// Follows the listener.
///
/// # Errors
/// See [`Stop`].
pub(super) async fn follow(source: &Source, args: &ShowArgs, mut style: Style) -> Result<u8, Stop> {
    let since = args.select.filter.since.is_some();
    let unsaid = if since { Place::Any } else { Place::Back(0) };
    let place = args.select.target.clone().unwrap_or(unsaid);
    if args.select.limit == Some(0) {
        return Err(Stop::Said(NOTHING, "--limit 0 shows none".to_owned()));
    }
    refuse_ambiguous(source, &place).await?;
    // A document that never ends is none: a line each.
    if style.format == Format::Json {
        style.format = Format::Jsonl;
    }
    let follower = Follower {
        source,
        query: Query {
            ids: match &place {
                Place::Id(id) => vec![id.clone()],
                _ => Vec::new(),
            },
            ..args.select.filter.query()
        },
        view: args.view(),
        style,
        watch: Watch::default(),
        began: Instant::now(),
        left: args.select.limit,
        printed: false,
    };
    until_interrupted(follower.run(place != Place::Back(0))).await
}

struct Follower<'a> {
    source: &'a Source,
    query: Query,
    view: View,
    style: Style,
    watch: Watch,
    began: Instant,
    /// Traces that may still be printed.
    left: Option<usize>,
    printed: bool,
}

impl Follower<'_> {
    /// Begins with all that is held, or with the newest of it.
    async fn run(mut self, all: bool) -> Result<u8, Stop> {
        let held = self.ask().await?;
        self.watch.begin(&held.summaries, held.newest, all);
        let mut is_gone = false;
        loop {
            let outcome = self.print_due().await;
            let outcome = match outcome {
                Ok(()) if self.left == Some(0) => return Ok(0),
                Ok(()) => {
                    sleep(POLL).await;
                    self.look().await
                }
                failed => failed,
            };
            match outcome {
                Ok(()) if is_gone => {
                    complain("the listener is back");
                    is_gone = false;
                }
                Ok(()) => {}
                Err(Stop::Ask(AskError::Unreachable { address, why })) => {
                    if !is_gone {
                        complain(&format!("the listener on {address} is gone: {why}; waiting for it"));
                    }
                    is_gone = true;
                    self.watch.lost();
                    sleep(RETRY).await;
                }
                Err(other) => return Err(other),
            }
        }
    }

    /// The traces that a span came for since. The time is asked for anew, so that nothing of the window is left out.
    async fn ask(&self) -> Result<Reply, AskError> {
        let query = Query {
            newer_than: Some(self.watch.newest()),
            ..self.query.clone()
        };
        self.source.all(&query).await
    }

    async fn look(&mut self) -> Result<(), Stop> {
        let mut reply = self.ask().await?;
        if reply.newest < self.watch.newest() {
            complain("the listener was started anew, or dropped all that it held");
            self.watch.lost();
            reply = self.ask().await?;
        }
        self.watch.see(&reply.summaries, reply.newest, self.began.elapsed());
        Ok(())
    }

    async fn print_due(&mut self) -> Result<(), Stop> {
        for id in self.watch.due(self.began.elapsed()) {
            // It matched when it was met; not in the window any more is no reason, but what came since may be.
            let of_it = |view| Query {
                ids: vec![id.clone()],
                view,
                since: None,
                newer_than: Some(0),
                ..self.query.clone()
            };
            let mut found = self.source.all(&of_it(View::Spans)).await?;
            if found.traces.is_empty() && self.is_held(&id).await? {
                self.watch.forget(&id);
                continue;
            }
            match self.watch.settle(&id, found.traces.first(), self.began.elapsed()) {
                Verdict::Wait => continue,
                Verdict::Gone => {
                    complain(&format!("trace {id} is no longer held, and was not shown"));
                    continue;
                }
                Verdict::Show { note, is_new } => {
                    if let Some(note) = note {
                        complain(&format!("trace {id}: {note}"));
                    }
                    if self.view != View::Spans {
                        found = self.source.all(&of_it(self.view)).await?;
                    }
                    self.print(&found).await?;
                    self.left = self.left.map(|left| left.saturating_sub(usize::from(is_new)));
                    if self.left == Some(0) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    async fn is_held(&self, id: &str) -> Result<bool, Stop> {
        let query = Query {
            ids: vec![id.to_owned()],
            limit: Some(1),
            view: View::Summary,
            ..Query::default()
        };
        Ok(!self.source.all(&query).await?.is_empty())
    }

    /// Prints a trace, on a thread that may wait for the reader while signals are watched here.
    async fn print(&mut self, found: &Reply) -> Result<(), Stop> {
        let mut text = String::new();
        if self.style.list && self.style.verbose && self.style.format == Format::Tree {
            if !self.printed {
                text.push_str(&table_row(None, self.style.page.ink));
            }
            text.extend(
                found
                    .summaries
                    .iter()
                    .map(|it| table_row(Some(it), self.style.page.ink)),
            );
        } else {
            if self.printed && !self.style.list && self.style.format == Format::Tree {
                text.push('\n');
            }
            text.push_str(&self.style.text(found));
        }
        self.printed = true;
        let written = tokio::task::spawn_blocking(move || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        let written = written.await.context("writing to standard output")?;
        Ok(written.context("writing to standard output")?)
    }
}

/// `2 spans came after it was shown`.
fn late(before: usize, now: usize) -> String {
    match now.checked_sub(before) {
        None | Some(0) => "it changed after it was shown; again:".to_owned(),
        Some(more) => format!("{} came after it was shown; again:", counted(more as u64, "span")),
    }
}
