//! A whole config against tables of components: every section walked in the order of the file, every fault told. Knows tables
//! only as arguments; which components exist is `assemble`'s to know.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use super::{
    auth, clash,
    delivery::{self, Wanted},
    graph,
    service::Service,
};
use crate::{
    pipeline::{ComponentId, Exporter, Extension, Factory, Host, Parsed, Processor, Receiver},
    values::{
        reading::{Originals, Reading},
        suggest, tree,
    },
};

/// Which components exist.
#[derive(Clone, Copy)]
pub(super) struct Tables {
    pub(super) receivers: &'static [Factory<dyn Receiver>],
    pub(super) processors: &'static [Factory<dyn Processor>],
    pub(super) exporters: &'static [Factory<dyn Exporter>],
    pub(super) extensions: &'static [Factory<dyn Extension>],
}

/// One component of a config.
pub(super) struct Entry<C: ?Sized + 'static> {
    /// The id as the user wrote it.
    pub(super) written: String,
    pub(super) id: ComponentId,
    pub(super) factory: &'static Factory<C>,
    /// What the config was read from; a processor is built once a pipeline.
    pub(super) raw: Value,
    pub(super) parsed: Box<dyn Parsed<C>>,
}

/// A config without faults.
pub struct Checked {
    pub(super) receivers: Vec<Entry<dyn Receiver>>,
    pub(super) processors: Vec<Entry<dyn Processor>>,
    pub(super) exporters: Vec<(Entry<dyn Exporter>, Wanted)>,
    pub(super) extensions: Vec<Entry<dyn Extension>>,
    /// The `service` section.
    pub service: Service,
    /// What the user should know though it is no fault, one line each.
    pub warnings: Vec<String>,
}

const SECTIONS: [&str; 5] = ["receivers", "processors", "exporters", "extensions", "service"];

/// Checks a tree. `default_host` replaces `localhost` where a receiver's or extension's config names no host.
pub(super) fn check(
    tree: &Value,
    originals: &Originals,
    tables: Tables,
    default_host: &str,
) -> Result<Checked, Vec<String>> {
    let empty = Map::new();
    let sections = tree.as_object().unwrap_or(&empty);
    let mut walk = Walk {
        originals,
        lines: Vec::new(),
        warnings: Vec::new(),
    };
    let mut checked = Checked {
        receivers: Vec::new(),
        processors: Vec::new(),
        exporters: Vec::new(),
        extensions: Vec::new(),
        service: Service::default(),
        warnings: Vec::new(),
    };
    let mut has_service = false;
    for (name, raw) in sections {
        match name.as_str() {
            "receivers" => checked.receivers = walk.section(name, raw, tables.receivers),
            "processors" => checked.processors = walk.section(name, raw, tables.processors),
            "exporters" => checked.exporters = walk.exporters(raw, tables.exporters),
            "extensions" => checked.extensions = walk.section(name, raw, tables.extensions),
            "service" => {
                has_service = true;
                checked.service = walk.service(raw, sections);
            }
            "connectors" if raw.is_null() || *raw == json!({}) => {}
            "connectors" => walk.fault("connectors: this program has no connectors yet; remove the section"),
            other => walk.fault(format!(
                "'' has invalid keys: {other}{}",
                suggest::hint(other, SECTIONS)
            )),
        }
    }
    if !has_service {
        walk.fault("service::pipelines: must have at least one pipeline");
    }
    walk.lines.extend(loops(&checked, default_host));
    walk.lines.extend(clashes(&checked));
    walk.lines.extend(auth::faults(
        &checked,
        &configured(sections, "extensions"),
        tables.extensions,
    ));
    checked.warnings = walk.warnings;
    if walk.lines.is_empty() {
        Ok(checked)
    } else {
        Err(walk.lines)
    }
}

struct Walk<'a> {
    originals: &'a Originals,
    lines: Vec<String>,
    warnings: Vec<String>,
}

