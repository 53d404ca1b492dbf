//! From spans to a tree: parents, the order in which lines are shown, and what is wrong with the shape. Loops, missing
//! parents and great depth are shown and said; nothing recurses, nothing is left out.

use std::collections::HashMap;

use super::model::Span;

/// What is odd about a line's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// It names a parent that is not there.
    ParentMissing,
    /// It is its own ancestor; the loop is cut above it.
    Loop,
    /// It starts before its parent.
    EarlierThanParent,
}

/// One line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Branch {
    /// Which span.
    pub(super) span: usize,
    /// 0 for a root.
    pub(super) depth: usize,
    /// For every level above, whether more siblings follow there; the last entry is the span's own level.
    /// Empty for a root.
    pub(super) more: Vec<bool>,
    /// Whether it has children.
    pub(super) has_children: bool,
    /// What is odd about it.
    pub(super) oddity: Option<Oddity>,
}

impl Oddity {
    /// Every oddity, in the order in which they are told.
    pub const ALL: [Oddity; 3] = [Oddity::ParentMissing, Oddity::Loop, Oddity::EarlierThanParent];

    /// What is odd about one span, to be read after its name.
    pub fn of_one(self) -> &'static str {
        match self {
            Oddity::ParentMissing => "names a parent that is not here (yet)",
            Oddity::Loop => "is its own ancestor: the loop is cut there",
            Oddity::EarlierThanParent => "starts before its parent (clocks differ)",
        }
    }

    /// The same of several spans.
    fn of_many(self) -> &'static str {
        match self {
            Oddity::ParentMissing => "name a parent that is not here (yet)",
            Oddity::Loop => "are their own ancestors: the loops are cut there",
            Oddity::EarlierThanParent => "start before their parents (clocks differ)",
        }
    }
}

/// What is odd about the shape, each thing said once for the whole trace.
pub(super) fn remarks(lines: &[Branch]) -> Vec<String> {
    let of = |oddity| lines.iter().filter(|line| line.oddity == Some(oddity)).count();
    let remarks = Oddity::ALL.map(|oddity| remark(of(oddity), oddity.of_many(), oddity.of_one()));
    remarks.into_iter().flatten().collect()
}

/// `2 spans start late`, for a number of spans; none for none.
pub(super) fn remark(number: usize, many: &str, one: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 span {one}")),
        number => Some(format!("{number} spans {many}")),
    }
}

/// Levels whose `more` is kept; a branch below keeps the deepest ones only.
const KEPT_LEVELS: usize = 64;

/// For each span its parent: in its own trace where there is one, else the only one with that id in another trace.
pub(super) fn parents(spans: &[Span]) -> Vec<Option<usize>> {
    let mut own: HashMap<(&str, &str), usize> = HashMap::new();
    let mut any: HashMap<&str, Option<usize>> = HashMap::new();
    for (index, span) in spans.iter().enumerate() {
        own.entry((&span.trace_id, &span.span_id)).or_insert(index);
        any.entry(&span.span_id)
            .and_modify(|found| *found = None)
            .or_insert(Some(index));
    }
    spans
        .iter()
        .map(|span| {
            if span.parent_span_id.is_empty() {
                return None;
            }
            let parent = span.parent_span_id.as_str();
            let inside = own.get(&(span.trace_id.as_str(), parent)).copied();
            inside.or_else(|| any.get(parent).copied().flatten())
        })
        .collect()
}

/// The lines from top to bottom: roots and siblings by start time, then by id.
pub(super) fn branches(spans: &[Span]) -> Vec<Branch> {
    let parents = parents(spans);
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by(|a, b| key(&spans[*a]).cmp(&key(&spans[*b])));
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    for index in &order {
        if let Some(parent) = parents[*index] {
            children[parent].push(*index);
        }
    }
    let mut walk = Walk {
        spans,
        parents: &parents,
        children: &children,
        seen: vec![false; spans.len()],
        lines: Vec::with_capacity(spans.len()),
    };
    for index in order.iter().filter(|index| parents[**index].is_none()) {
        let missing = !spans[*index].parent_span_id.is_empty();
        walk.from(*index, missing.then_some(Oddity::ParentMissing));
    }
    // What no root leads to hangs below a loop: cut it at its earliest span.
    for index in order {
        if let Some(member) = loop_member(index, &walk.seen, &parents, spans) {
            walk.from(member, Some(Oddity::Loop));
        }
    }
    walk.lines
}

fn key(span: &Span) -> (u64, u64, &str, &str) {
    (
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        &span.trace_id,
        &span.span_id,
    )
}

