//! `plano(filter)`: a filter's look at a request, or at an answer. Its id is the parent that the filter sees.

use http::Uri;

use super::draft::{Draft, Kind};
use super::{Common, Failure, Place, url};
use crate::otlp::keys;

/// What a filter looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A request, on its way to the model.
    Input,
    /// An answer, on its way to the client.
    Output,
}

impl Direction {
    /// The value of `filter.direction`.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Input => "input",
            Direction::Output => "output",
        }
    }
}

/// What a filter did. Later ones outweigh earlier ones where several calls make one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilterOutcome {
    /// It let the body pass as it was.
    Passed,
    /// It gave another body.
    Changed,
    /// It gave no usable answer.
    Failed,
    /// It refused the body.
    Rejected,
}

impl FilterOutcome {
    /// All of them.
    pub const ALL: [FilterOutcome; 4] = [
        FilterOutcome::Passed,
        FilterOutcome::Changed,
        FilterOutcome::Failed,
        FilterOutcome::Rejected,
    ];

    /// The value of `filter.outcome`.
    pub fn as_str(self) -> &'static str {
        match self {
            FilterOutcome::Passed => "passed",
            FilterOutcome::Changed => "changed",
            FilterOutcome::Failed => "failed",
            FilterOutcome::Rejected => "rejected",
        }
    }
}

/// What is known of a filter's call; of all its calls together where it looked at a stream.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// The filter's id in the config.
    pub id: &'a str,
    /// How it is spoken to: http or mcp.
    pub kind: &'a str,
    /// Where it is; shown without secrets.
    pub url: &'a Uri,
    /// The tool that is called, with MCP.
    pub tool: Option<&'a str>,
    /// What it looked at.
    pub direction: Direction,
    /// What it did.
    pub outcome: FilterOutcome,
    /// Bytes of the body that it was given.
    pub request_size: Option<u64>,
    /// Bytes of its answer.
    pub response_size: Option<u64>,
    /// Status of its answer; none where there was none.
    pub status: Option<u16>,
    /// Why it failed, or that it refused.
    pub failure: Option<Failure<'a>>,
}

impl Filter<'_> {
    pub(super) fn draft(&self, common: &Common, place: Place) -> Draft {
        let url = url::without_secrets(self.url);
        Draft::new(common, place, Kind::Internal, self.id)
            .text(keys::FILTER_NAME, self.id)
            .text(keys::FILTER_TYPE, self.kind)
            .text(keys::FILTER_URL, url.as_str())
            .text(keys::FILTER_TOOL, self.tool)
            .text(keys::FILTER_DIRECTION, self.direction.as_str())
            .text(keys::FILTER_OUTCOME, self.outcome.as_str())
            .size(keys::REQUEST_SIZE, self.request_size)
            .size(keys::RESPONSE_SIZE, self.response_size)
            .int(keys::HTTP_STATUS_CODE, self.status.map(i64::from))
            .failure(self.failure)
    }
}
