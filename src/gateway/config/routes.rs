//! What one name may lead to, checked: aliases for one or several models, and the models that preferences name. Models are looked
//! up only where every provider is sound, so that one fault is told once.

use std::collections::BTreeMap;

use super::{
    models::Provider,
    resolve::{Choice, Models, Target},
    written::{self, File, Prefer},
};
use crate::values::{Fault, reading::Paths};

/// How one of several models is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The first that is well.
    InOrder,
    /// One after the other.
    RoundRobin,
    /// The fastest.
    LeastLatency,
    /// The cheapest.
    CostOptimized,
}

/// Models of which one serves a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// In the order of the file; at least one, each once.
    pub targets: Vec<Target>,
    /// How one is picked.
    pub strategy: Strategy,
}

/// Which route a request takes that asks for no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Who is asked which preference fits, the first first.
    pub router: Vec<Target>,
    /// In the order of the file; at least one.
    pub list: Vec<Preference>,
}

/// What a route is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// Its name.
    pub name: String,
    /// What kind of request it is for, in words for a model.
    pub description: String,
    /// Index of the route.
    pub route: usize,
}

/// Checks `model_aliases`, `routing_preferences` and the model that chooses among these.
pub(super) fn check(file: &File, providers: Vec<Option<Provider>>, faults: &mut Vec<Fault>) -> Models {
    let mut models = Models {
        providers: providers.into_iter().flatten().collect(),
        ..Models::default()
    };
    let mut checked = Checked { file, faults };
    for (name, alias) in &file.model_aliases {
        let path = format!("model_aliases::{name}");
        if let Some(route) = checked.alias(&models, alias.as_ref(), &path) {
            models.aliases.insert(name.clone(), models.routes.len());
            models.routes.push(route);
        }
    }
    models.preferences = checked.preferences(&mut models);
    models
}

/// A model, or a fault that says what is near; none and no fault where a provider is unsound.
fn model(file: &File, models: &Models, name: &str, path: &str, faults: &mut Vec<Fault>) -> Option<Target> {
    let found = models.find(name);
    let is_alias = file.model_aliases.contains_key(name);
    // A wildcard takes any name, that of an alias, too.
    let found = found.filter(|(target, choice)| !target.model.contains('*') && (*choice == Choice::Exact || !is_alias));
    let found = found.map(|(target, _)| target);
    let are_sound = models.providers.len() == file.model_providers.len();
    if found.is_none() && are_sound {
        let reason = if models.providers.is_empty() {
            format!("{name:?} needs model_providers")
        } else if is_alias {
            format!("{name:?} is an alias itself; name a model")
        } else if name.ends_with("/*") {
            format!("{name:?} is not one model; name one")
        } else {
            models.unknown(name).to_string()
        };
        faults.push(Fault::at(path, reason));
    }
    found
}

/// The models behind a name that the gateway itself asks: an alias or a model.
pub(super) fn chooser(
    file: &File,
    models: &Models,
    name: &str,
    path: &str,
    faults: &mut Vec<Fault>,
) -> Option<Vec<Target>> {
    match models.aliases.get(name) {
        Some(&route) => Some(models.routes[route].targets.clone()),
        None => model(file, models, name, path, faults).map(|target| vec![target]),
    }
}

struct Checked<'a> {
    file: &'a File,
    faults: &'a mut Vec<Fault>,
}

