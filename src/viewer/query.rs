//! Which traces are asked for, and the answer: a page of them. Filters select whole traces first; attributes are trimmed
//! after that, by the reader. Takes traces and the time as arguments, so the same rules hold wherever they run.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    condition::{Condition, unknown_key},
    export::Exported,
    filter::Filter,
    model::Trace,
    store::{Dropped, Held, Store, Verdict, keys},
    summary::Summary,
};

/// Bytes of JSON in a page, unless one trace alone is larger. Below the 4 MiB that gRPC clients take by default.
pub(super) const PAGE_BYTES: usize = 3 << 20;

/// Fewest digits of a short trace id.
const MIN_PREFIX: usize = 4;

/// Which traces a user means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The newest.
    Last,
    /// All of them, or one to be chosen.
    Any,
    /// Lower-case hex: a whole trace id, or the start of one.
    Id(String),
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        match text {
            "last" => return Ok(Target::Last),
            "any" => return Ok(Target::Any),
            _ => {}
        }
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex || !(MIN_PREFIX..=32).contains(&text.len()) {
            return Err(format!(
                "{text:?} is no target; write last, any, a trace id of 32 hex digits, or its first {MIN_PREFIX} digits or more"
            ));
        }
        if text.len() == 32 && text.bytes().all(|byte| byte == b'0') {
            return Err("a trace id of zeros is invalid".to_owned());
        }
        Ok(Target::Id(text.to_ascii_lowercase()))
    }
}

/// How far back: `30s`, `5m`, `2h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(pub Duration);

impl std::str::FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Window, String> {
        let fault = || format!("invalid window {text:?}; write it like 30s, 5m, 2h or 1d");
        let unit = text.chars().last().ok_or_else(fault)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(fault()),
        };
        let digits = &text[..text.len() - 1];
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(fault());
        }
        let amount: u64 = digits.parse().map_err(|_| fault())?;
        let total = amount
            .checked_mul(seconds)
            .filter(|total| *total > 0)
            .ok_or_else(fault)?;
        Ok(Window(Duration::from_secs(total)))
    }
}

/// How much of each trace is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Every span.
    #[default]
    Spans,
    /// One line's worth.
    Summary,
    /// OTLP/JSON, with all that came on the wire.
    Otlp,
}

/// A question, as it stands on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Trace ids or starts of trace ids, in lower-case hex; empty for all. A trace id that was joined into another trace
    /// finds that one.
    pub ids: Vec<String>,
    /// Conditions that a trace must meet, each by any of its spans; see [`Condition`].
    pub r#where: Vec<String>,
    /// Only traces with a span in the last so much time; see [`Window`].
    pub since: Option<String>,
    /// A filter line; see [`Filter`]. Empty for all.
    pub filter: String,
    /// Only traces with a flag.
    pub flagged: bool,
    /// Most traces.
    pub limit: Option<usize>,
    /// Where the page before ended; only what is older is answered.
    pub cursor: Option<u64>,
    /// Only traces that a span came for since: those with a larger [`Summary::sequence`].
    pub newer_than: Option<u64>,
    /// How much of each.
    pub view: View,
}

/// A page, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reply {
    /// With [`View::Spans`].
    pub traces: Vec<Trace>,
    /// With [`View::Summary`].
    pub summaries: Vec<Summary>,
    /// With [`View::Otlp`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<Exported>,
    /// Where this page ended, when there may be more.
    pub cursor: Option<u64>,
    /// What the listener dropped to stay within its limits.
    pub dropped: Dropped,
    /// Traces that the listener holds, whether or not they match.
    pub held: usize,
    /// The largest [`Summary::sequence`] that is held; what to ask for as [`Query::newer_than`] next. 0 where nothing is held.
    pub newest: u64,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The question makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A condition names an attribute that no span has.
    #[error("{0}")]
    UnknownKey(String),
}

impl Reply {
    /// Whether no trace is in it.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty() && self.summaries.is_empty() && self.exports.is_empty()
    }
}

impl Query {
    /// The page for this question out of a store, at that time.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn of(&self, store: &Store, now_unix_nano: u64) -> Result<Reply, QueryError> {
        let mut reply = self.answer(&store.newest_first(), now_unix_nano)?;
        reply.dropped = store.dropped();
        Ok(reply)
    }

    /// The page for this question, out of all traces, newest first, at that time. Decodes only what it has to: a trace that did not
    /// change since it was last asked about costs next to nothing in a list.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn answer(&self, held: &[Arc<Held>], now_unix_nano: u64) -> Result<Reply, QueryError> {
        let wanted = Wanted::of(self, now_unix_nano)?;
        let mut seen = vec![false; wanted.conditions.len()];
        let mut page = PageInMaking::new(self.view, self.limit.unwrap_or(usize::MAX), held);
        let newer = self.newer_than.unwrap_or(0);
        for trace in held.iter().take_while(|trace| trace.sequence > newer) {
            let older = self.cursor.is_none_or(|cursor| trace.sequence < cursor);
            if !older || (wanted.conditions.is_empty() && !self.names(trace)) {
                continue;
            }
            if page.is_full() {
                break;
            }
            let (holds, decoded) = wanted.judge(trace, &mut seen);
            if !holds || !self.names(trace) || !wanted.suits(trace, decoded.as_ref()) {
                continue;
            }
            if !page.add(trace, decoded) {
                break;
            }
        }
        let nothing = page.reply.is_empty();
        // A condition turned round holds everywhere if its key is misspelt, so that something is found all the same.
        let doubtful = wanted
            .conditions
            .iter()
            .zip(seen)
            .find(|(condition, seen)| !seen && (nothing || condition.is_negated()));
        if let Some((condition, _)) = doubtful.filter(|_| self.is_of_all() && !held.is_empty()) {
            let is_known = |trace: &Arc<Held>| trace.keys().any(|key| key == condition.key);
            if !held.iter().any(is_known) {
                return Err(QueryError::UnknownKey(unknown_key(&condition.key, &keys(held))));
            }
        }
        Ok(page.reply)
    }

    /// Whether it looks at everything that is held, and not at a part in which a key may be missing by chance.
    fn is_of_all(&self) -> bool {
        self.cursor.is_none() && self.newer_than.is_none() && self.limit != Some(0)
    }

    fn names(&self, trace: &Held) -> bool {
        self.ids.is_empty()
            || trace.trace_ids.iter().any(|id| {
                let id = id.to_string();
                self.ids.iter().any(|prefix| id.starts_with(prefix.as_str()))
            })
    }
}

