//! Plano: a trace pipeline that reads the conversations on spans and flags the ones that went wrong.
//!
//! The modules below stand in reading order; each may name only those of an earlier layer (see ARCHITECTURE.md).

// Layer 0: pure data, no I/O and no runtime.
pub mod otlp;
pub mod propagation;
pub mod signals;
pub mod values;

// Layer 1: the engine, the network shell and the reading of conversations that components share.
pub mod dialects;
pub mod net;
pub mod pipeline;

// Layer 2: components. Siblings never name each other.
pub mod exporters;
pub mod extensions;
pub mod processors;
pub mod receivers;

// Layer 3: what is made of them.
pub mod config;
pub mod gateway;
pub mod telemetry;
pub mod viewer;

// Layer 4: the command line.
pub mod cli;
