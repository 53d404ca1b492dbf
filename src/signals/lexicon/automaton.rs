//! The phrase automaton: every phrase of every type and language in one deterministic machine over word symbols. Built once
//! from the phrases' alternatives; matching follows one edge a word and allocates nothing.

use super::pattern::Part;
use super::subset::Subsets;
use crate::signals::text::Vocabulary;

pub(super) const DEAD: u32 = u32::MAX;
/// Stands for the end of a clause on an edge; no word has this symbol.
pub(super) const END: u32 = u32::MAX;

/// A free slot among the edges.
pub(super) const FREE: (u32, u32) = (END, DEAD);

/// Where the edge of a symbol should lie among so many slots.
pub(super) fn slot_of(symbol: u32, slots: usize) -> usize {
    (symbol.wrapping_mul(0x9E37_79B1) >> 16) as usize & (slots - 1)
}

/// A place in the phrases: what may come next, and the phrase that is complete here.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) edges: Vec<(u32, u32)>,
    pub(super) any: Option<u32>,
    pub(super) empty: Vec<u32>,
    pub(super) accepts: Option<u32>,
}

/// Collects phrases; [`Builder::build`] makes the machine.
#[derive(Debug)]
pub(super) struct Builder {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// Where the state's edges lie in `edges`: none, or an open table of its own, a power of two long and at most half full.
    pub(super) first: u32,
    pub(super) last: u32,
    /// Where a symbol without an edge leads.
    pub(super) otherwise: u32,
    /// The state for a clause that ends here.
    pub(super) ended: u32,
    /// Where its entries lie in `accepts`.
    pub(super) accepts: (u32, u32),
    /// A bit for each symbol with an edge, by the symbol's last six bits: most words have none, and are told so at once.
    pub(super) sieve: u64,
}

/// The machine.
#[derive(Debug, Default)]
pub(crate) struct Automaton {
    /// Where each symbol leads from the start, since most words begin no phrase.
    pub(super) start: Vec<u32>,
    pub(super) states: Vec<State>,
    pub(super) edges: Vec<(u32, u32)>,
    pub(super) accepts: Vec<u32>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    /// Adds a phrase; a match of it yields `entry`.
    pub(super) fn add(&mut self, parts: &[Part], entry: u32, vocabulary: &mut Vocabulary) {
        let end = self.node();
        self.nodes[end as usize].accepts = Some(entry);
        self.sequence(parts, 0, end, vocabulary);
    }

    fn node(&mut self) -> u32 {
        self.nodes.push(Node::default());
        u32::try_from(self.nodes.len() - 1).expect("phrases are bounded by the size of a file")
    }

    /// Leads from one node to another through `parts`. Nothing loops, so alternatives share the nodes at both of their ends;
    /// that keeps the sets of the construction small.
    fn sequence(&mut self, parts: &[Part], mut from: u32, into: u32, vocabulary: &mut Vocabulary) {
        let Some((last, before)) = parts.split_last() else {
            self.nodes[from as usize].empty.push(into);
            return;
        };
        for part in before {
            let to = self.node();
            self.part(part, from, to, vocabulary);
            from = to;
        }
        self.part(last, from, into, vocabulary);
    }

    fn part(&mut self, part: &Part, mut from: u32, to: u32, vocabulary: &mut Vocabulary) {
        match part {
            Part::Word(word) => {
                let symbols = vocabulary.intern(word);
                let Some((last, before)) = symbols.split_last() else {
                    return self.nodes[from as usize].empty.push(to);
                };
                for symbol in before {
                    let next = self.node();
                    self.nodes[from as usize].edges.push((*symbol, next));
                    from = next;
                }
                self.nodes[from as usize].edges.push((*last, to));
            }
            Part::End => self.nodes[from as usize].edges.push((END, to)),
            Part::Any => {
                // A node has one such edge: give it a node of its own.
                let via = self.node();
                self.nodes[from as usize].empty.push(via);
                self.nodes[via as usize].any = Some(to);
            }
            Part::OneOf(choices) => {
                for choice in choices.iter() {
                    self.sequence(choice, from, to, vocabulary);
                }
            }
        }
    }

    /// Makes the machine. None when the phrases together need too many states.
    pub(super) fn build(&self, symbols: usize) -> Option<Automaton> {
        let mut machine = Subsets::new(&self.nodes).build()?;
        // A lexicon without phrases has no state.
        let Some(&root) = machine.states.first() else {
            machine.start = vec![DEAD; symbols];
            return Some(machine);
        };
        machine.start = vec![root.otherwise; symbols];
        for &(symbol, to) in &machine.edges[root.first as usize..root.last as usize] {
            if (symbol, to) != FREE {
                machine.start[symbol as usize] = to;
            }
        }
        Some(machine)
    }
}

impl Automaton {
    /// Whether any phrase begins with this word.
    pub(crate) fn begins(&self, symbol: u32) -> bool {
        self.start[symbol as usize] != DEAD
    }

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
            let here = &self.states[state as usize];
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
        let state = &self.states[state as usize];
        if state.sieve & (1 << (symbol & 63)) == 0 {
            return state.otherwise;
        }
        let edges = &self.edges[state.first as usize..state.last as usize];
        let mut slot = slot_of(symbol, edges.len());
        loop {
            match edges[slot] {
                (found, to) if found == symbol => return to,
                FREE => return state.otherwise,
                _ => slot = (slot + 1) & (edges.len() - 1),
            }
        }
    }

    /// Number of states, for tests of the size.
    #[cfg(test)]
    pub(crate) fn state_count(&self) -> usize {
        self.states.len()
    }
}