/// What a trace must meet to be answered.
struct Wanted {
    conditions: Vec<Condition>,
    /// The conditions as they were written, under which their outcome is remembered.
    text: Arc<str>,
    since_unix_nano: u64,
    flagged: bool,
}

impl Wanted {
    fn of(query: &Query, now_unix_nano: u64) -> Result<Wanted, QueryError> {
        let conditions = query.r#where.iter().map(|text| Condition::parse(text));
        let mut conditions: Vec<Condition> = conditions.collect::<Result<_, _>>().map_err(QueryError::Invalid)?;
        let filter = Filter::parse(&query.filter).map_err(QueryError::Invalid)?;
        conditions.extend(filter.conditions);
        let window: Option<Window> = match &query.since {
            Some(text) => Some(text.parse().map_err(QueryError::Invalid)?),
            None => None,
        };
        let since = match window.into_iter().chain(filter.since).min() {
            Some(window) => {
                let back = u64::try_from(window.0.as_nanos()).unwrap_or(u64::MAX);
                now_unix_nano.saturating_sub(back)
            }
            None => 0,
        };
        Ok(Wanted {
            conditions,
            text: format!("{:?} {}", query.r#where, query.filter).into(),
            since_unix_nano: since,
            flagged: query.flagged,
        })
    }

    /// Whether the conditions hold, which of their keys the trace has, and the trace, where it had to be decoded for that.
    fn judge(&self, trace: &Held, seen: &mut [bool]) -> (bool, Option<Trace>) {
        if self.conditions.is_empty() {
            return (true, None);
        }
        let (verdict, decoded) = trace.verdict(&self.text, |trace| Verdict {
            holds: self.conditions.iter().all(|condition| condition.selects(trace)),
            knows: self
                .conditions
                .iter()
                .map(|condition| trace.spans.iter().any(|span| condition.knows(span)))
                .collect(),
        });
        for (seen, knows) in seen.iter_mut().zip(&*verdict.knows) {
            *seen |= knows;
        }
        (verdict.holds, decoded)
    }

    /// Whether it is young enough, and flagged where only such are asked for.
    fn suits(&self, trace: &Held, decoded: Option<&Trace>) -> bool {
        if self.since_unix_nano == 0 && !self.flagged {
            return true;
        }
        let gist = trace.gist(decoded);
        gist.latest_unix_nano >= self.since_unix_nano && (!self.flagged || gist.summary.flags > 0)
    }
}

struct PageInMaking {
    reply: Reply,
    view: View,
    room: usize,
    taken: usize,
    bytes: usize,
    last: Option<u64>,
}

impl PageInMaking {
    fn new(view: View, room: usize, held: &[Arc<Held>]) -> PageInMaking {
        let reply = Reply {
            held: held.len(),
            newest: held.first().map_or(0, |newest| newest.sequence),
            ..Reply::default()
        };
        PageInMaking {
            reply,
            view,
            room,
            taken: 0,
            bytes: 0,
            last: None,
        }
    }

    fn is_full(&self) -> bool {
        self.room == 0
    }

    /// False when the page has no room for it; the cursor then says where to go on.
    fn add(&mut self, held: &Held, decoded: Option<Trace>) -> bool {
        let size = match self.view {
            View::Summary => {
                self.reply.summaries.push(held.gist(decoded.as_ref()).summary.clone());
                512
            }
            View::Spans => {
                let trace = decoded.unwrap_or_else(|| held.decode());
                // The first is answered however long it is, so it is measured for the sake of a second only.
                if let ([first], 0) = (&self.reply.traces[..], self.bytes) {
                    self.bytes = json_len(first);
                }
                let size = if self.taken == 0 { 0 } else { json_len(&trace) };
                self.reply.traces.push(trace);
                size
            }
            View::Otlp => {
                let root = held.gist(decoded.as_ref()).summary.trace_id.clone();
                let export = Exported::of(held, root);
                let size = export.request.get().len();
                self.reply.exports.push(export);
                size
            }
        };
        if self.bytes > 0 && self.bytes + size > PAGE_BYTES {
            self.reply.summaries.truncate(self.taken);
            self.reply.traces.truncate(self.taken);
            self.reply.exports.truncate(self.taken);
            self.reply.cursor = self.last;
            return false;
        }
        self.bytes += size;
        self.taken += 1;
        self.room -= 1;
        self.last = Some(held.sequence);
        true
    }
}

/// Length of the trace as JSON, in bytes.
pub(super) fn json_len(trace: &Trace) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, trace).expect("plain data into a counter");
    count.0
}

#[cfg(test)]
#[path = "query/tests.rs"]
mod tests;
