//! TLS and mutual TLS on the receiver's ports, from certificates in files.

use std::{path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{
    Plan, QUICK, Running, grpc_to,
    support::{
        client::Client,
        process::{Collector, Folder, free_port},
        sink::Sink,
        spans::{request, span},
        until,
    },
};

/// Writes `NAME.ca`, and a certificate for localhost that it signed, as `NAME.pem` and `NAME.key`.
fn write_pair(directory: &Path, name: &str) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("signed");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).and_then(|leaf| leaf.signed_by(&key, &issuer));
    std::fs::write(directory.join(format!("{name}.ca")), authority.pem()).expect("written");
    std::fs::write(directory.join(format!("{name}.pem")), leaf.expect("signed").pem()).expect("written");
    std::fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).expect("written");
}

/// A client that believes one authority, perhaps with a certificate of its own.
fn client(directory: &Path, authority: &str, own: Option<&str>, protocol: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let pem = |name: String| CertificateDer::from_pem_file(directory.join(name)).expect("a certificate");
    roots.add(pem(format!("{authority}.ca"))).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = builder.with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::from_pem_file(directory.join(format!("{own}.key"))).expect("a key");
            builder
                .with_client_auth_cert(vec![pem(format!("{own}.pem"))], key)
                .expect("a pair")
        }
    };
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Arc::new(config)
}

fn start(directory: &Path, settings: &str, sink: &Sink) -> Running {
    let (folder, metrics) = (Folder::new(), free_port());
    let path = directory.display();
    let tls = format!("tls: {{cert_file: '{path}/server.pem', key_file: '{path}/server.key'{settings}}}, ");
    let config = Plan::to(vec![grpc_to(sink, QUICK)]).config(metrics);
    let config = config.replace("{grpc: {endpoint", &format!("{{grpc: {{{tls}endpoint"));
    let config = config.replace(", http: {endpoint", &format!(", http: {{{tls}endpoint"));
    let mut collector = Collector::start(&folder.write(&config), &[]);
    let [health] = collector.ports("health_check");
    let [grpc, http] = collector.ports("otlp").map(Client::to);
    Running {
        collector,
        grpc,
        http,
        health,
        metrics,
        folder,
    }
}

/// Whether a span comes through on both ports.
async fn check(running: &Running, directory: &Path, authority: &str, own: Option<&str>, expected: bool) {
    let with = |port: &Client, protocol: &str| Client {
        port: port.port,
        tls: Some(client(directory, authority, own, protocol)),
    };
    let body = request(vec![span(1, "over TLS")]);
    let grpc = with(&running.grpc, "h2").try_call(&body).await;
    assert_eq!(
        grpc.as_ref().is_ok_and(|reply| reply.code() == 0),
        expected,
        "{authority} {own:?}: {grpc:?}"
    );
    for protocol in ["http/1.1", "h2"] {
        let http = with(&running.http, protocol);
        let headers = [("content-type", "application/x-protobuf")];
        let reply = match protocol {
            "h2" => http.try_http2("POST", "/v1/traces", &headers, &body).await,
            _ => http.try_http("POST", "/v1/traces", &headers, &body).await,
        };
        assert_eq!(
            reply.as_ref().is_ok_and(|reply| reply.status == 200),
            expected,
            "{authority} {own:?} {protocol}: {reply:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls() {
    let (folder, sink) = (Folder::new(), Sink::start());
    let directory = folder.0.path();
    write_pair(directory, "server");
    write_pair(directory, "stranger");
    let running = start(directory, "", &sink);
    check(&running, directory, "server", None, true).await;
    check(&running, directory, "stranger", None, false).await;
    let body = request(vec![span(1, "in plain text")]);
    assert!(
        running.grpc.try_call(&body).await.is_err(),
        "plain text is not answered"
    );
    until("they arrive", || sink.spans().len() == 3).await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_tls() {
    let (folder, sink) = (Folder::new(), Sink::start());
    let directory = folder.0.path();
    for name in ["server", "client", "stranger"] {
        write_pair(directory, name);
    }
    let authority = format!(", client_ca_file: '{}/client.ca'", directory.display());
    let running = start(directory, &authority, &sink);
    check(&running, directory, "server", Some("client"), true).await;
    check(&running, directory, "server", Some("stranger"), false).await;
    check(&running, directory, "server", None, false).await;
    until("they arrive", || sink.spans().len() == 3).await;
    running.stop();
}
