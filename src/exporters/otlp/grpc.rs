//! OTLP over gRPC: one `TraceService/Export` call a request, the batch's chunks going out as they are. TLS unless the config
//! says otherwise. Refuses endpoints without a port, and compressions that gRPC servers do not take.

use std::{borrow::Cow, sync::Arc, time::Duration};

use ::http::{HeaderMap, uri::Authority};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    Auth, Compression, CompressionParams, HeaderRules, Headers, Packer,
    answer::{self, Partial, Partials},
    authorize, disbelieved, header_faults, header_map,
};
use crate::{
    net::{
        compression::Encoding,
        grpc::Code,
        grpc_client::{self, ClientSettings, GrpcClient, Scheme, Target},
        tls::{ALPN_H2, ClientTls},
    },
    otlp::TraceBatch,
    pipeline::{
        AuthWanted, Authenticates, Authenticator, Build, Dial, ExportError, Exporter, Fault, Host, Outgoing,
        queue::Delivery,
    },
    values::{Endpoint, duration},
};

/// The method that takes traces.
const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// `otlp_grpc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `host:port`; `http://` before it means no TLS, `https://` TLS. Required.
    pub endpoint: Endpoint,
    /// TLS; `insecure: true` switches it off. On, with the system's authorities.
    pub tls: ClientTls,
    /// Headers of every request; values are secret. None.
    pub headers: Headers,
    /// Compression: gzip, zstd, none. gzip.
    pub compression: Compression,
    /// Level of the compression.
    pub compression_params: CompressionParams,
    /// HTTP/2 pings; many servers refuse frequent ones. None.
    pub keepalive: Option<Keepalive>,
    /// `:authority` of requests instead of the endpoint's. None.
    pub authority: String,
    /// How several addresses of a host are used: accepted; the first that answers is. round_robin.
    pub balancer_name: Balancer,
    /// Accepted: an exporter here always waits, because the engine retries. false.
    pub wait_for_ready: bool,
    /// Accepted: buffers size themselves. 0.
    pub read_buffer_size: usize,
    /// Accepted: buffers size themselves. 524288.
    pub write_buffer_size: usize,
    /// Extension that puts credentials on calls: basicauth, bearertokenauth. None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoint: Endpoint::default(),
            tls: ClientTls::default(),
            headers: Headers::new(),
            compression: Compression::default(),
            compression_params: CompressionParams::default(),
            keepalive: None,
            authority: String::new(),
            balancer_name: Balancer::default(),
            wait_for_ready: false,
            read_buffer_size: 0,
            write_buffer_size: 512 << 10,
            auth: None,
        }
    }
}

/// `balancer_name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balancer {
    /// The Collector's default.
    #[default]
    #[serde(alias = "")]
    RoundRobin,
    /// The first that answers.
    PickFirst,
}

/// `keepalive`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keepalive {
    /// Silence after which a ping is sent. 10s.
    #[serde(with = "duration")]
    pub time: Duration,
    /// Silence after a ping that means that the connection is dead. 10s.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Ping also while no request is under way. false.
    pub permit_without_stream: bool,
}

impl Default for Keepalive {
    fn default() -> Keepalive {
        Keepalive {
            time: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
            permit_without_stream: false,
        }
    }
}

impl Config {
    fn settings(&self) -> anyhow::Result<ClientSettings> {
        let target = Target::parse(self.endpoint.reveal()).map_err(anyhow::Error::msg)?;
        let mut settings = ClientSettings::to(target);
        let mut tls = self.tls.clone();
        match settings.target.scheme {
            Scheme::Http => tls.insecure = true,
            Scheme::Https => tls.insecure = false,
            Scheme::Unsaid => {}
        }
        settings.tls = tls.client(ALPN_H2)?;
        settings.authority = (!self.authority.is_empty())
            .then(|| self.authority.parse())
            .transpose()?;
        settings.server_name = match (&tls.server_name_override, &settings.authority) {
            (Some(name), _) if !name.is_empty() => Some(name.clone()),
            (_, authority) => authority.as_ref().map(|authority| authority.host().to_owned()),
        };
        settings.keepalive = self.keepalive.as_ref().map(|keepalive| grpc_client::Keepalive {
            every: keepalive.time,
            timeout: keepalive.timeout,
            while_idle: keepalive.permit_without_stream,
        });
        Ok(settings)
    }
}

