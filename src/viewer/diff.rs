//! Two traces side by side: which span of one is which of the other, and what is different about it. Spans are paired from the
//! roots down, by service and name, the second of a name with the second; so a span that is new or gone moves no other.

mod text;

use std::collections::{HashMap, VecDeque};

use serde::Serialize;

use super::{
    facts::{self, FLAG, Facts, Role},
    model::{Span, Trace},
    summary::Summary,
    tree::{Branch, branches},
    usage::Usage,
};

pub use text::diff_text;

/// What two traces have in common and what not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The first trace.
    pub a: Side,
    /// The second.
    pub b: Side,
    /// The spans of both, in the order of the tree.
    pub spans: Vec<Row>,
}

/// One of the traces as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Trace id of the root.
    pub trace_id: String,
    /// From the earliest start to the latest end.
    pub duration_nanos: u64,
    /// Spans.
    pub spans: usize,
    /// Spans that failed.
    pub errors: usize,
    /// Spans with a flag.
    pub flags: usize,
    /// Tokens sent to models.
    pub tokens_in: u64,
    /// Tokens that models wrote.
    pub tokens_out: u64,
    /// Longest time to the first token of a model call, milliseconds.
    pub first_token_ms: Option<f64>,
    /// What its model calls cost, USD, as far as it is known.
    pub cost_usd: Option<f64>,
    /// The worst quality of its conversations.
    pub quality: Option<String>,
}

/// A span of one trace or of both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What became of it.
    pub change: Change,
    /// Levels below its root.
    pub depth: usize,
    /// Service.
    pub service: String,
    /// Name; the second trace's where they differ.
    pub name: String,
    /// In the first trace.
    pub a: Option<Half>,
    /// In the second.
    pub b: Option<Half>,
    /// What is different about it, beside its duration.
    pub changes: Vec<Changed>,
}

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Nothing but its duration.
    Same,
    /// It is in both, but not alike.
    Changed,
    /// Only the second trace has it.
    Added,
    /// Only the first trace has it.
    Removed,
}

/// A span in one trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Half {
    /// 16 hex digits.
    pub span_id: String,
    /// Its length.
    pub duration_nanos: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// A value that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Attribute or field.
    pub key: String,
    /// In the first trace, where it is there.
    pub a: Option<String>,
    /// In the second.
    pub b: Option<String>,
}

impl Diff {
    /// Of two traces. With `all` every attribute is compared, else those that matter: name, failure, HTTP status, model, tokens, quality
    /// and flag.
    pub fn of(a: &Trace, b: &Trace, all: bool) -> Diff {
        let (left, right) = (Tree::of(&a.spans), Tree::of(&b.spans));
        let mut spans = Vec::with_capacity(left.lines.len().max(right.lines.len()));
        // A stack of its own: depth costs memory and never the thread's stack.
        let mut open: Vec<(Pair, usize)> = siblings(&left, &left.roots, &right, &right.roots)
            .into_iter()
            .rev()
            .map(|pair| (pair, 0))
            .collect();
        while let Some((pair, depth)) = open.pop() {
            let span_a = pair.0.map(|line| left.span(line));
            let span_b = pair.1.map(|line| right.span(line));
            spans.extend(Row::of(span_a, span_b, depth, all));
            let below =
                |tree: &Tree<'_>, line: Option<usize>| line.map_or(Vec::new(), |line| tree.children[line].clone());
            let pairs = siblings(&left, &below(&left, pair.0), &right, &below(&right, pair.1));
            open.extend(pairs.into_iter().rev().map(|pair| (pair, depth + 1)));
        }
        Diff {
            a: Side::of(a),
            b: Side::of(b),
            spans,
        }
    }
}

impl Side {
    fn of(trace: &Trace) -> Side {
        let (facts, summary) = (Facts::of(trace), Summary::of(trace));
        Side {
            trace_id: trace.trace_id.clone(),
            duration_nanos: summary.duration_nanos,
            spans: summary.spans,
            errors: facts.errors,
            flags: facts.flags,
            tokens_in: facts.tokens_in,
            tokens_out: facts.tokens_out,
            first_token_ms: facts.first_token.map(|(_, longest)| longest),
            cost_usd: facts.cost_usd,
            quality: summary.quality,
        }
    }
}

impl Row {
    /// `None` where there is no span at all.
    fn of(a: Option<&Span>, b: Option<&Span>, depth: usize, all: bool) -> Option<Row> {
        let shown = b.or(a)?;
        let changes = match (a, b) {
            (Some(a), Some(b)) => changes(a, b, all),
            _ => Vec::new(),
        };
        let change = match (a, b) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ if changes.is_empty() => Change::Same,
            _ => Change::Changed,
        };
        let half = |span: &Span| Half {
            span_id: span.span_id.clone(),
            duration_nanos: span.duration_nanos(),
            error: facts::error(span),
        };
        Some(Row {
            change,
            depth,
            service: shown.service.clone(),
            name: shown.name.clone(),
            a: a.map(half),
            b: b.map(half),
            changes,
        })
    }
}

