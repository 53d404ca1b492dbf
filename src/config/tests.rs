//! Whole configs: what a user writes in, the lines that they read out.

use std::net::SocketAddr;

use async_trait::async_trait;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    checked::{self, Checked, Tables},
    *,
};
use crate::{
    otlp::TraceBatch,
    pipeline::{
        Build, Dial, ExportError, Exporter, Extension, Factory, Fault, Health, Host, Inlet, Listen, Processor,
        Receiver, Refused,
    },
    values::{Endpoint, Secret},
};

/// A component of each kind in one.
struct Nothing;

#[async_trait]
impl Receiver for Nothing {
    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        Ok(Vec::new())
    }
    async fn run(self: Box<Self>, _inlet: Inlet, _stop: CancellationToken) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Processor for Nothing {
    fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        Ok(batch)
    }
}

#[async_trait]
impl Exporter for Nothing {
    async fn export(&self, _batch: &TraceBatch) -> Result<(), ExportError> {
        Ok(())
    }
}

#[async_trait]
impl Extension for Nothing {
    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        Ok(Vec::new())
    }
    async fn run(self: Box<Self>, _health: Health, _stop: CancellationToken) -> anyhow::Result<()> {
        Ok(())
    }
}

macro_rules! component {
    ($name:ident, $kind:ty, $type:literal, $aliases:expr, { $($field:ident: $of:ty),* }, |$config:ident| $rest:tt) => {
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct $name { $($field: $of),* }

        impl Build<$kind> for $name {
            const TYPE: &'static str = $type;
            const ALIASES: &'static [&'static str] = $aliases;
            component!(@rest $config $rest);
            fn build(self, _host: &Host) -> anyhow::Result<Box<$kind>> {
                Ok(Box::new(Nothing))
            }
        }
    };
    (@rest $config:ident { }) => {};
    (@rest $config:ident { listens $listens:expr }) => {
        fn listens(&$config, host: &Host) -> Vec<Listen> {
            let endpoint = $listens.replace("HOST", &host.default_host);
            vec![Listen { endpoint, protocol: "otlp/grpc" }]
        }
    };
    (@rest $config:ident { endpoint }) => {
        fn validate(&$config) -> Vec<Fault> {
            let missing = $config.endpoint.is_empty();
            missing.then(|| Fault::at("", "requires a non-empty \"endpoint\"")).into_iter().collect()
        }
        fn dials(&$config) -> Vec<Dial> {
            vec![Dial { endpoint: Endpoint::new($config.endpoint.as_str()), protocol: "otlp/grpc" }]
        }
    };
}

component!(Door, dyn Receiver, "otlp", &[], { endpoint: String }, |self| {
    listens if self.endpoint.is_empty() { "HOST:4317".to_owned() } else { self.endpoint.clone() }
});
component!(Change, dyn Processor, "batch", &[], { size: usize }, |self| { });
component!(Out, dyn Exporter, "otlp_grpc", &["otlp"], { endpoint: String, key: Secret }, |self| { endpoint });
component!(Print, dyn Exporter, "debug", &[], { verbosity: String }, |self| { });
component!(Beside, dyn Extension, "health_check", &[], { endpoint: String }, |self| { });

static DOORS: &[Factory<dyn Receiver>] = &[Factory::of::<Door>()];
static CHANGES: &[Factory<dyn Processor>] = &[Factory::of::<Change>()];
static OUTS: &[Factory<dyn Exporter>] = &[Factory::of::<Print>(), Factory::of::<Out>()];
static BESIDES: &[Factory<dyn Extension>] = &[Factory::of::<Beside>()];

fn tables() -> Tables {
    Tables {
        receivers: DOORS,
        processors: CHANGES,
        exporters: OUTS,
        extensions: BESIDES,
    }
}

fn env(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("0042".to_owned()),
        "TWO" => Some("[debug, otlp_grpc]".to_owned()),
        _ => None,
    }
}

fn read(text: &str) -> Result<Checked, Vec<String>> {
    let loaded = from_text(text, &env)?;
    checked::check(&loaded.0.tree, &loaded.0.originals, tables(), "localhost")
}

const GOOD: &str = "
receivers: {otlp: }
processors: {batch: }
exporters: {otlp_grpc: {endpoint: 'backend:4317', key: '${KEY}'}, debug: }
extensions: {health_check: {}}
service:
  extensions: [health_check,]
  pipelines: {traces: {receivers: [otlp], processors: [batch,], exporters: '${TWO}'}}