/// The earliest span of the loop above an unseen span.
fn loop_member(start: usize, seen: &[bool], parents: &[Option<usize>], spans: &[Span]) -> Option<usize> {
    if seen[start] {
        return None;
    }
    let above = |index: usize| parents[index].expect("an unseen span has a parent, or it would be a root");
    let (mut slow, mut fast) = (above(start), above(above(start)));
    while slow != fast {
        (slow, fast) = (above(slow), above(above(fast)));
    }
    let mut earliest = slow;
    let mut member = above(slow);
    while member != slow {
        if key(&spans[member]) < key(&spans[earliest]) {
            earliest = member;
        }
        member = above(member);
    }
    Some(earliest)
}

struct Walk<'a> {
    spans: &'a [Span],
    parents: &'a [Option<usize>],
    children: &'a [Vec<usize>],
    seen: Vec<bool>,
    lines: Vec<Branch>,
}

impl Walk<'_> {
    /// Depth first with a stack of its own, so that depth costs memory and never the thread's stack.
    fn from(&mut self, root: usize, oddity: Option<Oddity>) {
        let mut stack = vec![(root, 0_usize, Vec::new(), oddity)];
        self.seen[root] = true;
        while let Some((index, depth, more, oddity)) = stack.pop() {
            let below: Vec<usize> = self.children[index]
                .iter()
                .copied()
                .filter(|child| !self.seen[*child])
                .collect();
            for (place, child) in below.iter().enumerate().rev() {
                self.seen[*child] = true;
                let kept = more.len().saturating_sub(KEPT_LEVELS - 1);
                let mut levels = more[kept..].to_vec();
                levels.push(place + 1 < below.len());
                stack.push((*child, depth + 1, levels, self.skew(*child)));
            }
            self.lines.push(Branch {
                span: index,
                depth,
                more,
                has_children: !below.is_empty(),
                oddity,
            });
        }
    }

    fn skew(&self, index: usize) -> Option<Oddity> {
        let parent = &self.spans[self.parents[index]?];
        let start = self.spans[index].start_time_unix_nano;
        (start > 0 && start < parent.start_time_unix_nano).then_some(Oddity::EarlierThanParent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Spans as `id<parent@start`, one trace; lines as `depth:id` with the oddity's first letter.
    fn check(spans: &str, expected: &str) {
        let spans: Vec<Span> = spans
            .split_whitespace()
            .map(|text| {
                let (ids, start) = text.split_once('@').expect("a start");
                let (id, parent) = ids.split_once('<').unwrap_or((ids, ""));
                Span {
                    span_id: id.into(),
                    parent_span_id: parent.into(),
                    start_time_unix_nano: start.parse().expect("a number"),
                    ..Span::default()
                }
            })
            .collect();
        let shown: Vec<String> = branches(&spans)
            .iter()
            .map(|line| {
                let odd = match line.oddity {
                    None => "",
                    Some(Oddity::ParentMissing) => "?",
                    Some(Oddity::Loop) => "~",
                    Some(Oddity::EarlierThanParent) => "<",
                };
                format!("{}:{}{odd}", line.depth, spans[line.span].span_id)
            })
            .collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn siblings_stand_by_start_time_under_their_parent() {
        check("c<a@3 b<a@2 a@1 d<b@9", "0:a 1:b 2:d 1:c");
        check("b@2 a@1", "0:a 0:b");
        check("", "");
    }

    #[test]
    fn odd_shapes_are_shown_and_said() {
        check("b<x@2 a@1", "0:a 0:b?");
        check("a<a@1", "0:a~");
        check("a<b@2 b<a@1 c<a@3", "0:b~ 1:a 2:c");
        check("z<y@1 y<x@2 x<w@3 w<x@4", "0:x~ 1:y< 2:z< 1:w");
        check("b<a@1 a@5", "0:a 1:b<");
    }

    proptest! {
        #[test]
        fn every_span_is_shown_once(links in prop::collection::vec((0_usize..30, 0_u64..5), 0..30)) {
            let spans: Vec<Span> = links
                .iter()
                .enumerate()
                .map(|(index, (parent, start))| Span {
                    span_id: index.to_string(),
                    parent_span_id: parent.to_string(),
                    start_time_unix_nano: *start,
                    ..Span::default()
                })
                .collect();
            let mut shown: Vec<usize> = branches(&spans).iter().map(|line| line.span).collect();
            shown.sort_unstable();
            prop_assert_eq!(shown, (0..spans.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn great_depth_costs_neither_the_stack_nor_much_time() {
        let spans: Vec<Span> = (0..100_000_u64)
            .map(|index| Span {
                span_id: index.to_string(),
                parent_span_id: index
                    .checked_sub(1)
                    .map(|parent| parent.to_string())
                    .unwrap_or_default(),
                start_time_unix_nano: index,
                ..Span::default()
            })
            .collect();
        let lines = branches(&spans);
        assert_eq!(lines.len(), spans.len());
        assert_eq!(lines.last().map(|line| line.depth), Some(99_999));
        assert!(lines.iter().all(|line| line.more.len() <= KEPT_LEVELS));
    }
}
