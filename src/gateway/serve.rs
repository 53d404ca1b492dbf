//! The gateway's shell: takes its ports before any data moves, serves every listener until it shall stop, and lets requests in
//! flight finish.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use http::Request;
use hyper::body::Incoming;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    config,
    filters::Filters,
    http::answer,
    limits::Limits,
    meters::Meters,
    responses::Conversations,
    route::Router,
    spans::{Emitter, Resources},
    upstream::Upstream,
};
use crate::{
    net::listen::{self, HalfClose, Peer, Settings},
    pipeline::Feed,
    propagation::Sampling,
};

/// What requests in flight get to finish at the end.
const GRACE: Duration = Duration::from_secs(30);

/// What every request needs.
pub(super) struct Shared {
    pub(super) gateway: config::Gateway,
    /// By listener.
    pub(super) sampling: Vec<Sampling>,
    pub(super) recorded_headers: Vec<String>,
    pub(super) upstream: Upstream,
    pub(super) filters: Filters,
    pub(super) feed: Feed,
    pub(super) resources: Resources,
    pub(super) meters: Meters,
    pub(super) conversations: Arc<Conversations>,
    pub(super) router: Router,
    pub(super) limits: Limits,
}

/// A gateway that has taken no port yet.
pub struct Gateway {
    shared: Shared,
}

/// A gateway with its ports.
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
}

impl Gateway {
    /// Makes the metrics, under the recorder that is current now, and the client for providers. `unset_sampling`: percent of
    /// traces where the config says nothing.
    ///
    /// # Errors
    /// Where the system's certificates cannot be read.
    pub fn new(
        gateway: config::Gateway,
        feed: Feed,
        emitter: &Emitter,
        unset_sampling: f64,
    ) -> anyhow::Result<Gateway> {
        let percents = gateway
            .listeners
            .iter()
            .map(|listener| listener.sampling(unset_sampling));
        let upstream = Upstream::new()?;
        let shared = Shared {
            sampling: percents.map(Sampling::percent).collect(),
            recorded_headers: gateway.tracing.headers.iter().map(ToString::to_string).collect(),
            filters: Filters::new(&gateway.filters, &upstream),
            upstream,
            meters: Meters::new(&gateway),
            conversations: Arc::new(Conversations::new(&gateway.state_storage)),
            router: Router::new(&gateway),
            limits: Limits::new(&gateway.ratelimits),
            feed,
            resources: emitter.resources(),
            gateway,
        };
        Ok(Gateway { shared })
    }

    /// Takes the ports.
    ///
    /// # Errors
    /// Which port cannot be taken, and why.
    pub async fn bind(self) -> anyhow::Result<Server> {
        let mut listeners = Vec::with_capacity(self.shared.gateway.listeners.len());
        for listener in &self.shared.gateway.listeners {
            let endpoint = listener.endpoint();
            let bound = listen::bind(&endpoint).await;
            listeners.push(bound.with_context(|| format!("listener {}: {endpoint}", listener.name))?);
        }
        Ok(Server {
            shared: Arc::new(self.shared),
            listeners,
        })
    }
}

impl Server {
    /// Name and address of each listener.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let named = self.shared.gateway.listeners.iter().zip(&self.listeners);
        named
            .filter_map(|(listener, bound)| Some((listener.name.clone(), bound.local_addr().ok()?)))
            .collect()
    }

    /// Serves until `stop`, then lets requests in flight finish.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for (index, listener) in self.listeners.into_iter().enumerate() {
            let shared = Arc::clone(&self.shared);
            let service =
                move |request: Request<Incoming>, peer: Peer| answer(Arc::clone(&shared), index, request, peer);
            let timeout = self.shared.gateway.listeners[index].timeout;
            let settings = Settings {
                grace: GRACE,
                // One that stays and takes nothing, too.
                write_timeout: Some(timeout),
                stream_timeout: Some(timeout.saturating_mul(2)),
                // A client that goes away shall end the call at the provider.
                half_close: HalfClose::Gone,
                ..Settings::default()
            };
            tasks.spawn(listen::serve(listener, settings, None, service, stop.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a listener failed");
                stop.cancel();
            }
        }
        self.shared.filters.close().await;
    }
}
