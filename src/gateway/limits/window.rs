//! The tokens that were admitted within the last while, pure: the time is passed in, in nanoseconds from any beginning.
//!
//! A sliding window, not a bucket that refills: a bucket admits twice its budget within one unit of time, once from what it held
//! and once from what ran in. Time is cut into slots, a 60th of the unit each, and a slot counts until it is a whole unit old
//! wherever in it the tokens fell. So what is charged within any stretch of one unit never exceeds the budget, but for replies
//! that took more than was estimated; tokens come back between 1 and 61/60 units after they were charged. There is no midnight:
//! a day is any 24 hours.

use std::{collections::VecDeque, time::Duration};

/// Slots of a unit. Also the most that are kept, but for the one that is being filled.
const SLOTS: u64 = 60;

/// How much may be used in how long a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// Tokens.
    pub(super) tokens: u64,
    /// The unit of time.
    pub(super) unit: Duration,
}

impl Rule {
    fn slot(self) -> u64 {
        (nanos(self.unit) / SLOTS).max(1)
    }

    /// When a slot no longer counts.
    fn end_of(self, slot: u64) -> u64 {
        slot.saturating_add(SLOTS + 1).saturating_mul(self.slot())
    }
}

/// A duration in nanoseconds.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where tokens were charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

/// Why tokens are not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not before so much time has passed.
    For(Duration),
    /// They are more than the whole budget.
    Forever,
}

/// What a window holds at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Tokens that are left.
    pub(super) remaining: u64,
    /// Time until all of them are.
    pub(super) reset: Duration,
}

/// Tokens by slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// Number of the slot and the tokens in it, the oldest first.
    slots: VecDeque<(u64, u64)>,
    used: u64,
}

impl Window {
    /// Forgets what no longer counts; the slot that is being filled. A time before the last one is taken for the last one.
    fn advance(&mut self, rule: Rule, now: u64) -> u64 {
        let newest = self.slots.back().map_or(0, |(slot, _)| *slot);
        let current = (now / rule.slot()).max(newest);
        while let Some((slot, tokens)) = self.slots.front().copied()
            && slot + SLOTS < current
        {
            self.used = self.used.saturating_sub(tokens);
            self.slots.pop_front();
        }
        current
    }

    /// Whether that many tokens may be used now. Charges nothing.
    pub(super) fn check(&mut self, rule: Rule, now: u64, tokens: u64) -> Result<(), Refused> {
        self.advance(rule, now);
        if tokens > rule.tokens {
            return Err(Refused::Forever);
        }
        let mut used = self.used;
        let mut end = None;
        for (slot, freed) in &self.slots {
            if used.saturating_add(tokens) <= rule.tokens {
                break;
            }
            used = used.saturating_sub(*freed);
            end = Some(rule.end_of(*slot));
        }
        match end {
            Some(end) => Err(Refused::For(Duration::from_nanos(end.saturating_sub(now)))),
            None => Ok(()),
        }
    }

    /// Charges tokens, whether they fit or not.
    pub(super) fn charge(&mut self, rule: Rule, now: u64, tokens: u64) -> Mark {
        let current = self.advance(rule, now);
        match self.slots.back_mut().filter(|(slot, _)| *slot == current) {
            Some((_, held)) => *held = held.saturating_add(tokens),
            None => self.slots.push_back((current, tokens)),
        }
        self.used = self
            .slots
            .iter()
            .fold(0, |sum, (_, tokens)| sum.saturating_add(*tokens));
        Mark(current)
    }

    /// Gives tokens back that were charged there, as far as they still count.
    pub(super) fn give_back(&mut self, mark: Mark, tokens: u64) {
        if let Some((_, held)) = self.slots.iter_mut().find(|(slot, _)| *slot == mark.0) {
            let given = tokens.min(*held);
            *held -= given;
            self.used = self.used.saturating_sub(given);
        }
    }

    /// Whether it is as good as new.
    pub(super) fn is_unused(&mut self, rule: Rule, now: u64) -> bool {
        self.advance(rule, now);
        self.used == 0
    }

    /// What is left, and how long it takes until nothing is used.
    pub(super) fn standing(&mut self, rule: Rule, now: u64) -> Standing {
        self.advance(rule, now);
        let last = self.slots.iter().rev().find(|(_, tokens)| *tokens > 0);
        let end = last.map_or(now, |(slot, _)| rule.end_of(*slot));
        Standing {
            remaining: rule.tokens.saturating_sub(self.used),
            reset: Duration::from_nanos(end.saturating_sub(now)),
        }
    }
}
