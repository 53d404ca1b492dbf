//! The HTTP exporter against real servers on loopback: the bytes that arrive, and what becomes of every answer.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::json;

use super::*;
use crate::{
    exporters::testing::{self, batch, batch_with, faults, wire},
    net::{
        compression::{self, inflate},
        testing::{Answer, Server, answer, broken, nobody, text, tls_for_localhost},
        tls::ALPN_H2_HTTP1,
    },
};

const PROTO: &[(&str, &str)] = &[("content-type", "application/x-protobuf")];

fn to(server: &Server) -> Box<dyn Exporter> {
    testing::exporter::<Config>(json!({"endpoint": format!("http://{}", server.address)}))
}

/// Exports one batch to a server that answers so.
async fn export_to(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Result<(), ExportError> {
    let server = Server::start(move |_| Some(answer())).await;
    to(&server).export(&batch(1)).await
}

/// Whether it may be retried, when, and the error's text.
fn describe(result: Result<(), ExportError>) -> (bool, Option<Duration>, String) {
    match result.unwrap_err() {
        ExportError::Retry { after, source } => (true, after, format!("{source:#}")),
        ExportError::Refused { source } | ExportError::TooLarge { source } => (false, None, format!("{source:#}")),
    }
}

#[tokio::test]
async fn the_server_gets_the_batch_byte_for_byte() {
    for (name, coding, encoding) in [
        ("gzip", Some("gzip"), compression::Encoding::Gzip),
        ("zstd", Some("zstd"), compression::Encoding::Zstd),
        ("deflate", Some("deflate"), compression::Encoding::Deflate),
        ("zlib", Some("zlib"), compression::Encoding::Deflate),
        ("none", None, compression::Encoding::Identity),
    ] {
        let server = Server::start(|_| Some(text(200, PROTO, ""))).await;
        let exporter = testing::exporter::<Config>(json!({
            "endpoint": format!("http://{}/base/", server.address),
            "compression": name,
            "headers": {"X-Api-Key": "k1"},
        }));
        let batch = batch(3);
        exporter.export(&batch).await.unwrap();
        let seen = &server.seen()[0];
        assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/base/v1/traces"));
        assert_eq!(seen.headers["x-api-key"], "k1");
        assert_eq!(seen.headers["content-type"], "application/x-protobuf");
        assert_eq!(seen.headers["user-agent"], USER_AGENT);
        assert_eq!(seen.headers["content-length"], seen.body.len().to_string());
        assert_eq!(
            seen.headers
                .get("content-encoding")
                .map(|value| value.to_str().unwrap()),
            coding
        );
        assert_eq!(inflate(encoding, &seen.body, 1 << 20).unwrap(), wire(&batch), "{name}");
    }
}

#[tokio::test]
async fn json_is_sent_where_it_is_asked_for() {
    let server = Server::start(|_| Some(text(200, &[("content-type", "application/json")], "{}"))).await;
    let exporter = testing::exporter::<Config>(json!({
        "traces_endpoint": format!("http://{}/otlp?x=1", server.address),
        "encoding": "json",
        "compression": "none",
    }));
    let batch = batch(2);
    exporter.export(&batch).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.uri.to_string(), "/otlp?x=1");
    assert_eq!(seen.headers["content-type"], "application/json");
    let mut expected = Vec::new();
    json::write(&batch, &mut expected);
    assert_eq!(seen.body, expected);
}

#[tokio::test]
async fn a_batch_of_20_mib_arrives() {
    let server = Server::start(|_| Some(text(200, PROTO, ""))).await;
    let random: String = (0..20 << 20).map(|_| char::from(fastrand::u8(32..127))).collect();
    let batch = batch_with(1, "text", &random);
    to(&server).export(&batch).await.unwrap();
    let inflated = inflate(compression::Encoding::Gzip, &server.seen()[0].body, 32 << 20).unwrap();
    assert!(inflated == wire(&batch));
}

