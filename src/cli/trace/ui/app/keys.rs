//! What each key does, pane by pane.

use super::{App, Effect};
use crate::cli::trace::ui::{
    detail::Tab,
    draw::help,
    input::Input,
    key::{Key, Motion},
    place::Pane,
};
use crate::viewer::has_conversation;

/// Most bytes that go to the clipboard: terminals ignore what is longer.
const MOST_COPIED: usize = 74_000;

impl App {
    pub(super) fn key(&mut self, key: Key) -> Effect {
        match key {
            Key::Ctrl('c') => return Effect::Interrupt,
            Key::Ctrl('z') => return Effect::Suspend,
            Key::Ctrl('l') => return Effect::Redraw,
            _ => {}
        }
        if self.help.is_some() {
            self.key_in_help(key);
            return Effect::None;
        }
        if self.typing.is_some() {
            self.key_in_filter(key);
            return Effect::None;
        }
        if let Some(motion) = Motion::of(key) {
            self.go(motion);
            return Effect::None;
        }
        match key {
            Key::Char('q') => return Effect::Quit,
            Key::Char('?') => self.help = Some(0),
            Key::Char('/') => self.typing = Some(Input::new(&self.asked.filter)),
            Key::Char('F') => {
                self.asked.flagged = !self.asked.flagged;
                self.ask();
            }
            Key::Char('r') => self.refresh(),
            Key::Char('p') => self.pause(),
            Key::Char('e') => self.seek_error(),
            Key::Char('f') => self.seek_flag(),
            Key::Char('y') => return self.copy(),
            Key::Char('c') => self.talk(),
            Key::Tab => self.turn(true),
            Key::BackTab => self.turn(false),
            Key::Enter => self.enter(),
            Key::Esc | Key::Backspace => self.back(),
            Key::Char(' ') if self.focus == Pane::Tree => self.tree.toggle(),
            Key::Char('l') | Key::Right => self.right(),
            Key::Char('h') | Key::Left => self.left(),
            _ => {}
        }
        Effect::None
    }

    fn go(&mut self, motion: Motion) {
        let height = self.height(self.focus);
        match self.focus {
            Pane::List => self.list.go(motion, height),
            Pane::Tree => self.tree.go(motion, height),
            Pane::Detail => {
                let lines = self.detail.text.lines.len();
                self.detail.cursor.go(motion, lines, height);
            }
        }
    }

    fn key_in_help(&mut self, key: Key) {
        let height = usize::from(self.places().body.height);
        let last = help::LINES.len().saturating_sub(height);
        let at = self.help.unwrap_or(0);
        self.help = match Motion::of(key) {
            Some(Motion::First) => Some(0),
            Some(Motion::Last) => Some(last),
            Some(Motion::Lines(by)) => Some(at.saturating_add_signed(by).min(last)),
            Some(Motion::Pages(by) | Motion::HalfPages(by)) => {
                Some(at.saturating_add_signed(by * height.cast_signed()).min(last))
            }
            None => None,
        };
    }

    fn key_in_filter(&mut self, key: Key) {
        let Some(input) = &mut self.typing else { return };
        match key {
            Key::Enter => {
                self.asked.filter = input.text().trim().to_owned();
                self.typing = None;
                self.focus = Pane::List;
                self.ask();
            }
            Key::Esc => self.typing = None,
            key => input.edit(key),
        }
    }

    /// Asks for the list anew.
    fn ask(&mut self) {
        self.asked.round += 1;
        (self.answered, self.refused) = (false, None);
    }

    fn refresh(&mut self) {
        self.ask();
        self.notice = Some("asked for all again".to_owned());
    }

    fn pause(&mut self) {
        self.paused = !self.paused;
        if !self.paused {
            self.ask();
        }
    }

    fn seek_error(&mut self) {
        let found = match self.focus {
            Pane::List => self.list.seek(|summary| summary.errors > 0),
            Pane::Tree | Pane::Detail => self.tree.seek(|opened, row| opened.rows[row].error.is_some()),
        };
        self.sought(found, "error");
    }

    fn seek_flag(&mut self) {
        let found = match self.focus {
            Pane::List => self.list.seek(|summary| summary.flags > 0),
            Pane::Tree | Pane::Detail => self.tree.seek(|opened, row| opened.rows[row].flagged),
        };
        self.sought(found, "flag");
    }

    fn sought(&mut self, found: bool, what: &str) {
        if !found {
            let place = match self.focus {
                Pane::List => "no trace in the list has",
                Pane::Tree | Pane::Detail => "no span of this trace has",
            };
            let article = if what.starts_with('e') { "an" } else { "a" };
            self.notice = Some(format!("{place} {article} {what}"));
        }
    }

    /// The trace's id; in the detail what stands under the cursor.
    fn copy(&mut self) -> Effect {
        let (what, text) = match self.focus {
            Pane::List | Pane::Tree => match self.list.selected() {
                Some(summary) => ("the trace id".to_owned(), summary.trace_id.clone()),
                None => return Effect::None,
            },
            Pane::Detail => match self.detail.item() {
                Some(item) => (item.what.clone(), item.text.clone()),
                None => return Effect::None,
            },
        };
        // What a shell or an editor would take for a command when it is pasted stays out.
        let clean: String = text
            .chars()
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
            .collect();
        let part = &clean[..clean.floor_char_boundary(MOST_COPIED)];
        let much = match part.len() < clean.len() {
            true => format!("the first {} of {} bytes of ", part.len(), clean.len()),
            false => String::new(),
        };
        self.notice = Some(format!("sent {much}{what} to the terminal's clipboard"));
        Effect::Copy(part.to_owned())
    }

    /// The conversation of the selected span; from the list of the first span that carries one, those with a flag before others.
    fn talk(&mut self) {
        if self.focus == Pane::List {
            let flagged = self
                .tree
                .seek_first(|opened, row| opened.rows[row].flagged && has_conversation(opened.span(row)));
            if !flagged && !self.tree.seek_first(|opened, row| has_conversation(opened.span(row))) {
                self.notice = Some("no span of this trace carries a conversation".to_owned());
                return;
            }
        }
        if self.detail.subject().is_some() {
            self.focus = Pane::Detail;
            self.detail.choose(Tab::Conversation);
        }
    }

    fn turn(&mut self, forward: bool) {
        self.detail.choose(self.detail.tab.beside(forward));
    }

    fn enter(&mut self) {
        self.focus = match self.focus {
            Pane::List if self.list.selected().is_some() => Pane::Tree,
            Pane::Tree if self.detail.subject().is_some() => Pane::Detail,
            focus => focus,
        };
    }

    fn right(&mut self) {
        if self.focus != Pane::Tree || !self.tree.unfold() {
            self.enter();
        }
    }

    fn left(&mut self) {
        match self.focus {
            Pane::List => {}
            Pane::Tree => self.tree.shut(),
            Pane::Detail => self.focus = Pane::Tree,
        }
    }

    /// One step back; in the list it takes the filter away, then what else hides traces.
    fn back(&mut self) {
        match self.focus {
            Pane::Detail => self.focus = Pane::Tree,
            Pane::Tree => self.focus = Pane::List,
            Pane::List if !self.asked.filter.is_empty() => {
                self.asked.filter.clear();
                self.ask();
            }
            Pane::List if self.asked.flagged => {
                self.asked.flagged = false;
                self.ask();
            }
            Pane::List => {}
        }
    }
}
