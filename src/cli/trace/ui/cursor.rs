//! Where one stands in a list of lines, and which of them are in view: the same arithmetic for every pane.

use super::key::Motion;

/// A selected line and the first one in view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The selected line.
    pub(super) at: usize,
    /// The first line in view.
    pub(super) top: usize,
}

impl Cursor {
    /// Moves among `len` lines, of which `height` are in view.
    pub(super) fn go(&mut self, motion: Motion, len: usize, height: usize) {
        let page = height.saturating_sub(1).max(1);
        let by = match motion {
            Motion::First => {
                self.at = 0;
                return;
            }
            Motion::Last => {
                self.at = len.saturating_sub(1);
                return;
            }
            Motion::Lines(lines) => lines,
            Motion::Pages(pages) => pages * page.cast_signed(),
            Motion::HalfPages(halves) => halves * (height / 2).max(1).cast_signed(),
        };
        self.at = self.at.saturating_add_signed(by).min(len.saturating_sub(1));
    }

    /// Keeps it inside `len` lines, and the selected one in view.
    pub(super) fn settle(&mut self, len: usize, height: usize) {
        self.at = self.at.min(len.saturating_sub(1));
        let lowest = (self.at + 1).saturating_sub(height);
        self.top = self.top.clamp(lowest, self.at.max(lowest));
        // No blank lines below the last one while there are lines above.
        self.top = self.top.min(len.saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_selected_line_is_in_view(
            at in 0_usize..50, top in 0_usize..50, len in 0_usize..40, height in 0_usize..20, by in -60_isize..60,
        ) {
            let mut cursor = Cursor { at, top };
            cursor.go(Motion::Lines(by), len, height);
            cursor.settle(len, height);
            prop_assert!(cursor.at < len.max(1));
            if height > 0 {
                prop_assert!((cursor.top..cursor.top + height).contains(&cursor.at), "{cursor:?}");
            }
        }
    }

    #[test]
    fn pages_overlap_by_a_line() {
        let mut cursor = Cursor::default();
        for (motion, at, top) in [
            (Motion::Pages(1), 9, 0),
            (Motion::Pages(1), 18, 9),
            (Motion::Last, 99, 90),
            (Motion::HalfPages(-1), 94, 90),
            (Motion::First, 0, 0),
            (Motion::Lines(-1), 0, 0),
        ] {
            cursor.go(motion, 100, 10);
            cursor.settle(100, 10);
            assert_eq!((cursor.at, cursor.top), (at, top), "{motion:?}");
        }
    }
}
