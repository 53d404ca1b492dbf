//! The way into the pipelines of one receiver: `send` waits and tells the outcome, `offer` never waits. A batch goes into
//! the queues of all exporters or into none, so a sender that tries again after a refusal duplicates nothing; the one
//! exception are several exporters that tell their outcome (`wait_for_result`, no queue), of which one succeeds before
//! another one fails.

use std::{mem, sync::Arc};

use futures_util::future::try_join_all;
use tokio::sync::oneshot;

use super::{
    Admission, Refused,
    chain::Chain,
    door::{Closed, Door},
    metrics::ReceiverCounts,
    queue::{Outlet, Room},
};
use crate::otlp::TraceBatch;

/// A receiver's or the gateway's way in. Cheap to clone.
#[derive(Clone)]
pub struct Inlet {
    feed: Arc<Feed>,
    /// Which of the feed's counters.
    counts: usize,
}

/// What one receiver feeds.
struct Feed {
    chains: Vec<Arc<Chain>>,
    /// Those that tell their outcome first, since the others get the data only when these have it.
    routes: Vec<Route>,
    /// One for each transport; empty = without that label.
    counts: Vec<(&'static str, ReceiverCounts)>,
    door: Door,
}

/// From one pipeline to one exporter.
struct Route {
    /// Which chain of the feed.
    chain: usize,
    /// The exporter.
    outlet: Arc<Outlet>,
    /// Most room that one batch takes on this way. Where several pipelines of the feed share a queue, each has its share of
    /// it, so that all together always fit into an empty one.
    most_room: usize,
}

/// Divides each queue among the routes into it; the first of them gets what does not divide.
fn share_out(ways: Vec<(usize, Arc<Outlet>)>) -> Vec<Route> {
    let into = |outlet: &Arc<Outlet>, ways: &[(usize, Arc<Outlet>)]| {
        ways.iter().filter(|(_, other)| Arc::ptr_eq(other, outlet)).count()
    };
    let most_room = |index: usize| {
        let outlet = &ways[index].1;
        let shares = into(outlet, &ways);
        let share = outlet.capacity() / shares;
        if into(outlet, &ways[..index]) > 0 {
            share
        } else {
            outlet.capacity() - share * (shares - 1)
        }
    };
    let limits: Vec<usize> = (0..ways.len()).map(most_room).collect();
    let routes = ways.into_iter().zip(limits).map(|((chain, outlet), most_room)| Route {
        chain,
        outlet,
        most_room,
    });
    routes.collect()
}

impl Inlet {
    /// Makes the counters of each transport, under the recorder that is current now. The first one counts until
    /// [`Inlet::transport`] chooses; none = without that label.
    pub(super) fn new(
        receiver: &str,
        transports: &[&'static str],
        chains: Vec<Arc<Chain>>,
        ways: Vec<(usize, Arc<Outlet>)>,
    ) -> Inlet {
        let mut routes = share_out(ways);
        routes.sort_by_key(|route| !route.outlet.tells_outcome());
        let transports = if transports.is_empty() { &[""] } else { transports };
        let counts = transports.iter();
        let counts = counts.map(|transport| (*transport, ReceiverCounts::new(receiver, transport)));
        let feed = Feed {
            chains,
            routes,
            counts: counts.collect(),
            door: Door::new(receiver, Closed::Refuses),
        };
        Inlet {
            feed: Arc::new(feed),
            counts: 0,
        }
    }

    /// Asks for room for the bytes of one request, before they are decoded (and before they are read, where their number
    /// is known). Hold the answer until the request is answered.
    ///
    /// # Errors
    /// Retryable, where there is no room now.
    pub fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        let mut chains = self.feed.chains.iter();
        let admitted = chains.try_fold(Admission::default(), |granted, chain| {
            Ok(granted.and(chain.admit(bytes)?))
        });
        match &admitted {
            Ok(_) => {
                self.feed.door.open();
            }
            Err(refused) => self.turned_away(refused),
        }
        admitted
    }

    /// Counts a request that was refused before its spans were known, by the receiver itself or by a processor.
    pub fn turned_away(&self, why: &Refused) {
        self.counts().turned_away.increment(1);
        self.feed.door.closed(why);
    }

