//! The splice in two passes: the first decides about every span and measures, the second copies each byte once. A chunk
//! without a change is not copied at all.

use std::ops::Range;

use bytes::Bytes;

use super::schema::{RESOURCE_SPANS_TAG, SCOPE_SPANS_TAG, SPAN_NAME_TAG, SPANS_TAG};
use super::wire::{LEN, field_len, key, put_frame, step};
use super::{Edit, ResourceSpansRef, ScopeSpansRef, SpanEdit, SpanRef};

const RESOURCE_SPANS: u8 = key(RESOURCE_SPANS_TAG, LEN);
const SCOPE_SPANS: u8 = key(SCOPE_SPANS_TAG, LEN);
const SPANS: u8 = key(SPANS_TAG, LEN);
const SPAN_NAME: u8 = key(SPAN_NAME_TAG, LEN);

/// The pieces of the new chunk, in order. Reused from chunk to chunk.
#[derive(Default)]
pub(super) struct Plan {
    pieces: Vec<Piece>,
    /// Bytes of all pieces.
    size: usize,
    dropped: usize,
    applied: usize,
}

enum Piece {
    /// Bytes of the old chunk.
    Old(Range<usize>),
    /// Bytes of the edit's scratch buffer.
    New(Range<usize>),
    /// Key and length of a message whose length changes.
    Frame(u8, usize),
}

/// The state of a plan before a message was entered.
#[derive(Clone, Copy)]
struct Mark {
    pieces: usize,
    size: usize,
    dropped: usize,
    applied: usize,
}

/// What became of the children of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Unchanged,
    Changed,
    Emptied,
}

