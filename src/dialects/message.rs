//! A message as JSON trees carry it, in any of the shapes that providers and SDKs use: OpenAI's `content` and `tool_calls`,
//! OTel's `parts`, lists of content parts. Gives text, tool calls and tool results, each result as a message of its own; passes over
//! images, files, reasoning.

use super::{
    items::{Draft, Item},
    node::{Node, Tree as _},
};
use crate::signals::{Message, Role, ToolCall};

/// What emitters and logs write for each role, in small letters.
const ROLES: [(&str, Role); 19] = [
    ("user", Role::User),
    ("human", Role::User),
    ("customer", Role::User),
    ("humanmessage", Role::User),
    ("assistant", Role::Assistant),
    ("ai", Role::Assistant),
    ("model", Role::Assistant),
    // Whoever answers, be it a human.
    ("agent", Role::Assistant),
    ("bot", Role::Assistant),
    ("chatbot", Role::Assistant),
    ("aimessage", Role::Assistant),
    ("aimessagechunk", Role::Assistant),
    ("system", Role::System),
    ("developer", Role::System),
    ("systemmessage", Role::System),
    ("tool", Role::Tool),
    ("function", Role::Tool),
    ("toolmessage", Role::Tool),
    ("functionmessage", Role::Tool),
];

/// The role for what emitters write, in any case and with the name of an enum before it (`MessageRole.ASSISTANT`); `None` for what
/// is no role.
pub(crate) fn role(name: &str) -> Option<Role> {
    let name = name.rsplit('.').next().unwrap_or(name);
    let is_it = |(known, _): &&(&str, Role)| name.eq_ignore_ascii_case(known);
    ROLES.iter().find(is_it).map(|(_, role)| *role)
}

/// Every name that [`role`] knows.
pub(crate) fn role_names() -> impl Iterator<Item = &'static str> {
    ROLES.iter().map(|(name, _)| *name)
}

/// The role of a message that names one. Whoever nobody knows is not taken for the user: what they say has no signals, as
/// instructions have none. A message that names nobody is of `fallback`.
pub(super) fn named_role(name: &str, fallback: Role) -> Role {
    match role(name) {
        Some(role) => role,
        None if name.trim().is_empty() => fallback,
        None => Role::System,
    }
}

/// An empty message of a role.
pub(super) fn empty<'a>(role: Role) -> Message<'a> {
    Message::new(role, "")
}

/// Reads one message. `fallback` is its role where it names none. `None` where the tree is no message.
pub(crate) fn read<'a>(tree: &Node<'a>, fallback: Role) -> Option<Item<'a>> {
    if let Node::Text(text) = tree {
        return Some(Message::new(fallback, text.clone()).into());
    }
    if !matches!(tree, Node::Map(_)) {
        return None;
    }
    // `{"message": {…}}`, as choices of OpenAI's replies and some emitters nest it.
    if let Some(inner @ Node::Map(_)) = tree.get("message") {
        return read(inner, fallback);
    }
    // Gemini's candidates: `{"content": {"role", "parts"}}`.
    if let Some(inner @ Node::Map(_)) = tree.get("content")
        && inner.get("parts").is_some()
    {
        return read(inner, fallback);
    }
    if let Some(item) = response_item(tree) {
        return Some(item.into());
    }
    // LangChain names the role `type`.
    let typed = tree.get("type").and_then(Node::text).and_then(|name| role(name));
    let fallback = typed.unwrap_or(fallback);
    let author = tree.get("role").and_then(Node::text);
    let mut draft = Draft::new(author.map_or(fallback, |name| named_role(name, fallback)));
    for key in ["content", "parts"] {
        if let Some(content) = tree.get(key) {
            add_content(content, &mut draft);
        }
    }
    if let Some(refusal) = tree.get("refusal").and_then(Node::text) {
        draft.say(refusal.clone());
    }
    for call in tree.get("tool_calls").map(Node::items).unwrap_or_default() {
        draft.call(tool_call(call));
    }
    let mut item = draft.into_item();
    if let Some(id) = tree.get("tool_call_id").and_then(Node::text) {
        // Of several results each names its own call.
        item.first.tool_call_id.get_or_insert_with(|| id.clone());
    }
    // LangChain's `ToolMessage`.
    if item.first.role == Role::Tool && tree.text_at("status") == "error" {
        item.first.failed = true;
    }
    if let Some(name) = tree.get("name").and_then(Node::text) {
        item.set_name(name);
    }
    Some(item)
}

/// Tool calls and results as items of their own beside the messages: OpenAI's Responses API.
fn response_item<'a>(tree: &Node<'a>) -> Option<Message<'a>> {
    let kind = tree.get("type")?.text()?;
    let id = || tree.text_at("call_id");
    match kind.as_ref() {
        "function_call" => {
            let call = ToolCall {
                id: id(),
                ..tool_call(tree)?
            };
            Some(Message {
                tool_calls: vec![call],
                ..empty(Role::Assistant)
            })
        }
        "function_call_output" => Some(Message {
            text: tree.get("output").map(Node::to_text).unwrap_or_default(),
            tool_call_id: Some(id()),
            ..empty(Role::Tool)
        }),
        _ => None,
    }
}

