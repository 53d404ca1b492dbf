//! Asks the local listener over gRPC, page by page. Tells a listener that is not there from one that says no.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;

use crate::{
    net::{
        compression::Encoding,
        grpc::Code,
        grpc_client::{CallError, ClientSettings, GrpcClient, Target},
    },
    viewer::{QUERY, Query, Reply},
};

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
        let mut query = query.clone();
        let mut whole = Reply::default();
        loop {
            let page = self.page(&query).await?;
            query.cursor = page.cursor;
            query.limit = query
                .limit
                .map(|left| left.saturating_sub(page.traces.len() + page.summaries.len()));
            whole.traces.extend(page.traces);
            whole.summaries.extend(page.summaries);
            (whole.dropped, whole.held) = (page.dropped, page.held);
            if query.cursor.is_none() || query.limit == Some(0) {
                return Ok(whole);
            }
        }
    }

    async fn page(&self, query: &Query) -> Result<Reply, AskError> {
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

    fn refused(&self, error: CallError) -> AskError {
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

    pub(super) async fn close(&self) {
        self.client.close().await;
    }
}
