//! Which model serves a request: what its name leads to, what its session had before, or what the routing model finds that fits.

use std::{borrow::Cow, time::Instant};

use http::StatusCode;

use super::{
    attempts::{Errand, Goal},
    chat::{Refusal, bad_request},
    config::{self, Found, Models, Preferences, Target},
    inquiry::inquire,
    providers::{self, BadRequest},
    question::{self, Wanted},
    record::{Choice, Fault, Record, span_id},
    route::{Pin, Session},
    spans::{ErrorType, Strategy, Validation},
};

/// Names of a model that leave the choice to the preferences, beside none at all.
const ANY: [&str; 2] = ["auto", "none"];

/// Who may serve a request, the first one first; and what to remember of it.
pub(super) struct Decision {
    pub(super) goals: Vec<Goal>,
    /// By goal: what its session remembers where it answers.
    pins: Vec<Pin>,
    session: Option<Session>,
}

impl Decision {
    /// Notes who answered.
    pub(super) fn answered(&self, record: &Record, goal: usize) {
        if let (Some(session), Some(pin)) = (self.session, self.pins.get(goal)) {
            record.shared.router.affinity.pin(session, *pin, Instant::now());
        }
    }
}

/// A route with the preference that led there.
struct Chosen {
    route: usize,
    preference: Option<usize>,
    strategy: Strategy,
    /// What led there, where it was not the name.
    why: Option<Cow<'static, str>>,
}

/// Decides; the record says what and why.
///
/// # Errors
/// Where nobody serves the model, or none is named.
pub(super) async fn choose(
    record: &mut Record,
    request: &providers::Request,
    errand: Errand<'_>,
) -> Result<Decision, Refusal> {
    let shared = std::sync::Arc::clone(&record.shared);
    let models = &shared.gateway.models;
    let asked = request.facts.model.as_str();
    let start = record.clock.now();
    let found = models.resolve(asked);
    let is_any = asked.is_empty() || ANY.contains(&asked);
    match (found, &models.preferences) {
        (Ok(Found::Alias(_, route)), _) => {
            let strategy = strategy_of(models, route);
            let chosen = Chosen {
                route,
                preference: None,
                strategy,
                why: None,
            };
            Ok(take(record, request, chosen, start, true))
        }
        (_, Some(preferences)) if is_any => by_preference(record, request, preferences, errand, start).await,
        (_, None) if asked.is_empty() => {
            record.validation = Some(Validation::MissingModel);
            Err(bad_request(&BadRequest::MissingModel))
        }
        (Ok(Found::Model(target, choice)), _) => {
            let reason = match choice {
                config::Choice::Exact => "exact model",
                config::Choice::Wildcard => "wildcard provider",
            };
            Ok(one(record, target, reason.into(), Strategy::Direct, start))
        }
        (Err(unknown), _) => Err(nobody(record, start, unknown.to_string())),
    }
}

fn strategy_of(models: &Models, route: usize) -> Strategy {
    let route = &models.routes[route];
    match route.strategy {
        _ if route.targets.len() == 1 => Strategy::Direct,
        config::Strategy::InOrder => Strategy::Direct,
        config::Strategy::RoundRobin => Strategy::RoundRobin,
        config::Strategy::LeastLatency => Strategy::LeastLatency,
        config::Strategy::CostOptimized => Strategy::CostOptimized,
    }
}

/// Nobody serves the model.
fn nobody(record: &mut Record, start: u64, message: String) -> Refusal {
    let fault = Fault::new(ErrorType::UnknownModel, message);
    let choice = Choice {
        fault: Some(fault.clone()),
        ..choice(record, start, Strategy::Direct, "nobody serves it".into())
    };
    record.choice = Some(choice);
    Refusal::of(StatusCode::NOT_FOUND, fault)
        .param("model".to_owned())
        .code("model_not_found")
}

fn choice(record: &Record, start: u64, strategy: Strategy, reason: Cow<'static, str>) -> Choice {
    Choice {
        span_id: span_id(),
        start,
        end: Some(record.clock.now()),
        strategy,
        reason,
        candidates: Vec::new(),
        is_alias: false,
        selected: None,
        is_fallback: false,
        route: None,
        fault: None,
    }
}

/// One model, without a choice.
fn one(record: &mut Record, target: Target, reason: Cow<'static, str>, strategy: Strategy, start: u64) -> Decision {
    record.choice = Some(Choice {
        candidates: vec![record.shared.gateway.models.id(&target)],
        ..choice(record, start, strategy, reason)
    });
    Decision {
        goals: vec![Goal::Model(target)],
        pins: Vec::new(),
        session: None,
    }
}