/// Content: a string, a list of parts, or one part.
fn add_content<'a>(content: &Node<'a>, draft: &mut Draft<'a>) {
    match content {
        Node::Text(plain) => draft.say(plain.clone()),
        Node::List(parts) => {
            for part in parts {
                add_part(part, draft);
            }
        }
        Node::Map(_) => add_part(content, draft),
        _ => {}
    }
}

fn add_part<'a>(part: &Node<'a>, draft: &mut Draft<'a>) {
    if let Node::Text(plain) = part {
        return draft.say(plain.clone());
    }
    let kind = part
        .get("type")
        .and_then(Node::text)
        .map_or("text", |kind| kind.as_ref());
    if let Some((inner, is_result)) = wrapped(part) {
        return if is_result {
            add_result(inner, draft);
        } else {
            draft.call(tool_call(inner));
        };
    }
    match kind {
        "text" | "input_text" | "output_text" | "refusal" => {
            // Gemini's thoughts are text parts with a mark.
            if matches!(part.get("thought"), Some(Node::Bool(true))) {
                return;
            }
            // `content` is OTel's key, `text` OpenAI's; inside a part both are read.
            let keys = ["content", "text", "refusal"];
            if let Some(plain) = keys.iter().find_map(|key| part.get(key)?.text()) {
                draft.say(plain.clone());
            }
        }
        // Langtrace writes OpenAI's calls as content.
        "tool_call" | "tool_use" | "tool-call" | "function" => draft.call(tool_call(part)),
        "tool_call_response" | "tool_result" | "tool-result" => add_result(part, draft),
        _ => {}
    }
}

/// The call or the result (`true`) inside a part that names its kind by its key: Bedrock, Genkit, Gemini.
fn wrapped<'t, 'a>(part: &'t Node<'a>) -> Option<(&'t Node<'a>, bool)> {
    const KINDS: [(&str, bool); 8] = [
        ("toolUse", false),
        ("toolRequest", false),
        ("functionCall", false),
        ("function_call", false),
        ("toolResult", true),
        ("toolResponse", true),
        ("functionResponse", true),
        ("function_response", true),
    ];
    (KINDS.iter()).find_map(|(key, is_result)| match part.get(key)? {
        inner @ Node::Map(_) => Some((inner, *is_result)),
        _ => None,
    })
}

fn add_result<'a>(part: &Node<'a>, draft: &mut Draft<'a>) {
    let ids = ["id", "tool_use_id", "toolCallId", "toolUseId", "ref"];
    draft.begin_result(ids.iter().find_map(|key| part.get(key)?.text()));
    let result = ["response", "result", "content", "output"]
        .iter()
        .find_map(|key| part.get(key))
        .unwrap_or(&Node::Null);
    if is_failed(part, result) {
        draft.fail();
    }
    // Vercel: `{"type": "text" | "json" | "error-text" | "content", "value": …}`.
    let result = match (result.get("type"), result.get("value")) {
        (Some(_), Some(value)) => value,
        _ => result,
    };
    let is_block = |item: &Node<'a>| item.get("text").is_some() || item.get("json").is_some();
    if result.items().iter().any(is_block) {
        for item in result.items() {
            let json = item.get("json").map(Node::to_text);
            draft.add_result(json.unwrap_or_else(|| item.text_at("text")));
        }
    } else {
        draft.add_result(result.to_text());
    }
}

/// Whether the API says beside the text that the tool failed: Anthropic and MCP, Bedrock, Vercel.
fn is_failed(part: &Node<'_>, result: &Node<'_>) -> bool {
    let is_true = |key| matches!(part.get(key), Some(Node::Bool(true)));
    is_true("is_error")
        || is_true("isError")
        || part.text_at("status") == "error"
        || (result.get("value").is_some() && matches!(result.text_at("type").as_ref(), "error-text" | "error-json"))
}

