//! Which of several models serves a request: strategies over own measurements and prices, cooling off, sessions that stay where they
//! are. Knows targets by number; asks nobody and waits for nothing. What is measured is bounded by the config.

mod affinity;
mod health;
mod strategy;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicUsize, atomic::Ordering},
    time::{Duration, Instant},
};

pub(super) use affinity::{Affinity, Pin, Session};

use super::{
    config::{Gateway, Strategy, Target},
    exchange::RequestFacts,
};
use crate::values::prices::Price;
use health::Health;
use strategy::{Candidate, Wish};

/// Bytes of a message for one token, about.
const BYTES_A_TOKEN: u64 = 4;
/// Tokens of a reply where nothing says how long it may be, and at most.
const REPLY_TOKENS: u64 = 512;

/// What the gateway has learnt of its models.
#[derive(Debug)]
pub(super) struct Router {
    routes: Vec<Turns>,
    slots: HashMap<Target, usize>,
    /// By slot.
    health: Vec<Mutex<Health>>,
    cooling_time: Duration,
    pub(super) affinity: Affinity,
}

/// A route, in use.
#[derive(Debug)]
struct Turns {
    strategy: Strategy,
    turn: AtomicUsize,
    targets: Vec<Priced>,
}

#[derive(Debug)]
struct Priced {
    slot: usize,
    price: Option<Price>,
}

/// The targets of a route in the order in which they are asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Indices into the route's targets; each once.
    pub(super) targets: Vec<usize>,
    /// Why the first is the first.
    pub(super) reason: String,
}

impl Router {
    pub(super) fn new(gateway: &Gateway) -> Router {
        let mut slots: HashMap<Target, usize> = HashMap::new();
        let models = &gateway.models;
        let routes = models.routes.iter().map(|route| {
            let targets = route.targets.iter().map(|target| {
                let next = slots.len();
                let provider = &models.providers[target.provider].name;
                Priced {
                    slot: *slots.entry(target.clone()).or_insert(next),
                    price: gateway.prices.price(provider, &target.model),
                }
            });
            Turns {
                strategy: route.strategy,
                turn: AtomicUsize::new(0),
                targets: targets.collect(),
            }
        });
        let routes = routes.collect();
        let routers = models.preferences.iter().flat_map(|preferences| &preferences.router);
        let orchestrators = gateway
            .orchestrated
            .iter()
            .flatten()
            .flat_map(|agents| &agents.orchestrator);
        for target in routers.chain(orchestrators) {
            let next = slots.len();
            slots.entry(target.clone()).or_insert(next);
        }
        Router {
            routes,
            health: slots.iter().map(|_| Mutex::default()).collect(),
            slots,
            cooling_time: gateway.cooling_time,
            affinity: Affinity::default(),
        }
    }

    /// The number under which a target is measured; none where it stands on no route.
    pub(super) fn slot(&self, target: &Target) -> Option<usize> {
        self.slots.get(target).copied()
    }

    fn health(&self, slot: usize) -> MutexGuard<'_, Health> {
        self.health[slot].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In which order the targets of a route are asked, those that cool off last.
    pub(super) fn order(&self, route: usize, request: &RequestFacts, now: Instant) -> Order {
        let route = &self.routes[route];
        let wish = match route.strategy {
            Strategy::InOrder => Wish::First,
            Strategy::RoundRobin => Wish::Next,
            Strategy::LeastLatency => Wish::Fastest,
            Strategy::CostOptimized => Wish::Cheapest,
        };
        let candidates: Vec<Candidate> = route
            .targets
            .iter()
            .map(|target| {
                let health = self.health(target.slot);
                Candidate {
                    cools: health.cools(now),
                    speed: health.speed(request.stream),
                    cost: target.price.map(|price| cost(price, request)),
                }
            })
            .collect();
        let turn = match route.targets.len() {
            1 => 0,
            _ => route.turn.fetch_add(1, Ordering::Relaxed),
        };
        let (targets, reason) = strategy::order(wish, &candidates, turn);
        Order { targets, reason }
    }

    /// Notes which target of a route is asked first.
    pub(super) fn chosen(&self, route: usize, target: usize, now: Instant) {
        self.health(self.routes[route].targets[target].slot).chosen(now);
    }

    /// Whether a target of a route is left out for now.
    pub(super) fn cools(&self, route: usize, target: usize, now: Instant) -> bool {
        let slot = self.routes[route].targets.get(target).map(|target| target.slot);
        slot.is_some_and(|slot| self.is_left_out(slot, now))
    }

    /// Whether a target is left out for now.
    pub(super) fn is_left_out(&self, slot: usize, now: Instant) -> bool {
        self.health(slot).cools(now)
    }

    /// Notes an answer: how long it took to its first token, where it was streamed, and to its end.
    pub(super) fn answered(&self, slot: usize, first_token: Option<Duration>, whole: Duration, now: Instant) {
        self.health(slot).answered(first_token, whole, now);
    }

    /// Notes that a target failed. `wait`: what it asked to be left alone for.
    pub(super) fn failed(&self, slot: usize, wait: Option<Duration>, now: Instant) {
        let left_out = self.health(slot).failed(self.cooling_time, wait, now);
        if let Some(time) = left_out {
            let named = self.slots.iter().find(|(_, other)| **other == slot);
            let model = named.map_or("", |(target, _)| target.model.as_str());
            tracing::warn!(model, ?time, "a model fails and is left out for a while");
        }
    }
}

/// What a request costs, in USD, as far as its length and its wishes tell.
fn cost(price: Price, request: &RequestFacts) -> f64 {
    let input = request.messages.len() as u64 / BYTES_A_TOKEN;
    let output = request.max_tokens.and_then(|most| u64::try_from(most).ok());
    price.cost(input, 0, output.unwrap_or(REPLY_TOKENS).min(REPLY_TOKENS))
}

#[cfg(test)]
mod tests;
