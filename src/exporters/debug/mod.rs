//! Shows what passes, in the Collector's words: one line a batch, one a span, or everything. Goes to our own log or to standard
//! output. Control characters and escapes of the data never reach the terminal.

mod text;

use std::{
    io::Write,
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::{
    otlp::TraceBatch,
    pipeline::{Build, ComponentId, ExportError, Exporter, Host, queue::Delivery},
    values::civil::Civil,
};

/// `debug`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// basic (a line a batch), normal (a line a span) or detailed (everything). basic.
    pub verbosity: Verbosity,
    /// Batches shown at the start of each second. 2.
    pub sampling_initial: u64,
    /// After those, every n-th batch of the second is shown; 1 = all, 0 = none. 1.
    pub sampling_thereafter: u64,
    /// Write to our own log at level info (false: to standard output). true.
    pub use_internal_logger: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            verbosity: Verbosity::default(),
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
        }
    }
}

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// Counts.
    #[default]
    Basic,
    /// A line for each span.
    Normal,
    /// Every field of every span.
    Detailed,
}

impl Build<dyn Exporter> for Config {
    const TYPE: &'static str = "debug";

    fn delivery() -> Delivery {
        Delivery::direct()
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Exporter>> {
        Ok(Box::new(Debug {
            id: host.id.clone(),
            sampler: Mutex::new(Sampler::new(self.sampling_initial, self.sampling_thereafter)),
            config: self,
        }))
    }
}

struct Debug {
    id: ComponentId,
    config: Config,
    sampler: Mutex<Sampler>,
}

impl Debug {
    fn details(&self, batch: &TraceBatch) -> Option<String> {
        match self.config.verbosity {
            Verbosity::Basic => None,
            Verbosity::Normal => Some(text::normal(batch)),
            Verbosity::Detailed => Some(text::detailed(batch)),
        }
    }
}

#[async_trait]
impl Exporter for Debug {
    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        if !self.sampler.lock().expect("no holder panics").shows(Instant::now()) {
            return Ok(());
        }
        let resources = batch.resource_spans().count();
        let details = self.details(batch);
        if self.config.use_internal_logger {
            info!(exporter = %self.id, "resource spans" = resources, spans = batch.span_count(), "Traces");
            if let Some(details) = details {
                info!(exporter = %self.id, "{details}");
            }
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let text = console(now, resources, batch.span_count(), details.as_deref());
        let written = tokio::task::spawn_blocking(move || {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        written
            .await
            .context("writing to standard output panicked")
            .and_then(|written| written.context("cannot write to standard output"))
            .map_err(|source| ExportError::Refused { source })
    }
}

/// What standard output gets, as the Collector's logger writes it to a console.
fn console(now: Duration, resources: usize, spans: usize, details: Option<&str>) -> String {
    let c = Civil::from_unix_nanos(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
    let time = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        c.year,
        c.month,
        c.day,
        c.hour,
        c.minute,
        c.second,
        c.nanos / 1_000_000
    );
    let mut out = format!("{time}\tinfo\tTraces\t{{\"resource spans\": {resources}, \"spans\": {spans}}}\n");
    if let Some(details) = details {
        out.push_str(&format!("{time}\tinfo\t{details}\n"));
    }
    out
}

/// Shows the first few of each second, then every n-th, as the Collector's logger samples.
struct Sampler {
    initial: u64,
    thereafter: u64,
    second: Option<Instant>,
    seen: u64,
}

impl Sampler {
    fn new(initial: u64, thereafter: u64) -> Sampler {
        Sampler {
            initial,
            thereafter,
            second: None,
            seen: 0,
        }
    }

    fn shows(&mut self, now: Instant) -> bool {
        if self
            .second
            .is_none_or(|start| now.duration_since(start) >= Duration::from_secs(1))
        {
            (self.second, self.seen) = (Some(now), 0);
        }
        self.seen += 1;
        match self.seen.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(_) if self.thereafter == 0 => false,
            Some(beyond) => beyond % self.thereafter == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporters::testing;

    #[test]
    fn samples_as_configured() {
        let check = |initial, thereafter, expected: &str| {
            let mut sampler = Sampler::new(initial, thereafter);
            let start = Instant::now();
            // Six in the first second, three in the next.
            let times = [0, 1, 2, 3, 4, 999, 1000, 1001, 1002];
            let found: String = times
                .map(|millis| {
                    if sampler.shows(start + Duration::from_millis(millis)) {
                        'x'
                    } else {
                        '-'
                    }
                })
                .iter()
                .collect();
            assert_eq!(found, expected, "initial {initial}, thereafter {thereafter}");
        };
        check(2, 1, "xxxxxxxxx");
        check(2, 2, "xx-x-xxx-");
        check(1, 0, "x-----x--");
        check(0, 3, "--x--x--x");
        check(u64::MAX, 0, "xxxxxxxxx");
    }

    #[test]
    fn standard_output_gets_the_lines_of_the_collector() {
        let now = Duration::from_millis(1_581_452_772_042);
        assert_eq!(
            console(now, 1, 2, Some("Span #0\n")),
            "2020-02-11T20:26:12.042Z\tinfo\tTraces\t{\"resource spans\": 1, \"spans\": 2}\n\
             2020-02-11T20:26:12.042Z\tinfo\tSpan #0\n\n"
        );
    }

    #[test]
    fn an_unknown_verbosity_is_told_the_known_ones() {
        let fault = serde_json::from_value::<Config>(serde_json::json!({"verbosity": "loud"})).unwrap_err();
        assert!(fault.to_string().contains("`basic`, `normal`, `detailed`"), "{fault}");
    }

    #[tokio::test]
    async fn exports_at_every_verbosity() {
        for verbosity in ["basic", "normal", "detailed"] {
            let exporter = testing::exporter::<Config>(serde_json::json!({"verbosity": verbosity}));
            exporter.export(&testing::batch(2)).await.unwrap();
        }
    }
}
