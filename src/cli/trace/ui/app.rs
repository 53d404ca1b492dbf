//! The screen's state and how it changes: a key, a size or news from the listener in, a new state out. Draws nothing and waits for
//! nothing; what shall be done outside is told as an [`Effect`].

mod keys;

use super::{
    detail::Detail,
    input::Input,
    key::Key,
    list::List,
    news::{Asked, News, Wanted},
    place::{Pane, Places},
    tree::Tree,
};
use crate::viewer::Dropped;

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A key.
    Key(Key),
    /// Text from the clipboard.
    Paste(String),
    /// The terminal has another size.
    Size(u16, u16),
    /// From the listener.
    News(News),
}

/// What shall be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// The end.
    Quit,
    /// The end, by Ctrl-C.
    Interrupt,
    /// To the background.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// To the clipboard.
    Copy(String),
}

/// How it stands with the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// It answers.
    Live,
    /// It does not: why.
    Lost(String),
}

/// What the list is limited to from the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// `127.0.0.1:4317`.
    pub(super) address: String,
    /// `--where`.
    pub(super) conditions: Vec<String>,
    /// `--since`.
    pub(super) since: Option<String>,
}

/// Everything that is shown.
#[derive(Debug, Clone)]
pub(super) struct App {
    /// Columns and lines.
    pub(super) size: (u16, u16),
    /// Where keys go.
    pub(super) focus: Pane,
    pub(super) list: List,
    pub(super) tree: Tree,
    pub(super) detail: Detail,
    /// The filter that is being typed.
    pub(super) typing: Option<Input>,
    /// What the list shows now, or is being asked.
    pub(super) asked: Asked,
    /// Why the listener refuses the filter.
    pub(super) refused: Option<String>,
    /// Whether an answer to the question came.
    pub(super) answered: bool,
    pub(super) paused: bool,
    pub(super) link: Link,
    /// Traces that the listener holds.
    pub(super) held: usize,
    pub(super) dropped: Dropped,
    /// The first line of help in view, while it is shown.
    pub(super) help: Option<usize>,
    /// What happened with the last key.
    pub(super) notice: Option<String>,
    /// Why the selected trace is not open.
    pub(super) closed: Option<(String, String)>,
    /// How often a tree was closed.
    closes: u64,
    pub(super) scope: Scope,
}

impl App {
    /// An empty screen of a size.
    pub(super) fn new(scope: Scope, size: (u16, u16), flagged: bool) -> App {
        App {
            size,
            focus: Pane::List,
            list: List::default(),
            tree: Tree::default(),
            detail: Detail::default(),
            typing: None,
            asked: Asked {
                flagged,
                ..Asked::default()
            },
            refused: None,
            answered: false,
            paused: false,
            link: Link::Live,
            held: 0,
            dropped: Dropped::default(),
            help: None,
            notice: None,
            closed: None,
            closes: 0,
            scope,
        }
    }

    /// Where the panes stand.
    pub(super) fn places(&self) -> Places {
        Places::of(self.size.0, self.size.1, self.focus)
    }

    /// Lines of a pane.
    pub(super) fn height(&self, pane: Pane) -> usize {
        usize::from(self.places().lines(pane).height)
    }

    /// What the tasks shall ask.
    pub(super) fn wanted(&self) -> Wanted {
        let selected = self.list.selected();
        Wanted {
            list: self.asked.clone(),
            paused: self.paused,
            open: selected.map(|summary| (summary.trace_id.clone(), summary.sequence)),
            closed: self.closes,
            talk: self.detail.unread().cloned(),
        }
    }

    /// Takes what happened.
    pub(super) fn take(&mut self, event: Event) -> Effect {
        let effect = match event {
            Event::Key(key) => {
                self.notice = None;
                self.key(key)
            }
            Event::Paste(text) => {
                if let Some(input) = &mut self.typing {
                    input.insert(&text);
                }
                Effect::None
            }
            Event::Size(width, height) => {
                self.size = (width, height);
                Effect::None
            }
            Event::News(news) => {
                self.hear(news);
                Effect::None
            }
        };
        self.settle();
        effect
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Whole(asked, reply) if asked == self.asked => {
                (self.held, self.dropped) = (reply.held, reply.dropped);
                (self.link, self.refused, self.answered) = (Link::Live, None, true);
                self.list.replace(reply.summaries, self.focus != Pane::List);
            }
            News::Newer(asked, reply) if asked == self.asked => {
                (self.held, self.dropped) = (reply.held, reply.dropped);
                (self.link, self.refused) = (Link::Live, None);
                self.list.merge(reply.summaries);
            }
            News::Refused(asked, why) if asked == self.asked => {
                (self.link, self.refused, self.answered) = (Link::Live, Some(why), true);
                self.list.replace(Vec::new(), false);
            }
            // Answers to questions that nobody has any more.
            News::Whole(..) | News::Newer(..) | News::Refused(..) => self.link = Link::Live,
            News::Lost(why) => self.link = Link::Lost(why),
            News::Opened(id, opened) => {
                let is_wanted = self.list.selected().is_some_and(|summary| summary.trace_id == id);
                if is_wanted {
                    self.closed = None;
                    self.tree.open(id, opened);
                }
            }
            News::Closed(id, why) => self.closed = Some((id, why)),
            News::Said(subject, said) => self.detail.hear(&subject, said),
        }
    }

    /// Brings everything together that hangs on something else: the tree on the list, the detail on the tree, all on the size.
    fn settle(&mut self) {
        let selected = self.list.selected().map(|summary| &summary.trace_id);
        if self.tree.opened.as_ref().map(|(id, _)| id) != selected && self.tree.opened.is_some() {
            self.tree.close();
            self.closes += 1;
        }
        if self.list.rows.is_empty() {
            self.focus = Pane::List;
        }
        let places = self.places();
        let height = |pane| usize::from(places.lines(pane).height);
        self.list.cursor.settle(self.list.rows.len(), height(Pane::List));
        let spans = self.tree.visible().len();
        self.tree.cursor.settle(spans, height(Pane::Tree));
        let subject = self.tree.trace().zip(self.tree.selected());
        self.detail.show(subject.map(|(opened, row)| super::detail::Subject {
            opened: opened.clone(),
            row,
        }));
        // A column stays free for the mark of the line that one stands on.
        let lines = places.lines(Pane::Detail);
        if !lines.is_empty() {
            self.detail.make(usize::from(lines.width.saturating_sub(1)));
            self.detail
                .cursor
                .settle(self.detail.text.lines.len(), height(Pane::Detail));
        }
    }
}