impl Walk<'_> {
    fn fault(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn section<C: ?Sized>(&mut self, name: &str, raw: &Value, table: &'static [Factory<C>]) -> Vec<Entry<C>> {
        let mut entries = Vec::new();
        self.components(name, raw, table, |walk, written, id, factory, raw| {
            entries.extend(walk.component(name, written, id, factory, raw, &[]));
        });
        entries
    }

    fn exporters(
        &mut self,
        raw: &Value,
        table: &'static [Factory<dyn Exporter>],
    ) -> Vec<(Entry<dyn Exporter>, Wanted)> {
        let mut entries = Vec::new();
        self.components("exporters", raw, table, |walk, written, id, factory, mut raw| {
            let mut lines = Vec::new();
            let wanted = delivery::split(&written, &mut raw, &(factory.delivery)(), walk.originals, &mut lines);
            let entry = walk.component("exporters", written, id, factory, raw, &delivery::KEYS);
            walk.lines.append(&mut lines);
            entries.extend(entry.map(|entry| (entry, wanted)));
        });
        entries
    }

    /// Hands each component of a section whose type is known to `read`.
    fn components<C: ?Sized>(
        &mut self,
        section: &str,
        raw: &Value,
        table: &'static [Factory<C>],
        mut read: impl FnMut(&mut Self, String, ComponentId, &'static Factory<C>, Value),
    ) {
        let map = match raw {
            Value::Null => return,
            Value::Object(map) => map,
            _ => {
                return self.fault(format!(
                    "{section}: expected a mapping of component ids to their configs"
                ));
            }
        };
        let mut taken: HashMap<ComponentId, &str> = HashMap::new();
        for (written, raw) in map {
            let Some(mut id) = self.id(section, written) else {
                continue;
            };
            let Some(factory) = table.iter().find(|factory| answers_to(factory, &id.kind)) else {
                let known: Vec<&str> = table.iter().map(|factory| factory.kind).collect();
                let line = format!(
                    "'{section}' unknown type: {:?} for id: {written:?} (valid values: [{}])",
                    id.kind,
                    known.join(" ")
                );
                self.fault(line);
                continue;
            };
            if id.kind != factory.kind {
                let warning = format!("{:?} alias is deprecated; use {:?} instead", id.kind, factory.kind);
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
                id.kind = factory.kind.to_owned();
            }
            match taken.insert(id.clone(), written) {
                Some(other) => self.fault(format!("{section}::{written}: is the same component as {other:?}")),
                None => read(self, written.clone(), id, factory, raw.clone()),
            }
        }
    }

    fn id(&mut self, section: &str, written: &str) -> Option<ComponentId> {
        let (kind, name) = match written.split_once('/') {
            Some((kind, name)) => (kind.trim(), Some(name.trim())),
            None => (written.trim(), None),
        };
        let fault = match (kind, name) {
            ("", _) => "the part before / must not be empty",
            (_, Some("")) => "the part after / must not be empty",
            _ => {
                return Some(ComponentId {
                    kind: kind.to_owned(),
                    name: name.unwrap_or_default().to_owned(),
                });
            }
        };
        self.fault(format!(
            "{section}: invalid id {written:?}: {fault}; write it as type or type/name"
        ));
        None
    }

    fn component<C: ?Sized>(
        &mut self,
        section: &str,
        written: String,
        id: ComponentId,
        factory: &'static Factory<C>,
        raw: Value,
        also: &[&str],
    ) -> Option<Entry<C>> {
        let raw = if raw.is_null() { json!({}) } else { raw };
        let reading = Reading::new(&[section, &written], raw, self.originals, also);
        let mut outcome = reading.run(|raw| (factory.parse)(raw), |parsed| parsed.validate());
        self.lines.append(&mut outcome.lines);
        Some(Entry {
            written,
            id,
            factory,
            raw: outcome.raw,
            parsed: outcome.value?,
        })
    }

    fn service(&mut self, raw: &Value, sections: &Map<String, Value>) -> Service {
        let raw = if raw.is_null() { json!({}) } else { raw.clone() };
        // A pipeline that is wrong was meant to be one.
        let has_pipelines = raw
            .get("pipelines")
            .is_some_and(|map| !map.is_null() && *map != json!({}));
        let reading = Reading::new(&["service"], raw, self.originals, &[]);
        let mut outcome = reading.run(tree::read::<Service>, Service::validate);
        self.lines.append(&mut outcome.lines);
        let Some(service) = outcome.value else {
            return Service::default();
        };
        let configured = |section: &str| configured(sections, section);
        let ids = &service.extensions;
        self.references("service::extensions", "extension", ids, &configured("extensions"));
        if service.pipelines.0.is_empty() && !has_pipelines {
            self.fault("service::pipelines: must have at least one pipeline");
        }
        for (name, refs) in &service.pipelines.0 {
            let path = format!("service::pipelines::{name}");
            if !self.is_traces(&path, name) {
                continue;
            }
            for (kind, ids) in [("receiver", &refs.receivers), ("exporter", &refs.exporters)] {
                if ids.is_empty() {
                    self.fault(format!("{path}: must have at least one {kind}"));
                }
            }
            self.references(&path, "receiver", &refs.receivers, &configured("receivers"));
            self.references(&path, "processor", &refs.processors, &configured("processors"));
            self.references(&path, "exporter", &refs.exporters, &configured("exporters"));
        }
        service
    }

    fn is_traces(&mut self, path: &str, name: &str) -> bool {
        let (signal, rest) = name
            .split_once('/')
            .map_or((name, None), |(signal, rest)| (signal, Some(rest)));
        match signal {
            "traces" if rest != Some("") => return true,
            "traces" => self.fault(format!("{path}: the part after / must not be empty")),
            "metrics" | "logs" | "profiles" => self.fault(format!(
                "{path}: this program carries traces only; remove the pipeline (its own metrics are under \
                 service::telemetry::metrics)"
            )),
            other => self.fault(format!(
                "{path}: unknown signal {other:?}; name it traces or traces/name"
            )),
        }
        false
    }

    fn references(&mut self, path: &str, kind: &str, ids: &[String], configured: &[&str]) {
        let mut seen = HashSet::new();
        for id in ids {
            if id.is_empty() && self.lines.iter().any(|line| line.starts_with(&format!("{path}::"))) {
                // It stands for an element that was no string, which is told already.
            } else if !seen.insert(id) {
                self.fault(format!("{path}: references {kind} {id:?} multiple times"));
            } else if !configured.contains(&id.as_str()) {
                let hint = suggest::hint(id, configured.iter().copied());
                self.fault(format!(
                    "{path}: references {kind} {id:?} which is not configured{hint}"
                ));
            }
        }
    }
}

/// The ids that a section configures, under its own name or under one that is no section but was most likely meant to be
/// this one: a misspelt section is one fault and not one for every reference into it.
fn configured<'a>(sections: &'a Map<String, Value>, section: &str) -> Vec<&'a str> {
    let meant = |name: &str| !SECTIONS.contains(&name) && suggest::nearest(name, SECTIONS) == Some(section);
    let named = sections.iter().filter(|(name, _)| *name == section || meant(name));
    let ids = named.filter_map(|(_, raw)| raw.as_object()).flat_map(Map::keys);
    ids.map(String::as_str).collect()
}

