//! How a report's score, its quality and its flag come about: the one place for both the numbers and their explanation.

use super::{
    kind::{Category, SignalType},
    report::{Quality, Report, Weights, as_f64},
};

/// One term of the score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// What it stands for.
    pub name: &'static str,
    /// How often or how strongly it applies; 0 where it does not.
    pub times: f64,
    /// Points for each time; negative where they are taken off.
    pub weight: f64,
}

impl Term {
    /// What it adds to the score.
    #[must_use]
    pub fn points(&self) -> f64 {
        self.weight * self.times
    }
}

impl Report {
    /// The formula of signals.md, "Report", with the changes that [`Weights`] lists: what each term adds to the score or, where
    /// negative, takes off. The sum, clamped to 0 to 100, is the score.
    #[must_use]
    pub fn terms(&self, weights: &Weights) -> [Term; 10] {
        let when = |condition: bool, times: f64| if condition { times } else { 0.0 };
        let term = |name, times: f64, weight: f64| Term { name, times, weight };
        let count = |category| as_f64(self.category_count(category));
        let praise = weights.faded_positive(self.message_count);
        let frustration = f64::from(self.frustration_severity());
        let repairs = when(self.repair_ratio > weights.repair_ratio, 1.0);
        let repetition = f64::from(weights.severity(self.count(SignalType::Repetition)));
        let repetition = when(self.looping(), repetition);
        [
            term("base", 1.0, weights.base),
            term("confidence of positive feedback", self.positive_confidence, praise),
            term("efficiency", self.efficiency, weights.efficiency),
            term("severity of frustration", frustration, -weights.frustration),
            term("many repairs", repairs, -weights.repair),
            term("severity of repetition while looping", repetition, -weights.repetition),
            term("failures of execution", count(Category::Failure), -weights.failure),
            term("loops of tool calls", count(Category::Loops), -weights.tool_loop),
            term(
                "failures of the environment",
                count(Category::Exhaustion),
                -weights.exhaustion,
            ),
            term("length", weights.length(self.message_count), -weights.long),
        ]
    }

    pub(super) fn scored(&self, weights: &Weights) -> f64 {
        let terms = self.terms(weights);
        let sum = terms.iter().fold(0.0, |sum, term| sum + term.points());
        sum.clamp(0.0, 100.0)
    }

    /// Why the quality is Severe whatever the score says; `None` where the score decides.
    #[must_use]
    pub fn severe_at_once(&self, weights: &Weights) -> Option<&'static str> {
        let repetition = weights.severity(self.count(SignalType::Repetition));
        [
            (self.escalation_requested(), "the user asked for a human or gave up"),
            (self.frustration_severity() == 3, "frustration of severity 3"),
            (repetition == 3, "repetition of severity 3"),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
    }

    pub(super) fn judged(&self, weights: &Weights) -> Quality {
        match self.severe_at_once(weights) {
            Some(_) => Quality::Severe,
            None => weights.quality_of(self.score),
        }
    }

    /// Why someone should look at this conversation; nothing where nobody needs to.
    pub fn flag_reasons(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.frustration_severity() > 0, "frustration"),
            (self.looping(), "looping"),
            (self.escalation_requested(), "escalation"),
            (self.quality <= Quality::Poor, "quality"),
        ]
        .into_iter()
        .filter_map(|(holds, why)| holds.then_some(why))
    }
}