";

/// The good config with `over` laid upon it.
fn check(over: &str, expected: &[&str]) {
    let Loaded(Expanded {
        mut tree, originals, ..
    }) = from_text(GOOD, &env).unwrap_or_else(|faults| panic!("{faults:?}"));
    merge::merge(&mut tree, yaml::read(over).expect(over));
    let found = checked::check(&tree, &originals, tables(), "localhost")
        .err()
        .unwrap_or_default();
    assert_eq!(found, expected, "{over}");
}

#[test]
fn a_good_config_has_no_faults() {
    let checked = read(GOOD).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(checked.warnings.is_empty());
    let (_, refs) = &checked.service.pipelines.0[0];
    assert_eq!(refs.exporters, ["debug", "otlp_grpc"]);
}

#[test]
fn every_fault_is_told_at_once_in_the_order_of_the_file() {
    let text = "
recievers: {}
receivers: {otlp: {endpont: x}}
exporters:
  debug: {verbosty: normal}
  otlp_grpc:
  jaeger:
processors:
  batch: {size: many}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [x], exporters: []}
";
    assert_eq!(
        read(text).err().expect("faults"),
        [
            "'' has invalid keys: recievers (did you mean \"receivers\"?)",
            "'receivers.otlp' has invalid keys: endpont (did you mean \"endpoint\"?)",
            "'exporters.debug' has invalid keys: verbosty (did you mean \"verbosity\"?)",
            "exporters::otlp_grpc: requires a non-empty \"endpoint\"",
            "'exporters' unknown type: \"jaeger\" for id: \"jaeger\" (valid values: [debug otlp_grpc])",
            "processors::batch::size: expected a whole number from 0 up, found a string",
            "service::pipelines::traces: must have at least one exporter",
            "service::pipelines::traces: references processor \"x\" which is not configured",
        ]
    );
}

#[test]
fn one_mistake_is_one_line() {
    let misspelt = GOOD
        .replace("receivers: {otlp: }\n", "recievers: {otlp: }\n")
        .replace("extensions: {h", "extension: {h");
    assert_eq!(
        read(&misspelt).err().expect("faults"),
        [
            "'' has invalid keys: recievers (did you mean \"receivers\"?)",
            "'' has invalid keys: extension (did you mean \"extensions\"?)",
        ]
    );
    check(
        "service: {pipelines: {traces: {receivers: [otlp, null]}}}",
        &["service::pipelines::traces::receivers::1: expected a string, found nothing"],
    );
    check(
        "service: {pipelines: {traces: {receivers: [otlp, '']}}}",
        &["service::pipelines::traces: references receiver \"\" which is not configured"],
    );
}

#[test]
fn references_have_to_lead_somewhere() {
    check(
        "service: {pipelines: {traces: {receivers: [otpl]}}}",
        &["service::pipelines::traces: references receiver \"otpl\" which is not configured (did you mean \"otlp\"?)"],
    );
    check(
        "service: {pipelines: {traces: {processors: [batch, batch]}}}",
        &["service::pipelines::traces: references processor \"batch\" multiple times"],
    );
    check(
        "service: {extensions: [zpages]}",
        &["service::extensions: references extension \"zpages\" which is not configured"],
    );
    check(
        "service: {pipelines: {traces: {receivers: null}}}",
        &["service::pipelines::traces: must have at least one receiver"],
    );
}

#[test]
fn only_traces_are_carried() {
    let only =
        "this program carries traces only; remove the pipeline (its own metrics are under service::telemetry::metrics)";
    check(
        "service: {pipelines: {metrics: {receivers: [otlp], exporters: [debug]}, logs/x: }}",
        &[
            &format!("service::pipelines::metrics: {only}"),
            &format!("service::pipelines::logs/x: {only}"),
        ],
    );
    check(
        "service: {pipelines: {spans: }}",
        &["service::pipelines::spans: unknown signal \"spans\"; name it traces or traces/name"],
    );
    for text in ["", "receivers: {otlp: }", "service: {}", "service: {pipelines: {}}"] {
        let faults = read(text).err().unwrap_or_default();
        assert_eq!(
            faults,
            ["service::pipelines: must have at least one pipeline"],
            "{text}"
        );
    }
}

