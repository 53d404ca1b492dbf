//! The tasks that ask the listener while the screen takes keys: one for the list, one for the open trace, one that reads
//! conversations. Each asks for the newest wish only and is cut short when the wish changes; what comes goes through one bounded
//! channel.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    list::MOST,
    news::{Asked, News, Wanted},
    opened::Opened,
};
use crate::{
    cli::trace::ask::{AskError, Listener},
    viewer::{Query, Reply, View, conversation},
};

/// Between two looks whether something came.
const EVERY: Duration = Duration::from_millis(500);
/// Between two tries to reach a listener that went away, and to have a question answered that it refused.
const AGAIN: Duration = Duration::from_secs(2);
/// How old a list that was only added to may become before all of it is asked for: traces are dropped, and joined, too.
const WHOLE: Duration = Duration::from_secs(5);
/// The same for a list of the last so much time, which traces leave when nothing comes.
const WINDOW: Duration = Duration::from_secs(30);
/// How long a selection must stand before its trace is read.
const STANDS: Duration = Duration::from_millis(40);
/// News that wait to be taken.
const WAITING: usize = 32;

/// The tasks.
pub(super) struct Feed {
    tasks: JoinSet<()>,
    wanted: watch::Sender<Wanted>,
    news: mpsc::Receiver<News>,
}

impl Feed {
    /// Starts them with what is known already.
    pub(super) fn start(listener: &Arc<Listener>, fixed: &Query, wanted: Wanted, first: Reply) -> Feed {
        let (wanted, wish) = watch::channel(wanted);
        let (sender, news) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        let watch = Watch {
            listener: Arc::clone(listener),
            fixed: fixed.clone(),
            wish: wish.clone(),
            news: sender.clone(),
        };
        tasks.spawn(watch.run(first));
        tasks.spawn(open(Arc::clone(listener), wish.clone(), sender.clone()));
        tasks.spawn(read(wish, sender));
        Feed { tasks, wanted, news }
    }

    /// Says what is wanted now.
    pub(super) fn want(&self, new: Wanted) {
        self.wanted.send_if_modified(|old| {
            let same_talk = match (&old.talk, &new.talk) {
                (Some(old), Some(new)) => old.is(new),
                (None, None) => true,
                _ => false,
            };
            let same = same_talk && old.list == new.list && old.paused == new.paused;
            let same = same && old.open == new.open && old.closed == new.closed;
            *old = new;
            !same
        });
    }

    /// The next news; `None` where a task failed.
    pub(super) async fn next(&mut self) -> Option<News> {
        tokio::select! {
            news = self.news.recv() => news,
            _ = self.tasks.join_next() => None,
        }
    }