impl Checked<'_> {
    fn fault(&mut self, path: &str, reason: impl Into<String>) {
        self.faults.push(Fault::at(path, reason.into()));
    }

    fn alias(&mut self, models: &Models, alias: Option<&written::Alias>, path: &str) -> Option<Route> {
        let alias = alias.filter(|alias| !alias.target.is_empty() || !alias.targets.is_empty());
        let Some(alias) = alias else {
            self.fault(
                &format!("{path}::target"),
                "requires the model that is meant, or targets",
            );
            return None;
        };
        if alias.targets.is_empty() {
            if alias.strategy.is_some() {
                self.fault(
                    &format!("{path}::strategy"),
                    "picks among targets; there is one target only",
                );
            }
            let target = self.model(models, &alias.target, &format!("{path}::target"))?;
            return Some(Route {
                targets: vec![target],
                strategy: Strategy::InOrder,
            });
        }
        if !alias.target.is_empty() {
            self.fault(&format!("{path}::targets"), "stands beside target; keep one of them");
        }
        let strategy = match alias.strategy.unwrap_or_default() {
            written::Strategy::RoundRobin => Strategy::RoundRobin,
            written::Strategy::LeastLatency => Strategy::LeastLatency,
            written::Strategy::CostOptimized => Strategy::CostOptimized,
        };
        self.route(models, &alias.targets, strategy, &format!("{path}::targets"))
    }

    fn route(&mut self, models: &Models, names: &[String], strategy: Strategy, path: &str) -> Option<Route> {
        let mut targets = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let path = format!("{path}::{index}");
            let Some(target) = self.model(models, name, &path) else {
                continue;
            };
            if targets.contains(&target) {
                self.fault(&path, format!("{name:?} stands twice"));
            }
            targets.push(target);
        }
        (!targets.is_empty()).then_some(Route { targets, strategy })
    }

    fn model(&mut self, models: &Models, name: &str, path: &str) -> Option<Target> {
        model(self.file, models, name, path, self.faults)
    }

    fn preferences(&mut self, models: &mut Models) -> Option<Preferences> {
        let written = self.written();
        let mut list = Vec::new();
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for (path, preference) in &written {
            if preference.name.is_empty() {
                self.fault(&format!("{path}::name"), "requires a name");
            } else if let Some(first) = names.insert(&preference.name, path) {
                let reason = format!(
                    "{:?} is the name of {}",
                    preference.name,
                    Paths::Dots.join(&first.split("::").collect::<Vec<_>>())
                );
                self.fault(&format!("{path}::name"), reason);
            }
            if preference.description.is_empty() {
                let reason = "requires what kind of request it is for, in words for a model";
                self.fault(&format!("{path}::description"), reason);
            }
            if preference.models.is_empty() {
                self.fault(&format!("{path}::models"), "requires at least one model");
            }
            let strategy = match preference.selection_policy.prefer {
                Some(Prefer::Cheapest) => Strategy::CostOptimized,
                Some(Prefer::Fastest) => Strategy::LeastLatency,
                Some(Prefer::None) | None => Strategy::InOrder,
            };
            if let Some(route) = self.route(models, &preference.models, strategy, &format!("{path}::models")) {
                list.push(Preference {
                    name: preference.name.clone(),
                    description: preference.description.clone(),
                    route: models.routes.len(),
                });
                models.routes.push(route);
            }
        }
        let router = &self.file.overrides.llm_routing_model;
        if router.is_empty() {
            if !written.is_empty() {
                let reason = "requires the model that chooses among routing_preferences";
                self.fault("overrides::llm_routing_model", reason);
            }
            return None;
        }
        let router = chooser(self.file, models, router, "overrides::llm_routing_model", self.faults)?;
        (!list.is_empty()).then_some(Preferences { router, list })
    }

    /// The preferences with their paths; those of the older form, below a provider, by name, with the models that name them.
    fn written(&mut self) -> Vec<(String, written::Preference)> {
        let listed = self.file.routing_preferences.iter().enumerate();
        let mut all: Vec<_> = listed
            .map(|(index, preference)| (format!("routing_preferences::{index}"), preference.clone()))
            .collect();
        let newer = all.len();
        for (at, provider) in self.file.model_providers.iter().enumerate() {
            for (index, preference) in provider.routing_preferences.iter().enumerate() {
                let path = format!("model_providers::{at}::routing_preferences::{index}");
                if !preference.models.is_empty() {
                    let reason = "is the provider's model here; write models in routing_preferences at the top";
                    self.fault(&format!("{path}::models"), reason);
                }
                let same = |(_, other): &&mut (String, written::Preference)| other.name == preference.name;
                match all[newer..].iter_mut().find(same) {
                    Some((_, known)) => known.models.push(provider.model.clone()),
                    None => {
                        let mut preference = preference.clone();
                        preference.models = vec![provider.model.clone()];
                        all.push((path, preference));
                    }
                }
            }
        }
        all
    }
}