impl Build<dyn Exporter> for Config {
    const TYPE: &'static str = "otlp_grpc";
    const ALIASES: &'static [&'static str] = &["otlp"];

    fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.endpoint.is_empty() {
            faults.push(Fault::at("", "requires a non-empty \"endpoint\""));
        } else if let Err(reason) = Target::parse(self.endpoint.reveal()) {
            faults.push(Fault::at("endpoint", reason));
        }
        if matches!(self.compression, Compression::Deflate | Compression::Zlib) {
            faults.push(Fault::at("compression", "gRPC takes one of gzip, zstd, none"));
        }
        if !self.authority.is_empty() && self.authority.parse::<Authority>().is_err() {
            faults.push(Fault::at("authority", "is no host or host:port"));
        }
        if let Some(keepalive) = &self.keepalive
            && (keepalive.time.is_zero() || keepalive.timeout.is_zero())
        {
            faults.push(Fault::at("keepalive", "time and timeout must be longer than 0s"));
        }
        faults.extend(self.compression_params.faults(self.compression));
        faults.extend(
            self.tls
                .faults()
                .into_iter()
                .map(|(key, reason)| Fault::at(format!("tls::{key}"), reason)),
        );
        faults.extend(header_faults(
            &self.headers,
            &["content-type", "te", "host", "connection"],
        ));
        faults
    }

    fn dials(&self) -> Vec<Dial> {
        vec![Dial {
            endpoint: self.endpoint.clone(),
            protocol: "otlp/grpc",
        }]
    }

    fn auth(&self) -> Option<AuthWanted> {
        self.auth.as_ref().map(|auth| auth.wanted(Authenticates::Any))
    }

    fn delivery() -> Delivery {
        Delivery {
            timeout: Duration::from_secs(5),
            ..Delivery::default()
        }
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Exporter>> {
        let authenticator = self
            .auth
            .as_ref()
            .map(|auth| host.authenticators.find(&auth.authenticator));
        Ok(Box::new(OtlpGrpc {
            authenticator: authenticator.transpose()?,
            client: GrpcClient::new(self.settings()?),
            headers: header_map(&self.headers, HeaderRules::Grpc)?,
            packer: Packer::new(self.compression, &self.compression_params),
            partials: Partials::new(host.id.clone()),
        }))
    }
}

struct OtlpGrpc {
    authenticator: Option<Arc<dyn Authenticator>>,
    client: GrpcClient,
    headers: HeaderMap,
    packer: Packer,
    partials: Partials,
}

#[async_trait]
impl Exporter for OtlpGrpc {
    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        let body = self
            .packer
            .pack(batch.chunks().to_vec())
            .await
            .map_err(|source| ExportError::Refused { source })?;
        let encoding = self
            .packer
            .coding()
            .map_or(Encoding::Identity, |(encoding, _)| encoding);
        let mut headers = Cow::Borrowed(&self.headers);
        let mut authorized = None;
        if let Some(authenticator) = self.authenticator.as_deref() {
            let request = Outgoing {
                url: PATH,
                headers: headers.to_mut(),
                body: &[],
            };
            authorized = Some((authenticator, authorize(authenticator, request).await?));
        }
        let reply = self.client.unary(PATH, &headers, body, encoding).await;
        let reply = reply.map_err(|error| {
            let code = error.code;
            let error = answer::of_call(error);
            match (authorized, code) {
                (Some((authenticator, looked_up)), Code::Unauthenticated | Code::PermissionDenied) => {
                    disbelieved(authenticator, looked_up, error)
                }
                _ => error,
            }
        })?;
        self.partials.note(&Partial::read_proto(&reply.message));
        Ok(())
    }

    async fn close(&self) {
        self.client.close().await;
    }
}

#[cfg(test)]
mod tests;
