//! Spans that carry only their newest messages, joined by the conversation id. Whether an application sends the history or not
//! is told by its spans: who once sent what came before is taken at their word from then on, and a span that shows a user's turn
//! after a reply has a history of its own.
//!
//! Many applications give one id to all calls of a session, those for titles and for searching too. They differ in their
//! instructions, so a span with other instructions is of another conversation. Days and hours in them make no difference.

use std::sync::Arc;

use super::{ENTRY, Entry, Link, Memory, News, Outcome, Owner, Verdict};
use crate::signals::{Analyzer, Message, Role, State};

/// Bytes of the instructions by which conversations are told apart.
const HEAD: usize = 256;
/// How often a span is analyzed again because another one of its conversation was faster; after that it counts as if alone.
const ATTEMPTS: usize = 8;

/// A conversation that is known by its id.
pub(super) struct Thread {
    /// The number of its own with its instructions, where it has any: no text is kept.
    instructed: Option<Link>,
    manner: Manner,
}

/// What the spans carry.
#[derive(Clone)]
enum Manner {
    /// So far there was one request.
    Open(Latest),
    /// The newest messages only.
    Joined(Latest),
    /// The whole conversation.
    Whole,
}

/// The latest span.
#[derive(Clone)]
struct Latest {
    /// The number of its messages, of those before the reply, and how many it has.
    link: Link,
    request: Link,
    length: usize,
    /// Before and behind it.
    before: Arc<State>,
    after: Arc<State>,
    verdict: Verdict,
}