    /// News that are there already.
    pub(super) fn ready(&mut self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Ends the tasks.
    pub(super) async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Why a task ends: nobody wants or takes anything any more.
struct Over;

/// The task that watches the list.
struct Watch {
    listener: Arc<Listener>,
    fixed: Query,
    wish: watch::Receiver<Wanted>,
    news: mpsc::Sender<News>,
}

/// What the screen was told.
struct Told {
    asked: Asked,
    newest: u64,
    /// When all was asked for.
    whole: Instant,
    /// Whether the list was added to since.
    grown: bool,
    /// Whether nothing of what is known may hold any more.
    stale: bool,
    /// Whether it was told that the listener is gone.
    lost: bool,
    refused: Option<String>,
}

impl Watch {
    async fn run(mut self, first: Reply) {
        let mut told = Told {
            asked: self.wish.borrow().list.clone(),
            newest: first.newest,
            whole: Instant::now(),
            grown: false,
            stale: false,
            lost: false,
            refused: None,
        };
        while self.round(&mut told).await.is_ok() {}
    }

    /// Waits, looks, tells.
    async fn round(&mut self, told: &mut Told) -> Result<(), Over> {
        let pause = if told.lost || told.refused.is_some() {
            AGAIN
        } else {
            EVERY
        };
        let asked = told.asked.clone();
        if self.wish.borrow().paused {
            self.until(|wanted| wanted.list != asked || !wanted.paused).await?;
        } else {
            tokio::select! {
                () = sleep(pause) => {}
                over = self.wish.wait_for(|wanted| wanted.list != asked || wanted.paused) => {
                    let is_pause = over.map_err(|_| Over)?.list == asked;
                    if is_pause {
                        return Ok(());
                    }
                }
            }
        }
        let asked = self.wish.borrow_and_update().list.clone();
        let limit = if self.fixed.since.is_some() {
            WINDOW
        } else {
            Duration::MAX
        };
        let old = told.whole.elapsed() > if told.grown { WHOLE } else { limit };
        let whole = asked != told.asked || told.stale || told.refused.is_some() || old;
        let newer_than = Some(told.newest).filter(|_| !whole);
        let query = self.query(&asked, newer_than);
        let listener = Arc::clone(&self.listener);
        let outcome = tokio::select! {
            outcome = listener.all(&query) => outcome,
            over = self.wish.wait_for(|wanted| wanted.list != asked) => return over.map(|_| ()).map_err(|_| Over),
        };
        match outcome {
            Ok(reply) => self.answered(told, asked, reply, whole).await,
            Err(error) => self.failed(told, asked, error).await,
        }
    }

    async fn answered(&mut self, told: &mut Told, asked: Asked, reply: Reply, whole: bool) -> Result<(), Over> {
        let (newest, before) = (reply.newest, told.newest);
        told.newest = newest;
        if whole {
            told.asked = asked.clone();
            (told.whole, told.refused) = (Instant::now(), None);
            (told.grown, told.stale, told.lost) = (false, false, false);
            return self.tell(News::Whole(asked, reply)).await;
        }
        if newest == before {
            return Ok(());
        }
        // Another listener, or one that began anew: nothing that is known holds.
        if newest < before {
            told.stale = true;
            return Ok(());
        }
        told.grown = true;
        self.tell(News::Newer(asked, reply)).await
    }

    async fn failed(&mut self, told: &mut Told, asked: Asked, error: AskError) -> Result<(), Over> {
        told.asked = asked.clone();
        match error {
            AskError::Unreachable { why, .. } => {
                told.stale = true;
                if !std::mem::replace(&mut told.lost, true) {
                    self.tell(News::Lost(why)).await?;
                }
            }
            AskError::Refused(why) => {
                let known = told.refused.as_ref() == Some(&why) && !told.lost;
                (told.lost, told.refused) = (false, Some(why.clone()));
                if !known {
                    self.tell(News::Refused(asked, why)).await?;
                }
            }
        }
        Ok(())
    }

    fn query(&self, asked: &Asked, newer_than: Option<u64>) -> Query {
        Query {
            filter: asked.filter.clone(),
            flagged: asked.flagged,
            newer_than,
            limit: Some(MOST),
            view: View::Summary,
            ..self.fixed.clone()
        }
    }

    async fn until(&mut self, is: impl FnMut(&Wanted) -> bool) -> Result<(), Over> {
        self.wish.wait_for(is).await.map(|_| ()).map_err(|_| Over)
    }

    async fn tell(&self, news: News) -> Result<(), Over> {
        self.news.send(news).await.map_err(|_| Over)
    }
}

/// Reads the trace that is selected, again when spans came for it.
async fn open(listener: Arc<Listener>, mut wish: watch::Receiver<Wanted>, news: mpsc::Sender<News>) {
    let mut had: Option<(String, u64)> = None;
    let mut closed = 0;
    let mut rest = STANDS;
    loop {
        if wish
            .wait_for(|wanted| wanted.open.is_some() && (wanted.open != had || wanted.closed != closed))
            .await
            .is_err()
        {
            return;
        }
        // A trace that grows all the time is read for a fifth of the time at most.
        sleep(rest).await;
        let (opens, closes) = {
            let wanted = wish.borrow_and_update();
            (wanted.open.clone(), wanted.closed)
        };
        let Some((id, sequence)) = opens else {
            continue;
        };
        let query = Query {
            ids: vec![id.clone()],
            limit: Some(1),
            ..Query::default()
        };
        let begun = Instant::now();
        let is_other = |wanted: &Wanted| wanted.open.as_ref().is_none_or(|(other, _)| *other != id);
        let outcome = tokio::select! {
            outcome = listener.all(&query) => outcome,
            _ = wish.wait_for(is_other) => continue,
        };
        let item = match outcome {
            Ok(reply) => match reply.traces.into_iter().next() {
                Some(trace) => News::Opened(id.clone(), Arc::new(Opened::new(trace))),
                None => News::Closed(id.clone(), "the listener has dropped this trace".to_owned()),
            },
            Err(AskError::Refused(why)) => News::Closed(id.clone(), why),
            // The list tells that the listener is gone.
            Err(AskError::Unreachable { .. }) => {
                rest = AGAIN;
                continue;
            }
        };
        let took = begun.elapsed();
        let same = had.as_ref().is_some_and(|(before, _)| *before == id);
        rest = if same { STANDS.max(took * 4) } else { STANDS };
        (had, closed) = (Some((id, sequence)), closes);
        if news.send(item).await.is_err() {
            return;
        }
    }
}

/// Reads the conversation of the span that is shown: the first one compiles the lexicons, and long ones take their time.
async fn read(mut wish: watch::Receiver<Wanted>, news: mpsc::Sender<News>) {
    let mut had = None;
    loop {
        let is_new = |wanted: &Wanted| match (&wanted.talk, &had) {
            (Some(talk), Some(had)) => !talk.is(had),
            (talk, _) => talk.is_some(),
        };
        let Ok(subject) = wish.wait_for(is_new).await.map(|wanted| wanted.talk.clone()) else {
            return;
        };
        let Some(subject) = subject else { continue };
        let said = conversation(subject.span()).map(Box::new);
        had = Some(subject.clone());
        if news.send(News::Said(subject, said)).await.is_err() {
            return;
        }
    }
}
