//! The local trace viewer: a bounded store that an exporter feeds, a query over it, a tree for the terminal, JSON for
//! programs. Keeps wire bytes and decodes only what is asked for. A receiver answers its methods; the page has a port of
//! its own.

mod access;
mod attributes;
mod condition;
mod conversation;
mod diff;
mod export;
mod facts;
mod filter;
mod import;
mod json;
mod lines;
mod model;
mod notes;
mod outline;
mod page;
mod paint;
mod query;
mod render;
mod rows;
mod serve;
mod store;
mod summary;
mod table;
mod tree;
mod trim;
mod usage;

pub use access::{Access, Reader};
pub use attributes::{Shown, shown};
pub use condition::Condition;
pub use conversation::{
    Conversation, Found, Message, Piece, ToolCall, conversation, has_conversation, role_name, three_decimals,
};
pub use diff::{Diff, diff_text};
pub use export::Exported;
pub use facts::{Facts, Role};
pub use filter::Filter;
pub use import::{Document, read_document};
pub use json::{harmless_json, json_line, json_text, to_text, trace_ids};
pub use lines::Lines;
pub use model::{Attribute, Event, Link, Resource, Scope, Span, Status, Trace, Value};
pub use page::PageServer;
pub use paint::{Hue, Ink, Tint, columns, fit, harmless, is_harmful};
pub use query::{Query, QueryError, Reply, Target, View, Window};
pub use render::{Detail, Page, amounts, dollars, length, messages, render};
pub use rows::{Row, rows};
pub use serve::{GET_TRACES, GetTraces, QUERY, QueryMethod};
pub use store::{Dropped, Held, Limits, Opening, Store, StoreError};
pub use summary::{Session, Summary};
pub use table::{session_table, table, table_row};
pub use tree::Oddity;
pub use trim::AttributeFilter;
