//! The tree of spans with their bars. A row costs what its own line costs: branches are found by going up a few levels from it.

use ratatui::layout::Rect;

use crate::{
    cli::trace::ui::{
        app::{App, Link},
        canvas::Canvas,
        opened::{Opened, sign},
        place::Pane,
        tree::Tree,
    },
    viewer::{Tint, amounts, columns, fit, harmless, length},
};

/// From this width on there are bars.
const BARS: u16 = 48;
/// Levels of the tree that are drawn, by columns of the left part.
const COLUMNS_BY_LEVEL: u16 = 6;

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let places = app.places();
    if places.pane(Pane::Tree).is_empty() {
        return;
    }
    let (content, lines) = (places.content(Pane::Tree), places.lines(Pane::Tree));
    let Some(opened) = app.tree.trace() else {
        super::title(app, canvas, Pane::Tree, &[(Tint::Bold, " Spans ")]);
        let text = missing(app);
        canvas.put(content, 1, 0, Tint::Dim, &harmless(&text));
        return;
    };
    heading(app, canvas, opened);
    let frame = Frame::of(lines.width, opened);
    let rows = app.tree.visible().iter().enumerate().skip(app.tree.cursor.top);
    for (y, (place, row)) in (0..lines.height).zip(rows) {
        let is_selected = place == app.tree.cursor.at;
        canvas.put(lines, 0, y, Tint::Bold, if is_selected { "▸" } else { " " });
        frame.row(canvas, lines, y, &app.tree, opened, *row);
        if is_selected && app.focus == Pane::Tree {
            canvas.reverse(lines, y);
        }
    }
    if content.height > lines.height {
        footer(canvas, content, opened, app);
    }
}

/// Why nothing is open.
fn missing(app: &App) -> String {
    let Some(selected) = app.list.selected() else {
        return String::new();
    };
    match (&app.closed, &app.link) {
        (Some((id, why)), _) if *id == selected.trace_id => why.clone(),
        (_, Link::Lost(_)) => "not read before the listener went away".to_owned(),
        _ => "opening …".to_owned(),
    }
}

fn heading(app: &App, canvas: &mut Canvas<'_>, opened: &Opened) {
    let id = harmless(&opened.trace.trace_id);
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let size = format!("{}  {} ", length(opened.total), count(opened.trace.spans.len(), "span"));
    let errors = match opened.facts.errors {
        0 => String::new(),
        errors => format!(" {} ", count(errors, "error")),
    };
    let flags = match opened.facts.flags {
        0 => String::new(),
        flags => format!(" {flags} 🚩 "),
    };
    let text = [
        (Tint::Bold, " "),
        (Tint::Bold, &*id),
        (Tint::Normal, "  "),
        (Tint::Normal, &size),
        (Tint::Error, &errors),
        (Tint::Mark, &flags),
    ];
    super::title(app, canvas, Pane::Tree, &text);
}

/// Tokens, the first token, what is odd; and that the trace is gone, where it is.
fn footer(canvas: &mut Canvas<'_>, area: Rect, opened: &Opened, app: &App) {
    let mut parts = Vec::new();
    if let Some((_, why)) = app.closed.as_ref().filter(|(id, _)| *id == opened.trace.trace_id) {
        parts.push(why.clone());
    }
    parts.extend(amounts(&opened.facts));
    parts.extend(opened.odd.clone());
    let y = area.height - 1;
    canvas.put(area, 1, y, Tint::Dim, &harmless(&parts.join("  ")));
}

/// The columns of one trace on a pane.
struct Frame {
    width: u16,
    bar: u16,
    time: u16,
    outcome: u16,
}

impl Frame {
    fn of(width: u16, opened: &Opened) -> Frame {
        Frame {
            width,
            bar: if width >= BARS { (width / 4).clamp(8, 60) } else { 0 },
            time: if width >= 24 { opened.time_columns.min(9) } else { 0 },
            outcome: if width >= 32 { 5 } else { 0 },
        }
    }

    /// Where the left part ends.
    fn left(&self) -> u16 {
        let gaps = u16::from(self.bar > 0) + u16::from(self.time > 0) + 1;
        self.width.saturating_sub(self.bar + self.time + self.outcome + gaps)
    }

