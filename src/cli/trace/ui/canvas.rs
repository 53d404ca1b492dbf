//! Puts harmless text into a buffer of cells, clipped to its pane: whatever the size, nothing is written outside. Uses the terminal's
//! own colors for text and ground, so that light and dark ones both stay readable.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

use crate::viewer::{Hue, Ink, Role, Tint};

/// A buffer and how to color it.
pub(super) struct Canvas<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) ink: Ink,
}

impl Canvas<'_> {
    /// Puts text on a line of an area, from a column of it on; the column behind it. The text must be harmless.
    pub(super) fn put(&mut self, area: Rect, x: u16, y: u16, tint: Tint, text: &str) -> u16 {
        let seen = area.intersection(self.buffer.area);
        if x >= seen.width || y >= seen.height {
            return x;
        }
        let room = usize::from(seen.width - x);
        let style = style(self.ink, tint);
        let (end, _) = self.buffer.set_stringn(seen.x + x, seen.y + y, text, room, style);
        end - seen.x
    }

    /// Puts text so that it ends before a column.
    pub(super) fn put_right(&mut self, area: Rect, end: u16, y: u16, tint: Tint, text: &str) {
        let columns = u16::try_from(crate::viewer::columns(text)).unwrap_or(u16::MAX);
        self.put(area, end.saturating_sub(columns), y, tint, text);
    }

    /// Turns a line of an area round: ground for text.
    pub(super) fn reverse(&mut self, area: Rect, y: u16) {
        let line = Rect::new(area.x, area.y.saturating_add(y), area.width, 1).intersection(area);
        let seen = line.intersection(self.buffer.area);
        self.buffer
            .set_style(seen, Style::new().add_modifier(Modifier::REVERSED));
    }

    /// Fills a line of an area with a character from a column on.
    pub(super) fn fill(&mut self, area: Rect, x: u16, y: u16, tint: Tint, character: &str) {
        let rest = area.width.saturating_sub(x);
        self.put(area, x, y, tint, &character.repeat(usize::from(rest)));
    }
}

/// How a tint looks. Without colors by weight and lines alone.
fn style(ink: Ink, tint: Tint) -> Style {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    match (ink, tint) {
        (_, Tint::Normal) => Style::new(),
        (_, Tint::Dim) => Style::new().add_modifier(Modifier::DIM),
        (_, Tint::Bold) | (Ink::Plain, Tint::Error | Tint::Good | Tint::Role(_)) => bold,
        (Ink::Plain, Tint::Mark) => bold.add_modifier(Modifier::UNDERLINED),
        (Ink::Color, Tint::Error) => bold.fg(Color::Red),
        (Ink::Color, Tint::Mark) => bold.fg(Color::Yellow),
        (Ink::Color, Tint::Good) => bold.fg(Color::Green),
        (Ink::Color, Tint::Role(role)) => colored(bold, role),
    }
}

fn colored(bold: Style, role: Role) -> Style {
    match Hue::of(role) {
        Hue::Rgb(red, green, blue) => bold.fg(Color::Rgb(red, green, blue)),
        // White would be lost on white ground.
        Hue::Ansi(7) | Hue::Text => bold,
        Hue::Ansi(number) => bold.fg(Color::Indexed(number)),
    }
}
