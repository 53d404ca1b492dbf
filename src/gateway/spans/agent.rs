//! `plano(agent)`: one agent's part in a request. What the agent itself records, and its calls back here, are below its handoff.

use serde_json::Value;

use super::draft::{Draft, Kind};
use super::{Common, Failure, Place};
use crate::gateway::exchange::{ReplyFacts, RequestFacts};
use crate::otlp::keys;

/// What is known of an agent's part at its end.
#[derive(Debug, Clone, Copy)]
pub struct Agent<'a> {
    /// Its name.
    pub id: &'a str,
    /// Path of its URL.
    pub path: &'a str,
    /// Which of the chosen agents it is, from 1, and how many there are.
    pub sequence: (usize, usize),
    /// What it was asked.
    pub request: &'a RequestFacts,
    /// What it answered, as far as it came.
    pub reply: Option<&'a ReplyFacts>,
    /// Status of the last attempt.
    pub status: Option<u16>,
    /// Why it failed.
    pub failure: Option<Failure<'a>>,
}

impl Agent<'_> {
    pub(super) fn draft(&self, common: &Common, place: Place) -> Draft {
        let name = format!("{} {}", self.id, self.path);
        let sequence = format!("{}/{}", self.sequence.0, self.sequence.1);
        let (steps, tools) = self.work();
        let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
        Draft::new(common, place, Kind::Internal, &name)
            .text(keys::AGENT_ID, self.id)
            .text(keys::AGENT_SEQUENCE, sequence.as_str())
            .texts(keys::AGENT_TOOLS, &tools)
            .int(keys::AGENT_STEPS, steps)
            .int(keys::MESSAGE_COUNT, i64::try_from(self.request.message_count).ok())
            .int(keys::HTTP_STATUS_CODE, self.status.map(i64::from))
            .int(keys::DURATION_MS, place.millis_to(place.end_unix_nano))
            .failure(self.failure)
    }

    /// Replies and rounds of tools in the messages and the answer; names of the tools that were called, each once.
    fn work(&self) -> (i64, Vec<String>) {
        let messages: Vec<Value> = serde_json::from_str(&self.request.messages).unwrap_or_default();
        let (mut steps, mut tools) = (0, Vec::new());
        let mut called = |name: &str| {
            if !name.is_empty() && !tools.iter().any(|tool| tool == name) {
                tools.push(name.to_owned());
            }
        };
        for message in &messages {
            let text = |tree: &Value, key: &str| tree.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            steps += i64::from(matches!(text(message, "role").as_str(), "assistant" | "tool"));
            for part in message.get("parts").and_then(Value::as_array).into_iter().flatten() {
                if text(part, "type") == "tool_call" {
                    called(&text(part, "name"));
                }
            }
        }
        if let Some(reply) = self.reply {
            steps += 1;
            reply.calls.iter().for_each(|call| called(&call.name));
        }
        (steps, tools)
    }
}
