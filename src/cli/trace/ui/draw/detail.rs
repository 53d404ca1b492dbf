//! One span in full: the tabs, and the lines of the one in front.

use ratatui::layout::Rect;

use crate::{
    cli::trace::ui::{app::App, canvas::Canvas, detail::Tab, place::Pane, text::Line},
    viewer::{Role, Tint, harmless, has_conversation},
};

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let places = app.places();
    if places.pane(Pane::Detail).is_empty() {
        return;
    }
    let (content, lines) = (places.content(Pane::Detail), places.lines(Pane::Detail));
    let Some(subject) = app.detail.subject() else {
        super::title(app, canvas, Pane::Detail, &[(Tint::Bold, " Span ")]);
        return;
    };
    let span = subject.span();
    let (service, name) = (harmless(&span.service), harmless(&span.name));
    let title = [
        (Tint::Normal, " "),
        (Tint::Role(Role::of(&span.service)), &*service),
        (Tint::Normal, " "),
        (Tint::Bold, &*name),
        (Tint::Normal, " "),
    ];
    super::title(app, canvas, Pane::Detail, &title);
    if lines.y > content.y {
        tabs(app, canvas, content, has_conversation(span));
    }
    let shown = app.detail.text.lines.iter().enumerate().skip(app.detail.cursor.top);
    for (y, (place, text)) in (0..lines.height).zip(shown) {
        line(canvas, lines, 1, y, text);
        if place == app.detail.cursor.at && app.focus == Pane::Detail {
            canvas.put(lines, 0, y, Tint::Bold, "▸");
            canvas.reverse(lines, y);
        }
    }
}

/// The names of the tabs, the one in front turned round, those with nothing on them stepping back.
fn tabs(app: &App, canvas: &mut Canvas<'_>, area: Rect, talks: bool) {
    let Some(subject) = app.detail.subject() else { return };
    let span = subject.span();
    let mut x = 1;
    for tab in Tab::ALL {
        let is_full = match tab {
            Tab::Attributes => true,
            Tab::Conversation => talks,
            Tab::Events => !span.events.is_empty() || !span.links.is_empty(),
            Tab::Resource => !span.resource.attributes.is_empty() || !span.scope.name.is_empty(),
        };
        let tint = match (tab == app.detail.tab, is_full) {
            (true, _) => Tint::Bold,
            (false, true) => Tint::Normal,
            (false, false) => Tint::Dim,
        };
        let start = x;
        x = canvas.put(area, x, 0, tint, &format!(" {} ", tab.name()));
        if tab == app.detail.tab {
            let label = Rect::new(area.x + start, area.y, x - start, 1);
            canvas.reverse(label.intersection(area), 0);
        }
    }
}

/// A line of text, from a column on.
pub(super) fn line(canvas: &mut Canvas<'_>, area: Rect, x: u16, y: u16, line: &Line) {
    let mut x = x.saturating_add(u16::try_from(line.indent).unwrap_or(u16::MAX));
    for (tint, text) in &line.pieces {
        x = canvas.put(area, x, y, *tint, text);
    }
}
