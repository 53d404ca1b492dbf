//! The mapping beside what Datadog's own makes of the same spans.
