//! The strategies: in which order targets are asked, given what is known of them. Pure.

use super::health::Average;

/// Of how many requests one explores: a tenth would be allowed.
const EXPLORING: usize = 16;

/// What is wanted of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To stand first in the config.
    First,
    /// To be next in turn.
    Next,
    /// To be the fastest.
    Fastest,
    /// To be the cheapest.
    Cheapest,
}

/// What is known of a target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Whether it is left out while others are well.
    pub(super) cools: bool,
    /// How fast it was.
    pub(super) speed: Option<Average>,
    /// What the request would cost, USD.
    pub(super) cost: Option<f64>,
}

/// Indices of the candidates in the order in which they are asked, and why the first is the first. `turn`: number of requests
/// on this route before.
pub(super) fn order(wish: Wish, candidates: &[Candidate], turn: usize) -> (Vec<usize>, String) {
    let (mut well, cooling): (Vec<usize>, Vec<usize>) = (0..candidates.len()).partition(|&at| !candidates[at].cools);
    let all = candidates.len();
    if well.is_empty() {
        let reason = match all {
            1 => "the only one".to_owned(),
            all => format!("all {all} fail"),
        };
        return (cooling, reason);
    }
    let reason = match wish {
        Wish::First => "first of its list".to_owned(),
        Wish::Next => {
            rotate(&mut well, turn);
            "next in turn".to_owned()
        }
        Wish::Fastest => fastest(&mut well, candidates, turn),
        Wish::Cheapest => cheapest(&mut well, candidates),
    };
    let reason = match (well.len(), cooling.len()) {
        (1, 0) => "the only one".to_owned(),
        (_, 0) => reason,
        (1, fail) => format!("the only one of {all} that is well ({fail} fail)"),
        (_, fail) => format!("{reason} ({fail} of {all} fail)"),
    };
    well.extend(cooling);
    (well, reason)
}

fn rotate(well: &mut [usize], turn: usize) {
    let by = turn % well.len();
    well.rotate_left(by);
}

/// The fastest first. Now and then another one, so that one that has become fast is found: first one whose newest answer was
/// faster than the best, then one that was never measured, then the one that was measured longest ago.
fn fastest(well: &mut Vec<usize>, candidates: &[Candidate], turn: usize) -> String {
    let speed = |at: usize| candidates[at].speed;
    let known = well.iter().filter_map(|&at| speed(at).map(|speed| speed.millis));
    let Some(best) = known.min_by(f64::total_cmp) else {
        rotate(well, turn);
        return "none is measured yet; next in turn".to_owned();
    };
    let rank = |at: usize| speed(at).map_or(f64::INFINITY, |speed| speed.millis);
    well.sort_by(|&a, &b| rank(a).total_cmp(&rank(b)));
    // At the start each is asked once, in turn.
    let begins = turn < candidates.len() && speed(well[well.len() - 1]).is_none();
    if well.len() > 1 && (begins || turn % EXPLORING == EXPLORING - 1) {
        let promises = |&&at: &&usize| speed(at).is_some_and(|speed| speed.newest < best);
        let others = &well[1..];
        let explored = others.iter().find(promises);
        let explored = explored.or_else(|| others.iter().find(|&&at| speed(at).is_none()));
        let explored = explored.or_else(|| others.iter().min_by_key(|&&at| speed(at).map(|speed| speed.at)));
        if let Some(&first) = explored {
            well.retain(|&at| at != first);
            well.insert(0, first);
            return "explored: it may have become the fastest".to_owned();
        }
    }
    format!("fastest, {best:.0} ms")
}

/// The cheapest first; those without a price last.
fn cheapest(well: &mut [usize], candidates: &[Candidate]) -> String {
    let cost = |at: usize| candidates[at].cost.unwrap_or(f64::INFINITY);
    well.sort_by(|&a, &b| cost(a).total_cmp(&cost(b)));
    match candidates[well[0]].cost {
        Some(cost) => format!("cheapest, about {cost:.6} USD"),
        None => "no price is known; first of its list".to_owned(),
    }
}
