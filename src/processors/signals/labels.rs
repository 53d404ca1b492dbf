//! Resource attributes on the signal metrics. The values come from clients, so there are at most [`SETS`] sets of them; whoever
//! comes later is counted as `other`. Handles are made once a set.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::meters::Meters;
use crate::{
    otlp::{ResourceSpansRef, ValueRef},
    pipeline::{Fault, metrics::Registry},
};

/// Sets of values that have handles of their own.
const SETS: usize = 100;
/// Longest value (bytes); longer ones are cut.
const LONGEST: usize = 128;
/// What stands for all values of a set that came too late.
const OTHER: &str = "other";
/// Labels that the metrics have already, or that Prometheus keeps for itself.
const RESERVED: [&str; 5] = ["dialect", "le", "quality", "quantile", "type"];

/// The meters of every set of values.
pub(super) struct Labeled {
    /// Attributes, and the labels that they become.
    names: Vec<(String, String)>,
    registry: Registry,
    sets: RwLock<HashMap<Vec<String>, Arc<Meters>>>,
    /// The meters where no attribute is a label; else those of the sets that came too late.
    rest: OnceLock<Arc<Meters>>,
}

impl Labeled {
    /// For these resource attributes. Without any the metrics are registered at once, with the current recorder.
    pub(super) fn new(attributes: &[String]) -> Labeled {
        let names = attributes.iter().map(|name| (name.clone(), label(name)));
        let labeled = Labeled {
            names: names.collect(),
            registry: Registry::current(),
            sets: RwLock::default(),
            rest: OnceLock::new(),
        };
        super::meters::describe();
        if labeled.names.is_empty() {
            labeled.rest();
        }
        labeled
    }

    /// The meters of a resource.
    pub(super) fn of(&self, resource: &ResourceSpansRef<'_>) -> Arc<Meters> {
        if self.names.is_empty() {
            return self.rest();
        }
        let values = self.values(resource);
        let known = self
            .sets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&values)
            .cloned();
        known.unwrap_or_else(|| self.add(values))
    }

    fn add(&self, values: Vec<String>) -> Arc<Meters> {
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sets.get(&values) {
            return Arc::clone(known);
        }
        if sets.len() >= SETS {
            return self.rest();
        }
        let meters = self.make(&values);
        sets.insert(values, Arc::clone(&meters));
        meters
    }

    fn rest(&self) -> Arc<Meters> {
        let make = || self.make(&vec![OTHER.to_owned(); self.names.len()]);
        Arc::clone(self.rest.get_or_init(make))
    }

    fn make(&self, values: &[String]) -> Arc<Meters> {
        let labels = self.names.iter().map(|(_, label)| label.clone());
        let labels: Vec<_> = labels.zip(values.iter().cloned()).collect();
        self.registry.scope(|| Arc::new(Meters::new(&labels)))
    }

    /// The values of a resource, in the order of the names; empty where it has none, which Prometheus takes for no label.
    fn values(&self, resource: &ResourceSpansRef<'_>) -> Vec<String> {
        let mut values = vec![String::new(); self.names.len()];
        for attribute in resource.attributes() {
            let key = attribute.key_bytes();
            let Some(at) = self.names.iter().position(|(name, _)| name.as_bytes() == key) else {
                continue;
            };
            values[at] = match attribute.value() {
                ValueRef::Str(text) => text[..text.floor_char_boundary(LONGEST)].to_owned(),
                ValueRef::Int(number) => number.to_string(),
                ValueRef::Bool(value) => value.to_string(),
                _ => String::new(),
            };
        }
        values
    }
}

/// Prometheus' name for an attribute: `service.name` is `service_name`.
fn label(attribute: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = attribute.chars().map(plain).collect();
    match name.as_bytes().first() {
        Some(b'0'..=b'9') => format!("_{name}"),
        _ => name,
    }
}

/// What is wrong with a list of attributes.
pub(super) fn faults(attributes: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, attribute) in attributes.iter().enumerate() {
        let own = label(attribute);
        let twin = attributes[..index].iter().find(|other| label(other) == own);
        let reason = if attribute.trim().is_empty() {
            "is empty; expected the name of a resource attribute, such as \"service.name\"".to_owned()
        } else if RESERVED.contains(&own.as_str()) || own.starts_with("__") {
            format!("the label {own:?} is taken: the metrics have it already, or Prometheus keeps it for itself")
        } else if let Some(twin) = twin {
            format!("{attribute:?} is the same label as {twin:?}: {own}")
        } else {
            continue;
        };
        faults.push(Fault::at(format!("metrics::labels::{index}"), reason));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value, edit_spans};
    use crate::telemetry::Metrics;

    fn check(attributes: &[&str], expected: &[(&str, &str)]) {
        let attributes: Vec<String> = attributes.iter().map(|name| (*name).to_owned()).collect();
        let found = faults(&attributes);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, (path, reason)) in found.iter().zip(expected) {
            assert_eq!(found.path, *path);
            assert!(found.reason.contains(reason), "{found:?}: {reason}");
        }
    }

    #[test]
    fn names_are_checked_as_prometheus_sees_them() {
        check(&["service.name", "deployment.environment", "tenant"], &[]);
        check(
            &["service.name", "service_name", "type", "", "__x", "dialect"],
            &[
                ("metrics::labels::1", "the same label as \"service.name\": service_name"),
                ("metrics::labels::2", "is taken"),
                ("metrics::labels::3", "is empty"),
                ("metrics::labels::4", "is taken"),
                ("metrics::labels::5", "is taken"),
            ],
        );
        assert_eq!(["a.b-c", "1st", "größe"].map(label), ["a_b_c", "_1st", "gr__e"]);
    }

    fn of(labeled: &Labeled, batch: &TraceBatch, then: impl Fn(&Meters)) {
        edit_spans(batch.clone(), |resource, _, _, _| {
            then(&labeled.of(resource));
            crate::otlp::Edit::Keep
        });
    }

    fn resource(attributes: &[(&str, Value<'_>)]) -> TraceBatch {
        let span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "x");
        SpanBuilder::batch(attributes, ("", ""), [span])
    }

    #[test]
    fn each_resource_counts_for_itself_up_to_a_bound() {
        let set = Metrics::new();
        let labeled = set.scope(|| Labeled::new(&["service.name".to_owned(), "shard".to_owned()]));
        let count =
            |attributes: &[(&str, Value<'_>)]| of(&labeled, &resource(attributes), |meters| meters.unparsed(&[1]));
        count(&[("service.name", Value::Str("shop")), ("shard", Value::Int(7))]);
        count(&[
            ("shard", Value::Int(7)),
            ("service.name", Value::Str("shop")),
            ("x", Value::Int(1)),
        ]);
        count(&[("other", Value::Str("x"))]);
        for number in 0..300 {
            count(&[("service.name", Value::Str(&format!("s{number}")))]);
        }
        let text = set.render();
        let sum = |labels: &str| {
            let lines = text.lines();
            let lines = lines.filter(|line| line.starts_with("plano_signals_unparsed_total") && line.contains(labels));
            lines
                .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
                .reduce(|sum, count| sum + count)
        };
        assert_eq!(sum("service_name=\"shop\",shard=\"7\""), Some(2), "{text}");
        assert_eq!(sum("service_name=\"s97\""), Some(1));
        assert_eq!(sum("service_name=\"s98\""), None);
        assert_eq!(sum("service_name=\"other\",shard=\"other\""), Some(202));
        let names = text.matches("plano_signals_flagged_total{").count();
        assert_eq!(names, SETS + 1);
    }
}
