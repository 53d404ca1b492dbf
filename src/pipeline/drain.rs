//! The good end: receivers finish what is in flight, the inlet closes, the queues empty themselves, the exporters close, the
//! extensions stop; all before one deadline, and at once when aborted. What could not be sent is counted, and every sender
//! that still waits is told so.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::join_all};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    Drained, State, panic_text,
    queue::Outlet,
    running::{Ended, Running},
};

/// Time for what must only say goodbye: answers that are known, files that are closed.
const GRACE: Duration = Duration::from_secs(5);

impl Running {
    /// Ends everything in order.
    pub(super) async fn drain(mut self, abort: &CancellationToken) -> Drained {
        self.health.enter(State::Draining);
        let (start, limit) = (Instant::now(), self.drain_timeout);
        info!(timeout = crate::values::duration::format(limit), "draining");
        self.stop_receivers.cancel();
        // Half of the time at most: a client that never finishes must not take the time that the queues need.
        let receivers = timeout_at(start + limit / 2, finish(&mut self.receivers));
        if abort
            .run_until_cancelled(receivers)
            .await
            .is_none_or(|outcome| outcome.is_err())
        {
            warn!("requests are still in flight; no new data is taken from them");
        }
        let outlets = self.engine.outlets.clone();
        outlets.iter().for_each(|outlet| outlet.close());
        let emptied = timeout_at(start + limit, join_all(outlets.iter().map(|outlet| outlet.drained())));
        let _ = abort.run_until_cancelled(emptied).await;
        let unsent = self.end_queues(&outlets).await;
        // Senders that waited for an outcome know it now; let the receivers pass it on.
        let _ = abort
            .run_until_cancelled(timeout(GRACE, finish(&mut self.receivers)))
            .await;
        self.receivers.shutdown().await;
        let _ = abort.run_until_cancelled(close_exporters(&outlets)).await;
        self.stop_extensions.cancel();
        let _ = abort
            .run_until_cancelled(timeout(GRACE, finish(&mut self.extensions)))
            .await;
        self.extensions.shutdown().await;
        self.tickers.shutdown().await;
        Drained { unsent }
    }

    /// Ends every attempt under way and every consumer, and counts what is left.
    async fn end_queues(&mut self, outlets: &[Arc<Outlet>]) -> Vec<(String, usize)> {
        outlets.iter().for_each(|outlet| outlet.cut());
        self.stop_consumers.cancel();
        let ended = timeout(GRACE, async { while self.consumers.join_next().await.is_some() {} });
        if ended.await.is_err() {
            error!("an exporter does not let go of its batch; leaving it behind");
            self.consumers.abort_all();
        }
        let unsent = outlets.iter().map(|outlet| (outlet.id().to_owned(), outlet.settle()));
        unsent.filter(|(_, spans)| *spans > 0).collect()
    }
}

/// Waits for all tasks; failures on the way out are logged, since nobody else will.
async fn finish(tasks: &mut JoinSet<Ended>) {
    while let Some(ended) = tasks.join_next().await {
        if let Ok((label, Err(error))) = ended {
            error!(component = label, error = format!("{error:#}"), "failed while ending");
        }
    }
}

/// Closes the exporters, each within a bound; panics are logged.
pub(super) async fn close_exporters(outlets: &[Arc<Outlet>]) {
    let closing = outlets.iter().map(|outlet| async {
        let close = AssertUnwindSafe(async { outlet.exporter().close().await }).catch_unwind();
        match timeout(GRACE, close).await {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => error!(
                exporter = outlet.id(),
                error = panic_text(&*panic),
                "panicked while closing"
            ),
            Err(_elapsed) => error!(exporter = outlet.id(), "does not close; leaving it behind"),
        }
    });
    join_all(closing).await;
}
