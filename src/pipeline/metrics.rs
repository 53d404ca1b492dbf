//! Counts at the seams, by component id, under the Collector's names (`otelcol_receiver_accepted_spans`, …). Handles are
//! made while a pipeline is built, under the recorder that is current then, so that pipelines in one process do not mix.
