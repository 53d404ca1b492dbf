//! What a request asks of the stand-in, and what it says to that: the written answer where the question is one of the demo's, else
//! the question itself. A request that offers a tool gets a call of it first.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{cli::demo::conversations, gateway::exchange::Api, values::duration};

/// How a model of the stand-in behaves; its name says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Answers at once.
    Prompt,
    /// Takes this long before its first word.
    Slow(Duration),
    /// Fails with this status.
    Fails(u16),
    /// Breaks off in the middle of a stream.
    Breaks,
}

/// Time of the model `slow`.
const SLOW: Duration = Duration::from_secs(2);
/// Longest time that anybody may wish for.
const SLOWEST: Duration = Duration::from_secs(300);

/// The names, for those who guess.
pub(super) const NAMES: &str = "chat, slow, slow-500ms (any duration), error-503 (any status from 400 on), cut";

impl Manner {
    /// What the name asks for; none where there is no such model.
    pub(super) fn of(model: &str) -> Option<Manner> {
        if let Some(status) = model.strip_prefix("error-") {
            let status = status.parse().ok().filter(|status| (400..600).contains(status));
            return status.map(Manner::Fails);
        }
        if let Some(time) = model.strip_prefix("slow-") {
            let time = duration::parse(time).ok().filter(|time| *time <= SLOWEST);
            return time.map(Manner::Slow);
        }
        match model {
            "chat" => Some(Manner::Prompt),
            "slow" => Some(Manner::Slow(SLOW)),
            "cut" => Some(Manner::Breaks),
            _ => None,
        }
    }
}

/// What the model says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// Words.
    Text(String),
    /// A call of a tool.
    Call {
        /// Name of the tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
}

/// A request, as far as the stand-in understands it.
#[derive(Debug)]
pub(super) struct Asked {
    /// The API that it is spoken in.
    pub(super) api: Api,
    /// The name of the model.
    pub(super) model: String,
    /// The user's last words.
    pub(super) question: String,
    tree: Value,
}

impl Asked {
    /// Reads a body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(api: Api, body: &[u8]) -> Result<Asked, String> {
        let tree: Value = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
        let model = tree.get("model").and_then(Value::as_str);
        let model = model.ok_or("a string `model` is required")?.to_owned();
        if !tree.get("messages").is_some_and(Value::is_array) {
            return Err("a list `messages` is required".to_owned());
        }
        let mut asked = Asked {
            api,
            model,
            question: String::new(),
            tree,
        };
        asked.question = asked.last_words().unwrap_or_default();
        Ok(asked)
    }

    /// Whether the answer shall be streamed.
    pub(super) fn stream(&self) -> bool {
        self.tree["stream"] == true
    }

    /// Whether a stream of chat completions shall end with its usage.
    pub(super) fn wants_usage(&self) -> bool {
        self.tree["stream_options"]["include_usage"] == true
    }

    /// Words of all messages.
    pub(super) fn words(&self) -> usize {
        let texts = self.messages().filter_map(text_of);
        texts.map(|text| text.split_whitespace().count()).sum()
    }

    fn messages(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.tree["messages"].as_array().into_iter().flatten()
    }

    fn last_words(&self) -> Option<String> {
        let mut users = self.messages().rev().filter(|message| message["role"] == "user");
        users.find_map(text_of)
    }

    /// What the model says to it.
    pub(super) fn answer(&self) -> Said {
        let question = self.question.as_str();
        let scripted = conversations::scripted(question);
        if let Some((name, schema)) = self.offered() {
            let results = self.results_since_the_question();
            let arguments = match scripted {
                Some(turn) => turn
                    .calls
                    .get(results)
                    .and_then(|(arguments, _)| serde_json::from_str(arguments).ok()),
                None => (results == 0).then(|| example(schema, question)),
            };
            if let Some(arguments) = arguments {
                let name = name.to_owned();
                return Said::Call { name, arguments };
            }
        }
        Said::Text(match scripted {
            Some(turn) => turn.reply.to_owned(),
            None if question.is_empty() => "You said nothing. I am a stand-in for a model.".to_owned(),
            None => format!("You said: {question}\n\nI am a stand-in for a model and only repeat what I hear."),
        })
    }

    /// Name and schema of the tool that may be called: the one that must be, else the first.
    fn offered(&self) -> Option<(&str, &Value)> {
        let choice = &self.tree["tool_choice"];
        if choice == "none" || choice["type"] == "none" {
            return None;
        }
        let wanted = choice["function"]["name"].as_str().or_else(|| choice["name"].as_str());
        let tools = self.tree["tools"].as_array()?.iter();
        let mut functions = tools.map(|tool| tool.get("function").unwrap_or(tool));
        functions.find_map(|function| {
            let name = function["name"].as_str()?;
            let schema = function.get("parameters").or_else(|| function.get("input_schema"));
            wanted
                .is_none_or(|wanted| wanted == name)
                .then_some((name, schema.unwrap_or(&Value::Null)))
        })
    }

    /// Results of tools behind the user's last words.
    fn results_since_the_question(&self) -> usize {
        let results = |message: &Value| match message["role"].as_str() {
            Some("tool") => 1,
            _ => blocks(message).filter(|block| block["type"] == "tool_result").count(),
        };
        let since = self
            .messages()
            .rev()
            .take_while(|message| message["role"] != "user" || text_of(message).is_none());
        since.map(results).sum()
    }
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message["content"].as_array().into_iter().flatten()
}