/// How a span is to be taken.
enum Step<'a> {
    /// For a conversation by itself, which tells nothing about the others.
    Alone,
    /// For a whole conversation, the first request of one, or the same again.
    List,
    /// For a whole conversation, by what is known now.
    Whole,
    /// For the latest span once more, perhaps with more messages.
    Again(&'a Latest),
    /// For what comes next.
    Next(&'a Latest),
}

impl Memory {
    pub(super) fn analyze_thread(
        &self,
        analyzer: &Analyzer,
        messages: &[Message<'_>],
        links: &[Link],
        owner: &Owner<'_>,
        id: &str,
    ) -> Outcome {
        let instructed = self.instructed(owner, id, messages);
        for _ in 0..ATTEMPTS {
            let (key, entry) = self.thread(owner, id, instructed);
            let known = entry.as_deref().and_then(|entry| match entry {
                Entry::Thread(thread) => Some(&thread.manner),
                _ => None,
            });
            let step = step(known, messages, links);
            let (outcome, manner) = match step {
                Step::Alone => return self.analyze_list(analyzer, messages, links, owner, |_| ()).0,
                Step::Whole => (
                    self.analyze_list(analyzer, messages, links, owner, |_| ()).0,
                    Manner::Whole,
                ),
                Step::List => self.open(analyzer, messages, links, owner),
                Step::Again(latest) => join(analyzer, messages, links, latest, &latest.before, latest.length),
                Step::Next(latest) => join(analyzer, messages, links, latest, &latest.after, 0),
            };
            let bytes = ENTRY + manner.bytes();
            let thread = Thread { instructed, manner };
            if self
                .store
                .swap(key, entry.as_ref(), Entry::Thread(thread), bytes)
                .is_ok()
            {
                return outcome;
            }
        }
        self.analyze_list(analyzer, messages, links, owner, |_| ()).0
    }

    /// The key of a span's conversation, and what is known of it: the first one of that id, unless the instructions are others.
    fn thread(&self, owner: &Owner<'_>, id: &str, instructed: Option<Link>) -> (Link, Option<Arc<Entry>>) {
        let key = self.chain.start(&["thread", owner.service, owner.scope, id]);
        let first = self.store.get(key);
        match (first.as_deref(), instructed) {
            (Some(Entry::Thread(thread)), Some(own)) if thread.instructed != instructed => (own, self.store.get(own)),
            _ => (key, first),
        }
    }

    /// The number of a conversation of that id with the instructions in these messages.
    fn instructed(&self, owner: &Owner<'_>, id: &str, messages: &[Message<'_>]) -> Option<Link> {
        let head = instructions(messages)?;
        Some(self.chain.start(&["thread", owner.service, owner.scope, id, &head]))
    }

    /// Takes the span for the first request of a conversation.
    fn open(
        &self,
        analyzer: &Analyzer,
        messages: &[Message<'_>],
        links: &[Link],
        owner: &Owner<'_>,
    ) -> (Outcome, Manner) {
        let (outcome, after) = self.analyze_list(analyzer, messages, links, owner, |analysis| analysis.state());
        let latest = Latest::new(messages, links, Arc::default(), after, Verdict::of(&outcome.report));
        (outcome, Manner::Open(latest))
    }
}

/// Goes on from a state; `told` of the span's messages were counted before.
fn join(
    analyzer: &Analyzer,
    messages: &[Message<'_>],
    links: &[Link],
    latest: &Latest,
    from: &Arc<State>,
    told: usize,
) -> (Outcome, Manner) {
    let mut analysis = analyzer.resume(from);
    analysis.read(messages);
    let after = analysis.state();
    let report = analysis.report();
    let first = from.messages();
    let news = News {
        before: Some(latest.verdict),
        since: first + told,
    };
    let manner = Manner::Joined(Latest::new(
        messages,
        links,
        Arc::clone(from),
        after,
        Verdict::of(&report),
    ));
    (Outcome { report, first, news }, manner)
}

fn step<'a>(known: Option<&'a Manner>, messages: &[Message<'_>], links: &[Link]) -> Step<'a> {
    let history = has_history(messages);
    match known {
        None if history => Step::Whole,
        None => Step::List,
        Some(Manner::Whole) => Step::Alone,
        Some(Manner::Open(_)) if history => Step::Whole,
        Some(Manner::Open(latest)) => {
            let grown = latest.is_shown_by(links) && messages[latest.length..].iter().any(is_request);
            let same = latest.is_shown_by(links) || links.contains(&latest.request);
            match (grown, same) {
                (true, _) => Step::Whole,
                (_, true) => Step::List,
                _ => Step::Next(latest),
            }
        }
        Some(Manner::Joined(latest)) if latest.is_shown_by(links) => Step::Again(latest),
        Some(Manner::Joined(_)) if history => Step::Alone,
        Some(Manner::Joined(latest)) => Step::Next(latest),
    }
}

fn is_request(message: &Message<'_>) -> bool {
    message.role != Role::Assistant
}

/// Whether the user speaks after a reply.
fn has_history(messages: &[Message<'_>]) -> bool {
    let first_reply = messages.iter().position(|message| message.role == Role::Assistant);
    first_reply.is_some_and(|at| messages[at..].iter().any(|message| message.role == Role::User))
}

/// The head of the first system message without its digits.
fn instructions(messages: &[Message<'_>]) -> Option<String> {
    let message = messages.iter().find(|message| message.role == Role::System)?;
    let head = &message.text[..message.text.floor_char_boundary(HEAD)];
    Some(head.chars().filter(|c| !c.is_ascii_digit()).collect())
}

impl Latest {
    fn new(messages: &[Message<'_>], links: &[Link], before: Arc<State>, after: State, verdict: Verdict) -> Latest {
        Latest {
            link: links[messages.len()],
            request: links[super::before_reply(messages)],
            length: messages.len(),
            before,
            after: Arc::new(after),
            verdict,
        }
    }

    /// Whether a span begins with the messages of this one.
    fn is_shown_by(&self, links: &[Link]) -> bool {
        links.get(self.length) == Some(&self.link)
    }
}

impl Manner {
    /// Bytes on the heap.
    fn bytes(&self) -> usize {
        match self {
            Manner::Open(latest) | Manner::Joined(latest) => {
                latest.before.bytes() + latest.after.bytes() + 4 * size_of::<usize>()
            }
            Manner::Whole => 0,
        }
    }
}
