//! The keys, over everything else.

use ratatui::layout::Rect;

use crate::{
    cli::trace::ui::{app::App, canvas::Canvas},
    viewer::Tint,
};

/// A key and what it does; no key for a heading.
pub(in crate::cli::trace::ui) const LINES: &[(&str, &str)] = &[
    ("", "Everywhere"),
    ("j k  ↓ ↑", "next line, line before"),
    ("g G", "first, last line"),
    ("PgDn PgUp", "a page; Ctrl-D Ctrl-U half of one"),
    ("Enter  l →", "opens: list, tree, detail"),
    ("Esc  h ←", "back; in the list Esc takes the filter away"),
    ("e  f", "next error, next flag"),
    ("c", "the conversation"),
    ("y", "copies the trace id; in the detail what the cursor is on"),
    ("/", "filter: status=error duration>2s llm.model=gpt-4o"),
    ("F", "flagged traces only, or all"),
    ("p  r", "pauses what is live; asks for all again"),
    ("?  q", "this help; quits"),
    ("", "In the tree"),
    ("Space", "folds and unfolds; h folds or goes to the parent, l unfolds"),
    ("", "In the detail"),
    ("Tab", "the next of attributes, conversation, events, resource"),
    ("", "Signs"),
    ("?par ?lop", "the parent is missing; a loop of parents is cut here"),
    ("?clk", "starts before its parent: clocks differ"),
    ("▲", "a signal that was found in the words marked above it"),
];

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let first = app.help.unwrap_or(0);
    for (y, (key, what)) in (0..area.height).zip(LINES.iter().skip(first)) {
        if key.is_empty() {
            canvas.put(area, 1, y, Tint::Bold, what);
        } else {
            canvas.put(area, 3, y, Tint::Mark, key);
            canvas.put(area, 15, y, Tint::Normal, what);
        }
    }
}
