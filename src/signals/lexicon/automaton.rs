//! The phrase automaton: every phrase of every type and language in one deterministic machine over word symbols. Built once
//! from the phrases' alternatives; matching follows one edge a word and allocates nothing.

use super::minimize::minimize;
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
    /// The last node of every phrase that yields an entry, by entry: phrases that mean the same share it.
    ends: Vec<u32>,
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
}

impl State {
    /// Whether a word that leads here may be a match whatever comes behind it, or may be followed by any word.
    fn is_open(&self) -> bool {
        self.accepts.0 != self.accepts.1 || self.ended != DEAD || self.otherwise != DEAD
    }
}

/// Where a symbol leads from the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    state: u32,
    /// Whether the state is open: see [`State::is_open`].
    open: bool,
}

/// Bits of the sieve for each edge, about: one in so many pairs without an edge is looked up in vain.
const SIEVE_BITS: usize = 8;

/// A bit for each pair of a state and a symbol with an edge: most pairs have none, and are told so without a look at the edges,
/// which are too many for the nearest cache.
#[derive(Debug, Default)]
struct Sieve {
    bits: Vec<u64>,
    shift: u32,
}

impl Sieve {
    fn new(edges: usize) -> Sieve {
        let words = (edges * SIEVE_BITS).next_power_of_two().div_ceil(64).max(2);
        Sieve {
            bits: vec![0; words],
            shift: 64 - words.ilog2() - 6,
        }
    }

    /// The word of a pair, and its bit.
    fn place(&self, state: u32, symbol: u32) -> (usize, u64) {
        let pair = u64::from(state) << 32 | u64::from(symbol);
        let place = pair
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(32)
            .wrapping_mul(0xD6E8_FEB8_6659_FD93)
            >> self.shift;
        ((place >> 6) as usize, 1 << (place & 63))
    }

    fn add(&mut self, state: u32, symbol: u32) {
        let (word, bit) = self.place(state, symbol);
        self.bits[word] |= bit;
    }

    #[inline]
    fn may_hold(&self, state: u32, symbol: u32) -> bool {
        let (word, bit) = self.place(state, symbol);
        self.bits[word] & bit != 0
    }
}

/// The machine.
#[derive(Debug, Default)]
pub(crate) struct Automaton {
    /// Where each symbol leads from the start, since most words begin no phrase.
    pub(super) start: Vec<Start>,
    pub(super) states: Vec<State>,
    pub(super) edges: Vec<(u32, u32)>,
    pub(super) accepts: Vec<u32>,
    sieve: Sieve,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            ends: Vec::new(),
        }
    }

    /// Adds a phrase; a match of it yields `entry`. Entries are numbered from 0, without a gap.
    pub(super) fn add(&mut self, parts: &[Part], entry: u32, vocabulary: &mut Vocabulary) {
        while self.ends.len() <= entry as usize {
            let end = self.node();
            self.nodes[end as usize].accepts = Some(entry);
            self.ends.push(end);
        }
        self.sequence(parts, 0, self.ends[entry as usize], vocabulary);
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
        let large = Subsets::new(&self.nodes).build()?;
        // A lexicon without phrases has no state.
        if large.states.is_empty() {
            return Some(large.starting(None, symbols));
        }
        let (small, root) = minimize(&large);
        Some(small.starting(Some(root), symbols))
    }
}

impl Automaton {
    /// Fills what is asked first: the table of starts, from the root's edges, and the sieve.
    fn starting(mut self, root: Option<u32>, symbols: usize) -> Automaton {
        let start = |state: u32| Start {
            state,
            open: self.states.get(state as usize).is_some_and(State::is_open),
        };
        let root = root.map(|root| self.states[root as usize]);
        let mut starts = vec![start(root.map_or(DEAD, |root| root.otherwise)); symbols];
        let edges = root.map_or(0..0, |root| root.first as usize..root.last as usize);
        for &(symbol, to) in self.edges[edges].iter().filter(|&&edge| edge != FREE) {
            starts[symbol as usize] = start(to);
        }
        self.start = starts;
        self.sift();
        self
    }

    fn sift(&mut self) {
        let edges = self.edges.iter().filter(|&&edge| edge != FREE).count();
        self.sieve = Sieve::new(edges);
        for (number, state) in (0_u32..).zip(&self.states) {
            for &(symbol, to) in &self.edges[state.first as usize..state.last as usize] {
                if (symbol, to) != FREE {
                    self.sieve.add(number, symbol);
                }
            }
        }
    }

    /// Whether a phrase may begin with this word, given the word behind it in the same sentence ([`END`] where there is none).
    #[inline]
    pub(super) fn may_begin(&self, symbol: u32, next: u32) -> bool {
        let start = self.start[symbol as usize];
        (start.state != DEAD) & (start.open | self.sieve.may_hold(start.state, next))
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
                self.start[symbol as usize].state
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
        let held = self.sieve.may_hold(state, symbol);
        let state = &self.states[state as usize];
        let edges = &self.edges[state.first as usize..state.last as usize];
        if !held || edges.is_empty() {
            return state.otherwise;
        }
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
