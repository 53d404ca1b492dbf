//! Tool calls that lead nowhere. Here is what the three detectors of loops remember together: the latest calls by numbers, their
//! results by numbers, and what each new result says about them. Whether there is progress is told by the results: fan-out,
//! paging and polling bring other results each time.
//!
//! A loop is evident when a result has come, so it fires on the message with the result. A call without a result says nothing.

mod digest;
pub(super) mod oscillation;
pub(super) mod parameter_drift;
pub(super) mod retry;

use std::sync::Arc;

use super::{Memory, Observed, outcome};
use crate::signals::conversation::{Role, ToolCall};
use crate::signals::report::{Detail, as_f64};
use crate::signals::steps::{counted, took};
use oscillation::{Cycle, Cycles};

/// Calls, and tools, that are remembered: the latest ones.
const WINDOW: usize = 64;
/// How many times a call or a tool must come without progress. Two are usual in conversations that go well: two of 84
/// solved ones of τ-bench airline repeat a call with the same result, none does it three times.
const TIMES: usize = 3;
/// Longest part of a tool's name that is kept (bytes).
const NAME: usize = 128;

/// The calls of a conversation.
#[derive(Debug, Default, Clone)]
pub(super) struct Calls {
    /// Calls without a result so far, oldest first.
    pending: Vec<Pending>,
    /// The latest distinct calls, in no order.
    known: Vec<Known>,
    tools: Vec<Tool>,
    cycles: Cycles,
    now: Moment,
    /// Whether calls that come now were made in knowledge of the results of the calls before.
    is_new_batch: bool,
    batch: u64,
    /// Results so far.
    count: u64,
    /// What the message at hand says, where it is a result.
    step: Option<Step>,
}

/// How far the conversation has come: calls that are the same at the same moment make no progress.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Moment {
    /// Turns of the user.
    asked: u64,
    /// Results that told something new.
    learned: u64,
}

#[derive(Debug, Clone)]
struct Pending {
    /// The hash of its id; none where the dialect has no ids.
    id: Option<u64>,
    call: u64,
    tool: u64,
    batch: u64,
}

/// A call and its result.
#[derive(Debug, Clone, Copy)]
struct Answered {
    call: u64,
    /// Calls with the same number were made together.
    batch: u64,
    result: u64,
    fails: bool,
    finds_nothing: bool,
}

#[derive(Debug, Clone)]
struct Known {
    latest: Answered,
    /// Times without progress, this one included.
    times: usize,
    moment: Moment,
    at: u64,
}

#[derive(Debug, Clone)]
struct Tool {
    hash: u64,
    name: Arc<str>,
    /// Attempts with other arguments that failed, in a row.
    drifted: usize,
    /// The result with which they began.
    since: u64,
    batch: u64,
    moment: Moment,
    at: u64,
}

/// What a result says.
#[derive(Debug, Clone)]
struct Step {
    /// The tool's place in the list.
    tool: usize,
    /// Times that the call came without progress; 0 where this one does not count.
    again: usize,
    /// Times that the tool failed with other arguments; 0 where this one does not count.
    drifted: usize,
    cycle: Option<Cycle>,
}

impl Answered {
    /// Whether the call is the earlier one again, made in knowledge of its result, and told nothing else.
    fn repeats(&self, earlier: &Self) -> bool {
        let same = self.result == earlier.result || self.fails && earlier.fails;
        self.call == earlier.call && self.batch != earlier.batch && same
    }

    fn is_fruitless(&self) -> bool {
        self.fails || self.finds_nothing
    }
}

