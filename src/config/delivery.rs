//! The engine's part of an exporter's mapping (`sending_queue`, `retry_on_failure`, `timeout`, `max_request_bytes`), split off
//! before the exporter reads the rest, laid over the exporter's own defaults.

use serde_json::{Map, Value};

use super::merge;
use crate::{
    pipeline::{Fault, queue::Delivery},
    values::{
        reading::{Originals, Reading},
        tree,
    },
};

/// The keys that are the engine's.
pub(super) const KEYS: [&str; 4] = ["sending_queue", "retry_on_failure", "timeout", "max_request_bytes"];

/// An exporter's delivery as the user wants it.
pub(super) struct Wanted {
    pub(super) delivery: Delivery,
    /// Whether the user wrote `sending_queue.batch`, which the `batch` processor then does not override.
    pub(super) own_batch: bool,
}

/// Takes the engine's keys out of `raw` and reads them.
pub(super) fn split(
    id: &str,
    raw: &mut Value,
    defaults: &Delivery,
    originals: &Originals,
    lines: &mut Vec<String>,
) -> Wanted {
    let mut own = Map::new();
    if let Value::Object(map) = raw {
        for key in KEYS {
            if let Some(value) = map.shift_remove(key) {
                own.insert(key.to_owned(), value);
            }
        }
    }
    let mut own = without_nulls(Value::Object(own));
    refuse_storage(id, &mut own, lines);
    switch_on(&mut own);
    let own_batch = own.pointer("/sending_queue/batch").is_some();
    let mut whole = serde_json::to_value(defaults).expect("settings are plain data");
    merge::merge(&mut whole, own);
    let mut outcome = Reading::new(&["exporters", id], whole, originals, &[]).run(tree::read::<Delivery>, validate);
    lines.append(&mut outcome.lines);
    let delivery = outcome.value.unwrap_or_else(|| defaults.clone());
    Wanted { delivery, own_batch }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        other => other,
    }
}

fn refuse_storage(id: &str, own: &mut Value, lines: &mut Vec<String>) {
    let queue = own.get_mut("sending_queue").and_then(Value::as_object_mut);
    if queue.is_some_and(|queue| queue.shift_remove("storage").is_some()) {
        lines.push(format!(
            "exporters::{id}::sending_queue::storage: a persistent queue needs the file_storage extension, which this \
             version does not have yet; remove the key to queue in memory"
        ));
    }
}

/// Who writes a section that is off by default wants it, unless it says `enabled: false`. Who has a queue has retries too, unless
/// they are switched off: the sender does not learn that an export failed and cannot try again.
fn switch_on(own: &mut Value) {
    let has_queue = own["sending_queue"].is_object() && own["sending_queue"]["enabled"] != false;
    if has_queue && own["retry_on_failure"].is_null() {
        own["retry_on_failure"] = Value::Object(Map::new());
    }
    for section in ["sending_queue", "retry_on_failure"] {
        if let Some(Value::Object(written)) = own.get_mut(section) {
            written.entry("enabled").or_insert(Value::Bool(true));
        }
    }
}

