//! The taxonomy: every type of signal and the category that it counts for. Names are a wire contract; nothing is computed here.

/// A behavioral indicator, named as on the span: `interaction.disengagement.escalation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "each variant is described by its name and by the detector that owns it"
)]
pub enum SignalType {
    ApiError,
    ContextOverflow,
    MalformedResponse,
    Network,
    RateLimit,
    Timeout,
    AuthMisuse,
    BadQuery,
    InvalidArgs,
    StateError,
    ToolNotFound,
    Oscillation,
    ParameterDrift,
    Retry,
    Escalation,
    NegativeStance,
    Quit,
    Clarification,
    Correction,
    Rephrase,
    Confirmation,
    Gratitude,
    Success,
    Dragging,
    Repetition,
}

/// A family of signal types; the report counts and grades each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// `environment.exhaustion`: a failure from outside.
    Exhaustion,
    /// `execution.failure`: a failure that the agent caused.
    Failure,
    /// `execution.loops`: calls without progress.
    Loops,
    /// `interaction.disengagement`: frustration, asking for a human, giving up.
    Disengagement,
    /// `interaction.misalignment`: the user repairs the conversation.
    Misalignment,
    /// `interaction.satisfaction`: positive feedback.
    Satisfaction,
    /// `interaction.stagnation`: repetition and length.
    Stagnation,
}

impl Category {
    /// Every category, sorted by name.
    pub const ALL: [Self; 7] = [
        Self::Exhaustion,
        Self::Failure,
        Self::Loops,
        Self::Disengagement,
        Self::Misalignment,
        Self::Satisfaction,
        Self::Stagnation,
    ];

    /// The name as it stands in attribute keys, for example `interaction.misalignment`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exhaustion => "environment.exhaustion",
            Self::Failure => "execution.failure",
            Self::Loops => "execution.loops",
            Self::Disengagement => "interaction.disengagement",
            Self::Misalignment => "interaction.misalignment",
            Self::Satisfaction => "interaction.satisfaction",
            Self::Stagnation => "interaction.stagnation",
        }
    }
}

impl SignalType {
    /// Every type, sorted by name.
    pub const ALL: [Self; 25] = [
        Self::ApiError,
        Self::ContextOverflow,
        Self::MalformedResponse,
        Self::Network,
        Self::RateLimit,
        Self::Timeout,
        Self::AuthMisuse,
        Self::BadQuery,
        Self::InvalidArgs,
        Self::StateError,
        Self::ToolNotFound,
        Self::Oscillation,
        Self::ParameterDrift,
        Self::Retry,
        Self::Escalation,
        Self::NegativeStance,
        Self::Quit,
        Self::Clarification,
        Self::Correction,
        Self::Rephrase,
        Self::Confirmation,
        Self::Gratitude,
        Self::Success,
        Self::Dragging,
        Self::Repetition,
    ];

    /// The full dotted name, as in `signal.type` and in `disabled`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiError => "environment.exhaustion.api_error",
            Self::ContextOverflow => "environment.exhaustion.context_overflow",
            Self::MalformedResponse => "environment.exhaustion.malformed_response",
            Self::Network => "environment.exhaustion.network",
            Self::RateLimit => "environment.exhaustion.rate_limit",
            Self::Timeout => "environment.exhaustion.timeout",
            Self::AuthMisuse => "execution.failure.auth_misuse",
            Self::BadQuery => "execution.failure.bad_query",
            Self::InvalidArgs => "execution.failure.invalid_args",
            Self::StateError => "execution.failure.state_error",
            Self::ToolNotFound => "execution.failure.tool_not_found",
            Self::Oscillation => "execution.loops.oscillation",
            Self::ParameterDrift => "execution.loops.parameter_drift",
            Self::Retry => "execution.loops.retry",
            Self::Escalation => "interaction.disengagement.escalation",
            Self::NegativeStance => "interaction.disengagement.negative_stance",
            Self::Quit => "interaction.disengagement.quit",
            Self::Clarification => "interaction.misalignment.clarification",
            Self::Correction => "interaction.misalignment.correction",
            Self::Rephrase => "interaction.misalignment.rephrase",
            Self::Confirmation => "interaction.satisfaction.confirmation",
            Self::Gratitude => "interaction.satisfaction.gratitude",
            Self::Success => "interaction.satisfaction.success",
            Self::Dragging => "interaction.stagnation.dragging",
            Self::Repetition => "interaction.stagnation.repetition",
        }
    }

    /// The category that the type counts for.
    #[must_use]
    pub const fn category(self) -> Category {
        match self {
            Self::ApiError
            | Self::ContextOverflow
            | Self::MalformedResponse
            | Self::Network
            | Self::RateLimit
            | Self::Timeout => Category::Exhaustion,
            Self::AuthMisuse | Self::BadQuery | Self::InvalidArgs | Self::StateError | Self::ToolNotFound => {
                Category::Failure
            }
            Self::Oscillation | Self::ParameterDrift | Self::Retry => Category::Loops,
            Self::Escalation | Self::NegativeStance | Self::Quit => Category::Disengagement,
            Self::Clarification | Self::Correction | Self::Rephrase => Category::Misalignment,
            Self::Confirmation | Self::Gratitude | Self::Success => Category::Satisfaction,
            Self::Dragging | Self::Repetition => Category::Stagnation,
        }
    }

    /// The type of that full name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_unique_and_lie_in_their_category() {
        assert!(SignalType::ALL.windows(2).all(|pair| pair[0].name() < pair[1].name()));
        assert!(Category::ALL.windows(2).all(|pair| pair[0].name() < pair[1].name()));
        for kind in SignalType::ALL {
            assert_eq!(kind.name().rsplit_once('.').unwrap().0, kind.category().name());
            assert_eq!(SignalType::from_name(kind.name()), Some(kind));
        }
        assert_eq!(SignalType::from_name("interaction.misalignment"), None);
    }
}
