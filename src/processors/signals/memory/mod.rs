//! What is remembered of conversations, so that only their new messages are analyzed: each request of a chat sends the whole
//! history again. By a hash chain over a span's messages the longest prefix is found that was analyzed before, and the analysis
//! goes on there; the report is that of the whole. No text is remembered.
//!
//! Kept is the state before the reply: clients send replies back in slightly other words than they got them. A state is let go
//! when its conversation has gone on twice, so that a retry and a second branch still find it. Of system messages only the place
//! counts, since many hold the time. Conversations of two services, or with two conversation ids, are two, whatever they say;
//! without an id, those that say the same are one, but for a first request in another trace: many people begin with the same words.
//!
//! Where spans carry only their newest messages, [`thread`] joins them by the conversation id.
//!
//! The memory also tells what was counted before ([`News`]): a signal that lies in a remembered part was. Losing an entry costs
//! time and counts again, nothing else.

mod chain;
mod store;
mod thread;

use std::sync::Arc;

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use crate::otlp::TraceId;
use crate::signals::{Analysis, Analyzer, Message, Quality, Report, Role, State};
use chain::{Chain, Link};
use store::Store;
use thread::Thread;

/// The memory of one processor; shared by all threads.
pub(super) struct Memory {
    chain: Chain,
    store: Store<Entry>,
    hits: Counter,
    misses: Counter,
}

/// Whose conversation it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    /// `service.name` of the resource.
    pub(super) service: &'a str,
    /// Name of the instrumentation scope.
    pub(super) scope: &'a str,
    /// The conversation's id, where the span has one.
    pub(super) conversation: Option<&'a str>,
    /// The span's trace.
    pub(super) trace: TraceId,
}

/// What an analysis with memory yields.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The report of the whole conversation.
    pub(super) report: Report,
    /// Index in the conversation of the span's first message: above 0 where the span carries only the newest ones.
    pub(super) first: usize,
    /// What of the report was not told before.
    pub(super) news: News,
}

/// What of a report is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct News {
    /// The verdict when the conversation was seen the last time; none where it is new.
    pub(super) before: Option<Verdict>,
    /// Signals from this message on are new.
    pub(super) since: usize,
}

/// In which of the metrics a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) quality: Quality,
    pub(super) flagged: bool,
}

impl Verdict {
    /// That of a report.
    pub(super) fn of(report: &Report) -> Verdict {
        Verdict {
            quality: report.quality,
            flagged: report.flagged(),
        }
    }
}

enum Entry {
    /// A prefix that ends before a reply.
    Prefix(Prefix),
    /// All signals up to here were counted: the end of a conversation whose reply has some.
    Told,
    /// A conversation by its id.
    Thread(Thread),
}

#[derive(Clone)]
struct Prefix {
    state: Arc<State>,
    /// The prefix that it grew from.
    parent: Option<Link>,
    /// Of the latest span that showed this prefix, its reply included.
    verdict: Verdict,
    /// The trace of that span.
    trace: TraceId,
}

/// What a span shows.
struct Request<'a> {
    messages: &'a [Message<'a>],
    /// The number of each prefix.
    links: &'a [Link],
    /// Where the reply begins.
    cut: usize,
    owner: &'a Owner<'a>,
}

impl Request<'_> {
    /// Whether it is somebody else's, although the same was asked in the other trace: without an id nothing else tells those
    /// apart who begin with the same words.
    fn begins_anew(&self, other: TraceId) -> bool {
        let asked = &self.messages[..self.cut];
        let is_first = || asked.iter().rposition(is_user) == asked.iter().position(is_user) && !has_reply(asked);
        self.owner.conversation.is_none() && self.owner.trace != other && is_first()
    }
}

fn is_user(message: &Message<'_>) -> bool {
    message.role == Role::User
}

