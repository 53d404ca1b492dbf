//! The page's files, built in. `web/` holds their source; CI holds that `web/dist` is what it builds.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::{
    HeaderValue, StatusCode,
    header::{ETAG, IF_NONE_MATCH},
    request::Parts,
};

use super::{
    answer::{Answer, Caller, Document, Fault, whole},
    params::Params,
};

const HTML: &str = "text/html; charset=utf-8";

/// Path, kind and bytes of each file.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("/", HTML, include_bytes!("../../../web/dist/index.html")),
    (
        "/app.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../../web/dist/app.js"),
    ),
    (
        "/app.css",
        "text/css; charset=utf-8",
        include_bytes!("../../../web/dist/app.css"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_bytes!("../../../web/dist/icon.svg"),
    ),
];

/// The files, each with the tag by which a browser knows that it has not changed.
pub(super) struct Bundle {
    tags: [HeaderValue; FILES.len()],
}

impl Bundle {
    pub(super) fn new() -> Bundle {
        let tag = |(_, _, bytes): (&str, &str, &[u8])| {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            let text = format!("\"{:016x}\"", hasher.finish());
            HeaderValue::from_str(&text).expect("hex digits fit into a header")
        };
        Bundle { tags: FILES.map(tag) }
    }

    /// The file that is asked for, or that it has not changed.
    pub(super) fn answer(&self, head: &Parts, caller: Caller) -> Result<Answer, Fault> {
        let path = match head.uri.path() {
            "/index.html" => "/",
            // Browsers ask for it whatever the page says.
            "/favicon.ico" => return Ok(nothing()),
            path => path,
        };
        let place = FILES.iter().position(|(known, ..)| *known == path);
        let place = place.ok_or_else(|| Fault::absent("there is no such page; the traces are at /"))?;
        Params::read(head.uri.query(), &[])?;
        let ((_, kind, bytes), tag) = (FILES[place], &self.tags[place]);
        let mut answer = Document::of(kind, Bytes::from_static(bytes)).checked().answer(caller);
        if head
            .headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .any(|known| lists(known, tag))
        {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            *answer.body_mut() = whole(Bytes::new());
        }
        answer.headers_mut().insert(ETAG, tag.clone());
        Ok(answer)
    }
}

/// An answer without a body.
fn nothing() -> Answer {
    let mut answer = Answer::new(whole(Bytes::new()));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// Whether a list of tags has that one; a weak one is as good (RFC 9110, section 13.1.2).
fn lists(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let listed = known.to_str().unwrap_or_default().split(',');
    let bare = |listed: &str| listed.trim().trim_start_matches("W/").to_owned();
    listed.map(bare).any(|listed| listed == "*" || *tag == listed)
}
