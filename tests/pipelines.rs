//! Every YAML in `pipelines/` loads; `reference.yaml` names every component with every field and its default; the tables of
//! components keep their laws.

use std::{fs, path::Path};

use plano::{
    config::{self, Wiring, yaml},
    exporters::EXPORTERS,
    extensions::EXTENSIONS,
    pipeline::Factory,
    processors::PROCESSORS,
    receivers::RECEIVERS,
};
use serde_json::{Map, Value, json};

/// Keys that are no defaults: examples of what has to be there or may come any number of times, by component.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("exporters/datadog", &["/api/key"]),
    ("exporters/file", &["/path"]),
    ("exporters/langtrace", &["/api_key"]),
    ("exporters/otlp_grpc", &["/endpoint"]),
    ("exporters/otlp_http", &["/endpoint"]),
    ("extensions/basicauth", &["/client_auth/username", "/client_auth/password"]),
    ("extensions/bearertokenauth", &["/token"]),
    ("processors/attributes", &["/actions"]),
    (
        "processors/memory_limiter",
        &["/limit_mib", "/check_interval", "/limit_percentage"],
    ),
    ("processors/resource", &["/attributes"]),
];

/// What has to be written for a component's optional sections to show, by component.
const MINIMAL: &[(&str, &str)] = &[("receivers/otlp", "{protocols: {grpc: , http: }}")];

/// Sections that are off until they are written, by the id that shows them in reference.yaml.
const SECTIONS: &[(&str, &[&str])] = &[
    ("exporters/file/sections", &["/rotation"]),
    ("exporters/otlp_grpc/sections", &["/keepalive"]),
    (
        "receivers/otlp/sections",
        &["/protocols/grpc/tls", "/protocols/http/cors"],
    ),
];

/// Files that are for another program.
const FOREIGN: &[&str] = &["xray-collector.yaml"];

/// Stands in for secrets and endpoints that a file takes from its environment.
fn env(name: &str) -> Option<String> {
    match name {
        "DD_SITE" => Some("datadoghq.eu".to_owned()),
        name => (name.ends_with("_KEY") || name.ends_with("_SITE")).then(|| "example".to_owned()),
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines")
}

fn reference() -> Value {
    yaml::read(&fs::read_to_string(folder().join("reference.yaml")).expect("there")).expect("YAML")
}

#[test]
fn every_file_loads_and_assembles() {
    let mut seen = 0;
    for file in fs::read_dir(folder()).expect("the folder").flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".yaml") || FOREIGN.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(file.path()).expect("readable");
        let loaded = config::from_text(&text, &env).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
        let checked = loaded
            .check("localhost")
            .unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
        // A sink exists only where a viewer runs.
        if !text.contains("memory:") {
            config::assemble(checked, Wiring::default()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
        seen += 1;
    }
    assert!(seen >= 2, "{seen} files");
}

fn check_reference<C: ?Sized + 'static>(section: &str, table: &[Factory<C>]) {
    let reference = reference();
    let empty = Map::new();
    let blocks = reference[section].as_object().unwrap_or(&empty);
    for factory in table {
        let id = format!("{section}/{}", factory.kind);
        let minimal = MINIMAL.iter().find(|(of, _)| *of == id).map_or("", |(_, text)| text);
        let minimal = yaml::read(minimal).expect("YAML");
        let mut defaults = (factory.parse)(&minimal)
            .unwrap_or_else(|error| panic!("{id}: {error}"))
            .to_value();
        if section == "exporters" {
            let delivery = serde_json::to_value((factory.delivery)()).expect("plain data");
            for (key, value) in delivery.as_object().expect("a mapping") {
                defaults[key] = value.clone();
            }
        }
        let block = blocks
            .get(factory.kind)
            .unwrap_or_else(|| panic!("reference.yaml lacks {id}:\n{}", yaml::write(&defaults)));
        let mut block = block.clone();
        for pointer in EXAMPLES
            .iter()
            .filter(|(of, _)| *of == id)
            .flat_map(|(_, pointers)| *pointers)
        {
            let default = defaults.pointer(pointer).cloned().unwrap_or(Value::Null);
            if let Some(example) = block.pointer_mut(pointer) {
                *example = default;
            }
        }
        assert_eq!(
            block,
            defaults,
            "{id} in reference.yaml; the defaults are:\n{}",
            yaml::write(&defaults)
        );
    }
    for (id, block) in blocks {
        let (kind, name) = id.split_once('/').unwrap_or((id, ""));
        let factory = table.iter().find(|factory| factory.kind == kind);
        let factory = factory.unwrap_or_else(|| panic!("reference.yaml: {section}::{id} does not exist"));
        if !name.is_empty() {
            check_sections(&format!("{section}/{id}"), block, factory);
        }
    }
}

/// The sections that a block shows have every one of their fields, each at its default where it is no example.
fn check_sections<C: ?Sized + 'static>(id: &str, block: &Value, factory: &Factory<C>) {
    let pointers = SECTIONS.iter().find(|(of, _)| *of == id);
    let (_, pointers) = pointers.unwrap_or_else(|| panic!("tests/pipelines.rs: SECTIONS lacks {id}"));
    let parse = |value: &Value| {
        let parsed = (factory.parse)(value).unwrap_or_else(|error| panic!("{id}: {error}"));
        parsed.to_value()
    };
    let whole = parse(block);
    for pointer in *pointers {
        assert_eq!(
            block.pointer(pointer),
            whole.pointer(pointer),
            "{id} in reference.yaml: {pointer}"
        );
        let mut bare = block.clone();
        *bare.pointer_mut(pointer).expect("compared above") = json!({});
        let defaults = parse(&bare).pointer(pointer).cloned().expect("written");
        for (key, default) in defaults.as_object().expect("a mapping") {
            let shown = &block.pointer(pointer).expect("compared above")[key];
            assert!(
                shown == default || (default.is_null() && shown.is_string()),
                "{id} in reference.yaml: {pointer}/{key} is {shown}, its default {default}"
            );
        }
    }
}

