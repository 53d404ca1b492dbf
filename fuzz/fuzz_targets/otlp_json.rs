//! Any text: reading OTLP/JSON never panics, and what it reads is valid and comes back from what is written of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plano::otlp::{json, validate};

fuzz_target!(|text: &[u8]| {
    let Ok(read) = json::read(text) else { return };
    let spans = read.batch.span_count();
    let mut written = Vec::new();
    json::write(&read.batch, &mut written);
    let again = json::read(&written).expect("what was written can be read");
    assert_eq!((again.batch.span_count(), again.rejected_spans), (spans, 0));
    let valid = validate(read.batch.into_contiguous()).expect("what was read is valid");
    assert_eq!((valid.batch.span_count(), valid.rejected_spans), (spans, 0));
});
