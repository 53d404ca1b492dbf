//! Filters that are tools of an MCP server, over streamable HTTP (MCP 2025-06-18, and 2025-03-26 where a server speaks that): one
//! session, opened by the first call and shared by all after it, opened once again where the server has forgotten it. Concurrent
//! first calls wait for one opening. The client offers the server nothing, and answers none of its requests.

mod rpc;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::Mutex;

use super::{
    Content, Step, Verdict,
    answer::{self, invalid},
};
use crate::gateway::{
    config::Filter,
    record::Fault,
    spans::ErrorType,
    stream::Parser,
    upstream::{Upstream, causes},
};

/// Name of the session, given by the server.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Version of the protocol, on everything but the first request.
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// Most pages of a list of tools.
const MAX_PAGES: usize = 16;
/// How much larger than a body an answer may be that holds it: twice, and once with every quote escaped.
const ROOM: (usize, usize) = (4, 64 << 10);
/// How long the end of a stream is waited for after its answer, so that the connection can be used again.
const TAIL: Duration = Duration::from_millis(20);

/// Where a call goes, and with what.
pub(super) struct To<'a> {
    pub(super) upstream: &'a Upstream,
    pub(super) filter: &'a Filter,
    /// The envelope's.
    pub(super) headers: HeaderMap,
    /// Largest new body, in bytes.
    pub(super) limit: usize,
}

/// What a server and we agreed on.
struct Session {
    /// None where the server keeps no sessions.
    id: Option<HeaderValue>,
    version: HeaderValue,
}

/// Why there is no answer.
enum Failed {
    /// The server does not know the session any more.
    Forgotten,
    Other(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed::Other(fault)
    }
}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Fault {
        match failed {
            Failed::Forgotten => invalid("the MCP server forgets its sessions at once"),
            Failed::Other(fault) => fault,
        }
    }
}

/// A tool of an MCP server, for all requests.
pub(super) struct Client {
    tool: String,
    session: Mutex<Option<Arc<Session>>>,
    next: AtomicU64,
}

impl Client {
    pub(super) fn new(tool: &str) -> Client {
        Client {
            tool: tool.to_owned(),
            session: Mutex::new(None),
            next: AtomicU64::new(1),
        }
    }

    /// Calls the tool with the body and the path of the client's request.
    ///
    /// # Errors
    /// Why there is no verdict.
    pub(super) async fn call(
        &self,
        to: &To<'_>,
        path: &str,
        content: Content,
        step: &mut Step,
        body: &[u8],
    ) -> Result<Verdict, Fault> {
        let mut again = true;
        loop {
            let session = self.session(to, step).await?;
            let id = self.id();
            let message = rpc::call(id, &self.tool, path, content, body)?;
            match exchange(to, Some(&session), id, message, step).await {
                Ok(answer) => return rpc::verdict(&answer, content),
                Err(Failed::Forgotten) if again => {
                    again = false;
                    self.forget(&session).await;
                }
                Err(failed) => return Err(failed.into()),
            }
        }
    }

    /// Tells the server that its session ends. What it answers does not matter.
    pub(super) async fn close(&self, upstream: &Upstream, filter: &Filter) {
        let Some(session) = self.session.lock().await.take() else {
            return;
        };
        let to = To {
            upstream,
            filter,
            headers: filter.headers.iter().cloned().collect(),
            limit: 0,
        };
        farewell(&to, &session).await;
    }

    fn id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The session; opened by whoever comes first, while the others wait.
    async fn session(&self, to: &To<'_>, step: &mut Step) -> Result<Arc<Session>, Fault> {
        let mut held = self.session.lock().await;
        if let Some(session) = &*held {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.open(to, step).await?);
        *held = Some(Arc::clone(&session));
        Ok(session)
    }

    async fn forget(&self, session: &Arc<Session>) {
        let mut held = self.session.lock().await;
        // Another call may have opened a new one meanwhile.
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, session)) {
            *held = None;
        }
    }

    async fn open(&self, to: &To<'_>, step: &mut Step) -> Result<Session, Fault> {
        let id = self.id();
        let (head, answer) = ask(to, None, id, rpc::initialize(id), step).await?;
        let version = rpc::version(&answer)?;
        let session = Session {
            id: head.get(SESSION).cloned(),
            version: HeaderValue::from_static(version),
        };
        let response = post(to, Some(&session), rpc::initialized(), step).await?;
        // What a server says to a notification is nothing to us.
        drain(response.into_body(), to.limit).await;
        if let Err(fault) = self.find_tool(to, &session, step).await {
            farewell(to, &session).await;
            return Err(fault);
        }
        Ok(session)
    }

    /// Some servers answer a call of a tool that they do not have as if the tool had refused it, so that the list must tell.
    async fn find_tool(&self, to: &To<'_>, session: &Session, step: &mut Step) -> Result<(), Fault> {
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let id = self.id();
            let message = rpc::list_tools(id, cursor.as_deref());
            let answer = exchange(to, Some(session), id, message, step).await?;
            let page = rpc::tools(&answer)?;
            if page.tools.iter().any(|tool| tool.name == self.tool) {
                return Ok(());
            }
            cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
            if cursor.is_none() {
                break;
            }
        }
        Err(invalid(format!("the MCP server has no tool {:?}", self.tool)))
    }
}

