//! The list of traces: a line each, with as many columns as the pane is wide enough for, the important ones first.

use ratatui::layout::Rect;

use crate::{
    cli::trace::ui::{
        app::{App, Link},
        canvas::Canvas,
        place::Pane,
    },
    values::civil::Civil,
    viewer::{Role, Summary, Tint, dollars, fit, harmless, length},
};

/// Fewest columns for the name of the root.
const ROOT_LEAST: u16 = 22;

/// A column right of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Cost,
    Quality,
    Spans,
    Errors,
    Tokens,
    Duration,
}

/// Columns as they stand, from left to right, with their widths.
const COLUMNS: [(Column, &str, u16); 6] = [
    (Column::Spans, "SPANS", 6),
    (Column::Errors, "ERR", 4),
    (Column::Tokens, "TOKENS", 8),
    (Column::Cost, "COST", 10),
    (Column::Duration, "TOOK", 8),
    (Column::Quality, "QUALITY", 10),
];
/// The order in which they get room.
const IMPORTANCE: [Column; 6] = [
    Column::Duration,
    Column::Errors,
    Column::Quality,
    Column::Tokens,
    Column::Spans,
    Column::Cost,
];

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let places = app.places();
    if places.pane(Pane::List).is_empty() {
        return;
    }
    super::title(app, canvas, Pane::List, &[(Tint::Bold, " Traces ")]);
    let (content, lines) = (places.content(Pane::List), places.lines(Pane::List));
    if app.list.rows.is_empty() {
        return empty(app, canvas, content);
    }
    let frame = Frame::of(content.width);
    if lines.y > content.y {
        frame.headings(canvas, content);
    }
    let rows = app.list.rows.iter().enumerate().skip(app.list.cursor.top);
    for (y, (place, summary)) in (0..lines.height).zip(rows) {
        let is_selected = place == app.list.cursor.at;
        frame.row(canvas, lines, y, summary, is_selected);
        if is_selected && app.focus == Pane::List {
            canvas.reverse(lines, y);
        }
    }
}

/// Why there is nothing.
fn empty(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let narrowed = !app.asked.filter.is_empty() || app.asked.flagged;
    let texts: Vec<(Tint, String)> = match (&app.link, &app.refused) {
        (Link::Lost(why), _) => vec![
            (Tint::Error, format!("no trace listener on {}", app.scope.address)),
            (Tint::Normal, why.clone()),
            (Tint::Dim, "it is tried again and again; q quits".to_owned()),
        ],
        (_, Some(why)) => vec![
            (Tint::Error, why.clone()),
            (Tint::Dim, "/ changes the filter, Esc takes it away".to_owned()),
        ],
        _ if !app.answered => vec![(Tint::Dim, "asking …".to_owned())],
        _ if app.held == 0 => vec![
            (Tint::Normal, "the listener holds no traces yet".to_owned()),
            (Tint::Dim, format!("send OTLP to {}", app.scope.address)),
        ],
        _ if narrowed => vec![
            (
                Tint::Normal,
                format!("none of the {} traces that the listener holds matches", app.held),
            ),
            (Tint::Dim, "Esc shows all".to_owned()),
        ],
        _ => vec![(
            Tint::Normal,
            format!("none of the {} traces that the listener holds matches", app.held),
        )],
    };
    let mut text = crate::cli::trace::ui::text::Text::of_width(usize::from(area.width.saturating_sub(1)));
    for (tint, line) in &texts {
        text.flow(None, 0, &[(*tint, line)]);
    }
    for (y, line) in (0..area.height).zip(&text.lines) {
        super::detail::line(canvas, area, 1, y, line);
    }
}

/// The columns that there is room for.
struct Frame {
    time: u16,
    columns: Vec<(Column, &'static str, u16)>,
    root: u16,
}

impl Frame {
    fn of(width: u16) -> Frame {
        // The mark of the selected line, and the flag with a blank before it at the end.
        let mut left = width.saturating_sub(1 + 3 + ROOT_LEAST);
        let mut take = |columns: u16| {
            let fits = left >= columns;
            left -= if fits { columns } else { 0 };
            fits
        };
        let mut chosen: Vec<Column> = Vec::new();
        let mut time = 0;
        for column in IMPORTANCE {
            let (.., columns) = COLUMNS
                .into_iter()
                .find(|(known, ..)| *known == column)
                .expect("it has a width");
            if take(columns) {
                chosen.push(column);
            }
            // The time comes next after how long it took.
            if column == Column::Duration && take(9) {
                time = 9;
            }
        }
        Frame {
            time,
            columns: COLUMNS
                .into_iter()
                .filter(|(column, ..)| chosen.contains(column))
                .collect(),
            root: (width.saturating_sub(1 + 3)).min(ROOT_LEAST) + left,
        }
    }