/// As in the Collector, what says `enabled: false` may hold any values.
fn validate(delivery: &Delivery) -> Vec<Fault> {
    let queue = &delivery.sending_queue;
    let off = [
        ("sending_queue::", !queue.enabled),
        ("sending_queue::batch::", !queue.batch.enabled),
        ("retry_on_failure::", !delivery.retry_on_failure.enabled),
    ];
    let mut faults = delivery.validate();
    faults.retain(|fault| !off.iter().any(|(section, off)| *off && fault.path.starts_with(section)));
    faults
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn read(raw: Value) -> (Wanted, Vec<String>, Value) {
        let defaults = Delivery {
            timeout: Duration::from_secs(30),
            ..Delivery::default()
        };
        read_over(&defaults, raw)
    }

    fn read_over(defaults: &Delivery, mut raw: Value) -> (Wanted, Vec<String>, Value) {
        let mut lines = Vec::new();
        let wanted = split("x", &mut raw, defaults, &Originals::new(), &mut lines);
        (wanted, lines, raw)
    }

    fn check(raw: Value, expected: &[&str]) {
        assert_eq!(read(raw.clone()).1, expected, "{raw}");
    }

    #[test]
    fn lays_the_users_part_over_the_defaults() {
        let (wanted, lines, rest) = read(json!({
            "endpoint": "e", "sending_queue": {"queue_size": 7, "batch": {"min_size": 10}}, "retry_on_failure": null,
        }));
        assert_eq!((lines, rest), (vec![], json!({"endpoint": "e"})));
        let mut expected = Delivery {
            timeout: Duration::from_secs(30),
            ..Delivery::default()
        };
        expected.sending_queue.queue_size = 7;
        expected.sending_queue.batch.min_size = 10;
        assert_eq!(wanted.delivery, expected);
        assert!(wanted.own_batch);
    }

    #[test]
    fn sections_can_be_switched_off() {
        let (wanted, lines, _) =
            read(json!({"sending_queue": {"enabled": false}, "retry_on_failure": {"enabled": false}}));
        assert!(
            lines.is_empty() && !wanted.delivery.sending_queue.enabled && !wanted.delivery.retry_on_failure.enabled
        );
        let (wanted, lines, _) = read(json!({"sending_queue": {"batch": {"enabled": false}}}));
        assert_eq!((lines.len(), wanted.delivery.sending_queue.batch.enabled), (0, false));
        check(json!({"sending_queue": {"enabled": false, "queue_size": 0}}), &[]);
    }

    /// An exporter that has no queue unless one is written, such as `debug`.
    #[test]
    fn a_written_section_is_on_and_checked() {
        let mut defaults = Delivery::default();
        defaults.sending_queue.enabled = false;
        defaults.retry_on_failure.enabled = false;
        let check = |raw: Value, on: bool, expected: &[&str]| {
            let (wanted, lines, _) = read_over(&defaults, raw.clone());
            assert_eq!(wanted.delivery.sending_queue.enabled, on, "{raw}");
            let retries = on || !raw["retry_on_failure"].is_null();
            assert_eq!(wanted.delivery.retry_on_failure.enabled, retries, "{raw}");
            assert_eq!(lines, expected, "{raw}");
        };
        check(json!({}), false, &[]);
        check(json!({"sending_queue": null}), false, &[]);
        check(json!({"sending_queue": {}}), true, &[]);
        check(json!({"sending_queue": {"queue_size": 5}}), true, &[]);
        check(json!({"sending_queue": {"enabled": null, "queue_size": 5}}), true, &[]);
        check(
            json!({"sending_queue": {"enabled": false, "queue_size": 5}}),
            false,
            &[],
        );
        check(
            json!({"sending_queue": {"queue_size": 0, "num_consumers": 0, "batch": {"min_size": 2, "max_size": 1}}}),
            true,
            &[
                "exporters::x::sending_queue::queue_size: must be greater than zero",
                "exporters::x::sending_queue::num_consumers: must be greater than zero",
                "exporters::x::sending_queue::batch::max_size: must be 0 (no bound) or at least `min_size`",
            ],
        );
        check(
            json!({"sending_queue": {"batch": {"enabled": false, "min_size": 2, "max_size": 1}}}),
            true,
            &[],
        );
        let (wanted, ..) = read_over(
            &defaults,
            json!({"sending_queue": {}, "retry_on_failure": {"enabled": false}}),
        );
        assert!(wanted.delivery.sending_queue.enabled && !wanted.delivery.retry_on_failure.enabled);
        check(
            json!({"retry_on_failure": {"multiplier": 0.5}}),
            false,
            &["exporters::x::retry_on_failure::multiplier: must be at least 1"],
        );
    }

    #[test]
    fn refuses_with_paths() {
        check(
            json!({"sending_queue": {"queue_sise": 1, "num_consumers": 0, "batch": {"max_size": 1}}, "timeout": "x"}),
            &[
                "'exporters.x.sending_queue' has invalid keys: queue_sise (did you mean \"queue_size\"?)",
                "exporters::x::timeout: invalid duration \"x\"; write it like 300ms, 1.5h or 2h45m",
                "exporters::x::sending_queue::num_consumers: must be greater than zero",
                "exporters::x::sending_queue::batch::max_size: must be 0 (no bound) or at least `min_size`",
            ],
        );
        check(
            json!({"sending_queue": {"storage": "file_storage"}}),
            &[
                "exporters::x::sending_queue::storage: a persistent queue needs the file_storage extension, which this \
               version does not have yet; remove the key to queue in memory",
            ],
        );
        check(
            json!({"retry_on_failure": {"multiplier": 0.5, "randomization_factor": 2, "max_elapsed_time": "1s"}}),
            &[
                "exporters::x::retry_on_failure::randomization_factor: must be within [0, 1]",
                "exporters::x::retry_on_failure::multiplier: must be at least 1",
                "exporters::x::retry_on_failure::max_elapsed_time: must be 0 (for ever) or not less than `initial_interval`",
                "exporters::x::retry_on_failure::max_elapsed_time: must be 0 (for ever) or not less than `max_interval`",
            ],
        );
    }
}
