//! `ratelimits`: how many tokens may be used, checked: every limit has a budget, a unit, a model that is served, and a header
//! that holds no credentials.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::{resolve::Models, written::File};
use crate::{gateway::spans::is_forbidden_header, values::Fault};

/// One of `ratelimits` as it is written.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    /// What messages and metrics call it. Its place in the list.
    name: String,
    /// The model that is limited: an alias, a model, `provider/*`, or `*`. All of them together.
    model: String,
    /// Whose requests are counted. Everybody's together.
    selector: Option<WrittenSelector>,
    /// How much is allowed; must be there.
    limit: WrittenLimit,
}

/// `selector` of a rate limit: a request header.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenSelector {
    /// Name of the header; must be there.
    key: String,
    /// Its value. None: every value is counted by itself.
    value: String,
}

/// `limit` of a rate limit.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenLimit {
    /// Number of tokens, more than 0; must be there.
    tokens: u64,
    /// In how long a time: second, minute, hour, day; must be there.
    unit: Option<Unit>,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A second.
    Second,
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// Any 24 hours.
    Day,
}

impl Unit {
    /// The word in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Second => "second",
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::Day => "day",
        }
    }

    /// How long it is.
    pub fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 60 * 60,
            Unit::Day => 24 * 60 * 60,
        })
    }
}

/// What a limit is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limited {
    /// All models together.
    All,
    /// Requests that name an alias, whatever it leads to.
    Alias(String),
    /// All models of a provider together.
    Provider(String),
    /// A model, under whatever name it was asked for.
    Model {
        /// The provider's name.
        provider: String,
        /// The model's name there.
        model: String,
    },
}

/// Whose requests are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The request header.
    pub header: HeaderName,
    /// The only value that counts; none: every value by itself.
    pub value: Option<HeaderValue>,
}

/// A rate limit without faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// What messages and metrics call it; none: its place in the list.
    pub name: Option<String>,
    /// What it is about.
    pub model: Limited,
    /// Whose requests are counted; none: everybody's together.
    pub selector: Option<Selector>,
    /// How many tokens may be used.
    pub tokens: u64,
    /// In how long a time.
    pub unit: Unit,
}

/// Checks `ratelimits`. Models are looked up only where every provider is sound, so that one fault is told once.
pub(super) fn check(file: &File, models: &Models, faults: &mut Vec<Fault>) -> Vec<RateLimit> {
    let are_sound = !models.providers.is_empty() && models.providers.len() == file.model_providers.len();
    let mut found = Vec::new();
    for (index, written) in file.ratelimits.iter().enumerate() {
        let path = format!("ratelimits::{index}");
        let mut fault = |key: &str, reason: String| faults.push(Fault::at(format!("{path}::{key}"), reason));
        let before = &file.ratelimits[..index];
        if let Some(first) = before
            .iter()
            .position(|other| other.name == written.name && !other.name.is_empty())
        {
            fault("name", format!("{:?} is the name of ratelimits[{first}]", written.name));
        }
        if written.limit.tokens == 0 {
            fault("limit::tokens", "requires a number of tokens, more than 0".to_owned());
        }
        if written.limit.unit.is_none() {
            fault("limit::unit", "requires second, minute, hour or day".to_owned());
        }
        let model = limited(&written.model, file, models);
        if let Err(reason) = &model
            && are_sound
        {
            fault("model", reason.clone());
        }
        let selector = written.selector.as_ref().map(|written| selector(written, &mut fault));
        let (Ok(model), Some(unit), false) = (model, written.limit.unit, selector == Some(None)) else {
            continue;
        };
        found.push(RateLimit {
            name: Some(written.name.clone()).filter(|name| !name.is_empty()),
            model,
            selector: selector.flatten(),
            tokens: written.limit.tokens,
            unit,
        });
    }
    found
}

fn limited(written: &str, file: &File, models: &Models) -> Result<Limited, String> {
    if matches!(written, "" | "*") {
        return Ok(Limited::All);
    }
    if file.model_aliases.contains_key(written) {
        return Ok(Limited::Alias(written.to_owned()));
    }
    if let Some(name) = written.strip_suffix("/*") {
        let is_served = models.providers.iter().any(|provider| provider.name == name);
        let names = || models.providers.iter().map(|provider| provider.name.as_str());
        return match is_served {
            true => Ok(Limited::Provider(name.to_owned())),
            false => Err(format!(
                "no model of a provider {name:?} is served{}",
                crate::values::suggest::hint(name, names())
            )),
        };
    }
    let (target, _) = models
        .find(written)
        .ok_or_else(|| models.unknown(written).to_string())?;
    Ok(Limited::Model {
        provider: models.providers[target.provider].name.clone(),
        model: target.model,
    })
}

fn selector(written: &WrittenSelector, fault: &mut impl FnMut(&str, String)) -> Option<Selector> {
    let header = match written.key.parse::<HeaderName>() {
        _ if written.key.is_empty() => {
            Err("requires the name of a header; without a selector all requests count together".to_owned())
        }
        Ok(name) if is_forbidden_header(name.as_str()) => Err(format!(
            "{:?} carries credentials; select by a header that does not",
            written.key
        )),
        Ok(name) => Ok(name),
        Err(_) => Err(format!("{:?} is no name of a header", written.key)),
    };
    let value = match HeaderValue::from_str(&written.value) {
        Ok(value) if written.value.trim() == written.value => Ok(Some(value).filter(|value| !value.is_empty())),
        _ => Err(format!("{:?} is no value of a header", written.value)),
    };
    match (header, value) {
        (Ok(header), Ok(value)) => Some(Selector { header, value }),
        (header, value) => {
            for (key, reason) in [("selector::key", header.err()), ("selector::value", value.err())] {
                if let Some(reason) = reason {
                    fault(key, reason);
                }
            }
            None
        }
    }
}
