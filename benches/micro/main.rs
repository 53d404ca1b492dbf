//! Micro-benchmarks of the pure parts: `cargo bench --bench micro [FILTER]`. One module per part; never fails by time.

mod analyzer;
mod otlp;
mod queue;
mod sessions;

criterion::criterion_main!(analyzer::benches, otlp::benches, queue::benches, sessions::benches);
