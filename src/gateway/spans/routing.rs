//! `plano(routing)`: from the model that the client asked for to the one that is called.

use std::time::Duration;

use http::Uri;

use super::draft::{Draft, Kind};
use super::{Common, Failure, Place, url};
use crate::otlp::keys;

/// How a model is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// There was no choice.
    #[default]
    Direct,
    /// One after the other.
    RoundRobin,
    /// The fastest.
    LeastLatency,
    /// The cheapest.
    CostOptimized,
    /// By the preference that fits the request.
    Preference,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Strategy; 5] = [
        Strategy::Direct,
        Strategy::RoundRobin,
        Strategy::LeastLatency,
        Strategy::CostOptimized,
        Strategy::Preference,
    ];

    /// The value of `routing.strategy`.
    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::Direct => "direct",
            Strategy::RoundRobin => "round-robin",
            Strategy::LeastLatency => "least-latency",
            Strategy::CostOptimized => "cost-optimized",
            Strategy::Preference => "preference",
        }
    }
}

/// What is known of a choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Routing<'a> {
    /// Method of the client's request.
    pub method: &'a str,
    /// Path of the client's request.
    pub path: &'a str,
    /// How it was made.
    pub strategy: Strategy,
    /// Where the request goes; none where nothing was chosen. Shown without secrets.
    pub endpoint: Option<&'a Uri>,
    /// How long it took.
    pub determination: Duration,
    /// Whether it is not the first choice.
    pub is_fallback: bool,
    /// Why that one.
    pub reason: Option<&'a str>,
    /// What could have been chosen.
    pub candidates: &'a [&'a str],
    /// The model as the client wrote it.
    pub requested: &'a str,
    /// What an alias stands for; none where the client named no alias.
    pub alias_resolved: Option<&'a str>,
    /// The model that was chosen; none where nothing was.
    pub selected: Option<&'a str>,
    /// The routing preference that matched.
    pub route: Option<&'a str>,
    /// Why nothing was chosen.
    pub failure: Option<Failure<'a>>,
}

impl Routing<'_> {
    pub(super) fn draft(&self, common: &Common, place: Place) -> Draft {
        let name = format!("{} {}", self.method, self.path);
        let endpoint = self.endpoint.map(url::without_secrets);
        let millis = self.determination.as_nanos() as f64 / 1e6;
        Draft::new(common, place, Kind::Internal, &name)
            .text(keys::ROUTING_STRATEGY, self.strategy.as_str())
            .text(keys::ROUTING_UPSTREAM_ENDPOINT, endpoint.as_deref())
            .double(keys::ROUTING_DETERMINATION_MS, millis)
            .boolean(keys::ROUTING_IS_FALLBACK, self.is_fallback)
            .text(keys::ROUTING_SELECTION_REASON, self.reason)
            .texts(keys::ROUTING_CANDIDATES, self.candidates)
            .text(keys::MODEL_REQUESTED, self.requested)
            .text(keys::MODEL_ALIAS_RESOLVED, self.alias_resolved)
            .text(keys::ROUTE_SELECTED_MODEL, self.selected)
            .text(keys::PLANO_ROUTE_NAME, self.route)
            .failure(self.failure)
    }
}