#[test]
fn sections_and_ids_have_their_form() {
    check(
        "receivers: [otlp]",
        &[
            "receivers: expected a mapping of component ids to their configs",
            "service::pipelines::traces: references receiver \"otlp\" which is not configured",
        ],
    );
    check(
        "exporters: {debug/: }",
        &["exporters: invalid id \"debug/\": the part after / must not be empty; write it as type or type/name"],
    );
    check(
        "exporters: {debug/x: 5}",
        &["exporters::debug/x: expected a mapping, found a whole number"],
    );
    check("connectors: ", &[]);
    check("connectors: {}", &[]);
    check(
        "connectors: {forward: }",
        &["connectors: this program has no connectors yet; remove the section"],
    );
    check(
        "service: {telemetry: {logs: {level: loud, encodin: json}}, pipeline: {}}",
        &[
            "service::telemetry::logs::level: unknown value \"loud\" (valid values: [debug info warn error])",
            "'service.telemetry.logs' has invalid keys: encodin (did you mean \"encoding\"?)",
            "'service' has invalid keys: pipeline (did you mean \"pipelines\"?)",
        ],
    );
}

#[test]
fn a_list_is_no_mapping() {
    check(
        "receivers: {otlp: [x]}",
        &["receivers::otlp: expected a mapping, found a list"],
    );
    check(
        "processors: {batch: [10]}",
        &["processors::batch: expected a mapping, found a list"],
    );
    check(
        "exporters: {debug: {sending_queue: [false], retry_on_failure: {}}}",
        &["exporters::debug::sending_queue: expected a mapping, found a list"],
    );
    check(
        "service: {pipelines: {traces: [[otlp], [], [debug]]}, telemetry: [{}]}",
        &[
            "service::pipelines::traces: expected a mapping, found a list",
            "service::telemetry: expected a mapping, found a list",
        ],
    );
}

#[test]
fn levels_are_read_in_any_case() {
    for (logs, metrics) in [("DEBUG", "None"), ("Debug", "NONE"), ("debug", "none")] {
        let telemetry = format!("{{telemetry: {{logs: {{level: {logs}}}, metrics: {{level: {metrics}}}}}}}");
        let text = GOOD.replace(
            "service:\n",
            &format!("service:\n  {}\n", &telemetry[1..telemetry.len() - 1]),
        );
        let telemetry = read(&text)
            .unwrap_or_else(|faults| panic!("{faults:?}"))
            .service
            .telemetry;
        assert_eq!(
            (telemetry.logs.level, telemetry.metrics.level),
            (Level::Debug, MetricsLevel::None)
        );
    }
    check(
        "service: {telemetry: {logs: {level: INFOO}, metrics: {level: 5}}}",
        &[
            "service::telemetry::logs::level: unknown value \"infoo\" (did you mean \"info\"?) (valid values: [debug info \
             warn error])",
            "service::telemetry::metrics::level: expected a string, found a whole number",
        ],
    );
}

#[test]
fn the_engines_keys_stand_in_the_exporter() {
    check(
        "exporters: {debug: {sending_queue: {enabled: false}, timeout: 3s, retry_on_failure: }}",
        &[],
    );
    check(
        "exporters: {debug: {sending_queu: {}, tls: }}",
        &[
            "'exporters.debug' has invalid keys: sending_queu (did you mean \"sending_queue\"?)",
            "'exporters.debug' has invalid keys: tls",
        ],
    );
    check(
        "exporters: {debug: {sending_queue: {sizer: spans}}}",
        &["exporters::debug::sending_queue::sizer: unknown value \"spans\" (valid values: [requests items bytes])"],
    );
}

#[test]
fn a_pipeline_must_not_feed_itself() {
    check(
        "exporters: {otlp_grpc: {endpoint: 'http://127.0.0.1:4317'}}",
        &[
            "service::pipelines::traces: exporter \"otlp_grpc\" sends to http://127.0.0.1:4317, where receiver \"otlp\" of \
           the same pipeline listens: spans would go round for ever",
        ],
    );
}

