//! The phrase automaton: every phrase of every type and language in one deterministic machine over word symbols. Built once
//! from the phrases' alternatives; matching follows one edge a word and allocates nothing.

use std::collections::{BTreeMap, HashMap};

use super::pattern::Part;
use crate::signals::text::Vocabulary;

/// More states than any sensible set of phrases needs; a lexicon beyond it is refused.
const MOST_STATES: usize = 1 << 20;
const DEAD: u32 = u32::MAX;
/// Stands for the end of a clause on an edge; no word has this symbol.
const END: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Node {
    edges: Vec<(u32, u32)>,
    any: Option<u32>,
    empty: Vec<u32>,
    accepts: Option<u32>,
}

/// Collects phrases; [`Builder::build`] makes the machine.
#[derive(Debug)]
pub(super) struct Builder {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// Where the state's edges lie in `edges`, sorted by symbol.
    first: u32,
    last: u32,
    /// Where a symbol without an edge leads.
    otherwise: u32,
    /// The state for a clause that ends here.
    ended: u32,
    /// Where its entries lie in `accepts`.
    accepts: (u32, u32),
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Automaton {
    /// Where each symbol leads from the start, since most words begin no phrase.
    start: Vec<u32>,
    states: Vec<State>,
    edges: Vec<(u32, u32)>,
    accepts: Vec<u32>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    /// Adds a phrase; a match of it yields `entry`.
    pub(super) fn add(&mut self, parts: &[Part], entry: u32, vocabulary: &mut Vocabulary) {
        let first = self.node();
        self.nodes[0].empty.push(first);
        let last = self.sequence(parts, first, vocabulary);
        let end = self.node();
        self.nodes[last as usize].empty.push(end);
        self.nodes[end as usize].accepts = Some(entry);
    }

    fn node(&mut self) -> u32 {
        self.nodes.push(Node::default());
        u32::try_from(self.nodes.len() - 1).expect("phrases are bounded by the size of a file")
    }

    fn sequence(&mut self, parts: &[Part], mut from: u32, vocabulary: &mut Vocabulary) -> u32 {
        for part in parts {
            from = match part {
                Part::Word(word) => {
                    let symbols: Vec<u32> = vocabulary.intern(word).to_vec();
                    symbols.into_iter().fold(from, |from, symbol| {
                        let to = self.node();
                        self.nodes[from as usize].edges.push((symbol, to));
                        to
                    })
                }
                Part::End => {
                    let to = self.node();
                    self.nodes[from as usize].edges.push((END, to));
                    to
                }
                Part::Any => {
                    // A node has one such edge: give it a node of its own.
                    let (via, to) = (self.node(), self.node());
                    self.nodes[from as usize].empty.push(via);
                    self.nodes[via as usize].any = Some(to);
                    to
                }
                Part::OneOf(choices) => {
                    let to = self.node();
                    for choice in choices {
                        let first = self.node();
                        self.nodes[from as usize].empty.push(first);
                        let last = self.sequence(choice, first, vocabulary);
                        self.nodes[last as usize].empty.push(to);
                    }
                    to
                }
            };
        }
        from
    }

    /// Every node that is reachable without a word, sorted.
    fn closure(&self, nodes: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut open: Vec<u32> = nodes.into_iter().collect();
        let mut seen = std::collections::HashSet::new();
        while let Some(node) = open.pop() {
            if seen.insert(node) {
                open.extend(&self.nodes[node as usize].empty);
            }
        }
        // Nodes that only lead on add nothing to a state's identity.
        let matters = |node: &u32| {
            let node = &self.nodes[*node as usize];
            !node.edges.is_empty() || node.any.is_some() || node.accepts.is_some()
        };
        let mut closed: Vec<u32> = seen.into_iter().filter(matters).collect();
        closed.sort_unstable();
        closed
    }

    /// The subset construction. None when the phrases together need too many states.
    pub(super) fn build(&self, symbols: usize) -> Option<Automaton> {
        let mut machine = Automaton {
            start: Vec::new(),
            states: Vec::new(),
            edges: Vec::new(),
            accepts: Vec::new(),
        };
        let mut ids: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut sets = vec![self.closure([0])];
        ids.insert(sets[0].clone(), 0);
        let mut at = 0;
        while at < sets.len() {
            let set = sets[at].clone();
            let mut state_of = |set: Vec<u32>| -> u32 {
                if set.is_empty() {
                    return DEAD;
                }
                *ids.entry(set).or_insert_with_key(|set| {
                    sets.push(set.clone());
                    u32::try_from(sets.len() - 1).expect("states are bounded")
                })
            };
            let any: Vec<u32> = set.iter().filter_map(|&node| self.nodes[node as usize].any).collect();
            let mut targets: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for &(symbol, to) in set.iter().flat_map(|&node| &self.nodes[node as usize].edges) {
                targets
                    .entry(symbol)
                    .or_insert_with(|| if symbol == END { Vec::new() } else { any.clone() })
                    .push(to);
            }
            let ended = targets.remove(&END).map_or(DEAD, |to| state_of(self.closure(to)));
            let first = offset(machine.edges.len());
            for (symbol, to) in targets {
                machine.edges.push((symbol, state_of(self.closure(to))));
            }
            let accepts = offset(machine.accepts.len());
            machine
                .accepts
                .extend(set.iter().filter_map(|&node| self.nodes[node as usize].accepts));
            machine.states.push(State {
                first,
                last: offset(machine.edges.len()),
                otherwise: state_of(self.closure(any)),
                ended,
                accepts: (accepts, offset(machine.accepts.len())),
            });
            at += 1;
            if sets.len() > MOST_STATES {
                return None;
            }
        }
        let root = machine.states[0];
        machine.start = vec![root.otherwise; symbols];
        for &(symbol, to) in &machine.edges[root.first as usize..root.last as usize] {
            machine.start[symbol as usize] = to;
        }
        Some(machine)
    }
}

fn offset(length: usize) -> u32 {
    u32::try_from(length).expect("states and edges are bounded")
}

impl Automaton {
    /// Reports every match that begins with the first of `symbols`: the entry, and how many words it takes. `ends` tells
    /// whether a clause ends behind that many words.
    pub(crate) fn matches(
        &self,
        symbols: impl IntoIterator<Item = u32>,
        ends: impl Fn(usize) -> bool,
        mut found: impl FnMut(u32, usize),
    ) {
        let mut state = DEAD;
        for (at, symbol) in symbols.into_iter().enumerate() {
            state = if at == 0 {
                self.start[symbol as usize]
            } else {
                self.step(state, symbol)
            };
            if state == DEAD {
                return;
            }
            let here = self.states[state as usize];
            self.accepted(here.accepts).for_each(|entry| found(entry, at + 1));
            if here.ended != DEAD && ends(at + 1) {
                self.accepted(self.states[here.ended as usize].accepts)
                    .for_each(|entry| found(entry, at + 1));
            }
        }
    }

    fn accepted(&self, (first, last): (u32, u32)) -> impl Iterator<Item = u32> {
        self.accepts[first as usize..last as usize].iter().copied()
    }

    fn step(&self, state: u32, symbol: u32) -> u32 {
        let state = self.states[state as usize];
        let edges = &self.edges[state.first as usize..state.last as usize];
        edges
            .binary_search_by_key(&symbol, |edge| edge.0)
            .map_or(state.otherwise, |at| edges[at].1)
    }

    /// Number of states, for tests of the size.
    #[cfg(test)]
    pub(crate) fn state_count(&self) -> usize {
        self.states.len()
    }
}
