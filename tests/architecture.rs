//! Holds the architecture: who may name whom, what a layer must not touch, how large a file may grow.
//!
//! The rules are the tables below; ARCHITECTURE.md says why they are there. A failure names the file, the line, the rule
//! and its reason. Product code only: what stands behind `#[cfg(test)]` may look anywhere, but is still read for size
//! and attributes. The checker itself is tested in `architecture/probes.rs`, so that it can be seen to fail.

#[path = "architecture/facts.rs"]
mod facts;
#[path = "architecture/probes.rs"]
mod probes;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::path::Path;
use std::sync::LazyLock;

use rules::{Ban, Violation};
use source::Source;

/// From the top down. A module may name only modules of rows below its own: no arrow up, none to a sibling.
const LAYERS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["config", "gateway", "viewer", "telemetry"],
    &["receivers", "processors", "exporters", "extensions"],
    &["pipeline", "net", "dialects"],
    &["otlp", "signals", "propagation", "values"],
];

/// Folders of components: a component may name its folder's table file, never another component beside it.
const COMPONENTS: &[&str] = &["receivers", "processors", "exporters", "extensions"];

/// Modules of those folders that are no components but what several of them share.
const SHARED: &[(&str, &str)] = &[("exporters", "http")];

/// The tables of components, and the one file that may see more than one of them.
const TABLES: &[&str] = &["RECEIVERS", "PROCESSORS", "EXPORTERS", "EXTENSIONS"];
const SEES_ALL_TABLES: &str = "src/config/assemble.rs";

/// Where the structs that a user's YAML fills live; every one of them refuses what is misspelt.
const CONFIG_STRUCTS: &[&str] = &[
    "src/config/",
    "src/exporters/",
    "src/extensions/",
    "src/gateway/config",
    "src/net/",
    "src/pipeline/",
    "src/processors/",
    "src/receivers/",
    "src/telemetry/",
];

/// Structs that mirror what others put on the wire, where unknown fields are the rule.
const WIRE_STRUCTS: &[&str] = &["src/processors/signals/dialects/"];

const MAX_FILE: usize = 400;
const MAX_MAIN: usize = 60;
const MAX_FUNCTION: usize = 60;

/// What product code under `within` must not name (except in the files under `except`).
const BANS: &[Ban] = &[
    Ban {
        within: &["src/otlp", "src/signals", "src/propagation", "src/values"],
        except: &[],
        names: &[
            "hyper",
            "log",
            "metrics",
            "reqwest",
            "std::env",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
            "tokio",
            "tokio_util",
            "tracing",
        ],
        why: "layer 0 does no I/O, reads no clock and knows no runtime (invariant 1)",
    },
    Ban {
        within: &["src/processors"],
        except: &[],
        names: &["std::time::Instant", "std::time::SystemTime", "tokio", "await"],
        why: "processors never await and never read a clock (invariant 3)",
    },
    Ban {
        within: &["src/gateway"],
        except: &[],
        names: &[
            "crate::receivers",
            "crate::processors",
            "crate::exporters",
            "crate::extensions",
        ],
        why: "the gateway offers raw spans to an inlet and knows nothing behind it (invariant 5)",
    },
    Ban {
        within: &["src"],
        except: &["src/main.rs"],
        names: &["std::process::exit", "std::process::abort"],
        why: "only main ends the process, by returning an ExitCode (invariant 6)",
    },
    Ban {
        within: &["src/config"],
        except: &[],
        names: &["tokio", "std::net::TcpListener", "std::net::UdpSocket", "std::thread"],
        why: "checking a config opens no port and starts no task (invariant 7)",
    },
    Ban {
        within: &["src/exporters", "src/processors"],
        // Statistics are no spans: Datadog wants one request of them for every ten seconds, whatever spans come.
        except: &["src/exporters/datadog/stats"],
        names: &[
            "tokio::sync::mpsc",
            "tokio::time",
            "tokio::spawn",
            "metrics_exporter_prometheus",
        ],
        why: "components do not queue, retry, time out or publish counts; the engine does (invariant 8)",
    },
    Ban {
        within: &["src"],
        except: &["src/config/yaml", "src/signals/lexicon", "src/values/prices"],
        names: &["serde_yaml"],
        why: "one place reads configs, and each kind of data that ships as YAML has one, so that the crate can be replaced",
    },
];

/// Every `.rs` file of the package's own folders, parsed once.
static TREE: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        source::collect(root, &root.join(folder), &mut files);
    }
    source::mark_tests(&mut files);
    files
});

/// Runs one rule over the tree and fails with every violation, one a line.
fn hold(rule: impl Fn(&Source) -> Vec<Violation>) {
    assert!(
        TREE.iter().any(|file| file.path == "src/lib.rs"),
        "the walk found no src/lib.rs"
    );
    let found: Vec<String> = TREE
        .iter()
        .flat_map(rule)
        .map(|violation| violation.to_string())
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn imports_point_down() {
    hold(|file| rules::layers(file, LAYERS));
}

#[test]
fn components_do_not_name_each_other() {
    hold(|file| rules::components(file, COMPONENTS, SHARED, &TREE));
}

#[test]
fn only_one_file_sees_all_tables() {
    hold(|file| rules::tables(file, TABLES, SEES_ALL_TABLES));
}

#[test]
fn layers_keep_to_what_they_may_touch() {
    hold(|file| rules::bans(file, BANS));
}

#[test]
fn config_structs_refuse_what_is_misspelt() {
    hold(|file| rules::config_structs(file, CONFIG_STRUCTS, WIRE_STRUCTS));
}

#[test]
fn files_and_functions_stay_small() {
    hold(|file| rules::sizes(file, MAX_FILE, MAX_FUNCTION));
    hold(|file| {
        if file.path == "src/main.rs" {
            rules::sizes(file, MAX_MAIN, MAX_FUNCTION)
        } else {
            Vec::new()
        }
    });
}

#[test]
fn files_say_why_they_exist_and_are_named_for_what_they_do() {
    hold(rules::first_line);
    hold(rules::file_name);
}

#[test]
fn the_page_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("readable");
    let table = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    let words = table.flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_test =
        |word: &&str| word.matches('_').count() > 1 && word.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    let names: Vec<&str> = words.filter(is_test).collect();
    assert!(
        names.len() > 10,
        "the table of invariants is not where it was: {names:?}"
    );
    for name in names {
        let head = format!("fn {name}(");
        let exists = TREE.iter().any(|file| {
            let text = std::fs::read_to_string(root.join(&file.path)).expect("read before");
            text.contains(&head)
        });
        assert!(exists, "ARCHITECTURE.md names the test {name}, which does not exist");
    }
}

#[test]
fn exceptions_give_their_reason() {
    hold(rules::reasons);
}
