//! Any header lines: reading trace context never panics, and what goes on to the next hop is valid and says the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plano::propagation::{Context, Sampling, TraceParent};

// Lines that begin with `p` are `traceparent`, all others `tracestate`.
fuzz_target!(|text: &[u8]| {
    let lines = || text.split(|&byte| byte == b'\n');
    let traceparents = lines().filter_map(|line| line.strip_prefix(b"p"));
    let context = Context::extract(traceparents, lines().filter(|line| !line.starts_with(b"p")));
    let parent = context.parent().copied();
    assert!(parent.is_some() || context.tracestate().is_none());
    let trace = context.enter(Sampling::ALL, [7; 16]);
    let (traceparent, tracestate) = trace.outgoing([1; 8]);
    let again = Context::extract([traceparent.as_bytes()], tracestate.map(str::as_bytes));
    let expected = TraceParent {
        trace_id: parent.map_or([7; 16], |parent| parent.trace_id),
        parent_id: [1; 8],
        flags: trace.flags,
    };
    assert_eq!(again.parent(), Some(&expected));
    assert_eq!(again.tracestate(), tracestate);
});
