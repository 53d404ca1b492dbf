//! The local trace viewer: a bounded store that an exporter feeds, a query over it, a tree for the terminal, JSON for
//! programs. Keeps wire bytes and decodes only what is asked for. Opens no port: a receiver answers its methods.

mod access;
mod attributes;
mod condition;
mod facts;
mod filter;
mod json;
mod model;
mod paint;
mod query;
mod render;
mod serve;
mod store;
mod summary;
mod table;
mod tree;
mod trim;
mod usage;

pub use access::{Access, Reader};
pub use condition::Condition;
pub use facts::{Facts, Role};
pub use filter::Filter;
pub use json::{to_text, trace_ids};
pub use model::{Attribute, Event, Link, Resource, Scope, Span, Status, Trace, Value};
pub use paint::{Ink, Tint, columns, fit, harmless, is_harmful};
pub use query::{Query, QueryError, Reply, Target, View, Window};
pub use render::{Detail, Page, render};
pub use serve::{GET_TRACES, GetTraces, QUERY, QueryMethod};
pub use store::{Dropped, Held, Limits, Store};
pub use summary::{Session, Summary};
pub use table::table;
pub use trim::AttributeFilter;
