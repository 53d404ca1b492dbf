//! From the state to cells: the frame around the panes, the line above and the line below. Changes nothing, decodes nothing, builds
//! only the rows in view.

mod detail;
pub(super) mod help;
mod list;
mod tree;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    app::{App, Link},
    canvas::Canvas,
    place::Pane,
};
use crate::viewer::{Ink, Tint, columns, harmless};

/// Draws everything.
pub(super) fn draw(app: &App, ink: Ink, buffer: &mut Buffer) {
    let places = app.places();
    let mut canvas = Canvas { buffer, ink };
    header(app, &mut canvas, places.header);
    if app.help.is_some() {
        help::draw(app, &mut canvas, places.body);
    } else {
        list::draw(app, &mut canvas);
        tree::draw(app, &mut canvas);
        detail::draw(app, &mut canvas);
        for pane in [Pane::Tree, Pane::Detail] {
            fence(&mut canvas, places.pane(pane));
        }
    }
    status(app, &mut canvas, places.status);
}

/// A line left of a pane that has another one beside it.
fn fence(canvas: &mut Canvas<'_>, pane: Rect) {
    if pane.is_empty() || pane.x == 0 {
        return;
    }
    let column = Rect::new(pane.x - 1, pane.y, 1, pane.height);
    for y in 0..column.height {
        canvas.put(column, 0, y, Tint::Dim, "│");
    }
}

/// The title of a pane; the pane that takes the keys has it turned round.
fn title(app: &App, canvas: &mut Canvas<'_>, pane: Pane, text: &[(Tint, &str)]) {
    let area = app.places().pane(pane);
    if area.is_empty() || app.places().content(pane).y == area.y {
        return;
    }
    let mut x = canvas.put(area, 0, 0, Tint::Dim, "─");
    for (tint, text) in text {
        x = canvas.put(area, x, 0, *tint, text);
    }
    canvas.fill(area, x, 0, Tint::Dim, "─");
    if app.focus == pane {
        canvas.reverse(area, 0);
    }
}

fn header(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let mut x = canvas.put(area, 0, 0, Tint::Bold, "Plano ");
    let (tint, state) = match &app.link {
        Link::Lost(_) => (Tint::Error, format!("no listener on {} (retrying)", app.scope.address)),
        Link::Live if app.paused => (Tint::Mark, format!("{} paused", app.scope.address)),
        Link::Live => (Tint::Normal, format!("{} live", app.scope.address)),
    };
    x = canvas.put(area, x, 0, tint, &state);
    x = canvas.put(area, x, 0, Tint::Normal, &format!("  {}", counted(app)));
    if app.asked.flagged {
        x = canvas.put(area, x, 0, Tint::Mark, "  flagged only");
    }
    if !app.asked.filter.is_empty() {
        x = canvas.put(area, x, 0, Tint::Mark, &format!("  /{}", harmless(&app.asked.filter)));
    }
    if let Some(since) = &app.scope.since {
        x = canvas.put(area, x, 0, Tint::Dim, &format!("  since {since}"));
    }
    for condition in &app.scope.conditions {
        x = canvas.put(area, x, 0, Tint::Dim, &format!("  where {}", harmless(condition)));
    }
    if app.dropped.traces > 0 {
        let text = format!("  {} older dropped by the listener", app.dropped.traces);
        canvas.put(area, x, 0, Tint::Dim, &text);
    }
}

/// How many traces there are.
fn counted(app: &App) -> String {
    let shown = app.list.rows.len();
    let plural = if app.held == 1 { "" } else { "s" };
    match app.held {
        held if held == shown => format!("{held} trace{plural}"),
        held => format!("{shown} of {held} trace{plural}"),
    }
}

fn status(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(input) = &app.typing {
        let [before, behind] = input.halves();
        let [before, behind] = [harmless(&before), harmless(&behind)];
        // The place of the next character stays in view.
        let room = usize::from(area.width).saturating_sub(2);
        let x = canvas.put(area, 0, 0, Tint::Bold, "/");
        let at = canvas.put(area, x, 0, Tint::Normal, tail(&before, room));
        let behind = if behind.is_empty() { " ".into() } else { behind };
        let end = canvas.put(area, at, 0, Tint::Normal, &behind);
        let mut cell = Rect::new(area.x + at, area.y, 1, area.height).intersection(area);
        cell.width = cell.width.min(1);
        canvas.reverse(cell, 0);
        let hint = "  Enter filters, Esc leaves it as it was";
        canvas.put(area, end, 0, Tint::Dim, hint);
        return;
    }
    if let Some(notice) = &app.notice {
        canvas.put(area, 0, 0, Tint::Bold, &harmless(notice));
        return;
    }
    let keys = match (app.help.is_some(), app.focus) {
        (true, _) => "any key closes this, j k move",
        (_, Pane::List) => "j k move  Enter opens  / filter  e error  f flag  c conversation  ? help  q quit",
        (_, Pane::Tree) => "j k move  Enter opens  Space folds  e error  f flag  Esc back  ? help  q quit",
        (_, Pane::Detail) => "j k move  Tab turns  e error  f flag  y copies  Esc back  ? help  q quit",
    };
    canvas.put(area, 0, 0, Tint::Dim, keys);
}

/// The end of a text that fits into so many columns.
fn tail(text: &str, room: usize) -> &str {
    let mut rest = text;
    while columns(rest) > room {
        let mut characters = rest.chars();
        characters.next();
        rest = characters.as_str();
    }
    rest
}