    /// Carries the batch through the processors into the queue of every exporter, all or none. `Ok` is the promise that it
    /// is there. An empty batch is fine. Waits where an exporter's queue says `block_on_overflow`, and for the outcome of
    /// the export where it says `wait_for_result` or where there is no queue.
    ///
    /// Cancelled, the batch went nowhere, or everywhere, or (where it waits for an outcome) to the exporters waited for.
    ///
    /// # Errors
    /// [`Refused`]: nothing was accepted.
    pub async fn send(&self, batch: TraceBatch) -> Result<(), Refused> {
        let spans = batch.span_count();
        if spans == 0 {
            return Ok(());
        }
        let sent = match self.feed.chains.as_slice() {
            [chain] => match chain.run(batch) {
                Ok(batch) => self.feed.send(&mut [batch]).await,
                Err(refused) => Err(refused),
            },
            _ => match self.feed.fan_out(batch) {
                Ok(mut batches) => self.feed.send(&mut batches).await,
                Err(refused) => Err(refused),
            },
        };
        self.count(spans, sent)
    }

    /// The same without ever waiting: where `send` would wait for room, this refuses; where `send` would wait for the
    /// outcome, this is content with a place in the queue (a queue that is switched off has one for this purpose).
    ///
    /// # Errors
    /// [`Refused`]: nothing was accepted.
    pub fn offer(&self, batch: TraceBatch) -> Result<(), Refused> {
        let spans = batch.span_count();
        if spans == 0 {
            return Ok(());
        }
        let offered = match self.feed.chains.as_slice() {
            [chain] => chain.run(batch).and_then(|batch| self.feed.offer(&mut [batch])),
            _ => self
                .feed
                .fan_out(batch)
                .and_then(|mut batches| self.feed.offer(&mut batches)),
        };
        self.count(spans, offered)
    }

    /// Lets the processors see a batch that goes nowhere: what is not exported shall still be measured.
    pub(super) fn measure(&self, batch: TraceBatch) {
        for chain in &self.feed.chains {
            // A refusal concerns nobody: the batch would have been let go.
            let _seen = chain.run(batch.clone());
        }
    }

    /// Counts spans that the receiver itself refused (bad ids, a malformed request with a known number).
    pub fn refused(&self, spans: usize) {
        self.counts().refused.increment(spans as u64);
    }

    /// The same inlet for requests that come over another transport, for the `transport` label of its metrics: one of
    /// [`Receiver::transports`](super::Receiver::transports); any other name counts as the first of them.
    #[must_use]
    pub fn transport(&self, name: &'static str) -> Inlet {
        let known = self.feed.counts.iter().position(|(transport, _)| *transport == name);
        Inlet {
            feed: Arc::clone(&self.feed),
            counts: known.unwrap_or(0),
        }
    }

    fn counts(&self) -> &ReceiverCounts {
        &self.feed.counts[self.counts].1
    }

    fn count(&self, spans: usize, outcome: Result<(), Refused>) -> Result<(), Refused> {
        let counts = self.counts();
        let counter = if outcome.is_ok() {
            &counts.accepted
        } else {
            &counts.refused
        };
        counter.increment(spans as u64);
        outcome
    }
}

impl Feed {
    /// What each pipeline makes of the batch.
    fn fan_out(&self, batch: TraceBatch) -> Result<Vec<TraceBatch>, Refused> {
        self.chains.iter().map(|chain| chain.run(batch.clone())).collect()
    }

    fn offer(&self, batches: &mut [TraceBatch]) -> Result<(), Refused> {
        let mut reserved = Reservation::new(&self.routes, batches);
        match reserved.extend() {
            Ok(()) => reserved.commit(),
            Err(full) => Err(reserved.refuse(full)),
        }
    }

    async fn send(&self, batches: &mut [TraceBatch]) -> Result<(), Refused> {
        let mut reserved = Reservation::new(&self.routes, batches);
        while let Err(full) = reserved.extend() {
            if full.room == Room::Closed || !self.routes[full.route].outlet.blocks() {
                return Err(reserved.refuse(full));
            }
            reserved.wait_at(full.route).await?;
        }
        reserved.deliver().await?;
        reserved.commit()
    }
}

/// Where there was no room.
struct Full {
    route: usize,
    room: Room,
}

/// Room in a number of queues; what was not filled is given back when dropped.
struct Reservation<'a> {
    routes: &'a [Route],
    /// One for each chain.
    batches: &'a mut [TraceBatch],
    /// Routes before this one are filled.
    filled: usize,
    /// Routes before this one are reserved or filled.
    reserved: usize,
    /// A route beyond that which is reserved too.
    ahead: Option<usize>,
}

