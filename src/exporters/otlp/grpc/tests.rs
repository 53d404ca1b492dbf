//! The gRPC exporter against real servers on loopback: the bytes that arrive, and what becomes of every answer.

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::{
    exporters::testing::{self, batch, batch_with, faults, wire},
    net::{
        compression,
        grpc::{Code, Status},
        testing::{Answer, Server, grpc_ok, grpc_status, nobody, text, tls_for_localhost},
    },
};

/// Exports one batch to a server that answers so.
async fn export_to(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Result<(), ExportError> {
    let server = Server::start(move |_| Some(answer())).await;
    let exporter = testing::exporter::<Config>(json!({"endpoint": format!("http://{}", server.address)}));
    exporter.export(&batch(1)).await
}

#[tokio::test]
async fn the_server_gets_the_batch_byte_for_byte() {
    for (name, encoding) in [
        ("gzip", compression::Encoding::Gzip),
        ("zstd", compression::Encoding::Zstd),
        ("none", compression::Encoding::Identity),
    ] {
        let server = Server::start(|_| Some(grpc_ok(b""))).await;
        let exporter = testing::exporter::<Config>(json!({
            "endpoint": server.address.to_string(),
            "tls": {"insecure": true},
            "compression": name,
            "headers": {"X-Api-Key": "k1"},
            "authority": "traces.example:99",
        }));
        let batch = batch(3);
        exporter.export(&batch).await.unwrap();
        let seen = &server.seen()[0];
        assert_eq!(seen.uri.path(), PATH);
        assert_eq!(seen.uri.authority().unwrap(), "traces.example:99");
        assert_eq!(seen.headers["x-api-key"], "k1");
        assert_eq!(seen.body[0], u8::from(name != "none"));
        let message = compression::inflate(encoding, &seen.body[5..], 1 << 20).unwrap();
        assert_eq!(message, wire(&batch), "{name}");
        exporter.close().await;
    }
}

#[tokio::test]
async fn a_batch_of_20_mib_arrives() {
    let server = Server::start(|_| Some(grpc_ok(b""))).await;
    let random: String = (0..20 << 20).map(|_| char::from(fastrand::u8(32..127))).collect();
    let batch = batch_with(1, "text", &random);
    for compression in ["none", "gzip"] {
        let exporter = testing::exporter::<Config>(json!({
            "endpoint": format!("http://{}", server.address),
            "compression": compression,
        }));
        exporter.export(&batch).await.unwrap();
    }
    let seen = server.seen();
    assert_eq!(seen[0].body[5..], wire(&batch));
    let inflated = compression::inflate(compression::Encoding::Gzip, &seen[1].body[5..], 32 << 20).unwrap();
    assert!(inflated == wire(&batch));
}

#[tokio::test]
async fn codes_decide_about_retrying() {
    let delay = Duration::from_secs(7);
    for (code, retry_info, retryable) in [
        (Code::Unavailable, None, true),
        (Code::Unavailable, Some(delay), true),
        (Code::ResourceExhausted, None, false),
        (Code::ResourceExhausted, Some(delay), true),
        (Code::InvalidArgument, None, false),
        (Code::Unauthenticated, Some(delay), false),
    ] {
        let mut status = Status::new(code, "queue full");
        status.retry_after = retry_info;
        let error = export_to(move || grpc_status(status.clone())).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{}: queue full", code.name()));
        match error {
            ExportError::Retry { after, .. } => assert_eq!((retryable, after), (true, retry_info), "{code:?}"),
            ExportError::Refused { .. } | ExportError::TooLarge { .. } => assert!(!retryable, "{code:?}"),
        }
    }
}

#[tokio::test]
async fn transport_errors_and_proxies_out_of_order_are_retryable() {
    let address = nobody();
    let exporter = testing::exporter::<Config>(json!({"endpoint": format!("http://{address}")}));
    let error = exporter.export(&batch(1)).await.unwrap_err();
    assert!(matches!(error, ExportError::Retry { after: None, .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let page = || text(502, &[("content-type", "text/html")], "<html>Bad Gateway</html>");
    let error = export_to(page).await.unwrap_err();
    assert!(
        matches!(error, ExportError::Retry { .. }) && error.to_string().contains("502"),
        "{error}"
    );
}

#[tokio::test]
async fn partial_success_is_success() {
    export_to(|| grpc_ok(&[10, 6, 8, 1, 18, 2, b'n', b'o'])).await.unwrap();
    export_to(|| grpc_ok(b"\xff\xff not protobuf")).await.unwrap();
}

#[test]
fn partial_success_is_counted_under_the_recorder_of_the_build() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let partials = metrics::with_local_recorder(&recorder, || Partials::new(testing::host("otlp_grpc").id));
    partials.note(&Partial::read_proto(&[10, 6, 8, 3, 18, 2, b'n', b'o']));
    partials.note(&Partial::read_proto(&[10, 6, 8, 4, 18, 2, b'n', b'o']));
    partials.note(&Partial::read_proto(&[]));
    let metrics = recorder.handle().render();
    assert!(
        metrics.contains("plano_exporter_rejected_spans_total{exporter=\"otlp_grpc\"} 7"),
        "{metrics}"
    );
}

#[tokio::test]
async fn tls_is_on_unless_switched_off() {
    let (config, ca) = tls_for_localhost(ALPN_H2);
    let server = Server::on("127.0.0.1:0", Some(config), |_| Some(grpc_ok(b""))).await;
    let port = server.address.port();
    let ca_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca_file.path(), ca).unwrap();
    let attempt = async |endpoint: String, tls: serde_json::Value| {
        let exporter = testing::exporter::<Config>(json!({"endpoint": endpoint, "tls": tls}));
        exporter.export(&batch(1)).await.map_err(|e| e.to_string())
    };
    let ca = json!({"ca_file": ca_file.path()});
    attempt(format!("localhost:{port}"), ca.clone()).await.unwrap();
    attempt(
        format!("https://localhost:{port}"),
        json!({"ca_file": ca_file.path(), "insecure": true}),
    )
    .await
    .unwrap();
    attempt(
        format!("127.0.0.1:{port}"),
        json!({"ca_file": ca_file.path(), "server_name_override": "localhost"}),
    )
    .await
    .unwrap();
    attempt(format!("127.0.0.1:{port}"), json!({"insecure_skip_verify": true}))
        .await
        .unwrap();
    let wrong_name = attempt(format!("127.0.0.1:{port}"), ca).await.unwrap_err();
    assert!(wrong_name.contains("TLS handshake failed"), "{wrong_name}");
    let plain = attempt(format!("http://localhost:{port}"), json!({}))
        .await
        .unwrap_err();
    assert!(plain.contains(&format!("localhost:{port}")), "{plain}");
}

#[test]
fn a_missing_ca_file_is_a_fault_of_the_build() {
    let config = testing::config::<Config>(json!({"endpoint": "a:1", "tls": {"ca_file": "/no/such.pem"}}));
    let fault = config.build(&testing::host("otlp_grpc")).err().unwrap();
    assert!(format!("{fault:#}").contains("/no/such.pem"), "{fault:#}");
}

#[test]
fn faults_say_what_is_right() {
    assert_eq!(faults::<Config>(json!({})), [": requires a non-empty \"endpoint\""]);
    let found = faults::<Config>(json!({
        "endpoint": "collector",
        "compression": "deflate",
        "compression_params": {"level": 99},
        "authority": "a b",
        "keepalive": {"time": "0s"},
        "tls": {"cert_file": "c.pem"},
        "headers": {"grpc-timeout": "1S"},
    }));
    let expected = [
        "endpoint: endpoint \"collector\" has no port; write it like collector:4317",
        "compression: gRPC takes one of gzip, zstd, none",
        "authority: is no host or host:port",
        "keepalive: time and timeout must be longer than 0s",
        "compression_params::level: level 99 is out of range: 1 to 9, or 0 for the default",
    ];
    assert_eq!(found[..5], expected);
    assert!(found[5].starts_with("tls::"), "{found:?}");
    assert!(found[6].starts_with("headers::grpc-timeout: "), "{found:?}");
    assert_eq!(found.len(), 7, "{found:?}");
}

#[test]
fn configs_of_the_collector_are_read() {
    let config = testing::config::<Config>(json!({
        "endpoint": "otel-collector:4317",
        "tls": {"insecure": true},
        "balancer_name": "round_robin",
        "wait_for_ready": true,
        "read_buffer_size": 123,
        "write_buffer_size": 345,
        "keepalive": {"time": "20s", "timeout": "30s", "permit_without_stream": true},
        "headers": {"authorization": "Bearer secret"},
    }));
    assert_eq!(
        config.dials(),
        [Dial {
            endpoint: Endpoint::new("otel-collector:4317"),
            protocol: "otlp/grpc"
        }]
    );
    let printed = serde_json::to_string(&config).unwrap() + &format!("{config:?}");
    assert!(
        !printed.contains("Bearer") && printed.contains("[REDACTED]"),
        "{printed}"
    );
    let settings = config.settings().unwrap();
    assert!(settings.tls.is_none());
    assert_eq!(settings.keepalive.unwrap().every, Duration::from_secs(20));
    assert_eq!(
        <Config as Build<dyn Exporter>>::delivery().timeout,
        Duration::from_secs(5)
    );
}

#[tokio::test]
async fn an_abandoned_export_does_not_poison_the_next() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let server = Server::start(move |_| {
        let hang = first.swap(false, std::sync::atomic::Ordering::SeqCst);
        (!hang).then(|| grpc_ok(&Bytes::new()))
    })
    .await;
    let exporter = testing::exporter::<Config>(json!({"endpoint": format!("http://{}", server.address)}));
    let batch = batch(1);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), exporter.export(&batch))
            .await
            .is_err()
    );
    exporter.export(&batch).await.unwrap();
}
