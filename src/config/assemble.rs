//! The only file that sees the tables of receivers, processors, exporters and extensions: from a checked config to the parts
//! that the engine runs. Builds; opens nothing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context;
use serde_json::{Value, json};

pub use super::checked::Checked;
use super::{
    Loaded,
    checked::{self, Entry, Tables},
    service::PipelineRefs,
};
use crate::{
    exporters::EXPORTERS,
    extensions::EXTENSIONS,
    pipeline::{
        Authenticators, BatchSettings, Blueprint, ComponentId, ExporterPart, Extension, Factory, Host, PipelinePart,
        Processor, ReceiverPart, SideMethod, Sink, Source,
    },
    processors::PROCESSORS,
    receivers::RECEIVERS,
};

/// What a process gives its components beside their configs.
#[derive(Clone)]
pub struct Wiring {
    /// Host that receivers and extensions bind where their config names none. localhost.
    pub default_host: String,
    /// Places inside the process that take batches, by the id of the exporter that feeds them.
    pub sinks: HashMap<String, Arc<dyn Sink>>,
    /// Places inside the process that batches come from, by the id of the receiver that takes them. A receiver without one
    /// fails when it starts; a source serves one receiver once.
    pub sources: HashMap<String, Source>,
    /// Methods that receivers answer beside what they receive.
    pub methods: Vec<Arc<dyn SideMethod>>,
    /// Longest time that the queues may take to empty at the end. 30s.
    pub drain_timeout: Duration,
}