/// Sends a request, gives its result.
async fn exchange(
    to: &To<'_>,
    session: Option<&Session>,
    id: u64,
    message: Bytes,
    step: &mut Step,
) -> Result<rpc::Answer, Failed> {
    let (_, answer) = ask(to, session, id, message, step).await?;
    Ok(answer)
}

/// Sends a request, gives its result with the headers around it.
async fn ask(
    to: &To<'_>,
    session: Option<&Session>,
    id: u64,
    message: Bytes,
    step: &mut Step,
) -> Result<(HeaderMap, rpc::Answer), Failed> {
    let response = post(to, session, message, step).await?;
    let (head, body) = response.into_parts();
    let limit = to.limit.saturating_mul(ROOM.0).saturating_add(ROOM.1);
    let kind = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let answer = if kind.starts_with(b"text/event-stream") {
        answer::check_plain(&head.headers)?;
        from_events(body, id, limit, step).await?
    } else {
        let body = answer::read(&head.headers, body, limit).await?;
        step.response_size = Some(body.len() as u64);
        rpc::find(&body, id)?.ok_or_else(|| invalid("the MCP server's answer does not answer"))?
    };
    Ok((head.headers, answer))
}

/// Sends one message; gives the server's answer where its status is one of success.
async fn post(
    to: &To<'_>,
    session: Option<&Session>,
    message: Bytes,
    step: &mut Step,
) -> Result<Response<Incoming>, Failed> {
    let request = request(to, session, Method::POST, message);
    let response = answer::send(to.upstream, request).await?;
    let status = response.status().as_u16();
    step.status = Some(status);
    let in_session = session.is_some_and(|session| session.id.is_some());
    match status {
        200..300 => Ok(response),
        // 404 by the specification; some servers say 400 to a session that they do not know.
        400 | 404 if in_session => Err(Failed::Forgotten),
        _ => Err(answer::unusable(status).into()),
    }
}

fn request(to: &To<'_>, session: Option<&Session>, method: Method, message: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(message));
    *request.method_mut() = method;
    *request.uri_mut() = to.filter.url.clone();
    let headers = request.headers_mut();
    headers.clone_from(&to.headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let both = HeaderValue::from_static("application/json, text/event-stream");
    headers.insert(header::ACCEPT, both);
    if let Some(session) = session {
        headers.insert(VERSION, session.version.clone());
        if let Some(id) = &session.id {
            headers.insert(SESSION, id.clone());
        }
    }
    request
}

/// The answer out of a stream of events, which may hold notifications and requests of the server's own before it.
async fn from_events(mut body: Incoming, id: u64, limit: usize, step: &mut Step) -> Result<rpc::Answer, Fault> {
    let mut parser = Parser::new(limit);
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let text = format!("the MCP server's stream broke: {}", causes(&error));
            Fault::new(ErrorType::StreamInterrupted, text)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        step.response_size = Some(seen as u64);
        if seen > limit {
            return Err(answer::too_large(limit));
        }
        parser.feed(&data);
        while let Some(event) = parser.next_event().map_err(|error| invalid(error.to_string()))? {
            let data = event.data().map(<[u8]>::trim_ascii).unwrap_or_default();
            let found = match data {
                [] => None,
                data => rpc::find(data, id)?,
            };
            if let Some(answer) = found {
                drain(body, limit).await;
                return Ok(answer);
            }
        }
    }
    Err(Fault::new(
        ErrorType::StreamInterrupted,
        "the MCP server's stream ended without an answer",
    ))
}

/// Waits a little for the end of a body that nobody wants.
async fn drain(mut body: Incoming, limit: usize) {
    let ending = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > limit {
                return;
            }
        }
    };
    let _open = tokio::time::timeout(TAIL, ending).await;
}

/// Ends a session. A server may refuse, and forgets it in its own time then.
async fn farewell(to: &To<'_>, session: &Session) {
    if session.id.is_some() {
        let request = request(to, Some(session), Method::DELETE, Bytes::new());
        let _answer = to.upstream.ask(request, super::FAREWELL).await;
    }
}
