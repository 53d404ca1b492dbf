//! Makes the phrase automaton deterministic: the subset construction, with sets as stretches of one vector and a table of
//! their hashes. Runs once a start, so its time counts. Refuses phrases that together need too many states.

use std::hash::Hasher;

use super::automaton::{Automaton, DEAD, END, FREE, Node, State, slot_of};

/// More states than any sensible set of phrases needs; a lexicon beyond it is refused.
const MOST_STATES: usize = 1 << 20;
/// The state of a node that was not asked for yet.
const UNKNOWN: u32 = u32::MAX - 1;

/// The construction: which sets of nodes are states already.
pub(super) struct Subsets<'a> {
    nodes: &'a [Node],
    /// The nodes of all states, one state after the other, each sorted.
    members: Vec<u32>,
    /// Where each state's nodes end in `members`.
    ends: Vec<usize>,
    /// States by hash, plus one; an open table, a power of two long and at most half full.
    table: Vec<u32>,
    /// The state of what one node alone reaches, since most edges lead to one node.
    alone: Vec<u32>,
    /// The round in which a node was last visited.
    visited: Vec<u32>,
    round: u32,
    open: Vec<u32>,
}

impl<'a> Subsets<'a> {
    pub(super) fn new(nodes: &'a [Node]) -> Self {
        Self {
            nodes,
            members: Vec::new(),
            ends: Vec::new(),
            table: vec![0; 1 << 12],
            alone: vec![UNKNOWN; nodes.len()],
            visited: vec![0; nodes.len()],
            round: 0,
            open: Vec::new(),
        }
    }

    /// Every state that is reachable from the first node. None when there are too many.
    pub(super) fn build(mut self) -> Option<Automaton> {
        let mut machine = Automaton::default();
        let (mut any, mut edges, mut targets, mut found) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        self.state(&[0]);
        let (mut at, mut start) = (0, 0);
        while at < self.ends.len() {
            let nodes = self.nodes;
            any.clear();
            edges.clear();
            let accepts = offset(machine.accepts.len());
            for &node in &self.members[start..self.ends[at]] {
                let node = &nodes[node as usize];
                any.extend(node.any);
                machine.accepts.extend(node.accepts);
                edges.extend(
                    node.edges
                        .iter()
                        .map(|&(symbol, to)| (u64::from(symbol) << 32) | u64::from(to)),
                );
            }
            edges.sort_unstable();
            edges.dedup();
            let mut state = State {
                first: offset(machine.edges.len()),
                last: 0,
                otherwise: self.state(&any),
                ended: DEAD,
                accepts: (accepts, offset(machine.accepts.len())),
            };
            for group in edges.chunk_by(|a, b| a >> 32 == b >> 32) {
                let symbol = high(group[0]);
                targets.clear();
                targets.extend(group.iter().map(|&edge| low(edge)));
                if symbol == END {
                    state.ended = self.state(&targets);
                } else {
                    targets.extend_from_slice(&any);
                    found.push((symbol, self.state(&targets)));
                }
            }
            // One after the other: only the least machine's edges are looked up.
            machine.edges.append(&mut found);
            state.last = offset(machine.edges.len());
            machine.states.push(state);
            start = self.ends[at];
            at += 1;
            if self.ends.len() > MOST_STATES {
                return None;
            }
        }
        Some(machine)
    }

    /// The state of what `nodes` reach without a word.
    fn state(&mut self, nodes: &[u32]) -> u32 {
        match nodes {
            [] => DEAD,
            [one] => {
                let known = self.alone[*one as usize];
                if known != UNKNOWN {
                    return known;
                }
                let state = self.intern(nodes);
                self.alone[*one as usize] = state;
                state
            }
            _ => self.intern(nodes),
        }
    }

    fn intern(&mut self, nodes: &[u32]) -> u32 {
        let start = self.members.len();
        self.close(nodes);
        let set = &mut self.members[start..];
        if set.is_empty() {
            return DEAD;
        }
        set.sort_unstable();
        let mut slot = hash(set) & (self.table.len() - 1);
        while let Some(state) = (self.table[slot] as usize).checked_sub(1) {
            if self.members[self.range(state)] == self.members[start..] {
                self.members.truncate(start);
                return offset(state);
            }
            slot = (slot + 1) & (self.table.len() - 1);
        }
        self.ends.push(self.members.len());
        self.table[slot] = offset(self.ends.len());
        if self.ends.len() * 2 > self.table.len() {
            self.grow();
        }
        offset(self.ends.len() - 1)
    }

    /// Adds every node to `members` that is reachable without a word and does more than lead on.
    fn close(&mut self, nodes: &[u32]) {
        self.round += 1;
        self.open.extend_from_slice(nodes);
        while let Some(at) = self.open.pop() {
            if std::mem::replace(&mut self.visited[at as usize], self.round) == self.round {
                continue;
            }
            let node = &self.nodes[at as usize];
            self.open.extend_from_slice(&node.empty);
            if !node.edges.is_empty() || node.any.is_some() || node.accepts.is_some() {
                self.members.push(at);
            }
        }
    }

    fn range(&self, state: usize) -> std::ops::Range<usize> {
        let start = state.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[state]
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 4];
        for state in 0..self.ends.len() {
            let mut slot = hash(&self.members[self.range(state)]) & (self.table.len() - 1);
            while self.table[slot] != 0 {
                slot = (slot + 1) & (self.table.len() - 1);
            }
            self.table[slot] = offset(state + 1);
        }
    }
}

/// Puts a state's edges at the end of `edges`, as an open table.
pub(super) fn lay_out(edges: &mut Vec<(u32, u32)>, found: &[(u32, u32)]) {
    if found.is_empty() {
        return;
    }
    let first = edges.len();
    edges.resize(first + (found.len() * 2).next_power_of_two(), FREE);
    let table = &mut edges[first..];
    for &edge in found {
        let mut slot = slot_of(edge.0, table.len());
        while table[slot] != FREE {
            slot = (slot + 1) & (table.len() - 1);
        }
        table[slot] = edge;
    }
}

/// A quick hash of numbers that nobody chooses to collide: they are our own.
#[derive(Default)]
pub(super) struct Sum(u64);

impl Hasher for Sum {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u32(offset(number));
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(byte.into()));
    }
}

fn hash(set: &[u32]) -> usize {
    let mut sum = Sum::default();
    set.iter().for_each(|&node| sum.write_u32(node));
    high(sum.0) as usize
}

fn high(edge: u64) -> u32 {
    u32::try_from(edge >> 32).expect("32 bits are left")
}

fn low(edge: u64) -> u32 {
    u32::try_from(edge & 0xFFFF_FFFF).expect("32 bits are left")
}

pub(super) fn offset(length: usize) -> u32 {
    u32::try_from(length).expect("states and edges are bounded")
}