/// Whether there is an answer to the user's first message.
fn has_reply(messages: &[Message<'_>]) -> bool {
    let mut behind = messages.iter().skip_while(|message| !is_user(message));
    behind.any(|message| message.role == Role::Assistant)
}

/// The longest prefix that is remembered.
struct Hit {
    length: usize,
    prefix: Prefix,
}

/// What an entry takes beside its states.
const ENTRY: usize = size_of::<Entry>() + 2 * size_of::<usize>();

impl Memory {
    /// A memory of so many bytes, its metrics registered with the current recorder; none for 0.
    pub(super) fn new(max_bytes: usize) -> Option<Memory> {
        describe();
        let bytes = gauge!("plano_signals_memory_bytes");
        // So that the name is there from the start.
        bytes.increment(0.0);
        let evictions = counter!("plano_signals_memory_evictions_total");
        (max_bytes > 0).then(|| Memory::with(max_bytes, bytes, evictions))
    }

    fn with(max_bytes: usize, bytes: Gauge, evictions: Counter) -> Memory {
        Memory {
            chain: Chain::new(),
            store: Store::new(max_bytes, bytes, evictions),
            hits: counter!("plano_signals_memory_hits_total"),
            misses: counter!("plano_signals_memory_misses_total"),
        }
    }

    /// Analyzes the messages of a span, as far as they are new.
    pub(super) fn analyze(&self, analyzer: &Analyzer, messages: &[Message<'_>], owner: &Owner<'_>) -> Outcome {
        let start = self.chain.start(&[
            owner.service,
            owner.conversation.unwrap_or_default(),
            if owner.conversation.is_some() { "id" } else { "" },
        ]);
        let links = self.chain.links(start, messages);
        let outcome = match owner.conversation {
            Some(id) => self.analyze_thread(analyzer, messages, &links, owner, id),
            None => self.analyze_list(analyzer, messages, &links, owner, |_| ()).0,
        };
        let known = outcome.news.before.is_some() || outcome.first > 0;
        if known { &self.hits } else { &self.misses }.increment(1);
        outcome
    }

    /// Takes the messages for the whole conversation. Looks at the analysis when it has come to the end.
    fn analyze_list<T>(
        &self,
        analyzer: &Analyzer,
        messages: &[Message<'_>],
        links: &[Link],
        owner: &Owner<'_>,
        at_end: impl FnOnce(&mut Analysis<'_>) -> T,
    ) -> (Outcome, T) {
        let cut = before_reply(messages);
        let hit = self.longest(messages, links);
        let length = hit.as_ref().map_or(0, |hit| hit.length);
        let mut analysis = match &hit {
            Some(hit) => analyzer.resume(&hit.prefix.state),
            None => analyzer.begin(),
        };
        analysis.read(&messages[length..cut]);
        let state = match &hit {
            Some(hit) if length == cut => Arc::clone(&hit.prefix.state),
            _ => Arc::new(analysis.state()),
        };
        analysis.read(&messages[cut..]);
        let seen = at_end(&mut analysis);
        let report = analysis.report();
        let request = Request {
            messages,
            links,
            cut,
            owner,
        };
        let news = self.remember(&request, state, hit, &report);
        let outcome = Outcome { report, first: 0, news };
        (outcome, seen)
    }

    /// The longest prefix that is remembered. Each of them ended before a reply, or with the list.
    fn longest(&self, messages: &[Message<'_>], links: &[Link]) -> Option<Hit> {
        let may_end = |length: usize| length == messages.len() || messages[length - 1].role != Role::Assistant;
        (1..=messages.len())
            .rev()
            .filter(|&length| may_end(length))
            .find_map(|length| match self.store.get(links[length]).as_deref() {
                Some(Entry::Prefix(prefix)) => Some(Hit {
                    length,
                    prefix: prefix.clone(),
                }),
                _ => None,
            })
    }

    /// Keeps the state before the reply, and tells what is new.
    fn remember(&self, request: &Request<'_>, state: Arc<State>, hit: Option<Hit>, report: &Report) -> News {
        let &Request { links, cut, owner, .. } = request;
        let mut news = News::default();
        let mut parent = None;
        let mut is_new = false;
        if let Some(Hit { length, prefix }) = hit {
            if length == cut {
                parent = prefix.parent;
                is_new = request.begins_anew(prefix.trace);
            } else {
                parent = Some(links[length]);
                prefix.parent.inspect(|&grown_from| self.store.remove(grown_from));
            }
            news = News {
                before: Some(prefix.verdict),
                since: self.told(request, length, report),
            };
        }
        let bytes = ENTRY + state.bytes();
        let prefix = Prefix {
            state,
            parent,
            verdict: Verdict::of(report),
            trace: owner.trace,
        };
        // Another thread may have had the same messages at the same time.
        let twin = self.store.put(links[cut], Entry::Prefix(prefix), bytes);
        if let (None, Some(Entry::Prefix(twin))) = (news.before, twin.as_deref()) {
            is_new = request.begins_anew(twin.trace);
            news = News {
                before: Some(twin.verdict),
                since: cut,
            };
        }
        let news = self.tell_reply(request, report, news);
        if is_new { News::default() } else { news }
    }

    /// Up to which message the signals were counted, where all before `length` were: further if the replies behind it bear
    /// signals and were seen.
    fn told(&self, request: &Request<'_>, length: usize, report: &Report) -> usize {
        let &Request { messages, links, .. } = request;
        let replies = messages[length..]
            .iter()
            .take_while(|message| message.role == Role::Assistant);
        let end = length + replies.count();
        let in_replies = |at: usize| (length..end).contains(&at);
        if !report.signals.iter().any(|signal| in_replies(signal.message_index)) {
            return length;
        }
        let told = |&end: &usize| matches!(self.store.get(links[end]).as_deref(), Some(Entry::Told));
        (length + 1..=end).rev().find(told).unwrap_or(length)
    }

    /// Notes that the signals of the last reply are counted.
    fn tell_reply(&self, request: &Request<'_>, report: &Report, mut news: News) -> News {
        let &Request { links, cut, .. } = request;
        let end = links.len() - 1;
        let in_reply = report.signals.last().is_some_and(|signal| signal.message_index >= cut);
        if in_reply && news.since < end && cut < end {
            let twin = self.store.put(links[end], Entry::Told, ENTRY);
            if matches!(twin.as_deref(), Some(Entry::Told)) {
                news.since = end;
            }
        }
        news
    }
}

/// Where the reply at the end begins; the end where there is nothing but replies.
fn before_reply(messages: &[Message<'_>]) -> usize {
    let last = messages.iter().rposition(|message| message.role != Role::Assistant);
    last.map_or(messages.len(), |last| last + 1)
}

/// Gives the metrics their help texts.
fn describe() {
    describe_gauge!(
        "plano_signals_memory_bytes",
        "Bytes of what is remembered of conversations."
    );
    describe_counter!(
        "plano_signals_memory_hits_total",
        "Spans whose conversation was remembered, so that only its new messages were analyzed."
    );
    describe_counter!(
        "plano_signals_memory_misses_total",
        "Spans whose conversation was new or forgotten, so that all of it was analyzed."
    );
    describe_counter!(
        "plano_signals_memory_evictions_total",
        "What was forgotten of conversations to make room."
    );
}

#[cfg(test)]
mod tests;