fn answers_to<C: ?Sized>(factory: &Factory<C>, kind: &str) -> bool {
    factory.kind == kind || factory.aliases.contains(&kind)
}

fn loops(checked: &Checked, default_host: &str) -> Vec<String> {
    let mut ends = Vec::new();
    for (name, refs) in &checked.service.pipelines.0 {
        let receivers = checked
            .receivers
            .iter()
            .filter(|entry| refs.receivers.contains(&entry.written));
        let exporters = checked
            .exporters
            .iter()
            .filter(|(entry, _)| refs.exporters.contains(&entry.written));
        ends.push(graph::Ends {
            name,
            listens: receivers
                .flat_map(|entry| {
                    let host = bare_host(&entry.id, default_host);
                    entry
                        .parsed
                        .listens(&host)
                        .into_iter()
                        .map(|listen| (entry.written.as_str(), listen))
                })
                .collect(),
            dials: exporters
                .flat_map(|(entry, _)| {
                    entry
                        .parsed
                        .dials()
                        .into_iter()
                        .map(|dial| (entry.written.as_str(), dial))
                })
                .collect(),
        });
    }
    graph::loops(&ends)
}

fn clashes(checked: &Checked) -> Vec<String> {
    let pipelines = &checked.service.pipelines.0;
    let is_used = |written: &String| pipelines.iter().any(|(_, refs)| refs.exporters.contains(written));
    let used = checked.exporters.iter().map(|(entry, _)| entry);
    let used = used.filter(|entry| is_used(&entry.written));
    clash::clashes(used.flat_map(|entry| {
        let writes = entry.parsed.writes().into_iter();
        writes.map(|path| (entry.written.as_str(), path))
    }))
}

/// Surroundings with nothing in them, for questions.
pub(super) fn bare_host(id: &ComponentId, default_host: &str) -> Host {
    Host {
        id: id.clone(),
        default_host: default_host.to_owned(),
        sinks: Arc::default(),
        sources: Arc::default(),
        methods: Arc::default(),
        authenticators: Default::default(),
    }
}

impl Checked {
    /// The config with every default, secrets redacted.
    pub fn to_value(&self) -> Value {
        let exporters = self.exporters.iter().map(|(entry, wanted)| {
            let mut value = entry.parsed.to_value();
            let delivery = serde_json::to_value(&wanted.delivery).expect("settings are plain data");
            super::merge::merge(&mut value, delivery);
            (entry.written.clone(), value)
        });
        json!({
            "receivers": values(&self.receivers),
            "processors": values(&self.processors),
            "exporters": exporters.collect::<Map<_, _>>(),
            "extensions": values(&self.extensions),
            "service": serde_json::to_value(&self.service).expect("settings are plain data"),
        })
    }
}

fn values<C: ?Sized>(entries: &[Entry<C>]) -> Map<String, Value> {
    entries
        .iter()
        .map(|entry| (entry.written.clone(), entry.parsed.to_value()))
        .collect()
}
