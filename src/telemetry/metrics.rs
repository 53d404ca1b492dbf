//! One set of metrics: the recorder under which a pipeline is built, and its text for Prometheus. Several sets in one process
//! do not mix, since nothing global is touched.

use std::{sync::Arc, time::Instant};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::process;
use crate::pipeline::metrics::Registry;

/// Bounds of the histograms, by the whole name of the metric.
const BUCKETS: [(&str, &[f64]); 4] = [
    (
        "plano_signals_quality_score",
        &[10.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 90.0, 100.0],
    ),
    (
        "plano_signals_efficiency_score",
        &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    ),
    (
        "plano_signals_turns",
        &[1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0],
    ),
    (
        "plano_signals_analysis_seconds",
        &[
            1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 0.025,
        ],
    ),
];

/// Bounds of histograms that are not listed: seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// One set of metrics.
pub struct Metrics {
    registry: Registry,
    handle: PrometheusHandle,
    started: Instant,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// An empty set, whose process starts now.
    pub fn new() -> Metrics {
        let mut builder = PrometheusBuilder::new()
            .set_buckets(&SECONDS)
            .expect("the list is not empty");
        for (name, bounds) in BUCKETS {
            let matcher = Matcher::Full(name.to_owned());
            builder = builder
                .set_buckets_for_metric(matcher, bounds)
                .expect("no list is empty");
        }
        let recorder = builder.build_recorder();
        let set = Metrics {
            handle: recorder.handle(),
            registry: Registry::new(Arc::new(recorder)),
            started: Instant::now(),
        };
        set.scope(|| {
            metrics::describe_gauge!("otelcol_process_uptime", "Uptime of the process, in seconds.");
            metrics::describe_gauge!(
                "otelcol_process_cpu_seconds",
                "CPU time of the process, user and system."
            );
            metrics::describe_gauge!(
                "otelcol_process_memory_rss",
                "Resident memory of the process, in bytes."
            );
        });
        set
    }

    /// Runs `make` with this set as the current one: handles that are made in it count here, wherever they are used.
    pub fn scope<T>(&self, make: impl FnOnce() -> T) -> T {
        self.registry.scope(make)
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        self.scope(|| {
            metrics::gauge!("otelcol_process_uptime").set(self.started.elapsed().as_secs_f64());
            if let Some(seconds) = process::cpu_seconds() {
                metrics::gauge!("otelcol_process_cpu_seconds").set(seconds);
            }
            if let Some(bytes) = process::resident_bytes() {
                metrics::gauge!("otelcol_process_memory_rss").set(bytes);
            }
        });
        self.handle.render()
    }

    /// Sums up what histograms have collected; to be called every few seconds, or they grow.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sets_do_not_mix() {
        let (one, other) = (Metrics::new(), Metrics::new());
        let counter = one.scope(|| metrics::counter!("otelcol_receiver_accepted_spans", "receiver" => "otlp"));
        counter.increment(5);
        assert!(
            one.render()
                .contains("otelcol_receiver_accepted_spans{receiver=\"otlp\"} 5\n"),
            "{}",
            one.render()
        );
        assert!(!other.render().contains("otelcol_receiver_accepted_spans"));
    }

    #[test]
    fn histograms_have_the_bounds_of_their_unit() {
        let set = Metrics::new();
        set.scope(|| metrics::histogram!("plano_signals_quality_score"))
            .record(55.0);
        set.scope(|| metrics::histogram!("plano_signals_analysis_seconds"))
            .record(2e-5);
        set.upkeep();
        let text = set.render();
        for line in [
            "plano_signals_quality_score_bucket{le=\"50\"} 0",
            "plano_signals_quality_score_bucket{le=\"60\"} 1",
            "plano_signals_analysis_seconds_bucket{le=\"0.000025\"} 1",
            "plano_signals_analysis_seconds_bucket{le=\"0.00001\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn the_process_is_measured_when_asked() {
        let text = Metrics::new().render();
        for name in [
            "otelcol_process_uptime ",
            "otelcol_process_cpu_seconds ",
            "otelcol_process_memory_rss ",
        ] {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name}\n{text}");
            assert!(text.contains(&format!("# HELP {name}")), "{name}\n{text}");
        }
    }
}
