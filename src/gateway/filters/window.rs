//! Leads a streamed answer through a chain: complete events gather in a window until it is large or old enough, go through the
//! filters, and what comes back goes on. Held back is no more than the smallest window of the chain's filters, plus what came in
//! one piece with its last event; beyond that the stream waits. Nothing runs by itself: dropped, it gives up the call under way.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, Sleep};

use super::{
    Content, Envelope, Filters, Look, Rejected, Step,
    step::{Log, locked},
};
use crate::gateway::{exchange::Api, providers::errors::error_event, spans::Direction, stream};

/// A window's way through the chain.
type Flight = Pin<Box<dyn Future<Output = Result<Bytes, Rejected>> + Send>>;

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Out {
    /// Complete events for the client.
    Events(Bytes),
    /// The stream ends here: an error event in the client's API, and why.
    Refused(Bytes, Rejected),
}

/// A stream's way through a chain. Give it what arrives with [`Windows::push`] while it [wants more](Windows::wants_more), then
/// [`Windows::end`]; take what comes out with [`Windows::poll`].
pub(in crate::gateway) struct Windows {
    filters: Filters,
    chain: Arc<[usize]>,
    envelope: Arc<Envelope>,
    client: Api,
    duration: Duration,
    size: usize,
    /// What arrived, and when the window that begins with it is due.
    queue: VecDeque<(Bytes, Instant)>,
    /// Bytes in the queue, and in the chain.
    queued: usize,
    flying: usize,
    flight: Option<Flight>,
    timer: Option<Pin<Box<Sleep>>>,
    is_ended: bool,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Windows {
    /// None for an empty chain. `client`: the API of the events, in which an error is told.
    pub(in crate::gateway) fn new(
        filters: &Filters,
        chain: &[usize],
        envelope: Envelope,
        client: Api,
    ) -> Option<Windows> {
        let windows = chain.iter().map(|&index| filters.entries[index].config.window);
        let duration = windows.clone().map(|window| window.duration).min()?;
        let size = windows.map(|window| window.size).min()?;
        Some(Windows {
            filters: filters.clone(),
            chain: chain.into(),
            envelope: Arc::new(envelope),
            client,
            duration,
            size,
            queue: VecDeque::new(),
            queued: 0,
            flying: 0,
            flight: None,
            timer: None,
            is_ended: false,
            steps: Arc::default(),
        })
    }

    /// Whether it takes more. Where not, [`Windows::poll`] wakes the task as soon as it does.
    pub(in crate::gateway) fn wants_more(&self) -> bool {
        !self.is_ended && self.queued + self.flying < self.size
    }

    /// Takes one or more complete events. One event at a time makes windows that are no larger than they shall be.
    pub(in crate::gateway) fn push(&mut self, events: Bytes) {
        if !events.is_empty() && !self.is_ended {
            self.queued += events.len();
            self.queue.push_back((events, Instant::now() + self.duration));
        }
    }

    /// Nothing more comes: what is held back goes out now.
    pub(in crate::gateway) fn end(&mut self) {
        self.is_ended = true;
    }

    /// What the filters did up to now, one step each.
    pub(in crate::gateway) fn steps(&self) -> Vec<Step> {
        locked(&self.steps).clone()
    }

    /// The next thing for the client. Pending: a window is not due yet, or in the chain, or nothing is there; poll again after a
    /// push, an end, or when woken. None: it has ended, and everything has come out.
    pub(in crate::gateway) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Option<Out>> {
        loop {
            if let Some(flight) = &mut self.flight {
                let landed = ready!(flight.as_mut().poll(task));
                (self.flight, self.flying) = (None, 0);
                return Poll::Ready(Some(match landed {
                    Ok(events) => Out::Events(events),
                    Err(rejected) => self.refuse(rejected),
                }));
            }
            let Some(&(_, due)) = self.queue.front() else {
                return match self.is_ended {
                    true => Poll::Ready(None),
                    false => Poll::Pending,
                };
            };
            if !self.is_ended && self.queued < self.size {
                let timer = self
                    .timer
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
                if timer.deadline() != due {
                    timer.as_mut().reset(due);
                }
                ready!(timer.as_mut().poll(task));
            }
            self.take_off();
        }
    }

    /// Sends a window into the chain: as many pieces as fit into it, one at least.
    fn take_off(&mut self) {
        let mut window = BytesMut::new();
        while let Some((piece, due)) = self.queue.pop_front() {
            if !window.is_empty() && window.len() + piece.len() > self.size {
                self.queue.push_front((piece, due));
                break;
            }
            self.queued -= piece.len();
            window.extend_from_slice(&piece);
        }
        self.flying = window.len();
        let (filters, chain) = (self.filters.clone(), Arc::clone(&self.chain));
        let (envelope, steps) = (Arc::clone(&self.envelope), Arc::clone(&self.steps));
        let look = Look {
            direction: Direction::Output,
            content: Content::Events,
            limit: stream::DEFAULT_LIMIT,
        };
        let window = window.freeze();
        self.flight = Some(Box::pin(async move {
            let mut log = Log::Merged(&steps);
            filters.pass(&chain, &envelope, look, window, &mut log).await
        }));
    }

    fn refuse(&mut self, rejected: Rejected) -> Out {
        self.queue.clear();
        (self.queued, self.is_ended) = (0, true);
        let event = error_event(self.client, rejected.status.as_u16(), &rejected.message, None);
        Out::Refused(event.into(), rejected)
    }
}