impl Plan {
    /// First pass: asks `decide` about every span of `chunk`.
    pub(super) fn make<F>(&mut self, chunk: &[u8], edit: &mut SpanEdit, decide: &mut F)
    where
        F: FnMut(&ResourceSpansRef<'_>, &ScopeSpansRef<'_>, &SpanRef<'_>, &mut SpanEdit) -> Edit,
    {
        *self = Plan {
            pieces: std::mem::take(&mut self.pieces),
            ..Plan::default()
        };
        self.pieces.clear();
        for (key, body, whole) in parts(chunk, chunk) {
            if key != RESOURCE_SPANS {
                self.keep(whole);
                continue;
            }
            let mark = self.enter(RESOURCE_SPANS_TAG);
            let content = self.resource(chunk, body, edit, decide);
            self.leave(mark, whole, content);
        }
    }

    fn resource<F>(&mut self, chunk: &[u8], wire: &[u8], edit: &mut SpanEdit, decide: &mut F) -> Content
    where
        F: FnMut(&ResourceSpansRef<'_>, &ScopeSpansRef<'_>, &SpanRef<'_>, &mut SpanEdit) -> Edit,
    {
        let before = self.mark();
        let mut left = 0;
        for (key, body, whole) in parts(chunk, wire) {
            if key != SCOPE_SPANS {
                self.keep(whole);
                continue;
            }
            let mark = self.enter(SCOPE_SPANS_TAG);
            let content = self.scope(chunk, wire, body, edit, decide);
            left += usize::from(content != Content::Emptied);
            self.leave(mark, whole, content);
        }
        self.content_since(before, left)
    }

    fn scope<F>(&mut self, chunk: &[u8], resource: &[u8], wire: &[u8], edit: &mut SpanEdit, decide: &mut F) -> Content
    where
        F: FnMut(&ResourceSpansRef<'_>, &ScopeSpansRef<'_>, &SpanRef<'_>, &mut SpanEdit) -> Edit,
    {
        let (resource, scope) = (ResourceSpansRef { wire: resource }, ScopeSpansRef { wire });
        let before = self.mark();
        let mut left = 0;
        for (key, wire, whole) in parts(chunk, wire) {
            if key != SPANS {
                self.keep(whole);
                continue;
            }
            let span = SpanRef { wire };
            edit.start_span();
            let answer = decide(&resource, &scope, &span, edit);
            left += usize::from(answer != Edit::Drop);
            match answer {
                Edit::Drop => self.dropped += 1,
                Edit::Apply if !edit.is_empty() => self.span(chunk, &span, edit),
                Edit::Apply | Edit::Keep => self.keep(whole),
            }
        }
        self.content_since(before, left)
    }

    fn span(&mut self, chunk: &[u8], span: &SpanRef<'_>, edit: &mut SpanEdit) {
        self.applied += 1;
        let mark = self.enter(SPANS_TAG);
        let mut changes = edit.finish();
        let mut name: &[u8] = &[];
        let mut from = offset(chunk, span.wire);
        let end = from + span.wire.len();
        for (key, body, whole) in parts(chunk, span.wire) {
            if changes.keeps(key, body) {
                continue;
            }
            if key == SPAN_NAME {
                name = body;
            }
            self.keep(from..whole.start);
            from = whole.end;
        }
        self.keep(from..end);
        for range in changes.added(name) {
            self.size += range.len();
            match self.pieces.last_mut() {
                Some(Piece::New(last)) if last.end == range.start => last.end = range.end,
                _ => self.pieces.push(Piece::New(range)),
            }
        }
        self.leave(mark, 0..0, Content::Changed);
    }

    fn mark(&self) -> Mark {
        Mark {
            pieces: self.pieces.len(),
            size: self.size,
            dropped: self.dropped,
            applied: self.applied,
        }
    }

    fn content_since(&self, before: Mark, left: usize) -> Content {
        if self.dropped == before.dropped && self.applied == before.applied {
            Content::Unchanged
        } else if left == 0 {
            Content::Emptied
        } else {
            Content::Changed
        }
    }

    fn keep(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        self.size += range.len();
        match self.pieces.last_mut() {
            Some(Piece::Old(last)) if last.end == range.start => last.end = range.end,
            _ => self.pieces.push(Piece::Old(range)),
        }
    }

    fn enter(&mut self, tag: u8) -> Mark {
        let mark = self.mark();
        self.pieces.push(Piece::Frame(tag, 0));
        mark
    }

    fn leave(&mut self, mark: Mark, whole: Range<usize>, content: Content) {
        if content == Content::Changed {
            let len = self.size - mark.size;
            if let Some(Piece::Frame(_, frame_len)) = self.pieces.get_mut(mark.pieces) {
                *frame_len = len;
            }
            self.size = mark.size + field_len(len);
            return;
        }
        self.pieces.truncate(mark.pieces);
        self.size = mark.size;
        if content == Content::Unchanged {
            self.keep(whole);
        }
    }

    /// How many of the chunk's `spans` are left; `None` where the chunk stays as it is.
    pub(super) fn outcome(&self, spans: usize) -> Option<usize> {
        (self.dropped + self.applied > 0).then(|| spans - self.dropped)
    }

    /// Second pass: the new chunk.
    pub(super) fn carry_out(&self, chunk: &[u8], scratch: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(self.size);
        for piece in &self.pieces {
            match piece {
                Piece::Old(range) => out.extend_from_slice(&chunk[range.clone()]),
                Piece::New(range) => out.extend_from_slice(&scratch[range.clone()]),
                Piece::Frame(tag, len) => put_frame(&mut out, *tag, *len),
            }
        }
        debug_assert_eq!(out.len(), self.size, "the first pass measured what the second wrote");
        Bytes::from(out)
    }
}

/// The fields of a message that stands in `chunk`: key and body as [`step`] has them, and where in the chunk the field is.
#[inline(always)]
fn parts<'a>(chunk: &[u8], message: &'a [u8]) -> impl Iterator<Item = (u8, &'a [u8], Range<usize>)> + use<'a> {
    let end = offset(chunk, message) + message.len();
    let mut rest = message;
    std::iter::from_fn(move || {
        let from = end - rest.len();
        let (key, body) = step(&mut rest)?;
        Some((key, body, from..end - rest.len()))
    })
}

/// Where a part of `chunk` starts in it.
#[inline]
fn offset(chunk: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - chunk.as_ptr().addr()
}
