//! Asks the local listener over gRPC, page by page, or files that were named instead: the same questions, the same answers. Tells
//! a listener that is not there from one that says no.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;

use bytes::Bytes;
use http::HeaderMap;

use super::{
    DEFAULT_PORT,
    ending::{Stop, fail},
    kept,
};
use crate::{
    cli::USAGE,
    net::{
        compression::Encoding,
        grpc::{Code, Field, Fields},
        grpc_client::{CallError, ClientSettings, GrpcClient, Target},
    },
    otlp::TraceBatch,
    viewer::{QUERY, Query, Reply, Store},
};

/// Path of OTLP's own method.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// Longest time for one page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time to connect. The listener is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// Nothing there that answers as a trace listener does.
    #[error("no trace listener on {address}: {why}")]
    Unreachable {
        /// Where it was looked for.
        address: SocketAddr,
        /// What happened.
        why: String,
    },
    /// It answered, and said no.
    #[error("{0}")]
    Refused(String),
}

/// Who is asked.
pub(super) enum Source {
    /// The listener.
    Listener(Box<Listener>),
    /// Traces out of files.
    Files {
        /// What could be read of them.
        store: Store,
        /// How many were named.
        count: usize,
    },
}

/// Does work that asks the listener, or the files instead where any are named, and ends as it says. What could not be read of a
/// file was told and ends in exit code 1, whatever else was shown.
///
/// # Errors
/// A failure, such as output that cannot be written.
pub(super) fn asking(
    files: &[String],
    work: impl AsyncFnOnce(&Source) -> Result<u8, Stop>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let mut faults = 0;
    let source = if files.is_empty() {
        match port(std::env::var("PLANO_TRACE_PORT").ok().as_deref()) {
            Ok(port) => Source::Listener(Box::new(Listener::new(port))),
            Err(why) => return Ok(fail(USAGE, &why)),
        }
    } else {
        let (store, found) = kept::load(files);
        faults = found;
        if found > 0 && store.newest_first().is_empty() {
            return Ok(ExitCode::FAILURE);
        }
        Source::Files {
            store,
            count: files.len(),
        }
    };
    let outcome = runtime.block_on(async {
        let outcome = work(&source).await;
        if let Source::Listener(listener) = &source {
            listener.close().await;
        }
        outcome
    });
    // What still writes to a pipe that nobody reads is not waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(0) if faults > 0 => Ok(ExitCode::FAILURE),
        Ok(code) => Ok(ExitCode::from(code)),
        Err(stop) => stop.end(),
    }
}

/// The port of `PLANO_TRACE_PORT`.
pub(super) fn port(text: Option<&str>) -> Result<u16, String> {
    match text {
        None | Some("") => Ok(DEFAULT_PORT),
        Some(text) => match text.trim().parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!(
                "PLANO_TRACE_PORT is {text:?}; it must be a port from 1 to 65535"
            )),
        },
    }
}

impl Source {
    /// Every page of the answer as one.
    pub(super) async fn all(&self, query: &Query) -> Result<Reply, AskError> {
        match self {
            Source::Listener(listener) => listener.all(query).await,
            Source::Files { .. } => {
                let mut whole = Whole::of(query);
                while let Some(query) = whole.next() {
                    whole.take(self.page(query).await?);
                }
                Ok(whole.reply)
            }
        }
    }

    /// One page of the answer.
    pub(super) async fn page(&self, query: &Query) -> Result<Reply, AskError> {
        match self {
            Source::Listener(listener) => listener.page(query).await,
            Source::Files { store, .. } => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
                let reply = query.of(store, now);
                reply.map_err(|error| AskError::Refused(error.to_string()))
            }
        }
    }

    /// What messages call it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Source::Listener(_) => "the listener",
            Source::Files { count: 1, .. } => "the file",
            Source::Files { .. } => "the set of files",
        }
    }

    /// Whether more may come.
    pub(super) fn is_live(&self) -> bool {
        matches!(self, Source::Listener(_))
    }
}

/// An answer that is put together of its pages.
struct Whole {
    /// What to ask for next.
    query: Query,
    reply: Reply,
    is_done: bool,
}

impl Whole {
    fn of(query: &Query) -> Whole {
        Whole {
            query: query.clone(),
            reply: Reply::default(),
            is_done: false,
        }
    }

    /// The question for the next page, where there is one.
    fn next(&self) -> Option<&Query> {
        (!self.is_done).then_some(&self.query)
    }

    fn take(&mut self, page: Reply) {
        self.query.cursor = page.cursor;
        let came = page.traces.len() + page.summaries.len() + page.exports.len();
        self.query.limit = self.query.limit.map(|left| left.saturating_sub(came));
        self.is_done = self.query.cursor.is_none() || self.query.limit == Some(0);
        // The first page's: what comes while the others are read is to be asked for again.
        if self.reply.is_empty() {
            self.reply.newest = page.newest;
        }
        self.reply.traces.extend(page.traces);
        self.reply.summaries.extend(page.summaries);
        self.reply.exports.extend(page.exports);
        (self.reply.dropped, self.reply.held) = (page.dropped, page.held);
    }
}