#[tokio::test]
async fn connections_are_kept() {
    let server = Server::start(|_| Some(text(200, PROTO, ""))).await;
    let exporter = to(&server);
    for _ in 0..3 {
        exporter.export(&batch(1)).await.unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (3, 1));
    let config = json!({"endpoint": format!("http://{}", server.address), "disable_keep_alives": true});
    let exporter = testing::exporter::<Config>(config);
    for _ in 0..3 {
        exporter.export(&batch(1)).await.unwrap();
    }
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn statuses_decide_about_retrying() {
    for (status, retryable) in [
        (400, false),
        (401, false),
        (404, false),
        (413, false),
        (429, true),
        (500, false),
        (501, false),
        (502, true),
        (503, true),
        (504, true),
    ] {
        let (retry, after, reason) = describe(export_to(move || text(status, &[], "why\nnot")).await);
        assert_eq!((retry, after), (retryable, None), "{status}");
        assert!(
            reason.contains(&status.to_string()) && reason.ends_with(": why not"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn retry_after_is_read_in_both_forms() {
    let seconds = || text(503, &[("retry-after", "17")], "");
    assert_eq!(describe(export_to(seconds).await).1, Some(Duration::from_secs(17)));
    let date = || {
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        text(429, &[("retry-after", &date)], "")
    };
    let after = describe(export_to(date).await).1.unwrap();
    assert!((90..=100).contains(&after.as_secs()), "{after:?}");
    let nonsense = || text(503, &[("retry-after", "soon")], "");
    assert_eq!(describe(export_to(nonsense).await).1, None);
}

#[tokio::test]
async fn the_words_of_the_server_are_told_harmlessly() {
    let status = crate::net::grpc::Status::new(crate::net::grpc::Code::InvalidArgument, "bad \u{1b}[31mspan");
    let proto = move || text(400, PROTO, status.encode());
    assert!(
        describe(export_to(proto).await)
            .2
            .ends_with("HTTP 400 Bad Request: bad  [31mspan")
    );
    let json = || {
        text(
            400,
            &[("content-type", "application/json")],
            r#"{"code":3,"message":"bad span"}"#,
        )
    };
    assert!(describe(export_to(json).await).2.ends_with(": bad span"));
    let page = || {
        text(
            502,
            &[("content-type", "text/html")],
            "<html>\n<h1>Bad Gateway</h1>".repeat(9000),
        )
    };
    let (retry, _, reason) = describe(export_to(page).await);
    assert!(
        retry && reason.contains("<h1>Bad Gateway</h1>") && reason.chars().count() < 600,
        "{reason}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Server::start(|_| Some(text(200, PROTO, ""))).await;
    let location = format!("http://{}/v1/traces", target.address);
    let (retry, _, reason) = describe(export_to(move || text(308, &[("location", &location)], "")).await);
    assert!(!retry && reason.contains("redirect to \"http://127.0.0.1"), "{reason}");
    assert_eq!(target.seen().len(), 0);
}

#[tokio::test]
async fn transport_errors_are_retryable_and_name_the_url() {
    let address = nobody();
    let config = json!({"endpoint": format!("http://user:hunter2@{address}")});
    let (retry, after, reason) = describe(testing::exporter::<Config>(config).export(&batch(1)).await);
    assert!(retry && after.is_none());
    assert!(
        reason.contains(&format!("POST http://{address}/v1/traces failed")),
        "{reason}"
    );
    assert!(reason.contains("refused") && !reason.contains("hunter2"), "{reason}");
    let (retry, _, reason) = describe(export_to(|| answer(503, &[], vec![broken()])).await);
    assert!(retry, "{reason}");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_retryable_and_found_again_after_a_restart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let exporter = testing::exporter::<Config>(json!({"endpoint": format!("http://{address}")}));
    let batch = batch(1);
    let hang_up = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut start = [0; 16];
        tokio::io::AsyncReadExt::read_exact(&mut tcp, &mut start).await.unwrap();
    };
    let (result, ()) = tokio::join!(exporter.export(&batch), hang_up);
    assert!(describe(result).0);
    drop(listener);
    let _server = Server::on(&address.to_string(), None, |_| Some(text(200, PROTO, ""))).await;
    exporter.export(&batch).await.unwrap();
}

#[tokio::test]
async fn partial_success_and_answers_cut_short_are_success() {
    export_to(|| text(200, PROTO, vec![10, 6, 8, 1, 18, 2, b'n', b'o']))
        .await
        .unwrap();
    export_to(|| text(202, &[], "thanks")).await.unwrap();
    export_to(|| answer(200, PROTO, vec![Ok(Frame::data("x".into())), broken()]))
        .await
        .unwrap();
    export_to(|| text(200, PROTO, vec![0; 1 << 20])).await.unwrap();
}

#[tokio::test]
async fn a_success_whose_body_never_ends_is_one() {
    let stuck = || {
        let start = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"x")))]);
        let body = StreamBody::new(start.chain(futures_util::stream::pending()));
        ::http::Response::new(body.boxed_unsync())
    };
    let sent = tokio::time::timeout(Duration::from_secs(10), export_to(stuck));
    sent.await.expect("it does not wait for the rest").unwrap();
}

