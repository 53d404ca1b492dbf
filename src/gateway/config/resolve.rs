//! From the model that a client names to the provider that serves it: alias, then exact name, then a provider's wildcard.
//! What is not found is answered with the names that are near.

use std::{collections::BTreeMap, fmt};

use super::{
    models::Provider,
    routes::{Preferences, Route},
};
use crate::values::{foreign::harmless, suggest};

/// Most names that an answer lists.
const MAX_LISTED: usize = 12;

/// Most characters of a client's model in an answer.
const MAX_ASKED: usize = 100;

/// What is served, and under which names.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// In the order of the file.
    pub providers: Vec<Provider>,
    /// What aliases and preferences stand for.
    pub routes: Vec<Route>,
    /// Which route a request takes that asks for no model; none where nobody chooses.
    pub preferences: Option<Preferences>,
    /// Index of the route, by alias.
    pub(super) aliases: BTreeMap<String, usize>,
}

/// Who is asked, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Index of the provider.
    pub provider: usize,
    /// The model's name at the provider.
    pub model: String,
}

/// How a model was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// By its name.
    Exact,
    /// Among all models of a provider.
    Wildcard,
}

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// One model.
    Model(Target, Choice),
    /// What an alias stands for: its name, and the index of its route.
    Alias(&'a str, usize),
}

/// Nobody serves that model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unknown {
    /// The model as the client named it, made harmless and cut.
    pub asked: String,
    /// Names that were most likely meant, the nearest first.
    pub near: Vec<String>,
    /// Names that are served, some of them where they are many.
    pub served: Vec<String>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asked.as_str() {
            "" => f.write_str("no model is named")?,
            asked => write!(f, "unknown model {asked:?}")?,
        }
        if !self.near.is_empty() {
            let near: Vec<String> = self.near.iter().map(|name| format!("{name:?}")).collect();
            write!(f, " (did you mean {}?)", near.join(" or "))?;
        }
        write!(f, "; served are {}", self.served.join(", "))
    }
}

