//! What sends trace data on. Adding an exporter: one file or folder here, one line in the table, one block in
//! `pipelines/reference.yaml`. Exporters never name each other; those over HTTP share `http.rs`.

pub mod awsxray;
pub mod datadog;
pub mod debug;
pub mod file;
mod http;
pub mod langtrace;
pub mod memory;
pub mod otlp;
#[cfg(test)]
mod testing;

use crate::pipeline::{Exporter, Factory};

/// Every exporter, sorted by type.
pub static EXPORTERS: &[Factory<dyn Exporter>] = &[
    Factory::of::<awsxray::Config>(),
    Factory::of::<datadog::Config>(),
    Factory::of::<debug::Config>(),
    Factory::of::<file::Config>(),
    Factory::of::<langtrace::Config>(),
    Factory::of::<memory::Config>(),
    Factory::of::<otlp::grpc::Config>(),
    Factory::of::<otlp::http::Config>(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_names_are_unique() {
        let mut names: Vec<&str> = EXPORTERS.iter().map(|factory| factory.kind).collect();
        assert!(names.is_sorted(), "{names:?}");
        names.extend(EXPORTERS.iter().flat_map(|factory| factory.aliases));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }

    #[test]
    fn every_exporter_refuses_what_it_does_not_know_and_reads_its_own_defaults() {
        for factory in EXPORTERS {
            let unknown = (factory.parse)(&serde_json::json!({"no_such_key": 1}));
            let fault = unknown.err().expect("refused").to_string();
            assert!(
                fault.contains("unknown field `no_such_key`"),
                "{}: {fault}",
                factory.kind
            );
            let defaults = (factory.defaults)();
            let again = (factory.parse)(&defaults).expect("its own defaults").to_value();
            assert_eq!(again, defaults, "{}", factory.kind);
        }
    }

    #[test]
    fn only_exporters_over_the_network_have_a_queue_of_their_own() {
        for factory in EXPORTERS {
            let delivery = (factory.delivery)();
            let network = !["debug", "file", "memory"].contains(&factory.kind);
            assert_eq!(delivery.sending_queue.enabled, network, "{}", factory.kind);
        }
    }
}
