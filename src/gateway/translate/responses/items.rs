//! A conversation of responses as one of chat completions: the instructions become the system's message, calls join what the
//! assistant says, results become messages of their own. Reasoning is left out: chat completions have no place for it.

use serde_json::{Map, Value, json};

use super::super::untranslatable;
use super::Base;
use crate::gateway::providers::{BadRequest, chat, text_at};

pub(super) fn conversation(tree: &Map<String, Value>, base: Base) -> Result<Vec<Value>, BadRequest> {
    let mut out = Conversation {
        base,
        messages: Vec::new(),
        shown: Vec::new(),
    };
    match tree.get("instructions") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => out.messages.push(json!({"role": "system", "content": text})),
        Some(_) => return Err(untranslatable("instructions", "only text has a counterpart")),
    }
    match tree.get("input") {
        Some(Value::String(text)) => out.messages.push(json!({"role": "user", "content": text})),
        Some(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                out.item(item, &format!("input[{index}]"))?;
            }
        }
        _ => {}
    }
    out.show();
    Ok(out.messages)
}

struct Conversation {
    base: Base,
    messages: Vec<Value>,
    /// What tools showed that their messages cannot carry: it follows them as the user's.
    shown: Vec<Value>,
}

impl Conversation {
    fn item(&mut self, item: &Value, place: &str) -> Result<(), BadRequest> {
        match text_at(item, "type") {
            "" | "message" => {
                self.show();
                self.message(item, place)
            }
            "function_call" => {
                self.show();
                self.call(item);
                Ok(())
            }
            "function_call_output" => self.output(item, place),
            "reasoning" => Ok(()),
            "item_reference" => {
                let reason = "the provider keeps no items; send the item itself";
                Err(untranslatable(place, reason))
            }
            kind => {
                let reason = format!("items of type `{kind}` have no counterpart");
                Err(untranslatable(place, reason))
            }
        }
    }

    fn message(&mut self, item: &Value, place: &str) -> Result<(), BadRequest> {
        let content = item.get("content").unwrap_or(&Value::Null);
        let message = match text_at(item, "role") {
            "user" => json!({"role": "user", "content": self.content(content, place)?}),
            // Not everybody knows the developer's role.
            "system" | "developer" => json!({"role": "system", "content": chat::content_text(Some(content))}),
            "assistant" => return self.assistant(content),
            role => {
                let reason = format!("the role `{role}` has no counterpart");
                return Err(untranslatable(format!("{place}.role"), reason));
            }
        };
        self.messages.push(message);
        Ok(())
    }

    /// Joins calls before it: what tools answer must follow these at once.
    fn assistant(&mut self, content: &Value) -> Result<(), BadRequest> {
        let said = said(content);
        match self.messages.last_mut() {
            Some(last) if last.get("tool_calls").is_some() => {
                last["content"] = [text_at(last, "content"), &said].concat().into();
            }
            _ => self.messages.push(json!({"role": "assistant", "content": said})),
        }
        Ok(())
    }

    /// Joins the assistant's message before it, if it follows one.
    fn call(&mut self, item: &Value) {
        let function = json!({"name": item["name"], "arguments": item["arguments"]});
        let call = json!({"id": item["call_id"], "type": "function", "function": function});
        match self.messages.last_mut() {
            Some(last) if last["role"] == "assistant" => match &mut last["tool_calls"] {
                Value::Array(calls) => calls.push(call),
                none => *none = json!([call]),
            },
            _ => self
                .messages
                .push(json!({"role": "assistant", "content": null, "tool_calls": [call]})),
        }
    }

    fn output(&mut self, item: &Value, place: &str) -> Result<(), BadRequest> {
        let output = item.get("output").unwrap_or(&Value::Null);
        let content = match (output, self.base) {
            (Value::Array(parts), Base::Chat) => {
                for (index, part) in parts.iter().enumerate() {
                    let part = self.part(part, &format!("{place}.output[{index}]"))?;
                    if part["type"] != "text" {
                        self.shown.push(part);
                    }
                }
                chat::content_text(Some(output)).into()
            }
            (Value::Array(parts), Base::Messages) => self.parts(parts, &format!("{place}.output"))?.into(),
            (Value::String(text), _) => text.as_str().into(),
            _ => Value::from(""),
        };
        self.messages
            .push(json!({"role": "tool", "tool_call_id": item["call_id"], "content": content}));
        Ok(())
    }

    fn show(&mut self) {
        if !self.shown.is_empty() {
            let content = std::mem::take(&mut self.shown);
            self.messages.push(json!({"role": "user", "content": content}));
        }
    }

    fn content(&self, content: &Value, place: &str) -> Result<Value, BadRequest> {
        let Value::Array(parts) = content else {
            return Ok(content.clone());
        };
        let parts = self.parts(parts, &format!("{place}.content"))?;
        Ok(match parts.as_slice() {
            [] => "".into(),
            [part] if part["type"] == "text" => part["text"].clone(),
            _ => parts.into(),
        })
    }

    fn parts(&self, parts: &[Value], place: &str) -> Result<Vec<Value>, BadRequest> {
        let parts = parts.iter().enumerate();
        parts
            .map(|(index, part)| self.part(part, &format!("{place}[{index}]")))
            .collect()
    }

    fn part(&self, part: &Value, place: &str) -> Result<Value, BadRequest> {
        let kind = text_at(part, "type");
        let known_there = || {
            let reason = "the provider does not know OpenAI's files; send what is in it";
            untranslatable(place, reason)
        };
        match kind {
            "input_text" | "output_text" | "text" => Ok(json!({"type": "text", "text": text_at(part, "text")})),
            "refusal" => Ok(json!({"type": "text", "text": text_at(part, "refusal")})),
            "input_image" if text_at(part, "image_url").is_empty() => Err(known_there()),
            "input_image" => {
                let mut image = json!({"url": part["image_url"]});
                if let Some(detail) = part.get("detail").filter(|detail| !detail.is_null()) {
                    image["detail"] = detail.clone();
                }
                Ok(json!({"type": "image_url", "image_url": image}))
            }
            "input_file" if !text_at(part, "file_data").is_empty() => {
                let name = part.get("filename").and_then(Value::as_str).unwrap_or("document.pdf");
                let file = json!({"filename": name, "file_data": part["file_data"]});
                Ok(json!({"type": "file", "file": file}))
            }
            "input_file" => match (text_at(part, "file_url"), self.base) {
                ("", _) => Err(known_there()),
                (url, Base::Messages) => Ok(json!({"type": "document", "source": {"type": "url", "url": url}})),
                (_, Base::Chat) => Err(untranslatable(
                    place,
                    "the provider fetches no files; send what is in it",
                )),
            },
            "input_audio" if self.base == Base::Chat => Ok(part.clone()),
            _ => {
                let reason = format!("content of type `{kind}` has no counterpart");
                Err(untranslatable(place, reason))
            }
        }
    }
}

fn said(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.map(|part| [text_at(part, "text"), text_at(part, "refusal")].concat());
    content.as_str().map_or_else(|| texts.collect(), str::to_owned)
}