impl<'a> Reservation<'a> {
    fn new(routes: &'a [Route], batches: &'a mut [TraceBatch]) -> Reservation<'a> {
        Reservation {
            routes,
            batches,
            filled: 0,
            reserved: 0,
            ahead: None,
        }
    }

    fn room(&self, route: usize) -> usize {
        let route = &self.routes[route];
        route.outlet.room_for(&self.batches[route.chain]).min(route.most_room)
    }

    /// Reserves in all queues or in none.
    fn extend(&mut self) -> Result<(), Full> {
        while let Some(route) = self.routes.get(self.reserved) {
            if self.ahead == Some(self.reserved) {
                self.ahead = None;
            } else if let Err(room) = route.outlet.reserve(self.room(self.reserved)) {
                let route = self.reserved;
                self.give_back();
                return Err(Full { route, room });
            }
            self.reserved += 1;
        }
        Ok(())
    }

    /// Waits in one queue's line, holding no room elsewhere, so that one full queue starves no other pipeline.
    async fn wait_at(&mut self, route: usize) -> Result<(), Refused> {
        let room = self.room(route);
        self.routes[route].outlet.wait_for_room(room).await?;
        self.ahead = Some(route);
        Ok(())
    }

    fn give_back(&mut self) {
        for route in (self.filled..self.reserved).chain(self.ahead) {
            self.routes[route].outlet.release(self.room(route));
        }
        self.reserved = self.filled;
        self.ahead = None;
    }

    fn refuse(&self, full: Full) -> Refused {
        let route = &self.routes[full.route];
        route.outlet.refuse(full.room, self.batches[route.chain].span_count())
    }

    /// Fills what is reserved and not yet filled.
    fn commit(&mut self) -> Result<(), Refused> {
        while self.filled < self.reserved {
            self.fill_next(None)?;
        }
        Ok(())
    }

    /// Fills one queue. The last one that takes a chain's batch gets the batch itself.
    fn fill_next(&mut self, waiter: Option<oneshot::Sender<Result<(), Refused>>>) -> Result<(), Refused> {
        let room = self.room(self.filled);
        let batch = self.next_batch();
        let outlet = &self.routes[self.filled].outlet;
        self.filled += 1;
        if batch.is_empty() {
            // The processors dropped every span: there is nothing to send, and that is a success.
            outlet.release(room);
            waiter.map(|waiter| waiter.send(Ok(())));
            return Ok(());
        }
        outlet.fill(batch, room, waiter)
    }

    fn next_batch(&mut self) -> TraceBatch {
        let chain = self.routes[self.filled].chain;
        let needed = self.routes[self.filled + 1..].iter().any(|later| later.chain == chain);
        if needed {
            self.batches[chain].clone()
        } else {
            mem::take(&mut self.batches[chain])
        }
    }

    /// Hands the batch to the exporters that tell their outcome, and waits for it.
    async fn deliver(&mut self) -> Result<(), Refused> {
        let routes = self.routes;
        let (mut told, mut direct) = (Vec::new(), Vec::new());
        while let Some(route) = routes.get(self.filled).filter(|route| route.outlet.tells_outcome()) {
            if route.outlet.is_direct() {
                let occupied = route.outlet.occupy(self.room(self.filled));
                let batch = self.next_batch();
                self.filled += 1;
                direct.push(occupied.send(batch));
            } else {
                let (waiter, outcome) = oneshot::channel();
                self.fill_next(Some(waiter))?;
                told.push(outcome);
            }
        }
        if told.is_empty() && direct.is_empty() {
            return Ok(());
        }
        try_join_all(direct).await?;
        for outcome in told {
            // A queue that is torn down answers nobody.
            outcome
                .await
                .unwrap_or_else(|_gone| Err(Refused::retry("shutting down")))?;
        }
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}
