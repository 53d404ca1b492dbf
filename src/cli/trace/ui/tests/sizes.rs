//! Any size, any keys, any data: drawn without a panic, nothing outside, nothing harmful.

use std::sync::Arc;

use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Bench, sample, summary};
use crate::{
    cli::trace::ui::{
        app::{App, Event, Scope},
        draw::draw,
        key::Key,
        news::News,
        opened::Opened,
    },
    viewer::{Attribute, Conversation, Ink, Message, Piece, Reply, Span, Trace, Value, is_harmful},
};

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        6 => prop::sample::select("jkgGefFcyrplh/? qx".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Char),
        4 => prop::sample::select(vec![
            Key::Enter, Key::Esc, Key::Tab, Key::BackTab, Key::Up, Key::Down, Key::Left, Key::Right, Key::PageUp,
            Key::PageDown, Key::Home, Key::End, Key::Backspace, Key::Delete, Key::Ctrl('u'), Key::Ctrl('d'),
            Key::Ctrl('w'), Key::Ctrl('f'),
        ]),
    ]
}

fn any_size() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![
        prop::sample::select(vec![
            (0, 0),
            (1, 1),
            (0, 9),
            (9, 0),
            (2, 2),
            (5, 3),
            (20, 5),
            (80, 24),
            (120, 30),
            (300, 100)
        ]),
        (0_u16..200, 0_u16..60),
    ]
}

fn any_span() -> impl Strategy<Value = Span> {
    let times = prop_oneof![Just(0), 1_u64..100, 1_u64..4_000_000_000, Just(u64::MAX)];
    let text = || {
        prop_oneof![
            any::<String>(),
            "[a-z]{0,6}",
            Just("日本語👩\u{200d}💻❤\u{fe0f}z\u{301}\u{301}".repeat(4))
        ]
    };
    (
        0_u8..12,
        0_u8..14,
        text(),
        text(),
        text(),
        times.clone(),
        times,
        -3_i32..9,
    )
        .prop_map(|(id, parent, name, service, value, start, end, code)| Span {
            trace_id: "ab".repeat(16),
            span_id: id.to_string(),
            parent_span_id: if parent > 12 { String::new() } else { parent.to_string() },
            attributes: vec![Attribute {
                key: service.clone(),
                value: Value::Str(value),
            }],
            name,
            service,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            kind: code,
            status: crate::viewer::Status {
                code,
                message: String::new(),
            },
            ..Span::default()
        })
}

fn any_news() -> impl Strategy<Value = Event> {
    let trace = prop::collection::vec(any_span(), 0..12);
    prop_oneof![
        8 => any_key().prop_map(Event::Key),
        1 => any_size().prop_map(|(width, height)| Event::Size(width, height)),
        1 => any::<String>().prop_map(Event::Paste),
        1 => any::<String>().prop_map(|why| Event::News(News::Lost(why))),
        1 => (any::<String>(), any::<bool>()).prop_map(|(text, open)| match open {
            true => Event::News(News::Closed("ab".repeat(16), text)),
            false => Event::News(News::Refused(crate::cli::trace::ui::news::Asked::default(), text)),
        }),
        2 => trace.prop_map(|spans| {
            let trace = Trace { trace_id: "ab".repeat(16), spans, ..Trace::default() };
            Event::News(News::Opened(trace.trace_id.clone(), Arc::new(Opened::new(trace))))
        }),
    ]
}

/// Draws it, into its own size and into one that the terminal has by now.
fn drawn(app: &App) {
    let (width, height) = app.size;
    for (width, height) in [(width, height), (width / 2, height / 2), (width + 3, height + 3)] {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        draw(app, Ink::Color, &mut buffer);
        for cell in &buffer.content {
            assert!(!cell.symbol().chars().any(is_harmful), "{:?}", cell.symbol());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_at_any_size_draw(
        size in any_size(),
        trace in prop::collection::vec(any_span(), 0..12),
        events in prop::collection::vec(any_news(), 0..30),
    ) {
        let scope = Scope { address: "127.0.0.1:4317".into(), conditions: vec!["a\x1b=b".into()], since: Some("5m".into()) };
        let mut app = App::new(scope, size, false);
        drawn(&app);
        let mut traces = sample::all();
        traces.push(Trace { trace_id: "ab".repeat(16), spans: trace, ..Trace::default() });
        let summaries = traces.iter().enumerate().map(summary).rev().collect();
        let reply = Reply { summaries, held: 7, ..Reply::default() };
        app.take(Event::News(News::Whole(app.asked.clone(), reply)));
        drawn(&app);
        for event in events {
            app.take(event);
            if let Some(subject) = app.wanted().talk {
                let piece = Piece { text: subject.span().name.clone(), signals: vec!["x".into()] };
                let message = Message { role: "us\x1ber".into(), text: vec![piece], ..Message::default() };
                let said = Conversation { messages: vec![message], ..Conversation::default() };
                app.take(Event::News(News::Said(subject, Some(Box::new(said)))));
            }
            drawn(&app);
        }
    }
}

#[test]
fn every_state_is_drawn_at_every_small_size() {
    for script in [
        "",
        "<Enter>",
        "jj<Enter>f<Enter>",
        "jjc",
        "?",
        "/status=error",
        "/zzz<Enter>",
        "jj<Enter><Left>",
    ] {
        let mut bench = Bench::new(80, 24, sample::all());
        bench.press(script);
        for width in (0..12).chain((12..180).step_by(7)) {
            for height in (0..12).chain([17, 18, 24, 40]) {
                bench.app.take(Event::Size(width, height));
                drawn(&bench.app);
            }
        }
    }
}