impl Calls {
    /// Forgets the calls and keeps the space.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.known.clear();
        self.tools.clear();
        self.cycles.clear();
        self.now = Moment::default();
        (self.is_new_batch, self.batch, self.count) = (true, 0, 0);
        self.step = None;
    }

    /// The calls without what the latest message said: the next one has its own to say.
    pub(super) fn save(&mut self) -> Calls {
        self.step = None;
        self.clone()
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        let names: usize = self.tools.iter().map(|tool| tool.name.len()).sum();
        self.pending.capacity() * size_of::<Pending>()
            + self.known.capacity() * size_of::<Known>()
            + self.tools.capacity() * size_of::<Tool>()
            + self.cycles.heap()
            + names
    }

    /// Takes in the next message, before the detectors look.
    pub(super) fn read(&mut self, observed: &Observed<'_>) {
        let message = observed.message;
        self.step = None;
        match message.role {
            Role::Assistant if !message.tool_calls.is_empty() => self.call(&message.tool_calls),
            Role::Tool => {
                self.is_new_batch = true;
                let id = message.tool_call_id.as_deref().filter(|id| !id.is_empty());
                if let Some(call) = self.answered_by(id.map(digest::number)) {
                    self.step = self.answer(&call, &message.text, observed.failure.is_some());
                }
            }
            Role::User if observed.is_turn => {
                self.is_new_batch = true;
                self.now.asked += 1;
                self.cycles.clear();
            }
            _ => {}
        }
    }

    fn call(&mut self, calls: &[ToolCall<'_>]) {
        self.batch += u64::from(std::mem::take(&mut self.is_new_batch));
        for call in &calls[calls.len().saturating_sub(WINDOW)..] {
            let tool = digest::number(&*call.name);
            self.meet(tool, &call.name);
            took(self.pending.len());
            if self.pending.len() == WINDOW {
                self.pending.remove(0);
            }
            self.pending.push(Pending {
                id: Some(&*call.id).filter(|id| !id.is_empty()).map(digest::number),
                call: digest::call(&call.name, &call.arguments),
                tool,
                batch: self.batch,
            });
        }
    }

    /// Makes sure that the tool is in the list.
    fn meet(&mut self, hash: u64, name: &str) {
        if counted(&self.tools).any(|tool| tool.hash == hash) {
            return;
        }
        let tool = Tool {
            hash,
            name: name[..name.floor_char_boundary(NAME)].into(),
            drifted: 0,
            since: 0,
            batch: 0,
            moment: self.now,
            at: self.count,
        };
        put(&mut self.tools, tool, |tool| tool.at);
    }

    /// The call that a result belongs to: by its id, or else by order; of calls that are alike, the first of the latest batch.
    fn answered_by(&mut self, id: Option<u64>) -> Option<Pending> {
        let fits = |pending: &Pending| id.is_none() || pending.id == id;
        let batch = self
            .pending
            .iter()
            .rev()
            .find(|pending| fits(pending))
            .map(|found| found.batch);
        let at = self
            .pending
            .iter()
            .position(|pending| fits(pending) && Some(pending.batch) == batch)
            // A result with an id that no call bears is of a call that bears none.
            .or_else(|| self.pending.iter().position(|pending| pending.id.is_none()))?;
        Some(self.pending.remove(at))
    }

    fn answer(&mut self, pending: &Pending, result: &str, fails: bool) -> Option<Step> {
        self.count += 1;
        let answered = Answered {
            call: pending.call,
            batch: pending.batch,
            result: digest::digest(result),
            fails,
            finds_nothing: outcome::finds_nothing(result),
        };
        let place = counted(&self.known).position(|known| known.latest.call == answered.call);
        let before = place.map(|place| &self.known[place]);
        let is_new = before.is_none_or(|known| known.latest.result != answered.result);
        let last_met = before.map_or(0, |known| known.at);
        let drift = self.drift(pending.tool, &answered, last_met);
        if is_new && !answered.is_fruitless() && !result.trim_start().is_empty() {
            self.now.learned += 1;
        }
        let again = self.again(place, answered);
        let cycle = self.cycles.take(answered);
        let (tool, drifted) = drift?;
        Some(Step {
            tool,
            again,
            drifted,
            cycle,
        })
    }

    /// How many times the call came without progress; 0 where it was made together with the last one.
    fn again(&mut self, place: Option<usize>, latest: Answered) -> usize {
        let (moment, at) = (self.now, self.count);
        let Some(known) = place.map(|place| &mut self.known[place]) else {
            let known = Known {
                latest,
                times: 1,
                moment,
                at,
            };
            put(&mut self.known, known, |known| known.at);
            return 1;
        };
        known.at = at;
        if known.latest.batch == latest.batch {
            return 0;
        }
        // The very same failure tells that nothing has helped; anything else may have been asked for anew.
        let same = known.latest.result == latest.result;
        let asked = known.moment.asked != moment.asked;
        let stands = same && (latest.fails || latest.finds_nothing && !asked) || known.moment == moment;
        let goes_on = stands && latest.repeats(&known.latest);
        known.times = if goes_on { known.times + 1 } else { 1 };
        (known.latest, known.moment) = (latest, moment);
        known.times
    }

    /// The tool's place, and how many times it failed with other arguments; 0 where this time does not count.
    fn drift(&mut self, tool: u64, answered: &Answered, last_met: u64) -> Option<(usize, usize)> {
        let place = counted(&self.tools).position(|known| known.hash == tool)?;
        let tool = &mut self.tools[place];
        tool.at = self.count;
        if !answered.is_fruitless() {
            tool.drifted = 0;
            return Some((place, 0));
        }
        if tool.drifted == 0 || tool.moment != self.now {
            (tool.drifted, tool.since) = (0, self.count);
        } else if tool.batch == answered.batch || last_met >= tool.since {
            return Some((place, 0));
        }
        tool.drifted += 1;
        (tool.batch, tool.moment) = (answered.batch, self.now);
        Some((place, tool.drifted))
    }
}

/// Adds to a list of bounded length, in place of what was met the longest time ago.
fn put<T>(list: &mut Vec<T>, new: T, at: impl Fn(&T) -> u64) {
    if list.len() < WINDOW {
        list.push(new);
    } else if let Some(oldest) = counted(list).min_by_key(|known| at(known)) {
        *oldest = new;
    }
}

/// Some counts, and the name of the tool whose result it is.
fn metadata<const COUNTS: usize>(
    memory: &Memory,
    counts: [(&'static str, usize); COUNTS],
) -> Vec<(&'static str, Detail)> {
    let calls = &memory.calls;
    let tool = calls.step.as_ref().and_then(|step| calls.tools.get(step.tool));
    let mut metadata = Vec::with_capacity(COUNTS + 1);
    metadata.extend(counts.map(|(key, count)| (key, Detail::Number(as_f64(count)))));
    metadata.extend(tool.map(|tool| ("tool", Detail::Name(tool.name.clone()))));
    metadata
}

#[cfg(test)]
mod tests;
