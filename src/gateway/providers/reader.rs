//! Reads a streamed reply aside, event by event: what it says so far, when its first token came, which chunk only carries usage.
//!
//! Promises never to fail: what is no event of the API is passed over. Keeps a bounded part of the reply.

use super::{chat, error_of, errors, json::Json, messages, responses};
use crate::gateway::exchange::{Api, Call, ReplyError, ReplyFacts};
use crate::gateway::stream::Event;
use crate::values::json::{self, Node};

/// The most that is kept of a reply's text and arguments, in bytes; what comes after it is not recorded.
const TEXT_LIMIT: usize = 4 << 20;

/// The most calls that are kept of a reply.
const MAX_CALLS: usize = 1024;

/// What one event was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// It carries the first text, reasoning or tool call of the reply.
    pub first_token: bool,
    /// It carries usage and nothing else: to be hidden from a client of chat completions that did not ask for it.
    pub usage_only: bool,
}

/// Reads the events of one streamed reply.
#[derive(Debug)]
pub struct ReplyReader {
    api: Api,
    facts: ReplyFacts,
    counts: messages::Counts,
    /// The index on the wire of each call in `facts.calls`.
    indices: Vec<Option<u64>>,
    /// What the next event of a stream of responses is numbered.
    next_number: u64,
    /// Whether anything of the reply came.
    begun: bool,
    kept: usize,
}

impl ReplyReader {
    /// A reader of the provider's API.
    pub fn new(api: Api) -> Self {
        Self {
            api,
            facts: ReplyFacts::default(),
            counts: messages::Counts::default(),
            indices: Vec::new(),
            next_number: 0,
            begun: false,
            kept: 0,
        }
    }

    /// What the reply says so far.
    pub fn facts(&self) -> &ReplyFacts {
        &self.facts
    }

    /// What the reply said.
    pub fn into_facts(self) -> ReplyFacts {
        self.facts
    }

    /// An error of the gateway's own as the stream's next event.
    pub fn error_event(&self, status: u16, message: &str) -> Vec<u8> {
        match self.api {
            Api::Chat | Api::Messages => errors::error_event(self.api, status, message, None),
            Api::Responses => errors::own_numbered_event(status, message, self.next_number),
        }
    }

    /// Reads the next event.
    pub fn read(&mut self, event: &Event) -> Seen {
        let Some(data) = event.data() else {
            return Seen::default();
        };
        if data.trim_ascii() == b"[DONE]" {
            // Some providers end like that after an error, too.
            self.facts.complete |= self.facts.error.is_none();
            return Seen::default();
        }
        let Ok(tree @ Node::Map(_)) = json::read(data) else {
            return Seen::default();
        };
        let begun = self.begun;
        if let Some(error) = error_of(&tree) {
            self.facts.error = Some(error);
        }
        let usage_only = match self.api {
            Api::Chat => self.read_chunk(&tree),
            Api::Messages => {
                self.read_messages_event(&tree);
                false
            }
            Api::Responses => {
                self.read_responses_event(&tree);
                false
            }
        };
        Seen {
            first_token: self.begun && !begun,
            usage_only,
        }
    }

    /// A chunk of a chat completion; gives whether it only carries usage.
    fn read_chunk(&mut self, tree: &Node<'_>) -> bool {
        self.take_name(tree);
        let usage = chat::usage_of(tree);
        if let Some(usage) = usage {
            chat::read_usage(usage, &mut self.facts.usage);
        }
        let choices = tree.items_at("choices");
        // With `n` above 1 the choices are mixed; the first is the one that is recorded.
        let first = |choice: &&Node<'_>| choice.get("index").is_none_or(|index| index.as_i64() == Some(0));
        let Some(choice) = choices.iter().find(first) else {
            return usage.is_some() && choices.is_empty();
        };
        if let Some(delta) = choice.get("delta") {
            self.read_delta(delta);
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Json::as_str) {
            self.facts.finish_reason = Some(reason.to_owned());
            self.facts.complete = true;
        }
        false
    }

    fn read_delta(&mut self, delta: &Node<'_>) {
        for key in ["content", "refusal"] {
            self.add_text(delta.text_at(key));
        }
        self.begun |= ["reasoning_content", "reasoning"]
            .iter()
            .any(|key| !delta.text_at(key).is_empty());
        for piece in delta.items_at("tool_calls") {
            let function = piece.get("function").unwrap_or(&Node::Null);
            let call = Call {
                id: piece.text_at("id").to_owned(),
                name: function.text_at("name").to_owned(),
                arguments: String::new(),
            };
            if let Some(at) = self.call_at(index_of(piece), call) {
                self.add_arguments(at, function.text_at("arguments"));
            }
        }
    }

    /// The call that a piece belongs to: that of its index, unless the piece brings another id (some providers give every
    /// call the index 0); without an index, the last one. None where the reply has too many.
    fn call_at(&mut self, index: Option<u64>, piece: Call) -> Option<usize> {
        let known = match index {
            Some(_) => self.indices.iter().rposition(|known| *known == index),
            None => self.indices.len().checked_sub(1),
        };
        let continued = known.filter(|at| {
            let id = &self.facts.calls[*at].id;
            piece.id.is_empty() || id.is_empty() || *id == piece.id
        });
        let Some(at) = continued else {
            return self.add_call(index, piece);
        };
        let call = &mut self.facts.calls[at];
        if call.id.is_empty() {
            call.id = piece.id;
        }
        if call.name.is_empty() {
            call.name = piece.name;
        }
        Some(at)
    }

