//! Chunks of a chat completion as events of a response: `created`, `in_progress`, each item from `added` to `done`, and the whole
//! response at the end. Every event has a number.
//!
//! Calls stay open until the end, since pieces of several may come in turns; text and reasoning end where something else begins.
//! Keeps the whole reply, which the last events repeat, up to a bound. The end is held back until the provider's stream says that
//! it is over, since usage comes after the reason.

use serde_json::{Map, Value, json};

use super::super::CUT_OFF;
use super::super::reply::reasoning;
use super::{Envelope, Kind, Outcome, call_item, message_item, part, reasoning_item, status, summary};
use crate::gateway::exchange::{Api, Call, Usage};
use crate::gateway::providers::{chat, errors, text_at};
use crate::gateway::stream;

/// The most that is kept of a reply, in bytes; a longer one is broken off.
const MAX_KEPT: usize = 32 << 20;
/// What an item counts at least.
const ITEM: usize = 256;

/// An item of the output, as far as it came.
#[derive(Debug)]
enum Item {
    Reasoning(String),
    /// Its parts, each open until the next begins.
    Message(Vec<(Kind, String)>),
    Call(Call),
}

/// A call by what the provider numbers it with, and its place in the output once its name is known.
#[derive(Debug, Default)]
struct Calling {
    index: Option<u64>,
    call: Call,
    place: Option<usize>,
}

#[derive(Debug)]
pub(in crate::gateway::translate) struct ToResponses {
    envelope: Envelope,
    next_number: u64,
    started: bool,
    closed: bool,
    model: Value,
    output: Vec<Item>,
    /// The place of the text or reasoning that is open.
    open: Option<usize>,
    calls: Vec<Calling>,
    finish_reason: Option<String>,
    usage: Option<Usage>,
    kept: usize,
    response: Option<Value>,
}

