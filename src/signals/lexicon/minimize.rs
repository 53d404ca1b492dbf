//! Makes the phrase automaton small, so that it stays in a processor's cache: states from which the same words lead to the same
//! matches become one. Runs once a start. Relies on phrases that never loop: a state leads only to states that are closer to the
//! end of some phrase.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::automaton::{Automaton, DEAD, State};
use super::subset::{Sum, lay_out, offset};

/// A state that was not looked at yet.
const UNKNOWN: u32 = u32::MAX - 1;

/// What makes two states equal: where each symbol leads, what the end of a clause leads to, and what is accepted.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    edges: Vec<(u32, u32)>,
    otherwise: u32,
    ended: u32,
    accepts: Vec<u32>,
}

struct Minimizer<'a> {
    machine: &'a Automaton,
    /// The new state of each old one.
    renamed: Vec<u32>,
    known: HashMap<Likeness, u32, BuildHasherDefault<Sum>>,
    small: Automaton,
}

/// The least machine that matches the same, and the state that the first one became.
pub(super) fn minimize(machine: &Automaton) -> (Automaton, u32) {
    let mut minimizer = Minimizer {
        machine,
        renamed: vec![UNKNOWN; machine.states.len()],
        known: HashMap::default(),
        small: Automaton::default(),
    };
    let mut open = vec![0];
    while let Some(&state) = open.last() {
        let before = open.len();
        if minimizer.renamed[state] == UNKNOWN {
            open.extend(minimizer.next(state).filter(|&next| minimizer.renamed[next] == UNKNOWN));
        }
        if open.len() == before {
            open.pop();
            minimizer.rename(state);
        }
    }
    let first = minimizer.renamed[0];
    (minimizer.small, first)
}

impl Minimizer<'_> {
    fn edges(&self, state: &State) -> impl Iterator<Item = (u32, u32)> {
        let edges = &self.machine.edges[state.first as usize..state.last as usize];
        edges.iter().copied()
    }

    /// The states that a state leads to.
    fn next(&self, state: usize) -> impl Iterator<Item = usize> {
        let state = &self.machine.states[state];
        let edges = self.edges(state).map(|(_, to)| to);
        let all = edges.chain([state.otherwise, state.ended]);
        all.filter(|&to| to != DEAD).map(|to| to as usize)
    }

    /// Gives a state its new number; all states that it leads to have theirs.
    fn rename(&mut self, state: usize) {
        if self.renamed[state] != UNKNOWN {
            return;
        }
        let old = &self.machine.states[state];
        let renamed = |state: u32| self.renamed.get(state as usize).copied().unwrap_or(DEAD);
        let otherwise = renamed(old.otherwise);
        // An edge that leads where every other word leads says nothing.
        let edges = self.edges(old).map(|(symbol, to)| (symbol, renamed(to)));
        let mut edges: Vec<(u32, u32)> = edges.filter(|&(_, to)| to != otherwise).collect();
        edges.sort_unstable();
        let mut accepts = self.machine.accepts[old.accepts.0 as usize..old.accepts.1 as usize].to_vec();
        accepts.sort_unstable();
        let likeness = Likeness {
            edges,
            otherwise,
            ended: renamed(old.ended),
            accepts,
        };
        let number = match self.known.get(&likeness) {
            Some(&known) => known,
            None => self.add(likeness),
        };
        self.renamed[state] = number;
    }

    fn add(&mut self, likeness: Likeness) -> u32 {
        let small = &mut self.small;
        let accepts = offset(small.accepts.len());
        small.accepts.extend_from_slice(&likeness.accepts);
        let first = offset(small.edges.len());
        lay_out(&mut small.edges, &likeness.edges);
        small.states.push(State {
            first,
            last: offset(small.edges.len()),
            otherwise: likeness.otherwise,
            ended: likeness.ended,
            accepts: (accepts, offset(small.accepts.len())),
        });
        let number = offset(small.states.len() - 1);
        self.known.insert(likeness, number);
        number
    }
}
