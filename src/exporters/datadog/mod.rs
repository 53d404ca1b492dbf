//! `datadog`: to Datadog's trace intake in its own format, or to its OTLP intake.

mod map;
mod wire;
