//! Scripts of keys with the state that they lead to, and whole screens as text in `tests/golden/ui/` (`PLANO_GOLDEN=write cargo test`
//! writes them anew; read the difference before it is committed).

mod feed;
mod golden;
mod keys;
mod sample;
mod sizes;

use std::sync::Arc;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    app::{App, Effect, Event, Scope},
    draw::draw,
    key::Key,
    news::News,
    opened::Opened,
};
use crate::viewer::{Ink, Reply, Summary, Trace};

/// A screen with traces, the listener's part played by hand.
struct Bench {
    app: App,
    traces: Vec<Trace>,
}

impl Bench {
    fn new(width: u16, height: u16, traces: Vec<Trace>) -> Bench {
        let scope = Scope {
            address: "127.0.0.1:4317".to_owned(),
            ..Scope::default()
        };
        let mut bench = Bench {
            app: App::new(scope, (width, height), false),
            traces,
        };
        bench.answer();
        bench
    }

    /// What the listener says to what is wanted.
    fn answer(&mut self) {
        let asked = self.app.asked.clone();
        if !self.app.answered {
            let mut summaries: Vec<Summary> = self.traces.iter().enumerate().map(summary).collect();
            summaries.retain(|summary| !asked.flagged || summary.flags > 0);
            summaries.retain(|summary| summary.root.contains(&asked.filter) || asked.filter.is_empty());
            summaries.reverse();
            let reply = Reply {
                summaries,
                held: self.traces.len(),
                newest: self.traces.len() as u64,
                ..Reply::default()
            };
            self.app.take(Event::News(News::Whole(asked, reply)));
        }
        let wanted = self.app.wanted();
        if let Some((id, _)) = wanted.open
            && self.app.tree.opened.as_ref().is_none_or(|(open, _)| *open != id)
        {
            let trace = self.traces.iter().find(|trace| trace.trace_id == id).expect("held");
            let opened = Arc::new(Opened::new(trace.clone()));
            self.app.take(Event::News(News::Opened(id, opened)));
        }
        if let Some(subject) = self.app.wanted().talk {
            let said = sample::conversation(subject.span()).map(Box::new);
            self.app.take(Event::News(News::Said(subject, said)));
        }
    }

    /// Presses the keys of a script, such as `jj<Enter>ee`; the last effect that is one.
    fn press(&mut self, script: &str) -> Effect {
        let mut last = Effect::None;
        for key in script_keys(script) {
            let effect = self.app.take(Event::Key(key));
            last = if effect == Effect::None { last } else { effect };
            self.answer();
        }
        last
    }

    fn drawn(&self, ink: Ink) -> Buffer {
        let (width, height) = self.app.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        draw(&self.app, ink, &mut buffer);
        buffer
    }

    /// The screen as lines of text.
    fn text(&self) -> String {
        text(&self.drawn(Ink::Color))
    }
}

fn summary((index, trace): (usize, &Trace)) -> Summary {
    Summary {
        sequence: index as u64 + 1,
        ..Summary::of(trace)
    }
}

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut hidden = 0;
        for x in 0..buffer.area.width {
            // The cell behind a wide character is covered by it.
            if hidden > 0 {
                hidden -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            hidden = ratatui::text::Span::raw(symbol).width().saturating_sub(1);
            line.push_str(symbol);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn script_keys(script: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|inner| inner.split_once('>'));
        if let Some((name, behind)) = named {
            keys.push(match name {
                "Enter" => Key::Enter,
                "Esc" => Key::Esc,
                "Tab" => Key::Tab,
                "BackTab" => Key::BackTab,
                "Up" => Key::Up,
                "Down" => Key::Down,
                "Left" => Key::Left,
                "Right" => Key::Right,
                "PgDn" => Key::PageDown,
                "PgUp" => Key::PageUp,
                "Home" => Key::Home,
                "End" => Key::End,
                "C-c" => Key::Ctrl('c'),
                "C-z" => Key::Ctrl('z'),
                "C-u" => Key::Ctrl('u'),
                "C-d" => Key::Ctrl('d'),
                other => panic!("no key <{other}>"),
            });
            rest = behind;
        } else {
            keys.push(Key::Char(first));
            rest = &rest[first.len_utf8()..];
        }
    }
    keys
}
