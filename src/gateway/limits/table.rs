//! The windows of one limit, one for each value of its header, at most 10,000.
//!
//! Clients choose those values, so the table must neither grow without end nor forget. It forgets a window only when nothing in
//! it counts any more, which loses nothing. When all of them count, values that are new share one window: whoever sends ten
//! thousand made-up values can thin out what newcomers get, but never sets back a count, neither its own nor another's. A
//! table that drops what was used least lately would let everybody start anew for the price of 10,000 tiny requests.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    time::Duration,
};

use http::HeaderValue;

use super::window::{Mark, Refused, Rule, Standing, Window, nanos};

/// Most windows of a limit.
pub(super) const MAX_VALUES: usize = 10_000;
/// Shortest time between two searches for windows that no longer count, so that full tables cost no time either.
const BETWEEN_SWEEPS: Duration = Duration::from_millis(100);

/// Whose window tokens were charged to, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    key: u64,
    shared: bool,
    mark: Mark,
    tokens: u64,
}

/// The windows of one limit.
#[derive(Debug)]
pub(super) struct Table {
    rule: Rule,
    /// By the value's hash under a secret of this process: the values themselves are not kept.
    windows: HashMap<u64, Window>,
    /// That of all values that found no room.
    rest: Window,
    hasher: RandomState,
    max: usize,
    next_sweep: u64,
}

impl Table {
    pub(super) fn new(rule: Rule, max: usize) -> Table {
        Table {
            rule,
            windows: HashMap::new(),
            rest: Window::default(),
            hasher: RandomState::new(),
            max,
            next_sweep: 0,
        }
    }

    /// The key of a header's value, or of all values together.
    pub(super) fn key(&self, value: Option<&HeaderValue>) -> u64 {
        self.hasher.hash_one(value.map(HeaderValue::as_bytes))
    }

    /// Whether that many tokens may be used now. Charges nothing.
    pub(super) fn check(&mut self, key: u64, now: u64, tokens: u64) -> Result<(), Refused> {
        let rule = self.rule;
        match self.find(key, now) {
            Some(window) => window.check(rule, now, tokens),
            None => Window::default().check(rule, now, tokens),
        }
    }

    /// Charges tokens, whether they fit or not.
    pub(super) fn charge(&mut self, key: u64, now: u64, tokens: u64) -> Charge {
        let rule = self.rule;
        let has_room = self.windows.contains_key(&key) || self.has_room(now);
        let window = match has_room {
            true => self.windows.entry(key).or_default(),
            false => &mut self.rest,
        };
        let mark = window.charge(rule, now, tokens);
        Charge {
            key,
            shared: !has_room,
            mark,
            tokens,
        }
    }

    /// Puts what was used in the place of what was charged. More than that is charged now: it is known only now.
    pub(super) fn settle(&mut self, charge: Charge, now: u64, tokens: u64) {
        match tokens.checked_sub(charge.tokens) {
            Some(0) => {}
            Some(more) => drop(self.charge(charge.key, now, more)),
            None => {
                let window = match charge.shared {
                    true => Some(&mut self.rest),
                    false => self.windows.get_mut(&charge.key),
                };
                if let Some(window) = window {
                    window.give_back(charge.mark, charge.tokens - tokens);
                }
            }
        }
    }

    /// What a value has left.
    pub(super) fn standing(&mut self, key: u64, now: u64) -> Standing {
        let rule = self.rule;
        match self.find(key, now) {
            Some(window) => window.standing(rule, now),
            None => Window::default().standing(rule, now),
        }
    }

    /// Number of values that have a window of their own.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// The window that a value is counted in; none where it will get a new one.
    fn find(&mut self, key: u64, now: u64) -> Option<&mut Window> {
        if !self.windows.contains_key(&key) {
            return (!self.has_room(now)).then_some(&mut self.rest);
        }
        self.windows.get_mut(&key)
    }

    /// Whether there is room for one more, after what no longer counts is forgotten.
    fn has_room(&mut self, now: u64) -> bool {
        if self.windows.len() >= self.max && now >= self.next_sweep {
            self.next_sweep = now.saturating_add(nanos(BETWEEN_SWEEPS));
            let rule = self.rule;
            self.windows.retain(|_, window| !window.is_unused(rule, now));
        }
        self.windows.len() < self.max
    }
}
