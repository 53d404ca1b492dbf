//! Tests of listening, over real sockets on loopback: time-outs fire, the cap holds, TLS is served, the end is graceful.

use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Empty, Full};
use tokio::{io::AsyncWriteExt, sync::Notify, task::JoinSet};

use super::*;
use crate::net::tls::{ALPN_H2_HTTP1, ClientTls, ServerTls};

const SOON: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    async fn stopped(mut self) {
        self.stop.cancel();
        timeout(SOON, self.tasks.join_next()).await.expect("serve ends");
    }
}

async fn start<S: Service>(settings: Settings, tls: Option<TlsServer>, service: S) -> Running {
    let listener = bind("localhost:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener, settings, tls, service, stop.clone()));
    Running { address, stop, tasks }
}

async fn hello(request: Request<Incoming>, peer: Peer) -> Response<Full<Bytes>> {
    assert!(peer.address.ip().is_loopback());
    let version = request.version();
    let body = request
        .into_body()
        .collect()
        .await
        .map_or(0, |body| body.to_bytes().len());
    Response::new(Full::from(format!("{version:?} {body}")))
}

/// Sends bytes and returns all that comes back until the server closes.
async fn talk(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is a close too.
    let _ = timeout(SOON, stream.read_to_end(&mut answer))
        .await
        .expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn http2(address: SocketAddr, tasks: &mut JoinSet<()>) -> hyper::client::conn::http2::SendRequest<Empty<Bytes>> {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
    tasks.spawn(async move {
        let _ = connection.await;
    });
    sender
}

fn get() -> Request<Empty<Bytes>> {
    Request::get("http://localhost/").body(Empty::new()).unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[test]
fn endpoints() {
    for (endpoint, expected) in [
        ("localhost:4317", Ok(("localhost", 4317))),
        ("0.0.0.0:0", Ok(("0.0.0.0", 0))),
        ("[::1]:80", Ok(("::1", 80))),
        (":80", Ok(("", 80))),
        ("localhost", Err("has no port")),
        ("localhost:", Err("is no port")),
        ("localhost:99999", Err("is no port")),
        ("http://localhost:80", Err("is no host")),
        ("::1:80", Err("is no host")),
        ("[x]:80", Err("is no host")),
        ("http://u:PW@h:80", Err("\"http://[REDACTED]@h:80\" is no host")),
    ] {
        match (split_endpoint(endpoint), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{endpoint}: {found:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn binding() {
    let taken = bind("localhost:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    assert!(address.is_ipv4());
    let error = bind(&format!("localhost:{}", address.port())).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on \"localhost:{}\": address already in use",
            address.port()
        )
    );
    let error = bind("nowhere").await.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot listen on \"nowhere\": \"nowhere\" has no port"),
        "{error}"
    );
    let error = bind("203.0.113.7:0").await.unwrap_err().to_string();
    assert!(
        error.contains("no interface of this machine has that address"),
        "{error}"
    );
}

#[tokio::test]
async fn both_versions_on_one_port() {
    let server = start(Settings::default(), None, hello).await;
    let answer = talk(
        server.address,
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.ends_with("HTTP/1.1 0"), "{answer}");
    let answer = talk(
        server.address,
        b"PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab",
    )
    .await;
    assert!(answer.ends_with("HTTP/1.1 2"), "{answer}");
    let mut tasks = JoinSet::new();
    let mut sender = http2(server.address, &mut tasks).await;
    assert_eq!(text(sender.send_request(get()).await.unwrap()).await, "HTTP/2.0 0");
    server.stopped().await;
}

#[tokio::test]
async fn slow_and_silent_peers_are_cut() {
    let settings = Settings {
        header_read_timeout: Duration::from_millis(50),
        ..Settings::default()
    };
    let server = start(settings, None, hello).await;
    for start in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "GET / HTTP/1.1\r\nhost:",
        "GET / HTTP/1.1\r\nhost: x\r\nx-slow: 1",
    ] {
        let answer = talk(server.address, start.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{start:?}: {answer}"
        );
    }
    server.stopped().await;
}

#[tokio::test]
async fn a_header_that_drips_is_cut() {
    let settings = Settings {
        header_read_timeout: Duration::from_millis(80),
        ..Settings::default()
    };
    let server = start(settings, None, hello).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let drip = async {
        while stream.write_all(b"x-slow: 1\r\n").await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, drip).await.expect("the server closes");
    server.stopped().await;
}

#[tokio::test]
async fn garbage_and_huge_heads_are_refused() {
    let server = start(Settings::default(), None, hello).await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
    ] {
        let answer = talk(server.address, garbage).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let huge = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(100_000));
    let answer = talk(server.address, huge.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    // Preface, then no frame that HTTP/2 knows.
    let answer = talk(server.address, &[PREFACE, &[0xff; 64]].concat()).await;
    assert!(!answer.contains("HTTP/1"), "{answer}");
    server.stopped().await;
}

#[tokio::test]
async fn at_the_cap_the_next_one_waits() {
    let settings = Settings {
        max_connections: 1,
        ..Settings::default()
    };
    let server = start(settings, None, hello).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    timeout(Duration::from_millis(50), second.read_to_end(&mut answer))
        .await
        .expect_err("no slot is free");
    drop(first);
    timeout(SOON, second.read_to_end(&mut answer))
        .await
        .expect("a slot is free")
        .unwrap();
    assert!(answer.ends_with(b"HTTP/1.1 0"));
    server.stopped().await;
}

#[tokio::test]
async fn idle_and_old_connections_end() {
    let short = Some(Duration::from_millis(30));
    for settings in [
        Settings {
            idle_timeout: short,
            ..Settings::default()
        },
        Settings {
            max_age: short,
            max_age_grace: short,
            ..Settings::default()
        },
    ] {
        let server = start(settings, None, hello).await;
        let mut tasks = JoinSet::new();
        let mut sender = http2(server.address, &mut tasks).await;
        sender.send_request(get()).await.unwrap();
        timeout(SOON, tasks.join_next()).await.expect("the server says goodbye");
        server.stopped().await;
    }
}

#[tokio::test]
async fn requests_in_flight_finish_and_new_connections_are_refused() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begun_there, go_there) = (Arc::clone(&begun), Arc::clone(&go));
    let service = move |_: Request<Incoming>, _: Peer| {
        let (begun, go) = (Arc::clone(&begun_there), Arc::clone(&go_there));
        async move {
            begun.notify_one();
            go.notified().await;
            Response::new(Full::from("done"))
        }
    };
    let mut server = start(Settings::default(), None, service).await;
    let mut tasks = JoinSet::new();
    let mut sender = http2(server.address, &mut tasks).await;
    let answer = sender.send_request(get());
    let end = async {
        begun.notified().await;
        server.stop.cancel();
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go.notify_one();
    };
    let (answer, ()) = tokio::join!(answer, end);
    assert_eq!(text(answer.unwrap()).await, "done");
    timeout(SOON, server.tasks.join_next()).await.expect("serve ends");
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let alive = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&alive);
    let service = move |_: Request<Incoming>, _: Peer| {
        let counter = Arc::clone(&counter);
        async move {
            struct Held(Arc<AtomicUsize>);
            impl Drop for Held {
                fn drop(&mut self) {
                    self.0.fetch_sub(1, Ordering::SeqCst);
                }
            }
            counter.fetch_add(1, Ordering::SeqCst);
            let _held = Held(counter);
            std::future::pending::<Response<Full<Bytes>>>().await
        }
    };
    let settings = Settings {
        grace: Duration::from_millis(50),
        ..Settings::default()
    };
    let server = start(settings, None, service).await;
    let mut tasks = JoinSet::new();
    let mut sender = http2(server.address, &mut tasks).await;
    tasks.spawn(async move {
        sender.send_request(get()).await.unwrap_err();
    });
    let address = server.address;
    tasks.spawn(async move {
        talk(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    });
    while alive.load(Ordering::SeqCst) < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    server.stopped().await;
    assert_eq!(alive.load(Ordering::SeqCst), 0, "no task outlives the call");
}

#[tokio::test]
async fn tls_is_served_and_plain_text_is_not() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let settings = ServerTls {
        cert_pem: Some(crate::values::Secret::new(key.cert.pem())),
        key_pem: Some(crate::values::Secret::new(key.signing_key.serialize_pem())),
        ..ServerTls::default()
    };
    let tls = settings.server(ALPN_H2_HTTP1).unwrap();
    let limits = Settings {
        header_read_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let server = start(limits, tls, hello).await;

    let client = ClientTls {
        ca_pem: settings.cert_pem.clone(),
        ..ClientTls::default()
    };
    let connector = tokio_rustls::TlsConnector::from(client.client(&[b"h2"]).unwrap().expect("TLS"));
    let stream = TcpStream::connect(server.address).await.unwrap();
    let stream = connector
        .connect(client.server_name("localhost").unwrap(), stream)
        .await
        .unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream))
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _ = connection.await;
    });
    assert_eq!(text(sender.send_request(get()).await.unwrap()).await, "HTTP/2.0 0");

    let answer = talk(server.address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(!answer.contains("HTTP/1.1 0"), "{answer}");
    // A handshake that never comes is cut.
    assert_eq!(talk(server.address, b"").await, "");
    drop(sender);
    server.stopped().await;
}