/// What is different, the name first.
fn changes(a: &Span, b: &Span, all: bool) -> Vec<Changed> {
    let mut changes = Vec::new();
    let mut compare = |key: &str, a: Option<String>, b: Option<String>| {
        if a != b {
            changes.push(Changed {
                key: key.to_owned(),
                a,
                b,
            });
        }
    };
    compare("name", Some(bare(&a.name).to_owned()), Some(bare(&b.name).to_owned()));
    compare("error", facts::error(a), facts::error(b));
    let flagged = |span: &Span| facts::is_flagged(span).then(|| FLAG.to_string());
    compare("flag", flagged(a), flagged(b));
    if all {
        let mut keys: Vec<&str> = Vec::new();
        for attribute in a.attributes.iter().chain(&b.attributes) {
            if !keys.contains(&attribute.key.as_str()) {
                keys.push(&attribute.key);
            }
        }
        let text = |span: &Span, key: &str| span.attribute(key).map(super::model::Value::text);
        for key in keys {
            compare(key, text(a, key), text(b, key));
        }
        return changes;
    }
    let number = |number: u64| number.to_string();
    compare(
        "http status",
        facts::http_status(a).map(|code| code.to_string()),
        facts::http_status(b).map(|code| code.to_string()),
    );
    compare("model", facts::model(a), facts::model(b));
    let (tokens_a, tokens_b) = (Usage::of(a), Usage::of(b));
    compare(
        "tokens in",
        tokens_a.map(|it| number(it.input)),
        tokens_b.map(|it| number(it.input)),
    );
    compare(
        "tokens out",
        tokens_a.map(|it| number(it.output)),
        tokens_b.map(|it| number(it.output)),
    );
    let quality = |span: &Span| facts::quality(span).map(|quality| quality.name().to_owned());
    compare("quality", quality(a), quality(b));
    changes
}

/// The name without its flag.
fn bare(name: &str) -> &str {
    name.trim_end_matches(FLAG).trim_end()
}

/// The lines of a trace's tree with the lines below each.
struct Tree<'a> {
    spans: &'a [Span],
    lines: Vec<Branch>,
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
}

impl<'a> Tree<'a> {
    fn of(spans: &'a [Span]) -> Tree<'a> {
        let lines = branches(spans);
        let (mut roots, mut children) = (Vec::new(), vec![Vec::new(); lines.len()]);
        // The line that is open on each level above.
        let mut above: Vec<usize> = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            above.truncate(line.depth);
            match above.last() {
                Some(parent) => children[*parent].push(number),
                None => roots.push(number),
            }
            above.push(number);
        }
        Tree {
            spans,
            lines,
            roots,
            children,
        }
    }

    fn span(&self, line: usize) -> &'a Span {
        &self.spans[self.lines[line].span]
    }
}

/// A line of each tree, or of one.
#[derive(Debug, Clone, Copy)]
struct Pair(Option<usize>, Option<usize>);

/// Pairs the lines below one place in both trees: by service and name, then what is left by what a person would take for the
/// same thing with another name. In the order of the first tree; what only the second has stands behind its own elder sibling.
fn siblings(left: &Tree<'_>, a: &[usize], right: &Tree<'_>, b: &[usize]) -> Vec<Pair> {
    let mut partner_of_a: HashMap<usize, usize> = HashMap::new();
    let mut partner_of_b: HashMap<usize, usize> = HashMap::new();
    for key in [exact as fn(&Span) -> Option<(&str, &str)>, alike] {
        let mut waiting: HashMap<(&str, &str), VecDeque<usize>> = HashMap::new();
        for line in b.iter().filter(|line| !partner_of_b.contains_key(line)) {
            if let Some(key) = key(right.span(*line)) {
                waiting.entry(key).or_default().push_back(*line);
            }
        }
        for line in a {
            if partner_of_a.contains_key(line) {
                continue;
            }
            let queue = key(left.span(*line)).and_then(|key| waiting.get_mut(&key));
            if let Some(found) = queue.and_then(VecDeque::pop_front) {
                partner_of_a.insert(*line, found);
                partner_of_b.insert(found, *line);
            }
        }
    }
    // What only the second tree has, by the line of the first behind which it stands.
    let mut added: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    let mut elder = None;
    for line in b {
        match partner_of_b.get(line) {
            Some(partner) => elder = Some(*partner),
            None => added.entry(elder).or_default().push(*line),
        }
    }
    let mut pairs: Vec<Pair> = Vec::with_capacity(a.len());
    let mut add = |pairs: &mut Vec<Pair>, elder| {
        pairs.extend(
            added
                .remove(&elder)
                .unwrap_or_default()
                .into_iter()
                .map(|line| Pair(None, Some(line))),
        );
    };
    add(&mut pairs, None);
    for line in a {
        pairs.push(Pair(Some(*line), partner_of_a.get(line).copied()));
        add(&mut pairs, Some(*line));
    }
    pairs
}

fn exact(span: &Span) -> Option<(&str, &str)> {
    Some((&span.service, bare(&span.name)))
}

/// A component of the gateway is the same whatever it was asked; of other services a name with the same first word is, such as
/// `chat gpt-4o` and `chat gpt-4o-mini`.
fn alike(span: &Span) -> Option<(&str, &str)> {
    match Role::of(&span.service) {
        Role::Other => {
            let (word, _) = bare(&span.name).split_once(' ')?;
            Some((&span.service, word))
        }
        _ => Some((&span.service, "")),
    }
}

#[cfg(test)]
mod tests;
