//! The OTLP receiver: traces over gRPC (4317) and HTTP (4318), as every OpenTelemetry SDK and the Collector send them. The
//! answer to a client is the truth: queued by every exporter, refused for now, or refused for good. Refuses what is
//! malformed, oversized or slow with the status that the OTLP specification gives it, and lives on.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, bail};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    net::{
        listen::{self, Peer},
        tls::{self, TlsServer},
    },
    pipeline::{Build, Fault, Host, Inlet, Listen, Receiver, SideMethod},
};

mod cors;
mod grpc;
mod http;
mod intake;
mod room;
mod settings;
mod status;
#[cfg(test)]
mod tests;

use room::{Bounded, Room};
pub use settings::{Auth, Cors, EnforcementPolicy, Grpc, Http, Keepalive, Protocols, ServerParameters};

/// The receiver's config.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is spoken; at least one. None.
    pub protocols: Protocols,
}

impl Build<dyn Receiver> for Config {
    const TYPE: &'static str = "otlp";

    fn validate(&self) -> Vec<Fault> {
        let (grpc, http) = (self.protocols.grpc(), self.protocols.http());
        if grpc.is_none() && http.is_none() {
            return vec![Fault::at(
                "",
                "must specify at least one protocol when using the OTLP receiver",
            )];
        }
        let grpc = grpc.map(Grpc::faults).unwrap_or_default();
        grpc.into_iter()
            .chain(http.map(Http::faults).unwrap_or_default())
            .collect()
    }

    fn listens(&self, host: &Host) -> Vec<Listen> {
        let grpc = self.protocols.grpc().map(|grpc| (grpc.endpoint(host), "otlp/grpc"));
        let http = self.protocols.http().map(|http| (http.endpoint(host), "otlp/http"));
        grpc.into_iter()
            .chain(http)
            .map(|(endpoint, protocol)| Listen { endpoint, protocol })
            .collect()
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Receiver>> {
        let grpc = match self.protocols.grpc() {
            None => None,
            Some(grpc) => {
                let tls = grpc.tls.as_ref().map(|tls| tls.server(tls::ALPN_H2)).transpose();
                let tls = tls.context("protocols::grpc::tls")?.flatten();
                Some((Port::new(grpc.endpoint(host), tls), grpc.clone()))
            }
        };
        let http = match self.protocols.http() {
            None => None,
            Some(http) => {
                let tls = http.tls.as_ref().map(|tls| tls.server(tls::ALPN_H2_HTTP1)).transpose();
                let tls = tls.context("protocols::http::tls")?.flatten();
                Some((Port::new(http.endpoint(host), tls), http.clone()))
            }
        };
        let methods = Arc::clone(&host.methods);
        Ok(Box::new(Otlp { grpc, http, methods }))
    }
}

/// A port, taken or yet to be.
struct Port {
    endpoint: String,
    tls: Option<TlsServer>,
    listener: Option<TcpListener>,
}

impl Port {
    fn new(endpoint: String, tls: Option<TlsServer>) -> Port {
        Port {
            endpoint,
            tls,
            listener: None,
        }
    }

    async fn bind(&mut self) -> anyhow::Result<SocketAddr> {
        let listener = listen::bind(&self.endpoint).await?;
        let address = listener.local_addr()?;
        self.listener = Some(listener);
        Ok(address)
    }

    fn take(&mut self) -> anyhow::Result<TcpListener> {
        self.listener.take().context("the receiver runs before it was bound")
    }
}

struct Otlp {
    grpc: Option<(Port, Grpc)>,
    http: Option<(Port, Http)>,
    methods: Arc<Vec<Arc<dyn SideMethod>>>,
}

#[async_trait]
impl Receiver for Otlp {
    fn transports(&self) -> Vec<&'static str> {
        let grpc = self.grpc.iter().map(|_| "grpc");
        grpc.chain(self.http.iter().map(|_| "http")).collect()
    }

    fn endpoints(&self) -> Vec<String> {
        let grpc = self.grpc.iter().map(|(port, _)| port.endpoint.clone());
        let http = self.http.iter().map(|(port, _)| port.endpoint.clone());
        grpc.chain(http).collect()
    }

    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        let mut addresses = Vec::new();
        if let Some((port, _)) = &mut self.grpc {
            addresses.push(port.bind().await?);
        }
        if let Some((port, _)) = &mut self.http {
            addresses.push(port.bind().await?);
        }
        Ok(addresses)
    }

    async fn run(mut self: Box<Self>, inlet: Inlet, stop: CancellationToken) -> anyhow::Result<()> {
        let mut servers = JoinSet::new();
        let limits = [
            self.grpc.as_ref().map(|(_, grpc)| grpc.limit()),
            self.http.as_ref().map(|(_, http)| http.limit()),
        ];
        let room = Room::for_requests_of(limits.into_iter().flatten().max().unwrap_or(0));
        if let Some((mut port, grpc)) = self.grpc.take() {
            let calls = grpc_calls(
                &grpc,
                Bounded::new(inlet.transport("grpc"), &room),
                Arc::clone(&self.methods),
            );
            servers.spawn(serve_grpc(port.take()?, port.tls, grpc.listen(), calls, stop.clone()));
        }
        if let Some((mut port, http)) = self.http.take() {
            let requests = http_requests(&http, Bounded::new(inlet.transport("http"), &room));
            servers.spawn(serve_http(
                port.take()?,
                port.tls,
                http.listen(),
                requests,
                stop.clone(),
            ));
        }
        while let Some(ended) = servers.join_next().await {
            ended.context("a server of the OTLP receiver failed")?;
            if !stop.is_cancelled() {
                bail!("a server of the OTLP receiver ended by itself");
            }
        }
        Ok(())
    }
}

fn grpc_calls<I>(config: &Grpc, intake: I, methods: Arc<Vec<Arc<dyn SideMethod>>>) -> grpc::Calls<I> {
    grpc::Calls {
        intake,
        limit: config.limit(),
        methods,
    }
}

fn http_requests<I>(config: &Http, intake: I) -> http::Requests<I> {
    http::Requests {
        intake,
        path: config.traces_url_path.clone(),
        limit: config.limit(),
        body_timeout: config.body_timeout(),
        encodings: config.encodings(),
        headers: config.response_headers(),
        cors: config.cors.clone().map(cors::Policy::new),
    }
}

async fn serve_grpc<I: intake::Intake>(
    listener: TcpListener,
    tls: Option<TlsServer>,
    settings: listen::Settings,
    calls: grpc::Calls<I>,
    stop: CancellationToken,
) {
    let calls = Arc::new(calls);
    let answer = move |request, peer: Peer| {
        let calls = Arc::clone(&calls);
        async move { calls.answer(request, peer).await }
    };
    listen::serve(listener, settings, tls, answer, stop).await;
}

async fn serve_http<I: intake::Intake>(
    listener: TcpListener,
    tls: Option<TlsServer>,
    settings: listen::Settings,
    requests: http::Requests<I>,
    stop: CancellationToken,
) {
    let requests = Arc::new(requests);
    let answer = move |request, peer: Peer| {
        let requests = Arc::clone(&requests);
        async move { requests.answer(request, peer).await }
    };
    listen::serve(listener, settings, tls, answer, stop).await;
}
