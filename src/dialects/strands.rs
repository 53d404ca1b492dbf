//! Strands Agents and Bedrock AgentCore: OTel's event per message whose `content` and `message` are JSON of Bedrock Converse
//! blocks (`text`, `toolUse`, `toolResult`). Only under their scope; its agent, cycle and tool spans repeat its chat spans.

use super::{Dialect, otel_events};

pub(super) static DIALECT: Dialect = Dialect {
    name: "strands",
    scope: |name| name == "strands.telemetry.tracer",
    ..otel_events::DIALECT
};