    fn row(&self, canvas: &mut Canvas<'_>, area: Rect, y: u16, tree: &Tree, opened: &Opened, place: usize) {
        let (row, span) = (&opened.rows[place], opened.span(place));
        let left = Rect::new(area.x, area.y, self.left().min(area.width), area.height);
        let mut x = canvas.put(left, 1, y, Tint::Dim, &self.branch(opened, place));
        if tree.is_folded(place) {
            let hidden = row.end - place - 1;
            x = canvas.put(left, x, y, Tint::Mark, &format!("+{hidden} "));
        }
        let service = harmless(&span.service);
        let room = |x: u16| usize::from(left.width.saturating_sub(x));
        let short = fit(
            &service,
            (room(x) / 2).max(room(x).saturating_sub(columns(&span.name) + 1)),
        );
        x = canvas.put(left, x, y, Tint::Role(row.role), &short) + 1;
        let mut name = harmless(&span.name).into_owned();
        if row.flagged && !name.ends_with('🚩') {
            name.push_str(" 🚩");
        }
        let tint = if row.error.is_some() { Tint::Error } else { Tint::Normal };
        canvas.put(left, x, y, tint, &fit(&name, room(x)));
        let mut x = self.left() + 1;
        if self.bar > 0 {
            let (from, text) = self.bar(opened, place);
            canvas.put(area, x + from, y, Tint::Role(row.role), &text);
            x += self.bar + 1;
        }
        if self.time > 0 {
            canvas.put_right(area, x + self.time, y, Tint::Normal, &length(span.duration_nanos()));
            x += self.time;
        }
        if self.outcome > 0 {
            let (tint, text) = outcome(row);
            canvas.put_right(area, x + self.outcome, y, tint, &text);
        }
    }

    /// `│  ├─ `: the deepest levels that there is room for; how many more there are stands before them.
    fn branch(&self, opened: &Opened, place: usize) -> String {
        let room = usize::from((self.left() / COLUMNS_BY_LEVEL).max(1));
        let (mut levels, mut above) = (Vec::new(), place);
        while let Some(parent) = opened.rows[above].parent.filter(|_| levels.len() < room) {
            let last = opened.rows[above].last;
            levels.push(match (above == place, last) {
                (true, true) => "└─ ",
                (true, false) => "├─ ",
                (false, true) => "   ",
                (false, false) => "│  ",
            });
            above = parent;
        }
        let hidden = opened.rows[place].depth - levels.len();
        let mut text = if hidden > 0 {
            format!("⋯{hidden} ")
        } else {
            String::new()
        };
        text.extend(levels.into_iter().rev());
        text
    }

    /// When in the trace the span ran: where the bar begins, and the bar.
    fn bar(&self, opened: &Opened, place: usize) -> (u16, String) {
        let span = opened.span(place);
        let cells = u128::from(self.bar);
        let Some(offset) = opened.offset(span) else {
            return (0, String::new());
        };
        if opened.total == 0 {
            return (0, "━".repeat(usize::from(self.bar)));
        }
        let total = u128::from(opened.total);
        let from = (u128::from(offset) * cells / total).min(cells - 1);
        let end = u128::from(offset) + u128::from(span.duration_nanos());
        let until = (end * cells).div_ceil(total).clamp(from + 1, cells);
        let number = |cell: u128| u16::try_from(cell).unwrap_or(self.bar);
        let (from, cells) = (number(from), number(until - from));
        let text = match cells {
            1 => "╸".to_owned(),
            cells if cells == self.bar => "━".repeat(usize::from(cells)),
            cells => format!("╺{}╸", "━".repeat(usize::from(cells - 2))),
        };
        (from, text)
    }
}

/// HTTP status, `ERR`, or a question mark for an odd place.
fn outcome(row: &crate::viewer::Row) -> (Tint, String) {
    let failed = row.error.is_some();
    let text = match (row.http_status, failed, row.oddity) {
        (_, _, Some(oddity)) => sign(oddity).to_owned(),
        (Some(status), ..) => status.to_string(),
        (None, true, _) => "ERR".to_owned(),
        _ => String::new(),
    };
    (if failed { Tint::Error } else { Tint::Dim }, text)
}