impl ToResponses {
    pub(in crate::gateway::translate) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            next_number: 0,
            started: false,
            closed: false,
            model: Value::Null,
            output: Vec::new(),
            open: None,
            calls: Vec::new(),
            finish_reason: None,
            usage: None,
            kept: 0,
            response: None,
        }
    }

    pub(in crate::gateway::translate) fn chunk(&mut self, tree: &Value, out: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        if let Some(error) = tree.get("error").filter(|error| !error.is_null()) {
            let error = errors::translate_tree(Api::Responses, None, error);
            return self.fail(&error["error"], out);
        }
        if let Some(told) = chat::usage_of(tree) {
            chat::read_usage(told, self.usage.get_or_insert_default());
        }
        let choices = tree.get("choices").and_then(Value::as_array);
        let first = |choice: &&Value| choice.get("index").is_none_or(|index| *index == 0);
        let Some(choice) = choices.and_then(|choices| choices.iter().find(first)) else {
            return;
        };
        self.start(tree, out);
        let delta = choice.get("delta").unwrap_or(&Value::Null);
        if let Some(thought) = reasoning(delta) {
            self.think(thought, out);
        }
        self.say(Kind::Text, text_at(delta, "content"), out);
        self.say(Kind::Refusal, text_at(delta, "refusal"), out);
        for piece in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            self.call(piece, out);
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish_reason = Some(reason.to_owned());
        }
        if self.kept > MAX_KEPT {
            self.give_up(502, &format!("the reply is larger than {MAX_KEPT} bytes"), out);
        }
    }

    /// The provider's stream is over.
    pub(in crate::gateway::translate) fn done(&mut self, out: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        let Some(reason) = self.finish_reason.take() else {
            return self.give_up(502, CUT_OFF, out);
        };
        let (status, incomplete) = status(&reason);
        self.end_open(status, out);
        self.end_calls(status, out);
        let output = (0..self.output.len()).map(|at| self.item(at, status)).collect();
        let outcome = Outcome {
            status,
            incomplete,
            error: Value::Null,
            output,
            usage: self.usage.as_ref(),
        };
        let response = self.envelope.response(&self.model, outcome);
        let name = match status {
            "incomplete" => "response.incomplete",
            _ => "response.completed",
        };
        self.emit(name, json!({"response": response}), out);
        self.response = Some(response);
        self.closed = true;
    }

    /// The gateway breaks the stream off.
    pub(in crate::gateway::translate) fn give_up(&mut self, status: u16, message: &str, out: &mut Vec<u8>) {
        let error = errors::error_tree(Api::Responses, status, message, None, None);
        self.fail(&error["error"], out);
    }

    /// The whole response, once.
    pub(in crate::gateway::translate) fn take_response(&mut self) -> Option<Value> {
        self.response.take()
    }

    fn fail(&mut self, error: &Value, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        out.extend(errors::numbered_event(error, self.next_number));
        self.next_number += 1;
        let code = match text_at(error, "type") {
            "rate_limit_error" => "rate_limit_exceeded",
            "invalid_request_error" => "invalid_prompt",
            _ => "server_error",
        };
        let outcome = Outcome {
            status: "failed",
            incomplete: None,
            error: json!({"code": code, "message": error["message"]}),
            output: (0..self.output.len()).map(|at| self.item(at, "incomplete")).collect(),
            usage: self.usage.as_ref(),
        };
        let response = self.envelope.response(&self.model, outcome);
        self.emit("response.failed", json!({"response": response}), out);
    }

    fn start(&mut self, tree: &Value, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.model = tree.get("model").cloned().unwrap_or_default();
        let outcome = Outcome {
            status: "in_progress",
            incomplete: None,
            error: Value::Null,
            output: Vec::new(),
            usage: None,
        };
        let response = self.envelope.response(&self.model, outcome);
        for name in ["response.created", "response.in_progress"] {
            self.emit(name, json!({"response": response}), out);
        }
    }

    fn think(&mut self, thought: &str, out: &mut Vec<u8>) {
        let is_open = self.open.filter(|at| matches!(self.output[*at], Item::Reasoning(_)));
        let at = match is_open {
            Some(at) => at,
            None => {
                self.end_open("completed", out);
                let at = self.add(Item::Reasoning(String::new()), out);
                self.open = Some(at);
                let fields = json!({"summary_index": 0, "part": summary("")});
                self.emit_of("response.reasoning_summary_part.added", at, fields, out);
                at
            }
        };
        self.kept += thought.len();
        if let Item::Reasoning(text) = &mut self.output[at] {
            text.push_str(thought);
        }
        let fields = json!({"summary_index": 0, "delta": thought});
        self.emit_of("response.reasoning_summary_text.delta", at, fields, out);
    }

    fn say(&mut self, kind: Kind, words: &str, out: &mut Vec<u8>) {
        if words.is_empty() {
            return;
        }
        let is_open = self.open.filter(|at| matches!(self.output[*at], Item::Message(_)));
        let at = match is_open {
            Some(at) => at,
            None => {
                self.end_open("completed", out);
                let at = self.add(Item::Message(Vec::new()), out);
                self.open = Some(at);
                at
            }
        };
        if self.last_part(at).is_none_or(|(_, last, _)| last != kind) {
            self.end_part(at, out);
            if let Item::Message(parts) = &mut self.output[at] {
                parts.push((kind, String::new()));
            }
            self.kept += ITEM;
            let index = self.last_part(at).map(|(index, ..)| index);
            let fields = json!({"content_index": index, "part": part(kind, "")});
            self.emit_of("response.content_part.added", at, fields, out);
        }
        self.kept += words.len();
        let index = self.last_part(at).map(|(index, ..)| index);
        if let Item::Message(parts) = &mut self.output[at]
            && let Some((_, text)) = parts.last_mut()
        {
            text.push_str(words);
        }
        let (name, fields) = match kind {
            Kind::Text => (
                "response.output_text.delta",
                json!({"content_index": index, "delta": words, "logprobs": []}),
            ),
            Kind::Refusal => (
                "response.refusal.delta",
                json!({"content_index": index, "delta": words}),
            ),
        };
        self.emit_of(name, at, fields, out);
    }

    /// Index, kind and text of a message's last part.
    fn last_part(&self, at: usize) -> Option<(usize, Kind, &str)> {
        let Item::Message(parts) = &self.output[at] else {
            return None;
        };
        let (kind, text) = parts.last()?;
        Some((parts.len() - 1, *kind, text))
    }

    fn end_part(&mut self, at: usize, out: &mut Vec<u8>) {
        let Some((index, kind, text)) = self.last_part(at) else {
            return;
        };
        let whole = part(kind, text);
        let (name, fields) = match kind {
            Kind::Text => (
                "response.output_text.done",
                json!({"content_index": index, "text": text, "logprobs": []}),
            ),
            Kind::Refusal => (
                "response.refusal.done",
                json!({"content_index": index, "refusal": text}),
            ),
        };
        self.emit_of(name, at, fields, out);
        let fields = json!({"content_index": index, "part": whole});
        self.emit_of("response.content_part.done", at, fields, out);
    }

    /// Ends the text or the reasoning that is open.
    fn end_open(&mut self, status: &str, out: &mut Vec<u8>) {
        let Some(at) = self.open.take() else { return };
        if let Item::Reasoning(text) = &self.output[at] {
            let whole = summary(text);
            let fields = json!({"summary_index": 0, "text": text});
            self.emit_of("response.reasoning_summary_text.done", at, fields, out);
            let fields = json!({"summary_index": 0, "part": whole});
            self.emit_of("response.reasoning_summary_part.done", at, fields, out);
        } else {
            self.end_part(at, out);
        }
        self.end_item(at, status, out);
    }

    fn end_calls(&mut self, status: &str, out: &mut Vec<u8>) {
        for at in 0..self.output.len() {
            let Item::Call(call) = &mut self.output[at] else {
                continue;
            };
            // A call without arguments still needs JSON.
            let empty = call.arguments.is_empty();
            if empty {
                call.arguments.push_str("{}");
            }
            let fields = json!({"name": call.name, "arguments": call.arguments});
            if empty {
                self.emit_of(
                    "response.function_call_arguments.delta",
                    at,
                    json!({"delta": "{}"}),
                    out,
                );
            }
            self.emit_of("response.function_call_arguments.done", at, fields, out);
            self.end_item(at, status, out);
        }
    }

    /// One piece of a call, whose item begins with its name.
    fn call(&mut self, piece: &Value, out: &mut Vec<u8>) {
        let at = self.calling(piece);
        let function = piece.get("function").unwrap_or(&Value::Null);
        let calling = &mut self.calls[at];
        let call = &mut calling.call;
        for (key, tree, into) in [("id", piece, &mut call.id), ("name", function, &mut call.name)] {
            if into.is_empty() {
                text_at(tree, key).clone_into(into);
            }
        }
        let arguments = text_at(function, "arguments");
        self.kept += arguments.len();
        call.arguments.push_str(arguments);
        if call.name.is_empty() {
            return;
        }
        let arguments = std::mem::take(&mut call.arguments);
        let place = match calling.place {
            Some(place) => place,
            None => {
                let mut call = call.clone();
                call.id = self.envelope.call_id(&call.id, self.output.len());
                self.end_open("completed", out);
                let place = self.add(Item::Call(call), out);
                self.calls[at].place = Some(place);
                place
            }
        };
        if arguments.is_empty() {
            return;
        }
        if let Item::Call(call) = &mut self.output[place] {
            call.arguments.push_str(&arguments);
        }
        let fields = json!({"delta": arguments});
        self.emit_of("response.function_call_arguments.delta", place, fields, out);
    }

    /// The call that a piece belongs to; see `ReplyReader` for providers that give every call the same index, or none.
    fn calling(&mut self, piece: &Value) -> usize {
        let index = piece.get("index").and_then(Value::as_u64);
        let id = text_at(piece, "id");
        let known = match index {
            Some(_) => self.calls.iter().rposition(|calling| calling.index == index),
            None => self.calls.len().checked_sub(1),
        };
        let is_same = |at: &usize| {
            let known = self.calls[*at].call.id.as_str();
            id.is_empty() || known.is_empty() || known == id
        };
        if let Some(at) = known.filter(is_same) {
            return at;
        }
        self.kept += ITEM;
        self.calls.push(Calling {
            index,
            ..Calling::default()
        });
        self.calls.len() - 1
    }

    fn add(&mut self, item: Item, out: &mut Vec<u8>) -> usize {
        self.kept += ITEM;
        let at = self.output.len();
        self.output.push(item);
        let fields = json!({"output_index": at, "item": self.item(at, "in_progress")});
        self.emit("response.output_item.added", fields, out);
        at
    }

    fn end_item(&mut self, at: usize, status: &str, out: &mut Vec<u8>) {
        let fields = json!({"output_index": at, "item": self.item(at, status)});
        self.emit("response.output_item.done", fields, out);
    }

    /// An item as it is now. What something followed is whole, whatever became of the reply.
    fn item(&self, at: usize, status: &str) -> Value {
        let id = self.item_id(at);
        let status = match at + 1 < self.output.len() {
            true => "completed",
            false => status,
        };
        match &self.output[at] {
            Item::Reasoning(text) => {
                let parts = Some(text).filter(|text| !text.is_empty());
                reasoning_item(&id, parts.map(|text| summary(text)).into_iter().collect())
            }
            Item::Message(parts) => message_item(
                &id,
                status,
                parts.iter().map(|(kind, text)| part(*kind, text)).collect(),
            ),
            Item::Call(call) => call_item(&id, status, call),
        }
    }

    fn item_id(&self, at: usize) -> String {
        let prefix = match &self.output[at] {
            Item::Reasoning(_) => "rs",
            Item::Message(_) => "msg",
            Item::Call(_) => "fc",
        };
        self.envelope.item_id(prefix, at)
    }

    /// An event of one item.
    fn emit_of(&mut self, name: &str, at: usize, fields: Value, out: &mut Vec<u8>) {
        let mut all = json!({"item_id": self.item_id(at), "output_index": at});
        if let (Value::Object(all), Value::Object(fields)) = (&mut all, fields) {
            all.extend(fields);
        }
        self.emit(name, all, out);
    }

    /// An event repeats its name as the first field of its data.
    fn emit(&mut self, name: &str, fields: Value, out: &mut Vec<u8>) {
        let mut data = Map::new();
        data.insert("type".to_owned(), name.into());
        data.insert("sequence_number".to_owned(), self.next_number.into());
        self.next_number += 1;
        if let Value::Object(fields) = fields {
            data.extend(fields);
        }
        stream::write(out, name, &Value::Object(data).to_string());
    }
}
