//! The minimal pass-through: hyper's server, hyper's pooled client, and nothing between them. What HTTP itself costs. Runs as a
//! process of its own, on a runtime of the same kind as the gateway's.

use std::time::Duration;

use http::{Uri, uri::PathAndQuery};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{net::TcpListener, task::JoinSet};

/// `pass PORT UPSTREAM_PORT`: serves until it is killed, ten minutes at most.
pub(crate) fn run(mut words: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut port = || -> anyhow::Result<u16> { Ok(words.next().unwrap_or_default().parse()?) };
    let (own, target) = (port()?, port()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
        let listener = TcpListener::bind(("127.0.0.1", own)).await?;
        let mut connections = JoinSet::new();
        let end = tokio::time::sleep(Duration::from_secs(600));
        tokio::pin!(end);
        loop {
            let (stream, _) = tokio::select! {
                accepted = listener.accept() => accepted?,
                () = &mut end => return Ok(()),
            };
            stream.set_nodelay(true)?;
            let client = client.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
                let uri = Uri::try_from(format!("http://127.0.0.1:{target}{path}"));
                *request.uri_mut() = uri.expect("a path that was read before");
                client.request(request)
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            connections.spawn(async move { drop(connection.await) });
        }
    })
}
