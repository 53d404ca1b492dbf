//! The settings: what is refused, what a `batch` processor changes, what the file format is.

use super::*;

/// The paths of what is wrong with these settings.
fn check(json: &str, expected: &[&str]) {
    let delivery: Delivery = serde_json::from_str(json).expect("settings");
    let faults = delivery.validate();
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, expected, "{json}");
}

#[test]
fn says_what_is_wrong_with_settings() {
    check("{}", &[]);
    check(
        r#"{"sending_queue": {"queue_size": 0, "num_consumers": 0, "batch": {"min_size": 10, "max_size": 5}}}"#,
        &[
            "sending_queue::queue_size",
            "sending_queue::num_consumers",
            "sending_queue::batch::max_size",
        ],
    );
    check(
        r#"{"retry_on_failure": {"randomization_factor": 1.5, "multiplier": 0.5, "max_elapsed_time": "1s"}}"#,
        &[
            "retry_on_failure::randomization_factor",
            "retry_on_failure::multiplier",
            "retry_on_failure::max_elapsed_time",
            "retry_on_failure::max_elapsed_time",
        ],
    );
    check(r#"{"retry_on_failure": {"max_elapsed_time": 0}}"#, &[]);
    check(r#"{"sending_queue": {"batch": {"max_size": 0, "min_size": 5}}}"#, &[]);
}

#[test]
fn refuses_unknown_fields_at_every_level() {
    for wrong in [
        r#"{"time_out": "5s"}"#,
        r#"{"sending_queue": {"size": 5}}"#,
        r#"{"sending_queue": {"sizer": "spans"}}"#,
        r#"{"sending_queue": {"batch": {"timeout": "5s"}}}"#,
        r#"{"retry_on_failure": {"max_elapsed": "5s"}}"#,
    ] {
        assert!(serde_json::from_str::<Delivery>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_batch_processor_sets_the_sizes() {
    let mut delivery = Delivery::default();
    delivery.sending_queue.batch.enabled = false;
    let batch = delivery
        .with_batching(BatchSettings {
            flush_timeout: Duration::from_secs(1),
            min_spans: 10,
            max_spans: 20,
        })
        .sending_queue
        .batch;
    let expected = QueueBatch {
        enabled: true,
        flush_timeout: Duration::from_secs(1),
        min_size: 10,
        max_size: 20,
        sizer: Sizer::Items,
    };
    assert_eq!(batch, expected);
}
