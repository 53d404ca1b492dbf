//! Which panes a screen of some size has and where they stand. Small screens show one or two, wide ones all three.

use ratatui::layout::Rect;

/// A pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pane {
    /// The traces.
    List,
    /// The spans of one.
    Tree,
    /// One span.
    Detail,
}

/// From this width on all panes stand side by side.
const WIDE: u16 = 140;
/// From this width on tree and detail stand side by side below the list.
const MIDDLE: u16 = 100;
/// From this height of the panes on there are two above each other.
const TALL: u16 = 16;

/// Where everything stands. What has no room is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The line at the top.
    pub(super) header: Rect,
    /// Everything between header and status.
    pub(super) body: Rect,
    /// The line at the bottom.
    pub(super) status: Rect,
    panes: [Rect; 3],
}

impl Places {
    /// For a screen of that size, with the keys going to a pane.
    pub(super) fn of(width: u16, height: u16, focus: Pane) -> Places {
        let header_height = u16::from(height >= 4);
        let status_height = u16::from(height >= 2);
        let body_height = height - header_height - status_height;
        let body = Rect::new(0, header_height, width, body_height);
        let mut places = Places {
            header: Rect::new(0, 0, width, header_height),
            body,
            status: Rect::new(0, height - status_height, width, status_height),
            panes: [Rect::default(); 3],
        };
        places.arrange(focus);
        places
    }

    /// Where a pane stands; empty where it is not shown.
    pub(super) fn pane(&self, pane: Pane) -> Rect {
        self.panes[pane as usize]
    }

    /// What a pane has below its title.
    pub(super) fn content(&self, pane: Pane) -> Rect {
        let whole = self.pane(pane);
        let title = Places::title_height(whole);
        Rect::new(whole.x, whole.y + title, whole.width, whole.height - title)
    }

    /// Where a pane's lines stand: its content without headings and footers.
    pub(super) fn lines(&self, pane: Pane) -> Rect {
        let content = self.content(pane);
        let (above, below) = match pane {
            Pane::List => (u16::from(content.height >= 4), 0),
            Pane::Tree => (0, u16::from(content.height >= 5)),
            Pane::Detail => (u16::from(content.height >= 4), 0),
        };
        Rect::new(
            content.x,
            content.y + above,
            content.width,
            content.height - above - below,
        )
    }

    fn title_height(pane: Rect) -> u16 {
        u16::from(pane.height >= 3)
    }

    fn arrange(&mut self, focus: Pane) {
        let body = self.body;
        if body.width >= WIDE {
            let list = (body.width * 3 / 10).min(60);
            let detail = (body.width * 34 / 100).min(100);
            let [left, rest] = beside(body, list);
            let [middle, right] = beside(rest, rest.width - detail - 1);
            self.panes = [left, middle, right];
        } else if body.width >= MIDDLE && body.height >= TALL {
            let [top, bottom] = above(body, body.height * 2 / 5);
            let [left, right] = beside(bottom, bottom.width * 11 / 20);
            self.panes = [top, left, right];
        } else {
            match focus {
                Pane::List if body.height >= TALL => {
                    [self.panes[0], self.panes[1]] = above(body, body.height / 2);
                }
                Pane::Tree if body.height >= TALL => {
                    [self.panes[1], self.panes[2]] = above(body, body.height * 3 / 5);
                }
                alone => self.panes[alone as usize] = body,
            }
        }
    }
}

/// Two beside each other, with a column between them.
fn beside(area: Rect, left: u16) -> [Rect; 2] {
    let right = area.width - left - 1;
    [
        Rect::new(area.x, area.y, left, area.height),
        Rect::new(area.x + left + 1, area.y, right, area.height),
    ]
}

fn above(area: Rect, top: u16) -> [Rect; 2] {
    [
        Rect::new(area.x, area.y, area.width, top),
        Rect::new(area.x, area.y + top, area.width, area.height - top),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_never_overlap_nor_leave_the_screen() {
        for width in (0..320).step_by(3) {
            for height in 0..70 {
                for focus in [Pane::List, Pane::Tree, Pane::Detail] {
                    let places = Places::of(width, height, focus);
                    let mut all = vec![places.header, places.status];
                    all.extend([Pane::List, Pane::Tree, Pane::Detail].map(|pane| places.pane(pane)));
                    let screen = Rect::new(0, 0, width, height);
                    for (index, one) in all.iter().enumerate() {
                        assert!(
                            one.is_empty() || one.union(screen) == screen,
                            "{width}x{height} {focus:?}: {one}"
                        );
                        for other in &all[index + 1..] {
                            let shared = one.intersection(*other);
                            assert!(shared.is_empty(), "{width}x{height} {focus:?}: {one} and {other}");
                        }
                    }
                    assert!(
                        width == 0 || height == 0 || !places.lines(focus).is_empty(),
                        "{width}x{height}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_small_screen_shows_two_panes_and_a_wide_one_three() {
        let shown = |width, height, focus| {
            let places = Places::of(width, height, focus);
            [Pane::List, Pane::Tree, Pane::Detail].map(|pane| places.lines(pane).height)
        };
        assert_eq!(shown(80, 24, Pane::List), [9, 9, 0]);
        assert_eq!(shown(80, 24, Pane::Tree), [0, 11, 7]);
        assert_eq!(shown(80, 24, Pane::Detail), [0, 0, 20]);
        assert_eq!(shown(80, 12, Pane::Tree), [0, 8, 0]);
        assert!(shown(120, 40, Pane::List).iter().all(|height| *height > 8));
        assert!(shown(160, 50, Pane::Detail).iter().all(|height| *height > 40));
    }
}
