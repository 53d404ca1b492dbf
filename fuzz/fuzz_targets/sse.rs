//! Any bytes in any chunks: the same events as in one piece, which laid end to end are the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plano::gateway::stream::{Event, Parser};

fuzz_target!(|input: &[u8]| {
    let Some((step, bytes)) = input.split_first() else {
        return;
    };
    let whole = read(bytes, bytes.len().max(1));
    let cut = read(bytes, usize::from(*step).max(1));
    assert_eq!(whole, cut);
    let raw: Vec<u8> = whole.iter().flat_map(|event| event.raw().to_vec()).collect();
    assert_eq!(raw, bytes);
});

/// All events, what is left at the end included.
fn read(bytes: &[u8], step: usize) -> Vec<Event> {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for chunk in bytes.chunks(step) {
        parser.feed(chunk);
        while let Some(event) = parser.next_event().expect("far below the limit") {
            events.push(event);
        }
    }
    events.extend(parser.finish());
    events
}