    fn add_call(&mut self, index: Option<u64>, call: Call) -> Option<usize> {
        self.begun = true;
        if self.facts.calls.len() == MAX_CALLS || !self.has_room(call.id.len() + call.name.len() + call.arguments.len())
        {
            return None;
        }
        self.indices.push(index);
        self.facts.calls.push(call);
        Some(self.facts.calls.len() - 1)
    }

    fn read_messages_event(&mut self, tree: &Node<'_>) {
        let part = |key: &str| tree.get(key).unwrap_or(&Node::Null);
        let index = index_of(tree);
        match tree.text_at("type") {
            "message_start" => {
                let message = part("message");
                self.take_name(message);
                self.take_counts(message.get("usage"));
            }
            "content_block_start" => {
                let block = part("content_block");
                match block.text_at("type") {
                    "text" => self.add_text(block.text_at("text")),
                    "tool_use" => {
                        let mut call = messages::call(block);
                        if call.arguments == "{}" {
                            call.arguments.clear();
                        }
                        self.add_call(index, call);
                    }
                    _ => {}
                }
            }
            "content_block_delta" => {
                let delta = part("delta");
                self.add_text(delta.text_at("text"));
                self.begun |= !delta.text_at("thinking").is_empty();
                if let Some(at) = self.indices.iter().rposition(|known| *known == index) {
                    self.add_arguments(at, delta.text_at("partial_json"));
                }
            }
            "message_delta" => {
                if let Some(reason) = part("delta").get("stop_reason").and_then(Json::as_str) {
                    self.facts.finish_reason = Some(reason.to_owned());
                }
                self.take_counts(tree.get("usage"));
            }
            "message_stop" => self.facts.complete = true,
            _ => {}
        }
    }

    fn read_responses_event(&mut self, tree: &Node<'_>) {
        if let Some(number) = tree.get("sequence_number").and_then(Json::as_i64) {
            self.next_number = u64::try_from(number).unwrap_or_default().saturating_add(1);
        }
        let part = |key: &str| tree.get(key).unwrap_or(&Node::Null);
        let index = number_at(tree, "output_index");
        match tree.text_at("type") {
            "response.created" | "response.in_progress" => self.take_name(part("response")),
            "response.output_item.added" => {
                if let Some(call) = responses::call(part("item")) {
                    self.add_call(index, call);
                }
            }
            "response.output_text.delta" | "response.refusal.delta" => self.add_text(tree.text_at("delta")),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                self.begun |= !tree.text_at("delta").is_empty();
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                if let Some(at) = self.indices.iter().rposition(|known| *known == index) {
                    self.add_arguments(at, tree.text_at("delta"));
                }
            }
            "response.output_item.done" => self.end_item(index, part("item")),
            "response.completed" | "response.incomplete" => {
                self.take_end(part("response"));
                self.facts.complete = true;
            }
            "response.failed" => {
                self.take_end(part("response"));
                self.facts.error = error_of(part("response")).or(self.facts.error.take());
            }
            "error" if self.facts.error.is_none() => {
                self.facts.error = Some(ReplyError {
                    message: tree.text_at("message").to_owned(),
                    status: errors::status_told(tree),
                });
            }
            _ => {}
        }
    }

    /// A call that came without pieces has its arguments at its end.
    fn end_item(&mut self, index: Option<u64>, item: &Node<'_>) {
        let Some(call) = responses::call(item) else { return };
        match self.indices.iter().rposition(|known| *known == index) {
            None => drop(self.add_call(index, call)),
            Some(at) if self.facts.calls[at].arguments.is_empty() => self.add_arguments(at, &call.arguments),
            Some(_) => {}
        }
    }

    fn take_end(&mut self, response: &Node<'_>) {
        self.take_name(response);
        self.facts.finish_reason = responses::finish_reason(response);
        if let Some(usage) = response.get("usage") {
            responses::read_usage(usage, &mut self.facts.usage);
        }
    }

    fn take_counts(&mut self, usage: Option<&Node<'_>>) {
        if let Some(usage) = usage {
            self.counts.read(usage);
        }
        self.facts.usage = self.counts.usage();
    }

    fn take_name(&mut self, tree: &Node<'_>) {
        for (key, into) in [("id", &mut self.facts.id), ("model", &mut self.facts.model)] {
            let text = tree.text_at(key);
            if into.is_none() && !text.is_empty() {
                *into = Some(text.to_owned());
            }
        }
    }

    fn add_text(&mut self, text: &str) {
        self.begun |= !text.is_empty();
        if self.has_room(text.len()) {
            self.facts.text.push_str(text);
        }
    }

    fn add_arguments(&mut self, call: usize, text: &str) {
        if self.has_room(text.len()) {
            self.facts.calls[call].arguments.push_str(text);
        }
    }

    /// Once something did not fit, nothing does, so that what is kept has no holes.
    fn has_room(&mut self, length: usize) -> bool {
        self.kept = self.kept.saturating_add(length);
        self.kept <= TEXT_LIMIT
    }
}

fn index_of(tree: &Node<'_>) -> Option<u64> {
    number_at(tree, "index")
}

fn number_at(tree: &Node<'_>, key: &str) -> Option<u64> {
    u64::try_from(tree.get(key)?.as_i64()?).ok()
}