/// The text of a message; none where it has none.
fn text_of(message: &Value) -> Option<String> {
    let whole = message["content"].as_str().map(str::to_owned);
    let text = whole.unwrap_or_else(|| blocks(message).filter_map(|block| block["text"].as_str()).collect());
    Some(text).filter(|text| !text.is_empty())
}

/// Arguments that fit the schema's required properties.
fn example(schema: &Value, question: &str) -> Value {
    let names = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let fields = names.map(|name| (name.to_owned(), example_of(&schema["properties"][name], question)));
    Value::Object(fields.collect())
}

fn example_of(property: &Value, question: &str) -> Value {
    if let Some(first) = property["enum"].get(0) {
        return first.clone();
    }
    match property["type"].as_str() {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => example(property, question),
        _ => json!(question),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_how_a_model_behaves() {
        let check = |name: &str, expected: Option<Manner>| assert_eq!(Manner::of(name), expected, "{name}");
        check("chat", Some(Manner::Prompt));
        check("slow", Some(Manner::Slow(SLOW)));
        check("slow-1500ms", Some(Manner::Slow(Duration::from_millis(1500))));
        check("slow-1h", None);
        check("error-429", Some(Manner::Fails(429)));
        check("error-200", None);
        check("cut", Some(Manner::Breaks));
        check("gpt-4o", None);
    }

    fn check(api: Api, body: Value, expected: Said) {
        let asked = Asked::read(api, body.to_string().as_bytes()).expect("a request");
        assert_eq!(asked.answer(), expected, "{body}");
    }

    fn call(name: &str, arguments: Value) -> Said {
        let name = name.to_owned();
        Said::Call { name, arguments }
    }

    fn text(text: &str) -> Said {
        Said::Text(text.to_owned())
    }

    #[test]
    fn a_tool_is_called_before_the_answer() {
        let schema = json!({"type": "object", "required": ["city", "days", "unit"], "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}, "more": {"type": "string"}}});
        let arguments = json!({"city": "Rain?", "days": 1, "unit": "C"});
        let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": schema}}]);
        let user = json!({"role": "user", "content": "Rain?"});
        let chat = json!({"model": "chat", "messages": [user], "tools": tools});
        check(Api::Chat, chat.clone(), call("weather", arguments.clone()));
        let mut none = chat.clone();
        none["tool_choice"] = json!("none");
        let echo = "You said: Rain?\n\nI am a stand-in for a model and only repeat what I hear.";
        check(Api::Chat, none, text(echo));
        let mut done = chat;
        done["messages"] = json!([user, {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "no"}]);
        check(Api::Chat, done, text(echo));

        let tools = json!([{"name": "a"}, {"name": "weather", "input_schema": schema}]);
        let blocks = json!({"role": "user", "content": [{"type": "text", "text": "Rain?"}]});
        let messages = json!({"model": "chat", "messages": [blocks], "tools": tools, "tool_choice": {"type": "tool", "name": "weather"}});
        check(Api::Messages, messages.clone(), call("weather", arguments));
        let mut done = messages;
        done["messages"] = json!([blocks, {"role": "user", "content": [{"type": "tool_result", "content": "no"}]}]);
        check(Api::Messages, done, text(echo));
    }

    #[test]
    fn the_script_is_followed() {
        let tool = json!([{"type": "function", "function": {"name": "track_parcel"}}]);
        for turn in conversations::CONVERSATIONS
            .iter()
            .flat_map(|conversation| conversation.turns)
        {
            let mut messages = vec![json!({"role": "user", "content": turn.user})];
            for (arguments, result) in turn.calls {
                let arguments = serde_json::from_str(arguments).expect("JSON");
                let body = json!({"model": "chat", "messages": messages, "tools": tool});
                check(Api::Chat, body, call("track_parcel", arguments));
                messages.push(json!({"role": "tool", "content": result}));
            }
            check(
                Api::Chat,
                json!({"model": "chat", "messages": messages, "tools": tool}),
                text(turn.reply),
            );
        }
    }

    #[test]
    fn bad_requests_are_told_why() {
        for (body, expected) in [
            ("{", "no JSON"),
            ("{}", "`model`"),
            (r#"{"model": "chat"}"#, "`messages`"),
        ] {
            let fault = Asked::read(Api::Chat, body.as_bytes()).expect_err("refused");
            assert!(fault.contains(expected), "{fault}");
        }
    }
}