#[test]
fn every_optional_section_is_shown() {
    let reference = reference();
    for (id, _) in SECTIONS {
        let (section, id) = id.split_once('/').expect("a section and an id");
        assert!(
            reference[section].get(id).is_some(),
            "reference.yaml lacks {section}::{id}"
        );
    }
}

#[test]
fn the_reference_is_complete_and_true() {
    check_reference("receivers", RECEIVERS);
    check_reference("processors", PROCESSORS);
    check_reference("exporters", EXPORTERS);
    check_reference("extensions", EXTENSIONS);
}

fn check_laws<C: ?Sized + 'static>(table: &[Factory<C>]) {
    let kinds: Vec<&str> = table.iter().map(|factory| factory.kind).collect();
    assert!(kinds.is_sorted_by(|a, b| a < b), "sorted and unique: {kinds:?}");
    let mut names: Vec<&str> = table
        .iter()
        .flat_map(|factory| factory.aliases.iter().copied().chain([factory.kind]))
        .collect();
    names.sort_unstable();
    assert!(
        names.windows(2).all(|pair| pair[0] != pair[1]),
        "no name means two things: {names:?}"
    );
    for factory in table {
        let unknown = (factory.parse)(&json!({"no_such_field": 1})).err();
        let unknown = unknown.unwrap_or_else(|| panic!("{} accepts an unknown field", factory.kind));
        assert!(
            unknown.inner().to_string().starts_with("unknown field `no_such_field`"),
            "{}: {unknown}",
            factory.kind
        );
        let null = (factory.parse)(&Value::Null).unwrap_or_else(|error| panic!("{}: null: {error}", factory.kind));
        assert_eq!(
            null.to_value(),
            (factory.defaults)(),
            "{}: null means the defaults",
            factory.kind
        );
        let empty = (factory.parse)(&json!({})).unwrap_or_else(|error| panic!("{}: {{}}: {error}", factory.kind));
        assert_eq!(
            empty.to_value(),
            (factory.defaults)(),
            "{}: {{}} means the defaults",
            factory.kind
        );
    }
}

#[test]
fn the_tables_keep_their_laws() {
    check_laws(RECEIVERS);
    check_laws(PROCESSORS);
    check_laws(EXPORTERS);
    check_laws(EXTENSIONS);
}

/// The tracing guide's collector file for Datadog, with its placeholder replaced by a variable's name.
const DATADOG_OF_THE_GUIDE: &str = r#"
receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: }
exporters:
  datadog:
    api:
      key: "${MY_DATADOG_KEY}"
      site: "${DD_SITE}"
service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [datadog]}}}
"#;

#[test]
fn the_guides_file_for_datadog_runs() {
    let faults = |key: Option<&'static str>, site: Option<&'static str>| {
        let env = move |name: &str| match name {
            "MY_DATADOG_KEY" => key.map(str::to_owned),
            "DD_SITE" => site.map(str::to_owned),
            _ => None,
        };
        let loaded = config::from_text(DATADOG_OF_THE_GUIDE, &env).expect("YAML");
        match loaded.check("localhost") {
            Ok(checked) => {
                config::assemble(checked, Wiring::default()).expect("it assembles");
                Vec::new()
            }
            Err(faults) => faults,
        }
    };
    let key = Some("0123456789abcdef0123456789abcdef");
    for site in [Some("datadoghq.com"), Some("datadoghq.eu"), None] {
        assert_eq!(faults(key, site), Vec::<String>::new(), "{site:?}");
    }
    // A key may well read as a number.
    assert_eq!(
        faults(Some("01234567890123456789012345678901"), None),
        Vec::<String>::new()
    );
    let missing = faults(None, Some("datadoghq.com"));
    assert!(
        missing[0].starts_with("exporters::datadog::api::key: is not set"),
        "{missing:?}"
    );
    let wrong = faults(key, Some("https://app.datadoghq.eu"));
    assert!(
        wrong[0].contains("exporters::datadog::api::site:") && wrong[0].contains("write site: datadoghq.eu"),
        "{wrong:?}"
    );
}

#[test]
fn the_configs_on_datadogs_page_load() {
    let page = include_str!("../docs/backends/datadog.md");
    let blocks = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let service = "service: {pipelines: {traces: {receivers: [otlp], exporters: [datadog]}}}\nreceivers: {otlp: {protocols: {grpc: }}}\n";
    let mut seen = 0;
    for block in blocks {
        // A block that shows one section stands for itself; the rest is the smallest that runs.
        let whole = if block.contains("service:") {
            block.to_owned()
        } else {
            format!("{service}{block}")
        };
        let loaded = config::from_text(&whole, &env).unwrap_or_else(|faults| panic!("{whole}: {faults:#?}"));
        let checked = loaded
            .check("localhost")
            .unwrap_or_else(|faults| panic!("{whole}: {faults:#?}"));
        config::assemble(checked, Wiring::default()).unwrap_or_else(|error| panic!("{whole}: {error:#}"));
        seen += 1;
    }
    assert!(seen >= 2, "{seen} blocks");
}
