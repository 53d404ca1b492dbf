//! Rate limits: how many tokens a model, or whoever sends a header, may use in a unit of time. A request is charged with an
//! estimate before it is sent and with what it really took after its reply. Promises to hold a lock only for a look into one
//! table, never across a wait; to count a request with all of its limits or with none; and to cost nothing where the config
//! names no limit. Keeps counts in memory only: they begin anew with the process.

mod table;
#[cfg(test)]
mod tests;
mod told;
mod window;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use metrics::{Counter, counter, describe_counter};

use super::{
    config::{Limited, RateLimit},
    exchange::RequestFacts,
};
use table::{Charge, MAX_VALUES, Table};
pub(super) use told::Exceeded;
use told::Told;
use window::{Rule, nanos};

/// Bytes of messages that make a token, about.
const BYTES_PER_TOKEN: usize = 4;

/// The model of a request, under every name that a limit may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The alias that the client named, if it was one.
    pub(super) alias: Option<&'a str>,
    /// The provider that was chosen.
    pub(super) provider: &'a str,
    /// The model's name there.
    pub(super) model: &'a str,
}

impl Asked<'_> {
    fn is(&self, limited: &Limited) -> bool {
        match limited {
            Limited::All => false,
            Limited::Alias(name) => self.alias == Some(name.as_str()),
            Limited::Provider(name) => self.provider == name,
            Limited::Model { provider, model } => self.provider == provider && self.model == model,
        }
    }
}

/// What a request will take, before it is sent: its messages at four bytes a token, and the longest reply that it asks for.
pub(super) fn estimate(facts: &RequestFacts) -> u64 {
    let messages = facts.messages.len().div_ceil(BYTES_PER_TOKEN) as u64;
    let reply = facts.max_tokens.and_then(|tokens| u64::try_from(tokens).ok());
    messages.saturating_add(reply.unwrap_or(0))
}

/// One limit with its counts.
struct Limit {
    config: RateLimit,
    told: Told,
    table: Mutex<Table>,
    refused: Counter,
}

impl Limit {
    fn new(index: usize, config: &RateLimit) -> Limit {
        let rule = Rule {
            tokens: config.tokens,
            unit: config.unit.duration(),
        };
        let label = config.name.clone().unwrap_or_else(|| index.to_string());
        Limit {
            table: Mutex::new(Table::new(rule, MAX_VALUES)),
            refused: counter!("plano_ratelimit_refused_total", "limit" => label),
            told: Told::new(index, config),
            config: config.clone(),
        }
    }

    /// A panic elsewhere leaves no table half written.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value that a request is counted under; none where the limit is not about it. Who leaves the header out is counted
    /// with all others who do, so that leaving it out gains nothing.
    fn value<'a>(&self, headers: &'a HeaderMap, asked: Option<&Asked<'_>>) -> Option<Option<&'a HeaderValue>> {
        let is_about = match (&self.config.model, asked) {
            (Limited::All, asked) => asked.is_none(),
            (limited, Some(asked)) => asked.is(limited),
            (_, None) => false,
        };
        if !is_about {
            return None;
        }
        let Some(selector) = &self.config.selector else {
            return Some(None);
        };
        match &selector.value {
            Some(wanted) => headers
                .get_all(&selector.header)
                .iter()
                .any(|value| value == wanted)
                .then_some(None),
            None => Some(headers.get(&selector.header)),
        }
    }
}

struct All {
    limits: Vec<Limit>,
    begun: Instant,
}

impl All {
    fn at(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.begun))
    }
}

/// All limits of the config.
#[derive(Clone, Default)]
pub(super) struct Limits(Option<Arc<All>>);

impl Limits {
    /// Registers the metric with the current recorder, where there is a limit.
    pub(super) fn new(config: &[RateLimit]) -> Limits {
        if config.is_empty() {
            return Limits(None);
        }
        describe_counter!(
            "plano_ratelimit_refused_total",
            "Requests that a rate limit refused, by its name, else by its place in the config."
        );
        let limits = config
            .iter()
            .enumerate()
            .map(|(index, config)| Limit::new(index, config));
        Limits(Some(Arc::new(All {
            limits: limits.collect(),
            begun: Instant::now(),
        })))
    }

    /// Whether there is any, so that nothing needs to be estimated where there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Charges a request to every limit that is about its model; without one, to those of all models, which a request may be
    /// charged to before its model is known.
    ///
    /// # Errors
    /// The limit that it must wait for the longest; then it is charged to none.
    pub(super) fn admit(
        &self,
        headers: &HeaderMap,
        asked: Option<&Asked<'_>>,
        tokens: u64,
        now: Instant,
    ) -> Result<Permit, Exceeded> {
        let mut permit = Permit::default();
        let Some(all) = &self.0 else { return Ok(permit) };
        let at = all.at(now);
        let mut exceeded: Option<(usize, Exceeded)> = None;
        for (index, limit) in all.limits.iter().enumerate() {
            let Some(value) = limit.value(headers, asked) else {
                continue;
            };
            let mut table = limit.table();
            let key = table.key(value);
            match table.check(key, at, tokens) {
                Ok(()) => {
                    permit.charges.push((index, table.charge(key, at, tokens)));
                    let told = limit.told.standing(table.standing(key, at));
                    permit.tightest = permit
                        .tightest
                        .filter(|other| other.remaining <= told.remaining)
                        .or(Some(told));
                }
                Err(refused) => {
                    let this = limit.told.exceeded(refused, table.standing(key, at), tokens);
                    let worse = exceeded.as_ref().is_none_or(|(_, other)| other.wait < this.wait);
                    exceeded = if worse { Some((index, this)) } else { exceeded };
                }
            }
        }
        permit.all = Some(Arc::clone(all));
        match exceeded {
            None => Ok(permit),
            Some((index, exceeded)) => {
                permit.settle(0, now);
                all.limits[index].refused.increment(1);
                Err(exceeded)
            }
        }
    }
}

/// A request that was admitted. One that is dropped stays charged with its estimate: the reply was cut off, or its provider does
/// not count, so that nobody knows what was used.
#[derive(Default)]
#[must_use = "a permit that is not settled stays charged with its estimate"]
pub(super) struct Permit {
    all: Option<Arc<All>>,
    charges: Vec<(usize, Charge)>,
    tightest: Option<told::Standing>,
}

impl Permit {
    /// Puts what was used in the place of the estimate; 0 for a call that failed.
    pub(super) fn settle(self, tokens: u64, now: Instant) {
        let Some(all) = self.all else { return };
        let at = all.at(now);
        for (index, charge) in self.charges {
            all.limits[index].table().settle(charge, at, tokens);
        }
    }

    /// Tokens that are left under the tightest of the limits.
    pub(super) fn remaining(&self) -> u64 {
        self.tightest.map_or(u64::MAX, |standing| standing.remaining)
    }

    /// What is left under the tightest of the limits, as OpenAI's clients read it. None where no limit is about the request.
    pub(super) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        self.tightest.into_iter().flat_map(told::Standing::headers)
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Permit")
            .field("charges", &self.charges)
            .finish_non_exhaustive()
    }
}

/// Whole seconds, rounded up, at least 1.
fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
