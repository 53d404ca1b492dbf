//! Where the process stands: starting, ready, draining; and whether the engine still makes progress, which is worked out
//! when somebody asks. Knows nothing of how it is shown.

use std::{
    sync::{Arc, Mutex, Weak},
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, time::Instant};

/// Time without progress, with work and a free consumer, after which the process counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stage of the process's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Ports are being taken.
    Starting,
    /// Data moves.
    Ready,
    /// No new data; queues empty themselves.
    Draining,
    /// A part that has work has made no progress for too long.
    Stuck,
}

/// A part of the engine that may stop making progress.
pub(super) trait Progress: Send + Sync {
    /// Since when there was work and the means to do it, and nothing was done.
    fn idle_since(&self, now: Instant) -> Option<Instant>;
}

/// Shared by the engine, which writes it, and those who answer health checks. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    stage: watch::Sender<State>,
    ready: Mutex<Option<(SystemTime, Instant)>>,
    parts: Mutex<Vec<Weak<dyn Progress>>>,
}

impl Default for Inner {
    fn default() -> Inner {
        Inner {
            stage: watch::Sender::new(State::Starting),
            ready: Mutex::new(None),
            parts: Mutex::new(Vec::new()),
        }
    }
}

impl Health {
    /// A process that starts.
    pub fn new() -> Health {
        Health::default()
    }

    /// The stage now. A ready process that makes no progress is [`State::Stuck`].
    pub fn state(&self) -> State {
        let stage = *self.inner.stage.borrow();
        if stage == State::Ready && self.stuck(Instant::now()) {
            return State::Stuck;
        }
        stage
    }

    fn stuck(&self, now: Instant) -> bool {
        let parts = self.inner.parts.lock().expect("nobody panics with it");
        let mut idle = parts.iter().filter_map(|part| part.upgrade()?.idle_since(now));
        idle.any(|since| now.saturating_duration_since(since) > PATIENCE)
    }

    /// Follows the stages as the engine sets them. [`State::Stuck`] never shows here: ask [`Health::state`].
    pub fn watch(&self) -> watch::Receiver<State> {
        self.inner.stage.subscribe()
    }

    /// When it became ready; `None` before.
    pub fn up_since(&self) -> Option<SystemTime> {
        self.ready_at().map(|(wall, _)| wall)
    }

    /// How long it has been ready; zero before.
    pub fn uptime(&self) -> Duration {
        self.ready_at().map(|(_, since)| since.elapsed()).unwrap_or_default()
    }

    fn ready_at(&self) -> Option<(SystemTime, Instant)> {
        *self.inner.ready.lock().expect("nobody panics with it")
    }

    /// Enters a stage.
    pub(super) fn enter(&self, stage: State) {
        let ready = (stage == State::Ready).then(|| (SystemTime::now(), Instant::now()));
        if ready.is_some() || stage == State::Starting {
            *self.inner.ready.lock().expect("nobody panics with it") = ready;
        }
        self.inner.stage.send_replace(stage);
    }

    /// Says which parts to ask about progress, in place of those before.
    pub(super) fn observe(&self, parts: Vec<Weak<dyn Progress>>) {
        *self.inner.parts.lock().expect("nobody panics with it") = parts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Idle(Option<Instant>);

    impl Progress for Idle {
        fn idle_since(&self, _now: Instant) -> Option<Instant> {
            self.0
        }
    }

    fn check(stage: State, idle_for: Option<u64>, expected: State) {
        let health = Health::new();
        health.enter(stage);
        let since = idle_for.map(|seconds| Instant::now() - Duration::from_secs(seconds));
        let part: Arc<dyn Progress> = Arc::new(Idle(since));
        health.observe(vec![Arc::downgrade(&part)]);
        assert_eq!(health.state(), expected, "{stage:?} {idle_for:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_ready_process_without_progress_is_stuck() {
        tokio::time::advance(Duration::from_secs(100)).await;
        check(State::Starting, None, State::Starting);
        check(State::Starting, Some(60), State::Starting);
        check(State::Ready, None, State::Ready);
        check(State::Ready, Some(30), State::Ready);
        check(State::Ready, Some(31), State::Stuck);
        check(State::Draining, Some(31), State::Draining);
    }

    #[tokio::test(start_paused = true)]
    async fn counts_from_when_it_was_ready() {
        let health = Health::new();
        let mut stages = health.watch();
        assert_eq!((health.up_since(), health.uptime()), (None, Duration::ZERO));
        tokio::time::advance(Duration::from_secs(5)).await;
        health.enter(State::Ready);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert!(health.up_since().is_some());
        assert_eq!(health.uptime(), Duration::from_secs(7));
        assert!(stages.has_changed().expect("still there"));
        assert_eq!(*stages.borrow_and_update(), State::Ready);
        health.enter(State::Starting);
        assert_eq!(health.up_since(), None);
    }
}
