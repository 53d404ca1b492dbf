//! Leads the demo's conversations, as an application would: over HTTP, with the whole history in every request.

use std::net::SocketAddr;

use anyhow::Context;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::conversations::{Conversation, Turn};
use crate::gateway::{
    exchange::{Api, ReplyFacts},
    providers::{ReplyReader, read_reply},
    stream::{DEFAULT_LIMIT, Parser},
};

/// What came of a conversation.
pub(super) struct Talked {
    /// Which.
    pub(super) conversation: &'static Conversation,
    /// The id of each request, in order.
    pub(super) request_ids: Vec<String>,
    /// The answer that ended it early.
    pub(super) refused: Option<String>,
}

/// Leads one conversation to its end, or to the first error.
///
/// # Errors
/// Where the gateway does not answer at all.
pub(super) async fn lead(
    client: &Client,
    gateway: SocketAddr,
    conversation: &'static Conversation,
) -> anyhow::Result<Talked> {
    let mut talk = Talk {
        client,
        gateway,
        messages: Vec::new(),
        talked: Talked {
            conversation,
            request_ids: Vec::new(),
            refused: None,
        },
    };
    for turn in conversation.turns {
        if talk.take(turn).await?.is_none() {
            break;
        }
    }
    Ok(talk.talked)
}

struct Talk<'a> {
    client: &'a Client,
    gateway: SocketAddr,
    messages: Vec<Value>,
    talked: Talked,
}

impl Talk<'_> {
    /// One turn, calls of tools included; none where the gateway refused.
    async fn take(&mut self, turn: &Turn) -> anyhow::Result<Option<()>> {
        self.messages.push(json!({"role": "user", "content": turn.user}));
        let mut results = turn.calls.iter().map(|(_, result)| *result);
        loop {
            let Some(reply) = self.ask().await? else {
                return Ok(None);
            };
            let calls: Vec<Value> = reply
                .calls
                .iter()
                .map(|call| {
                    json!({"id": call.id, "type": "function",
                        "function": {"name": call.name, "arguments": call.arguments}})
                })
                .collect();
            if calls.is_empty() {
                self.messages.push(json!({"role": "assistant", "content": reply.text}));
                return Ok(Some(()));
            }
            self.messages
                .push(json!({"role": "assistant", "content": null, "tool_calls": calls}));
            for call in &reply.calls {
                let result = results.next().unwrap_or("{}");
                self.messages
                    .push(json!({"role": "tool", "tool_call_id": call.id, "content": result}));
            }
        }
    }

    async fn ask(&mut self) -> anyhow::Result<Option<ReplyFacts>> {
        let conversation = self.talked.conversation;
        let id = format!("demo-{:016x}", fastrand::u64(..));
        self.talked.request_ids.push(id.clone());
        let url = format!("http://{}{}", self.gateway, conversation.api.path());
        let request = self
            .client
            .post(url)
            .header("x-request-id", id)
            .header("x-session-id", format!("demo-{}", conversation.name.replace(' ', "-")))
            .json(&self.body());
        let response = request.send().await.context("asking the gateway")?;
        let status = response.status();
        if !status.is_success() {
            let body: Value = response.json().await.unwrap_or_default();
            let message = body["error"]["message"].as_str().unwrap_or("no message");
            self.talked.refused = Some(format!("{status}: {message}"));
            return Ok(None);
        }
        let reply = match conversation.stream {
            true => streamed(conversation.api, response).await?,
            false => {
                let body = response.bytes().await.context("reading the reply")?;
                read_reply(conversation.api, &body).context("the reply is no JSON object")?
            }
        };
        Ok(Some(reply))
    }

    fn body(&self) -> Value {
        let conversation = self.talked.conversation;
        let mut body = json!({
            "model": conversation.model,
            "max_tokens": 256,
            "temperature": 0.2,
            "stream": conversation.stream,
            "messages": self.messages,
        });
        if let Some(tool) = conversation.tool {
            let schema: Value = serde_json::from_str(tool.schema).unwrap_or_default();
            body["tools"] = json!([{"type": "function", "function":
                {"name": tool.name, "description": tool.description, "parameters": schema}}]);
        }
        body
    }
}

async fn streamed(api: Api, mut response: Response) -> anyhow::Result<ReplyFacts> {
    let (mut parser, mut reader) = (Parser::new(DEFAULT_LIMIT), ReplyReader::new(api));
    while let Some(chunk) = response.chunk().await.context("reading the reply")? {
        parser.feed(&chunk);
        while let Some(event) = parser.next_event()? {
            reader.read(&event);
        }
    }
    Ok(reader.into_facts())
}