#[tokio::test]
async fn https_believes_its_authority_and_checks_the_name() {
    for (alpn, attempt_http2) in [
        (ALPN_H2_HTTP1, true),
        (ALPN_H2_HTTP1, false),
        (&[b"http/1.1".as_slice()][..], true),
    ] {
        let (tls, ca) = tls_for_localhost(alpn);
        let server = Server::on("127.0.0.1:0", Some(tls), |_| Some(text(200, PROTO, ""))).await;
        let port = server.address.port();
        let attempt = async |host: &str, tls: serde_json::Value| {
            let exporter = testing::exporter::<Config>(json!({
                "endpoint": format!("https://{host}:{port}"),
                "tls": tls,
                "force_attempt_http2": attempt_http2,
            }));
            exporter.export(&batch(1)).await
        };
        attempt("localhost", json!({"ca_pem": ca})).await.unwrap();
        attempt("localhost", json!({"ca_pem": ca, "insecure": true}))
            .await
            .unwrap();
        attempt("127.0.0.1", json!({"insecure_skip_verify": true}))
            .await
            .unwrap();
        let (retry, _, reason) = describe(attempt("127.0.0.1", json!({"ca_pem": ca})).await);
        assert!(retry && reason.contains("certificate"), "{reason}");
        assert_eq!(server.seen().len(), 3);
    }
}

#[test]
fn faults_say_what_is_right() {
    let check = |config: serde_json::Value, expected: &[&str]| {
        let found = faults::<Config>(config);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    };
    check(json!({}), &[": at least one endpoint must be specified"]);
    check(
        json!({"endpoint": "localhost:4318"}),
        &["endpoint: has the scheme \"localhost\", which is not http or https"],
    );
    check(json!({"endpoint": "10.0.0.1:4318"}), &["endpoint: is no URL"]);
    check(json!({"endpoint": "http://"}), &["endpoint: is no URL"]);
    check(json!({"endpoint": "hunter2:PW@a:4318"}), &["endpoint: has no scheme; "]);
    check(
        json!({"traces_endpoint": "ftp://a"}),
        &["traces_endpoint: has the scheme \"ftp\""],
    );
    check(
        json!({
            "endpoint": "http://a",
            "proxy_url": "nowhere",
            "compression_params": {"level": 23},
            "compression": "zstd",
            "tls": {"server_name_override": "b", "key_file": "k.pem"},
            "headers": {"content-type": "x"},
        }),
        &[
            "proxy_url: is no URL",
            "tls::server_name_override: works with otlp_grpc only",
            "tls::",
            "compression_params::level: level 23 is out of range: 1 to 22",
            "headers::content-type: is set by the exporter itself",
        ],
    );
}

