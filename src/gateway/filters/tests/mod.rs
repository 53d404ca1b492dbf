//! Chains against real servers on loopback: what they are sent, and what comes of each way to answer, or not to.

mod fake;
mod mcp;
mod over_http;
mod windows;

use std::time::{Duration, Instant};

use ::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::{
    gateway::{config::Window, record::Clock, spans},
    otlp::{SpanId, TraceId, ValueRef},
    propagation::{Context, Sampling, Trace},
};
use fake::{Fake, Reply, Seen};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const PATH: &str = "/v1/chat/completions";
const BODY: &str = r#"{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}"#;

fn http_filter(id: &str, url: &str) -> Filter {
    Filter {
        id: id.to_owned(),
        kind: FilterKind::Http,
        url: url.parse().expect("a URL"),
        on_failure: OnFailure::Reject,
        timeout: Duration::from_secs(10),
        headers: Vec::new(),
        window: Window::default(),
    }
}

fn made(filters: &[Filter]) -> Filters {
    Filters::new(filters, &Upstream::new().expect("certificates"))
}

fn trace() -> Trace {
    let context = Context::extract([TRACE.as_bytes()], [&b"vendor=1"[..]]);
    context.enter(Sampling::ALL, [1; 16])
}

fn envelope() -> Envelope {
    let deadline = Instant::now() + Duration::from_secs(60);
    let id = HeaderValue::from_static("req-1");
    Envelope::new(PATH, &id, &trace(), Clock::start(), deadline)
}

/// Leads the body of a request through all filters.
async fn run(filters: &Filters) -> (Result<Bytes, Rejected>, Vec<Step>) {
    let chain: Vec<usize> = (0..filters.entries.len()).collect();
    let mut steps = Vec::new();
    let look = (Direction::Input, 1 << 20);
    let result = filters.run(&chain, &envelope(), look, BODY.into(), &mut steps).await;
    (result, steps)
}

fn outcomes(steps: &[Step]) -> Vec<FilterOutcome> {
    steps.iter().filter_map(|step| step.outcome).collect()
}
