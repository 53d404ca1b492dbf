//! Keys as the screen knows them, apart from the library that reads them, so that a test can write a script of keys.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Backspace,
    Delete,
}

impl Key {
    /// The key of an event; `None` for a release and for keys that mean nothing here.
    pub(super) fn of(event: &KeyEvent) -> Option<Key> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let other = event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER);
        Some(match event.code {
            KeyCode::Char(letter) if control && !other => Key::Ctrl(letter.to_ascii_lowercase()),
            KeyCode::Char(letter) if !control && !other => Key::Char(letter),
            KeyCode::Enter => Key::Enter,
            KeyCode::Esc => Key::Esc,
            KeyCode::Tab => Key::Tab,
            KeyCode::BackTab => Key::BackTab,
            KeyCode::Up => Key::Up,
            KeyCode::Down => Key::Down,
            KeyCode::Left => Key::Left,
            KeyCode::Right => Key::Right,
            KeyCode::PageUp => Key::PageUp,
            KeyCode::PageDown => Key::PageDown,
            KeyCode::Home => Key::Home,
            KeyCode::End => Key::End,
            KeyCode::Backspace => Key::Backspace,
            KeyCode::Delete => Key::Delete,
            _ => return None,
        })
    }
}

/// A step through a list of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    Lines(isize),
    Pages(isize),
    HalfPages(isize),
    First,
    Last,
}

impl Motion {
    /// What a key means wherever there are lines.
    pub(super) fn of(key: Key) -> Option<Motion> {
        Some(match key {
            Key::Char('j') | Key::Down => Motion::Lines(1),
            Key::Char('k') | Key::Up => Motion::Lines(-1),
            Key::Char('g') | Key::Home => Motion::First,
            Key::Char('G') | Key::End => Motion::Last,
            Key::PageDown | Key::Ctrl('f') => Motion::Pages(1),
            Key::PageUp | Key::Ctrl('b') => Motion::Pages(-1),
            Key::Ctrl('d') => Motion::HalfPages(1),
            Key::Ctrl('u') => Motion::HalfPages(-1),
            _ => return None,
        })
    }
}