/// A tool call in OpenAI's shape (`function: {name, arguments}`) or flat (`name`, `arguments` | `input` | `args`).
pub(super) fn tool_call<'a>(tree: &Node<'a>) -> Option<ToolCall<'a>> {
    let function = tree.get("function").unwrap_or(tree);
    let name = ["name", "toolName"]
        .iter()
        .find_map(|key| function.get(key)?.text())?
        .clone();
    let arguments = ["arguments", "input", "args"]
        .iter()
        .find_map(|key| function.get(key))
        .map(Node::to_text);
    let id = ["id", "toolCallId", "toolUseId", "ref"]
        .iter()
        .find_map(|key| tree.get(key)?.text())
        .cloned();
    Some(ToolCall {
        id: id.unwrap_or_default(),
        name,
        arguments: arguments.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dialects::node, otlp::ValueRef};

    fn shown(message: &Message<'_>) -> String {
        let calls = message
            .tool_calls
            .iter()
            .map(|call| format!(" {}({})", call.name, call.arguments));
        let calls: String = calls.collect();
        format!("{:?} {:?}{calls}", message.role, message.text)
    }

    fn check(json: &str, expected: &str) {
        let tree = node::read(ValueRef::Str(json)).expect("JSON");
        let shown = match read(&tree, Role::User) {
            None => "none".to_owned(),
            Some(item) => {
                let messages: Vec<String> = item.into_iter().map(|message| shown(&message)).collect();
                messages.join(" | ")
            }
        };
        assert_eq!(shown, expected, "{json}");
    }

    #[test]
    fn every_shape_of_a_message() {
        check(r#"{"role":"assistant","content":"hi"}"#, r#"Assistant "hi""#);
        check(r#""hi""#, r#"User "hi""#);
        check(
            r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{}}]}"#,
            r#"User "a""#,
        );
        check(
            r#"{"role":"user","parts":[{"type":"text","content":"a"},{"type":"text","content":"b"}]}"#,
            r#"User "a\nb""#,
        );
        check(
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"a\":1}"}}]}"#,
            r#"Assistant "" f({"a":1})"#,
        );
        check(
            r#"{"role":"assistant","parts":[{"type":"tool_call","id":"1","name":"f","arguments":{"a":1}}]}"#,
            r#"Assistant "" f({"a":1})"#,
        );
        check(
            r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"1","response":"rainy"}]}"#,
            r#"Tool "rainy""#,
        );
        check(
            r#"{"role":"tool","parts":[{"type":"tool_call_response","result":{"t":3}}]}"#,
            r#"Tool "{\"t\":3}""#,
        );
        check(
            r#"{"index":0,"message":{"role":"assistant","content":"hi"}}"#,
            r#"Assistant "hi""#,
        );
        check(
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"}]}"#,
            r#"Assistant """#,
        );
        check("3", "none");
        check("[]", "none");
    }

    #[test]
    fn every_shape_of_one_emitter_alone() {
        check(
            r#"{"role":"assistant","content":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
            r#"Assistant "" f({})"#,
        );
        check(
            r#"{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"f","input":{"a":1}}}]}"#,
            r#"Assistant "" f({"a":1})"#,
        );
        check(
            r#"{"role":"user","content":[{"toolResult":{"toolUseId":"1","status":"success","content":[{"text":"rainy"},{"json":{"t":3}}]}}]}"#,
            r#"Tool "rainy\n{\"t\":3}""#,
        );
        check(
            r#"{"role":"tool","content":[{"type":"tool-result","toolCallId":"1","output":{"type":"text","value":"rainy"}}]}"#,
            r#"Tool "rainy""#,
        );
        check(
            r#"{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"hi"},{"functionCall":{"name":"f","args":{}}}]}}"#,
            r#"Assistant "hi" f({})"#,
        );
        check(
            r#"{"role":"user","parts":[{"function_response":{"name":"f","response":{"t":3}}}]}"#,
            r#"Tool "{\"t\":3}""#,
        );
        check(
            r#"{"role":"model","content":[{"toolRequest":{"name":"f","ref":"1","input":{}}}]}"#,
            r#"Assistant "" f({})"#,
        );
        check(
            r#"{"type":"function_call","call_id":"1","name":"f","arguments":"{}"}"#,
            r#"Assistant "" f({})"#,
        );
        check(
            r#"{"type":"function_call_output","call_id":"1","output":"rainy"}"#,
            r#"Tool "rainy""#,
        );
        check(r#"{"type":"human","content":"hi"}"#, r#"User "hi""#);
    }

    #[test]
    fn roles_in_any_case_and_of_any_enum() {
        for name in [
            "ASSISTANT",
            "Assistant",
            "MessageRole.ASSISTANT",
            "a.b.Model",
            "AIMessageChunk",
            "CHATBOT",
        ] {
            check(&format!(r#"{{"role":"{name}","content":"a"}}"#), r#"Assistant "a""#);
        }
        check(r#"{"role":"agent","content":"a"}"#, r#"Assistant "a""#);
        check(r#"{"role":"Customer","content":"a"}"#, r#"User "a""#);
        check(r#"{"role":"ChatRole.TOOL","content":"a"}"#, r#"Tool "a""#);
        check(r#"{"role":"narrator","content":"a"}"#, r#"System "a""#);
        check(r#"{"role":"","content":"a"}"#, r#"User "a""#);
        check(r#"{"role":null,"type":"AI","content":"a"}"#, r#"Assistant "a""#);
        check(r#"{"type":"text","content":"a"}"#, r#"User "a""#);
    }

    #[test]
    fn results_are_messages_of_their_own() {
        check(
            r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"tool_result","content":"b"},"c",{"type":"tool_result"}]}"#,
            r#"User "a" | Tool "b" | User "c" | Tool """#,
        );
        check(
            r#"{"role":"tool","content":[{"type":"tool_result","content":"b"},{"type":"text","text":"c"}]}"#,
            r#"Tool "b\nc""#,
        );
        check(
            r#"{"role":"assistant","content":[{"type":"tool_result","content":"b"}],"tool_calls":[{"id":"1","name":"f"}]}"#,
            r#"Tool "b" | Assistant "" f()"#,
        );
    }
}