#[test]
fn older_names_are_read_with_a_warning() {
    let text = GOOD
        .replace("otlp_grpc: {", "otlp: {")
        .replace("'${TWO}'", "[otlp, debug]");
    let checked = read(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(
        checked.warnings,
        [r#""otlp" alias is deprecated; use "otlp_grpc" instead"#]
    );
    let (entry, _) = checked
        .exporters
        .iter()
        .find(|(entry, _)| entry.written == "otlp")
        .expect("there");
    assert_eq!(entry.id.kind, "otlp_grpc");
    check(
        "exporters: {otlp: {endpoint: 'x:1'}}",
        &["exporters::otlp: is the same component as \"otlp_grpc\""],
    );
}

#[test]
fn print_shows_defaults_and_no_secrets() {
    let checked = read(GOOD).unwrap_or_else(|faults| panic!("{faults:?}"));
    let (entry, _) = &checked.exporters[0];
    assert_eq!(
        entry.parsed.to_value(),
        json!({"endpoint": "backend:4317", "key": "[REDACTED]"})
    );
    let text = yaml::write(&checked.to_value());
    assert!(
        !text.contains("0042") && text.contains("key: \"[REDACTED]\"") && text.contains("queue_size: 1000"),
        "{text}"
    );
    let again: Value = yaml::read(&text).expect("valid");
    assert_eq!(again, checked.to_value());
}

#[test]
fn sources_merge_and_sets_win() {
    let sources = [
        "yaml:exporters::debug::verbosity: basic".to_owned(),
        "yaml:exporters::debug::verbosity: normal".to_owned(),
    ];
    let loaded =
        load(&sources, &["exporters.debug.verbosity=detailed".to_owned()], &env).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(
        loaded.0.tree,
        json!({"exporters": {"debug": {"verbosity": "detailed"}}})
    );
    let faults = load(&["/no/a.yaml".to_owned(), "env:NO".to_owned()], &["x".to_owned()], &env)
        .err()
        .expect("faults");
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn metrics_are_served_where_the_config_says() {
    let addresses = |text: &str| {
        let service = format!("service: {{telemetry: {{metrics: {text}}}}}");
        let tree = yaml::read(&service).expect("valid");
        serde_json::from_value::<Service>(tree["service"].clone())
            .expect("a service")
            .telemetry
            .metrics
            .addresses()
    };
    assert_eq!(addresses("{}"), ["localhost:8888"]);
    assert_eq!(addresses("{level: none}"), [""; 0]);
    assert_eq!(addresses("{address: '0.0.0.0:9'}"), ["0.0.0.0:9"]);
    assert_eq!(
        addresses("{readers: [{pull: {exporter: {prometheus: {host: '::', port: 9}}}}]}"),
        ["[::]:9"]
    );
    check(
        "service: {telemetry: {metrics: {address: here}}}",
        &["service::telemetry::metrics::address: \"here\" is no address; write it as host:port"],
    );
}

#[test]
fn a_tree_for_others_takes_naked_dollars_and_writes_dots() {
    let env = |name: &str| (name == "KEY").then(|| "4711".to_owned());
    let text = "yaml:a: [{key: $KEY, other: '$NONE', url: 'http://$KEY/$$x'}]";
    let read = load_tree(text, &env).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(
        read.tree,
        json!({"a": [{"key": 4711, "other": null, "url": "http://4711/$x"}]})
    );
    let path = ["a", "0", "key"].map(str::to_owned).to_vec();
    assert_eq!(read.originals[&path], "4711");
    assert_eq!(
        read.warnings,
        [r#"a[0].other: environment variable "NONE" is not set; the value is empty"#]
    );
    let faults = load_tree("yaml:a: ['${1}', '${x:y}']", &env).err().unwrap_or_default();
    assert!(faults.len() == 2 && faults[1].starts_with("a[1]: "), "{faults:?}");
}

#[test]
fn an_unset_variable_is_a_warning() {
    let text = GOOD.replace("'${KEY}'", "'${NONE}'");
    let loaded = from_text(&text, &env).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(
        loaded.warnings(),
        [r#"exporters::otlp_grpc::key: environment variable "NONE" is not set; the value is empty"#]
    );
    assert!(read(&text).is_ok());
    let text = GOOD.replace("'backend:4317'", "'${env:NONE}'");
    assert_eq!(
        read(&text).err().expect("a fault"),
        ["exporters::otlp_grpc: requires a non-empty \"endpoint\""]
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z:{}\\[\\]$,\n -]{0,80}") {
        let _ = read(&text);
    }

    #[test]
    fn any_value_anywhere_is_read_or_refused(
        at in prop::sample::select(vec!["receivers", "processors", "exporters", "extensions", "service", "x"]),
        key in "[a-z/]{0,6}",
        value in "(\\[|\\{|)[a-z0-9:]{0,6}",
    ) {
        let _ = read(&format!("{at}: {{{key}: {value}}}"));
        let _ = read(&format!("{at}: {{otlp: {{endpoint: {value}}}}}"));
    }
}