impl Models {
    /// Who serves a model.
    ///
    /// # Errors
    /// [`Unknown`], with the names that are near.
    pub fn resolve(&self, model: &str) -> Result<Found<'_>, Unknown> {
        if let Some((alias, route)) = self.aliases.get_key_value(model) {
            return Ok(Found::Alias(alias, *route));
        }
        let (target, choice) = self.find(model).ok_or_else(|| self.unknown(model))?;
        Ok(Found::Model(target, choice))
    }

    /// `provider/model` of a target.
    pub fn id(&self, target: &Target) -> String {
        format!("{}/{}", self.providers[target.provider].name, target.model)
    }

    /// The names that a client may ask for, with who serves them: aliases and models, no wildcards. Of an alias for several
    /// models, who serves the first.
    pub fn listed(&self) -> Vec<(String, &str)> {
        let first = |route: usize| self.routes[route].targets[0].provider;
        let aliases = self.aliases.iter().map(|(name, &route)| (name.clone(), first(route)));
        let models = self
            .providers
            .iter()
            .enumerate()
            .filter(|(_, provider)| provider.model.is_some());
        let models = models.map(|(index, provider)| (provider.id(), index));
        aliases
            .chain(models)
            .map(|(name, index)| (name, self.providers[index].name.as_str()))
            .collect()
    }

    /// The model that is asked where the routing model finds none.
    pub fn default_target(&self) -> Option<Target> {
        let provider = self.providers.iter().position(|provider| provider.default)?;
        let model = self.providers[provider].model.clone()?;
        Some(Target { provider, model })
    }

    /// A model, wherever it is served; aliases are none.
    pub(super) fn find(&self, asked: &str) -> Option<(Target, Choice)> {
        if asked.is_empty() {
            return None;
        }
        let target = |provider, model: &str, choice| {
            let model = model.to_owned();
            Some((Target { provider, model }, choice))
        };
        let exact = |matches: &dyn Fn(&Provider) -> bool| self.providers.iter().position(matches);
        if let Some(index) = exact(&|provider| provider.model.is_some() && provider.id() == asked) {
            return target(index, self.providers[index].model.as_deref()?, Choice::Exact);
        }
        if let Some((name, model)) = asked.split_once('/').filter(|(name, _)| self.has(name)) {
            let index = self.wildcard(|provider| provider.name == name)?;
            return target(index, model, Choice::Wildcard).filter(|_| !model.is_empty());
        }
        if let Some(index) = exact(&|provider| provider.model.as_deref() == Some(asked)) {
            return target(index, asked, Choice::Exact);
        }
        target(self.wildcard_for(asked)?, asked, Choice::Wildcard)
    }

    /// The wildcard for a name without a provider: whose family it is, else the only one, else that of the default's provider.
    fn wildcard_for(&self, model: &str) -> Option<usize> {
        let takes = |provider: &Provider| !model.contains('/') || provider.serves_any();
        let wildcards = self
            .providers
            .iter()
            .filter(|provider| provider.model.is_none())
            .count();
        let default = self.providers.iter().find(|provider| provider.default);
        let only = || self.wildcard(|provider| wildcards == 1 && takes(provider));
        let beside_default = || {
            let name = &default?.name;
            self.wildcard(|provider| provider.name == *name && takes(provider))
        };
        let family = self.wildcard(|provider| provider.is_family(model));
        family.or_else(only).or_else(beside_default)
    }

    fn wildcard(&self, matches: impl Fn(&Provider) -> bool) -> Option<usize> {
        self.providers
            .iter()
            .position(|provider| provider.model.is_none() && matches(provider))
    }

    fn has(&self, name: &str) -> bool {
        self.providers.iter().any(|provider| provider.name == name)
    }

    /// The model with the provider that was most likely meant.
    fn with_provider(&self, asked: &str) -> Option<String> {
        let (name, model) = asked.split_once('/')?;
        let providers = self.providers.iter().filter(|provider| provider.model.is_none());
        let meant = suggest::nearest(name, providers.map(|provider| provider.name.as_str()))?;
        Some(harmless(&format!("{meant}/{model}"), MAX_ASKED))
    }

    pub(super) fn unknown(&self, asked: &str) -> Unknown {
        let ids: Vec<String> = self.providers.iter().map(Provider::id).collect();
        let models = self.providers.iter().filter_map(|provider| provider.model.as_deref());
        let aliases = self.aliases.keys().map(String::as_str);
        let names: Vec<&str> = aliases.chain(ids.iter().map(String::as_str)).collect();
        let whole = names.iter().copied().filter(|name| !name.ends_with("/*"));
        let mut near: Vec<String> = self.with_provider(asked).into_iter().collect();
        for name in suggest::nearest_few(asked, whole.chain(models), 3) {
            if !near.iter().any(|other| other == name) {
                near.push(name.to_owned());
            }
        }
        let mut served: Vec<String> = names.iter().take(MAX_LISTED).map(|&name| name.to_owned()).collect();
        if names.len() > MAX_LISTED {
            served.push(format!("and {} more", names.len() - MAX_LISTED));
        }
        Unknown {
            asked: harmless(asked, MAX_ASKED),
            near,
            served,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Found;
    use crate::{gateway::config, values::reading::Expanded};

    /// Asks for a model; the answer is `provider model alias choice`, or what is told.
    fn check(asked: &str, models: &[&str], expected: &str) {
        let providers = models.iter().enumerate().map(|(index, model)| {
            let own = model.starts_with("custom").then_some("http://localhost:1");
            json!({"model": model, "access_key": "k", "base_url": own, "default": index == 0 && !model.ends_with('*')})
        });
        let aliases = match models.contains(&"openai/gpt-4o") {
            true => json!({"fast-llm": {"target": "gpt-4o"}}),
            false => json!({}),
        };
        let tree = json!({
            "listeners": [{"type": "model", "name": "llm", "port": 0}],
            "model_providers": providers.collect::<Vec<_>>(), "model_aliases": aliases,
        });
        let gateway = config::check(&Expanded::from(tree)).unwrap_or_else(|faults| panic!("{faults:?}"));
        let found = match gateway.models.resolve(asked) {
            Ok(Found::Model(to, choice)) => {
                let provider = &gateway.models.providers[to.provider].name;
                format!("{provider} {} - {choice:?}", to.model)
            }
            Ok(Found::Alias(alias, route)) => {
                let ids = gateway.models.routes[route]
                    .targets
                    .iter()
                    .map(|to| gateway.models.id(to));
                format!("{alias} {}", ids.collect::<Vec<_>>().join(" "))
            }
            Err(unknown) => unknown.to_string(),
        };
        assert_eq!(found, expected, "{asked} of {models:?}");
    }

    const SOME: &[&str] = &[
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-0",
        "custom/test-model",
        "openai/*",
    ];
    const ALL: &[&str] = &["openai/*", "anthropic/*", "groq/*"];

    #[test]
    fn alias_then_name_then_wildcard() {
        check("fast-llm", SOME, "fast-llm openai/gpt-4o");
        check("openai/gpt-4o", SOME, "openai gpt-4o - Exact");
        check("gpt-4o", SOME, "openai gpt-4o - Exact");
        check("test-model", SOME, "custom test-model - Exact");
        check("openai/gpt-4o-mini", SOME, "openai gpt-4o-mini - Wildcard");
        check("gpt-4o-mini", SOME, "openai gpt-4o-mini - Wildcard");
    }

    #[test]
    fn a_bare_name_finds_its_maker() {
        check("claude-haiku-4", ALL, "anthropic claude-haiku-4 - Wildcard");
        check("o3", ALL, "openai o3 - Wildcard");
        check("groq/meta-llama/llama-4", ALL, "groq meta-llama/llama-4 - Wildcard");
        check("some-model", &["groq/*"], "groq some-model - Wildcard");
        check("openai/gpt-oss", &["groq/*"], "groq openai/gpt-oss - Wildcard");
        check(
            "openai/gpt-4o",
            &["openrouter/openai/gpt-4o", "openai/*"],
            "openai gpt-4o - Wildcard",
        );
        check(
            "openai/gpt-4o",
            &["openrouter/openai/gpt-4o", "groq/*"],
            "openrouter openai/gpt-4o - Exact",
        );
    }

    #[test]
    fn what_nobody_serves_is_answered_with_what_is_near() {
        let served = "served are fast-llm, openai/gpt-4o, anthropic/claude-sonnet-4-0, custom/test-model, openai/*";
        for (asked, told) in [
            (
                "anthropic/claude-sonet-4-0",
                "(did you mean \"anthropic/claude-sonnet-4-0\"?)",
            ),
            ("anthropic/", ""),
            ("opnai/gpt-9", "(did you mean \"openai/gpt-9\" or \"openai/gpt-4o\"?)"),
        ] {
            let told = format!(
                "unknown model {asked:?}{}{told}; {served}",
                if told.is_empty() { "" } else { " " }
            );
            check(asked, SOME, &told);
        }
        check(
            "some-model",
            ALL,
            "unknown model \"some-model\"; served are openai/*, anthropic/*, groq/*",
        );
        check("", ALL, "no model is named; served are openai/*, anthropic/*, groq/*");
        let hostile = "x\u{1b}[2J".repeat(40);
        let told = format!(
            "unknown model {:?}; served are openai/*, anthropic/*, groq/*",
            format!("{}…", "x [2J".repeat(20))
        );
        check(&hostile, ALL, &told);
    }
}
