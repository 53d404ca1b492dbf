//! The demo's six conversations: what the user says, what the stand-in model answers, and what the application's tools return. The
//! model understands nothing, so its answers stand here too; the signals know nothing of this file.

use crate::gateway::exchange::Api;

/// One conversation, from its first to its last request.
#[derive(Debug)]
pub(super) struct Conversation {
    /// One word or two, for headings and the session id.
    pub(super) name: &'static str,
    /// What happens in it.
    pub(super) about: &'static str,
    /// Which API the application speaks.
    pub(super) api: Api,
    /// The model that it asks for.
    pub(super) model: &'static str,
    /// Whether replies are streamed.
    pub(super) stream: bool,
    /// The tool that the application offers, if it has one.
    pub(super) tool: Option<&'static Tool>,
    /// What is said, in order.
    pub(super) turns: &'static [Turn],
}

/// A tool of the application.
#[derive(Debug)]
pub(super) struct Tool {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) description: &'static str,
    /// The JSON schema of its arguments.
    pub(super) schema: &'static str,
}

/// A user's message and what comes of it.
#[derive(Debug)]
pub(super) struct Turn {
    /// What the user says; no two turns say the same.
    pub(super) user: &'static str,
    /// Calls of the tool before the reply: arguments, and what the tool returns.
    pub(super) calls: &'static [(&'static str, &'static str)],
    /// What the model says in the end.
    pub(super) reply: &'static str,
}

const fn turn(user: &'static str, reply: &'static str) -> Turn {
    Turn {
        user,
        calls: &[],
        reply,
    }
}

const TRACK: Tool = Tool {
    name: "track_parcel",
    description: "Tells where the parcel of an order is",
    schema: r#"{"type":"object","properties":{"order_id":{"type":"string"}},"required":["order_id"]}"#,
};

const RESTART: &str =
    "I am sorry to hear that. Please unplug the router, wait ten seconds, plug it in again and check the connection.";

/// All of them, in the order in which they are shown.
pub(super) const CONVERSATIONS: [Conversation; 6] = [
    Conversation {
        name: "fine",
        about: "a question, an answer, a thank-you",
        api: Api::Chat,
        model: "stand-in/chat",
        stream: true,
        tool: None,
        turns: &[
            turn(
                "Hi! How do I change the delivery address of my order?",
                "Open the order, choose \"Change address\" and save. That works until the parcel has left us.",
            ),
            turn("Perfect, that worked. Thank you!", "Glad to hear it. Have a good day!"),
        ],
    },
    Conversation {
        name: "frustrated",
        about: "the answer misses the question, and the user says so",
        api: Api::Chat,
        model: "stand-in/chat",
        stream: false,
        tool: None,
        turns: &[
            turn(
                "My invoice shows the wrong company name. How can I correct it?",
                "You find all invoices in your account under \"Billing\".",
            ),
            turn(
                "That's not what I asked. I need the name on the invoice changed.",
                "Invoices can be downloaded as PDF under \"Billing\".",
            ),
            turn(
                "This is so frustrating. You are not listening to me, this is useless!",
                "I understand. Invoices are under \"Billing\".",
            ),
        ],
    },
    Conversation {
        name: "repeating",
        about: "the assistant goes in circles",
        api: Api::Chat,
        model: "stand-in/chat",
        stream: true,
        tool: None,
        turns: &[
            turn("My router drops the connection every evening.", RESTART),
            turn(
                "Done, all lights are green now. In the evening it was gone again, though.",
                RESTART,
            ),
            turn(
                "Same as yesterday: gone at eight, back at nine. What could be the reason?",
                RESTART,
            ),
            turn(
                "The firmware is the newest one, I looked it up. Is there a log somewhere?",
                RESTART,
            ),
        ],
    },
    Conversation {
        name: "escalating",
        about: "the user wants a human",
        api: Api::Messages,
        model: "stand-in-anthropic/chat",
        stream: true,
        tool: None,
        turns: &[
            turn(
                "I was charged twice this month. Please refund one of the payments.",
                "Payments are collected on the first of the month.",
            ),
            turn(
                "Yes, twice. I want to speak to a human.",
                "I can help you with questions about payments. What would you like to know?",
            ),
            turn(
                "No. Let me talk to your manager, or I will cancel my subscription.",
                "I can help you with questions about payments.",
            ),
        ],
    },
    Conversation {
        name: "tool failed",
        about: "an agent's tool fails, and the user has enough of it",
        api: Api::Chat,
        model: "stand-in-anthropic/chat",
        stream: false,
        tool: Some(&TRACK),
        turns: &[
            Turn {
                user: "Where is my parcel? The order is A-1017.",
                calls: &[
                    (r#"{"order_id":"A-1017"}"#, r#"{"error":"order_id must be an integer"}"#),
                    (r#"{"order_id":"1017"}"#, r#"{"error":"order_id must be an integer"}"#),
                ],
                reply: "I could not find that order. Could you check the number?",
            },
            Turn {
                user: "The number is right, I copied it from your mail. It still doesn't work!",
                calls: &[(r#"{"order_id":"A-1017"}"#, r#"{"error":"order_id must be an integer"}"#)],
                reply: "I could not find that order. Could you check the number?",
            },
        ],
    },
    Conversation {
        name: "upstream error",
        about: "the provider is overloaded; the gateway asks again, then passes the error on",
        api: Api::Chat,
        model: "stand-in/error-503",
        stream: false,
        tool: None,
        turns: &[turn("Can you sum up my last order?", "")],
    },
];

/// The turn in which the user says this.
pub(super) fn scripted(said: &str) -> Option<&'static Turn> {
    let turns = CONVERSATIONS.iter().flat_map(|conversation| conversation.turns);
    turns.into_iter().find(|turn| turn.user == said)
}