#[test]
fn credentials_in_urls_are_never_printed() {
    let config = testing::config::<Config>(json!({
        "endpoint": "http://u:hunter2@h:9?api_key=hunter2",
        "traces_endpoint": "http://hunter2@h:9",
        "proxy_url": "http://u:hunter2@p:1",
    }));
    assert_eq!(config.url().expect("a URL").password(), None);
    assert_eq!(config.proxy_url.reveal(), "http://u:hunter2@p:1");
    let printed = serde_json::to_string(&config).unwrap() + &format!("{config:?} {:?}", config.dials());
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(
        printed.contains(r#""endpoint":"http://[REDACTED]@h:9?api_key=[REDACTED]""#)
            && printed.contains(r#""proxy_url":"http://[REDACTED]@p:1""#),
        "{printed}"
    );
}

#[test]
fn configs_of_the_collector_are_read() {
    let config = testing::config::<Config>(json!({
        "endpoint": "https://backend:4318",
        "metrics_endpoint": "https://backend:4318/m",
        "logs_endpoint": "https://backend:4318/l",
        "read_buffer_size": 123,
        "max_idle_conns": 10,
        "idle_conn_timeout": "30s",
        "headers": {"authorization": "Bearer secret"},
    }));
    let dial = Dial {
        endpoint: Endpoint::new("https://backend:4318/v1/traces"),
        protocol: "otlp/http",
    };
    assert_eq!(config.dials(), [dial]);
    let printed = serde_json::to_string(&config).unwrap() + &format!("{config:?}");
    assert!(
        !printed.contains("Bearer") && printed.contains("[REDACTED]"),
        "{printed}"
    );
    assert_eq!(
        <Config as Build<dyn Exporter>>::delivery().timeout,
        Duration::from_secs(30)
    );
}

/// Says who sends, by credentials that were looked up so long ago.
struct Aged {
    age: Duration,
    doubts: AtomicUsize,
}

#[async_trait]
impl Authenticator for Aged {
    fn check(&self, url: &str) -> anyhow::Result<()> {
        anyhow::ensure!(url.ends_with("/v1/traces"), "{url}");
        Ok(())
    }

    async fn authorize(&self, request: Outgoing<'_>) -> anyhow::Result<Instant> {
        assert!(!request.body.is_empty());
        request.headers.insert("authorization", HeaderValue::from_static("me"));
        Ok(Instant::now().checked_sub(self.age).expect("the machine runs longer"))
    }

    fn doubt(&self) {
        self.doubts.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn credentials_that_may_have_expired_are_looked_up_anew() {
    for (status, age, retry, doubts) in [
        (200, 60, false, 0),
        (401, 60, true, 1),
        (403, 60, true, 1),
        (403, 1, false, 1),
        (400, 60, false, 0),
    ] {
        let server = Server::start(move |_| Some(text(status, PROTO, ""))).await;
        let aged = Arc::new(Aged {
            age: Duration::from_secs(age),
            doubts: AtomicUsize::new(0),
        });
        let mut host = testing::host("otlp_http");
        host.authenticators = [("mine".to_owned(), aged.clone() as Arc<dyn Authenticator>)]
            .into_iter()
            .collect();
        let endpoint = format!("http://{}", server.address);
        let config = testing::config::<Config>(json!({"endpoint": endpoint, "auth": {"authenticator": "mine"}}));
        let exporter = config.build(&host).unwrap();
        let result = exporter.export(&batch(1)).await;
        assert_eq!(server.seen()[0].headers["authorization"], "me");
        assert_eq!(
            matches!(result, Err(ExportError::Retry { .. })),
            retry,
            "{status} after {age} s"
        );
        assert_eq!(result.is_ok(), status == 200);
        assert_eq!(aged.doubts.load(Ordering::Relaxed), doubts, "{status}");
    }
}