/// The session that `x-model-affinity` names.
fn session(record: &Record, asked: &str) -> Option<Session> {
    let id = record.client.headers.get("x-model-affinity")?.as_bytes();
    (!id.is_empty()).then(|| record.shared.router.affinity.session(id, record.listener, asked))
}

/// The targets of a route in the order of its strategy; where the session had one of them before and that is well, it comes first.
fn take(record: &mut Record, request: &providers::Request, chosen: Chosen, start: u64, is_alias: bool) -> Decision {
    let shared = std::sync::Arc::clone(&record.shared);
    let (router, route) = (&shared.router, &shared.gateway.models.routes[chosen.route]);
    let now = Instant::now();
    let session = session(record, &request.facts.model);
    let pinned = session.and_then(|session| router.affinity.pinned(session, now));
    let pinned = pinned.filter(|pin| pin.route == chosen.route && !router.cools(pin.route, pin.target, now));
    let mut order = router.order(chosen.route, &request.facts, now);
    if let Some(pin) = pinned {
        order.targets.retain(|&target| target != pin.target);
        order.targets.insert(0, pin.target);
        order.reason = "its session's, by x-model-affinity".to_owned();
    }
    router.chosen(chosen.route, order.targets[0], now);
    let reason: Cow<'static, str> = match chosen.why {
        _ if is_alias && route.targets.len() == 1 => "exact model".into(),
        Some(why) => format!("{why}; {}", order.reason).into(),
        None => order.reason.into(),
    };
    let targets = || order.targets.iter().map(|&at| &route.targets[at]);
    let preferences = shared.gateway.models.preferences.as_ref();
    let preference = chosen.preference.and_then(|at| preferences?.list.get(at));
    record.choice = Some(Choice {
        candidates: targets().map(|target| shared.gateway.models.id(target)).collect(),
        is_alias,
        route: preference.map(|preference| preference.name.clone()),
        ..choice(record, start, chosen.strategy, reason)
    });
    Decision {
        goals: targets().cloned().map(Goal::Model).collect(),
        pins: order
            .targets
            .iter()
            .map(|&target| Pin {
                route: chosen.route,
                target,
                preference: chosen.preference,
            })
            .collect(),
        session,
    }
}

/// What the session had before, else what the routing model finds.
async fn by_preference(
    record: &mut Record,
    request: &providers::Request,
    preferences: &Preferences,
    errand: Errand<'_>,
    start: u64,
) -> Result<Decision, Refusal> {
    let at = |preference: usize, why| Chosen {
        route: preferences.list[preference].route,
        preference: Some(preference),
        strategy: Strategy::Preference,
        why,
    };
    let now = Instant::now();
    let session = session(record, &request.facts.model);
    let pinned = session.and_then(|session| record.shared.router.affinity.pinned(session, now));
    if let Some(preference) = pinned.and_then(|pin| pin.preference) {
        return Ok(take(record, request, at(preference, None), start, false));
    }
    let options: Vec<(&str, &str)> = preferences
        .list
        .iter()
        .map(|preference| (preference.name.as_str(), preference.description.as_str()))
        .collect();
    // The routing span is known before its end, for what happens below it.
    let parent = span_id();
    let body = question::body(&options, Wanted::One, &request.facts.messages);
    record.choice = Some(Choice {
        span_id: parent,
        end: None,
        ..choice(record, start, Strategy::Preference, "the routing model is asked".into())
    });
    let answer = inquire(record, &preferences.router, &body, parent, errand).await;
    let found = answer.and_then(|answer| question::chosen(&answer, &options).map_err(|unusable| unusable.to_string()));
    let decision = match found {
        Ok(found) => {
            let name = options[found[0]].0;
            let why = format!("the routing model chose {name:?}");
            take(record, request, at(found[0], Some(why.into())), start, false)
        }
        Err(reason) => fall_back(record, preferences, &reason, start),
    };
    if let Some(choice) = &mut record.choice {
        choice.span_id = parent;
    }
    Ok(decision)
}

/// The routing model is of no use: the default model, else the first of the first preference.
fn fall_back(record: &mut Record, preferences: &Preferences, reason: &str, start: u64) -> Decision {
    let models = &record.shared.gateway.models;
    let (target, what) = match models.default_target() {
        Some(target) => (target, "the default model"),
        None => {
            let first = &models.routes[preferences.list[0].route];
            (first.targets[0].clone(), "the first model of the first preference")
        }
    };
    let reason = format!("{what}: the routing model was of no use ({reason})");
    one(record, target, reason.into(), Strategy::Preference, start)
}