    fn headings(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let root = 1 + self.time;
        if self.time > 0 {
            canvas.put(area, 1, 0, Tint::Dim, "UTC");
        }
        canvas.put(area, root, 0, Tint::Dim, "ROOT");
        let mut x = root + self.root;
        for (column, heading, columns) in &self.columns {
            x += columns;
            match column {
                Column::Quality => _ = canvas.put(area, x - columns + 2, 0, Tint::Dim, heading),
                _ => canvas.put_right(area, x, 0, Tint::Dim, heading),
            }
        }
    }

    fn row(&self, canvas: &mut Canvas<'_>, area: Rect, y: u16, summary: &Summary, is_selected: bool) {
        let root = 1 + self.time;
        canvas.put(area, 0, y, Tint::Bold, if is_selected { "▸" } else { " " });
        if self.time > 0 {
            canvas.put(area, 1, y, Tint::Dim, &clock(summary.start_unix_nano));
        }
        let room = Rect::new(
            area.x,
            area.y,
            (root + self.root).saturating_sub(1).min(area.width),
            area.height,
        );
        let role = Tint::Role(Role::of(&summary.service));
        let service = harmless(&summary.service);
        let service = fit(&service, usize::from(self.root.saturating_sub(2)) * 2 / 3);
        let x = canvas.put(room, root, y, role, &service);
        let name = harmless(&summary.root);
        let name = fit(&name, usize::from(room.width.saturating_sub(x + 1)));
        let tint = if summary.errors > 0 { Tint::Error } else { Tint::Normal };
        canvas.put(room, x + 1, y, tint, &name);
        let mut x = root + self.root;
        for (column, _, columns) in &self.columns {
            x += columns;
            let (tint, text) = cell(*column, summary);
            match column {
                Column::Quality => _ = canvas.put(area, x - columns + 2, y, tint, &text),
                _ => canvas.put_right(area, x, y, tint, &text),
            }
        }
        if summary.flags > 0 {
            canvas.put(area, x + 1, y, Tint::Mark, "🚩");
        }
    }
}

fn cell(column: Column, summary: &Summary) -> (Tint, String) {
    match column {
        Column::Spans => (Tint::Normal, short(summary.spans as u64)),
        Column::Errors if summary.errors == 0 => (Tint::Dim, "-".to_owned()),
        Column::Errors => (Tint::Error, short(summary.errors as u64)),
        Column::Tokens if summary.tokens == 0 => (Tint::Dim, "-".to_owned()),
        Column::Tokens => (Tint::Normal, short(summary.tokens)),
        Column::Cost => (Tint::Normal, summary.cost_usd.map(dollars).unwrap_or_default()),
        Column::Duration => (Tint::Normal, length(summary.duration_nanos)),
        Column::Quality => match summary.quality.as_deref() {
            Some(bad @ ("Severe" | "Poor")) => (Tint::Error, bad.to_owned()),
            Some(other) => (Tint::Normal, fit(&harmless(other), 8).into_owned()),
            None => (Tint::Dim, String::new()),
        },
    }
}

/// A number in few columns: `999`, `12.3k`, `4.5M`.
fn short(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{}.{}k", number / 1000, number / 100 % 10),
        1_000_000..1_000_000_000 => format!("{}.{}M", number / 1_000_000, number / 100_000 % 10),
        _ => format!("{}G", number / 1_000_000_000),
    }
}

/// `12:44:26` in UTC; `-` without a time.
fn clock(unix_nano: u64) -> String {
    if unix_nano == 0 {
        return "-".to_owned();
    }
    let at = Civil::from_unix_nanos(unix_nano);
    format!("{:02}:{:02}:{:02}", at.hour, at.minute, at.second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_few_columns() {
        for (number, expected) in [
            (0, "0"),
            (9_999, "9999"),
            (12_345, "12.3k"),
            (999_999, "999.9k"),
            (4_560_000, "4.5M"),
            (u64::MAX, "18446744073G"),
        ] {
            assert_eq!(short(number), expected);
        }
    }

    #[test]
    fn columns_never_take_more_than_the_pane_has() {
        for width in 0..300 {
            let frame = Frame::of(width);
            let taken: u16 = frame.columns.iter().map(|(.., columns)| columns).sum();
            assert!(taken + frame.time + frame.root + 4 <= width.max(4), "{width}");
            assert!(width < 26 || frame.root >= ROOT_LEAST, "{width}");
        }
    }
}
