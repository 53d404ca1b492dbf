//! One trace as the store holds it: wire bytes, decoded on demand, with what was worked out from them once. Never changes: a
//! trace that spans came for is a new one.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::super::{
    model::{Span, Trace},
    summary::Summary,
    tree,
};
use crate::otlp::{ResourceSpansRef, ScopeSpansRef, SpanId, SpanRef, TraceBatch, TraceId};

/// Questions whose outcome is remembered for each trace: those of a screen and a page that look on at the same time.
const REMEMBERED: usize = 4;

/// Spans of one trace that came together, in memory of their own.
#[derive(Debug)]
pub(super) struct Piece {
    /// Its place in the order of arrival.
    pub(super) sequence: u64,
    pub(super) batch: TraceBatch,
}

/// One trace as held: the wire bytes of every trace id that is joined in it, decoded on demand.
#[derive(Debug)]
pub struct Held {
    /// Grows with each arrival: a larger one is newer. Names a place in the order of traces.
    pub sequence: u64,
    /// The trace ids, ascending.
    pub trace_ids: Vec<TraceId>,
    pieces: Vec<Arc<Piece>>,
    gist: OnceLock<Box<Gist>>,
    verdicts: Mutex<Vec<(Arc<str>, Verdict)>>,
}

/// What a list needs to know of a trace.
#[derive(Debug)]
pub(in crate::viewer) struct Gist {
    /// With its sequence.
    pub(in crate::viewer) summary: Summary,
    /// When the last of its spans ended, nanoseconds since the Unix epoch.
    pub(in crate::viewer) latest_unix_nano: u64,
}

/// What became of a trace under a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::viewer) struct Verdict {
    /// Whether all conditions hold.
    pub(in crate::viewer) holds: bool,
    /// For each condition, whether a span has its key.
    pub(in crate::viewer) knows: Arc<[bool]>,
}

impl Held {
    pub(super) fn new(sequence: u64, trace_ids: Vec<TraceId>, pieces: Vec<Arc<Piece>>) -> Held {
        Held {
            sequence,
            trace_ids,
            pieces,
            gist: OnceLock::new(),
            verdicts: Mutex::default(),
        }
    }

    /// The spans, each once, by start time, under the root's trace id.
    pub fn decode(&self) -> Trace {
        let mut chosen: HashMap<(TraceId, SpanId), Found<'_>, foldhash::fast::RandomState> = HashMap::default();
        let mut variants = HashSet::new();
        for found in self.pieces.iter().flat_map(|piece| spans(&piece.batch)) {
            let span = found.2;
            let id = (span.trace_id(), span.span_id());
            chosen
                .entry(id)
                .and_modify(|best| {
                    if best.2.wire() != span.wire() {
                        variants.insert(id);
                    }
                    if rank(&best.2) < rank(&span) {
                        *best = found;
                    }
                })
                .or_insert(found);
        }
        let mut chosen: Vec<Found<'_>> = chosen.into_values().collect();
        chosen.sort_by_cached_key(|(_, _, span)| {
            let (start, end) = (span.start_unix_nano(), span.end_unix_nano());
            (start, end, span.trace_id(), span.span_id())
        });
        let decoded = chosen
            .iter()
            .map(|(resource, scope, span)| Span::decode(resource, scope, span));
        let spans: Vec<Span> = decoded.collect();
        Trace {
            trace_id: root(&spans).map(|root| root.trace_id.clone()).unwrap_or_default(),
            spans,
            variants: variants.len(),
        }
    }

    /// The wire bytes, as they came.
    pub fn batches(&self) -> impl Iterator<Item = &TraceBatch> {
        self.pieces.iter().map(|piece| &piece.batch)
    }

    /// Its line in a list. Decodes the trace the first time.
    pub fn summary(&self) -> &Summary {
        &self.gist(None).summary
    }

    /// What a list needs; from the decoded trace where the caller has it.
    pub(in crate::viewer) fn gist(&self, decoded: Option<&Trace>) -> &Gist {
        self.gist.get_or_init(|| match decoded {
            Some(trace) => Box::new(self.digest(trace)),
            None => Box::new(self.digest(&self.decode())),
        })
    }

    fn digest(&self, trace: &Trace) -> Gist {
        let end = |span: &Span| span.end_time_unix_nano.max(span.start_time_unix_nano);
        Gist {
            summary: Summary {
                sequence: self.sequence,
                ..Summary::of(trace)
            },
            latest_unix_nano: trace.spans.iter().map(end).max().unwrap_or(0),
        }
    }

    /// What `judge` said of this trace under the question of that name, if it is remembered; else what it says now, with the
    /// trace that it was shown.
    pub(in crate::viewer) fn verdict(
        &self,
        question: &Arc<str>,
        judge: impl FnOnce(&Trace) -> Verdict,
    ) -> (Verdict, Option<Trace>) {
        let remembered = self.remembered(question);
        if let Some(verdict) = remembered {
            return (verdict, None);
        }
        let trace = self.decode();
        let verdict = judge(&trace);
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() == REMEMBERED {
            verdicts.remove(0);
        }
        verdicts.push((Arc::clone(question), verdict.clone()));
        drop(verdicts);
        (verdict, Some(trace))
    }

    fn remembered(&self, question: &Arc<str>) -> Option<Verdict> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let found = verdicts.iter().find(|(known, _)| known == question);
        found.map(|(_, verdict)| verdict.clone())
    }
}

/// The span that gives the trace its id: the first without a parent, else the first whose parent is not there.
fn root(spans: &[Span]) -> Option<&Span> {
    let parentless = spans.iter().find(|span| span.parent_span_id.is_empty());
    parentless
        .or_else(|| {
            let parents = tree::parents(spans);
            let place = parents.iter().position(Option::is_none)?;
            spans.get(place)
        })
        .or(spans.first())
}

/// A span with what stands around it.
type Found<'a> = (ResourceSpansRef<'a>, ScopeSpansRef<'a>, SpanRef<'a>);

pub(super) fn spans(batch: &TraceBatch) -> impl Iterator<Item = Found<'_>> {
    batch.resource_spans().flat_map(|resource| {
        resource
            .scope_spans()
            .flat_map(move |scope| scope.spans().map(move |span| (resource, scope, span)))
    })
}

/// Of several spans with one id the one that ended last and says most is shown, whichever came first.
pub(super) fn rank<'a>(span: &SpanRef<'a>) -> (u64, usize, &'a [u8]) {
    (span.end_unix_nano(), span.wire().len(), span.wire())
}