impl Default for Wiring {
    fn default() -> Wiring {
        Wiring {
            default_host: "localhost".to_owned(),
            sinks: HashMap::new(),
            sources: HashMap::new(),
            methods: Vec::new(),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

fn tables() -> Tables {
    Tables {
        receivers: RECEIVERS,
        processors: PROCESSORS,
        exporters: EXPORTERS,
        extensions: EXTENSIONS,
    }
}

impl Loaded {
    /// Checks the whole config. `default_host`: see [`Wiring::default_host`].
    ///
    /// # Errors
    /// Every fault, one a line, with its path.
    pub fn check(&self, default_host: &str) -> Result<Checked, Vec<String>> {
        let mut checked = checked::check(&self.0.tree, &self.0.originals, tables(), default_host)?;
        checked.warnings.splice(0..0, self.0.warnings.iter().cloned());
        Ok(checked)
    }
}

/// The types that a config may name, by kind of component.
pub fn components() -> Value {
    fn kinds<C: ?Sized>(table: &[Factory<C>]) -> Value {
        let line = |factory: &Factory<C>| match factory.aliases {
            [] => json!({"name": factory.kind}),
            aliases => json!({"name": factory.kind, "aliases": aliases}),
        };
        table.iter().map(line).collect()
    }
    json!({
        "receivers": kinds(RECEIVERS),
        "processors": kinds(PROCESSORS),
        "exporters": kinds(EXPORTERS),
        "extensions": kinds(EXTENSIONS),
    })
}

/// Builds every component that a pipeline or `service.extensions` names.
///
/// # Errors
/// Which component could not be built, and why.
pub fn assemble(checked: Checked, wiring: Wiring) -> anyhow::Result<Blueprint> {
    let mut surroundings = Surroundings {
        default_host: wiring.default_host,
        sinks: Arc::new(wiring.sinks),
        sources: Arc::new(wiring.sources),
        methods: Arc::new(wiring.methods),
        authenticators: Authenticators::default(),
    };
    let mut blueprint = Blueprint {
        drain_timeout: wiring.drain_timeout,
        ..Blueprint::default()
    };
    // Before the exporters, which may be authenticated by them.
    blueprint.extensions = surroundings.extensions(checked.extensions, &checked.service.extensions)?;
    let pipelines = &checked.service.pipelines.0;
    let (mut receivers, mut exporters) = (HashMap::new(), HashMap::new());
    for entry in checked.receivers {
        let used = |(_, refs): &(String, PipelineRefs)| refs.receivers.contains(&entry.written);
        if pipelines.iter().any(used) {
            receivers.insert(entry.written.clone(), blueprint.receivers.len());
            let (id, receiver) = surroundings.build("receivers", entry)?;
            blueprint.receivers.push(ReceiverPart { id, receiver });
        }
    }
    let mut own_batch = Vec::new();
    for (entry, wanted) in checked.exporters {
        let used = |(_, refs): &(String, PipelineRefs)| refs.exporters.contains(&entry.written);
        if pipelines.iter().any(used) {
            exporters.insert(entry.written.clone(), blueprint.exporters.len());
            let (id, exporter) = surroundings.build("exporters", entry)?;
            own_batch.push(wanted.own_batch);
            blueprint.exporters.push(ExporterPart {
                id,
                exporter: exporter.into(),
                delivery: wanted.delivery,
            });
        }
    }
    for (name, refs) in pipelines {
        blueprint.pipelines.push(PipelinePart {
            name: name.clone(),
            receivers: indexes(&refs.receivers, &receivers),
            processors: surroundings.processors(&checked.processors, &refs.processors)?,
            exporters: indexes(&refs.exporters, &exporters),
        });
    }
    set_batching(&mut blueprint, &own_batch);
    Ok(blueprint)
}

struct Surroundings {
    default_host: String,
    sinks: Arc<HashMap<String, Arc<dyn Sink>>>,
    sources: Arc<HashMap<String, Source>>,
    methods: Arc<Vec<Arc<dyn SideMethod>>>,
    authenticators: Authenticators,
}

impl Surroundings {
    fn host(&self, id: &ComponentId) -> Host {
        Host {
            id: id.clone(),
            default_host: self.default_host.clone(),
            sinks: self.sinks.clone(),
            sources: self.sources.clone(),
            methods: self.methods.clone(),
            authenticators: self.authenticators.clone(),
        }
    }

    fn build<C: ?Sized>(&self, section: &str, entry: Entry<C>) -> anyhow::Result<(ComponentId, Box<C>)> {
        let built = entry.parsed.build(&self.host(&entry.id));
        let component = built.with_context(|| format!("{section}::{}", entry.written))?;
        Ok((entry.id, component))
    }

    /// The extensions that are to run. What they can put on requests is known from here on.
    fn extensions(
        &mut self,
        entries: Vec<Entry<dyn Extension>>,
        ids: &[String],
    ) -> anyhow::Result<Vec<(ComponentId, Box<dyn Extension>)>> {
        let (mut extensions, mut authenticators) = (Vec::new(), Vec::new());
        for entry in entries.into_iter().filter(|entry| ids.contains(&entry.written)) {
            let written = entry.written.clone();
            let (id, extension) = self.build("extensions", entry)?;
            authenticators.extend(extension.authenticator().map(|found| (written, found)));
            extensions.push((id, extension));
        }
        self.authenticators = authenticators.into_iter().collect();
        Ok(extensions)
    }

    /// A pipeline's own processors: one that stands in two pipelines is two.
    fn processors(
        &self,
        entries: &[Entry<dyn Processor>],
        ids: &[String],
    ) -> anyhow::Result<Vec<(ComponentId, Arc<dyn Processor>)>> {
        let mut processors: Vec<(ComponentId, Arc<dyn Processor>)> = Vec::new();
        for id in ids {
            let entry = entries.iter().find(|entry| entry.written == *id);
            let entry = entry.expect("references were checked");
            let parsed = (entry.factory.parse)(&entry.raw).with_context(|| format!("processors::{id}"))?;
            let built = parsed
                .build(&self.host(&entry.id))
                .with_context(|| format!("processors::{id}"))?;
            processors.push((entry.id.clone(), built.into()));
        }
        Ok(processors)
    }
}

fn indexes(ids: &[String], known: &HashMap<String, usize>) -> Vec<usize> {
    ids.iter().filter_map(|id| known.get(id).copied()).collect()
}

/// Gives the exporters of a pipeline the batch sizes of its `batch` processor. An exporter's own `sending_queue.batch` wins;
/// among pipelines the first in the file.
fn set_batching(blueprint: &mut Blueprint, own_batch: &[bool]) {
    let mut given: HashMap<usize, BatchSettings> = HashMap::new();
    for pipeline in &blueprint.pipelines {
        let Some(settings) = pipeline
            .processors
            .iter()
            .find_map(|(_, processor)| processor.batching())
        else {
            continue;
        };
        for &index in pipeline.exporters.iter().filter(|&&index| !own_batch[index]) {
            let first = *given.entry(index).or_insert(settings);
            if first != settings {
                tracing::warn!(
                    exporter = %blueprint.exporters[index].id,
                    pipeline = %pipeline.name,
                    "two pipelines want different batch sizes of one exporter; the first one's are used"
                );
            }
        }
    }
    for (index, settings) in given {
        let part = &mut blueprint.exporters[index];
        part.delivery = part.delivery.clone().with_batching(settings);
    }
}