/// The listener on a port of this machine.
pub(super) struct Listener {
    address: SocketAddr,
    client: GrpcClient,
}

impl Listener {
    pub(super) fn new(port: u16) -> Listener {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let target = Target::parse(&address.to_string()).expect("an address and a port are a target");
        let settings = ClientSettings {
            connect_timeout: CONNECT_TIMEOUT,
            // A page holds at least one trace, however large.
            max_reply_bytes: usize::MAX,
            ..ClientSettings::to(target)
        };
        Listener {
            address,
            client: GrpcClient::new(settings),
        }
    }

    /// Every page of the answer as one.
    pub(super) async fn all(&self, query: &Query) -> Result<Reply, AskError> {
        let mut whole = Whole::of(query);
        while let Some(query) = whole.next() {
            whole.take(self.page(query).await?);
        }
        Ok(whole.reply)
    }

    /// One page of the answer.
    pub(super) async fn page(&self, query: &Query) -> Result<Reply, AskError> {
        let text = serde_json::to_vec(query).expect("plain data into memory");
        let headers = HeaderMap::new();
        let call = self
            .client
            .unary(QUERY, &headers, vec![Bytes::from(text)], Encoding::Identity);
        let reply = match tokio::time::timeout(PAGE_TIMEOUT, call).await {
            Ok(outcome) => outcome.map_err(|error| self.refused(error))?,
            Err(_) => return Err(self.unreachable(format!("no answer within {} s", PAGE_TIMEOUT.as_secs()))),
        };
        serde_json::from_slice(&reply.message)
            .map_err(|error| self.unreachable(format!("its answer is no page: {error}")))
    }

    /// The reason for a user.
    pub(super) fn refused(&self, error: CallError) -> AskError {
        match error.code {
            Code::Unimplemented => {
                self.unreachable("what answers there holds no traces (an OTLP collector?)".to_owned())
            }
            Code::NotFound | Code::PermissionDenied | Code::InvalidArgument | Code::Internal => {
                AskError::Refused(error.message)
            }
            _ => self.unreachable(self.reason(&error.message)),
        }
    }

    /// The client's words without the address, which is told beside them.
    fn reason(&self, message: &str) -> String {
        let address = self.address;
        let reason = message
            .strip_prefix(&format!("cannot connect to {address}: "))
            .unwrap_or(message);
        reason
            .strip_prefix(&format!("{address}: "))
            .unwrap_or(reason)
            .to_owned()
    }

    fn unreachable(&self, why: String) -> AskError {
        AskError::Unreachable {
            address: self.address,
            why,
        }
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        self.client.close().await;
    }

    /// Hands over spans, once.
    ///
    /// # Errors
    /// What the listener said to it.
    pub(super) async fn export(&self, batch: TraceBatch) -> Result<Rejected, CallError> {
        let headers = HeaderMap::new();
        let call = self
            .client
            .unary(EXPORT, &headers, batch.into_chunks(), Encoding::Identity);
        match tokio::time::timeout(PAGE_TIMEOUT, call).await {
            Ok(outcome) => outcome.map(|reply| Rejected::read(&reply.message)),
            Err(_) => Err(CallError::new(
                Code::DeadlineExceeded,
                format!("no answer within {} s", PAGE_TIMEOUT.as_secs()),
            )),
        }
    }
}

/// What a listener did not take of a request that it accepted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rejected {
    pub(super) spans: u64,
    pub(super) why: String,
}

impl Rejected {
    /// Reads an `ExportTraceServiceResponse`.
    fn read(reply: &[u8]) -> Rejected {
        let mut rejected = Rejected::default();
        for field in Fields(reply).flatten() {
            let (1, Field::Bytes(partial)) = field else { continue };
            for field in Fields(partial).flatten() {
                match field {
                    (1, Field::Number(spans)) => rejected.spans = spans,
                    (2, Field::Bytes(text)) => rejected.why = String::from_utf8_lossy(text).into_owned(),
                    _ => {}
                }
            }
        }
        rejected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_comes_from_the_environment() {
        assert_eq!(port(None), Ok(4317));
        assert_eq!(port(Some("50051")), Ok(50051));
        for text in ["0", "70000", "x", "-1"] {
            assert!(port(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn partial_success_is_read() {
        assert_eq!(Rejected::read(&[]), Rejected::default());
        let reply = [10, 6, 8, 3, 18, 2, b'n', b'o'];
        let why = "no".to_owned();
        assert_eq!(Rejected::read(&reply), Rejected { spans: 3, why });
    }
}
