//! Tests of the TLS settings: real handshakes over an in-memory pipe, mutual TLS, versions, reloading, faults.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

/// An authority with a certificate for `name`, written as `ca.pem`, `NAME.pem` and `NAME.key`.
fn write_pair(directory: &Path, name: &str) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    std::fs::write(directory.join(format!("{name}.ca")), authority.pem()).unwrap();
    std::fs::write(directory.join(format!("{name}.pem")), leaf.pem()).unwrap();
    std::fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

fn path(directory: &Path, name: &str) -> Option<String> {
    Some(directory.join(name).to_str().unwrap().to_owned())
}

fn server(directory: &Path) -> ServerTls {
    ServerTls {
        cert_file: path(directory, "localhost.pem"),
        key_file: path(directory, "localhost.key"),
        ..ServerTls::default()
    }
}

fn client(directory: &Path) -> ClientTls {
    ClientTls {
        ca_file: path(directory, "localhost.ca"),
        ..ClientTls::default()
    }
}

/// One handshake and one byte each way; the ALPN name, or what failed.
async fn talk(server: &TlsServer, client: &ClientTls) -> Result<String, String> {
    let (near, far) = duplex(64 << 10);
    let acceptor = TlsAcceptor::from(server.config());
    let connector = TlsConnector::from(client.client(ALPN_H2_HTTP1).unwrap().expect("TLS"));
    let name = client.server_name("localhost").unwrap();
    let serve = async {
        let mut stream = acceptor.accept(far).await?;
        stream.write_all(b"!").await?;
        stream.shutdown().await
    };
    let call = async {
        let mut stream = connector.connect(name, near).await?;
        stream.read_u8().await?;
        Ok::<_, std::io::Error>(stream.get_ref().1.alpn_protocol().unwrap_or_default().to_vec())
    };
    let (served, called) = tokio::join!(serve, call);
    served.map_err(|error| format!("server: {error}"))?;
    called
        .map(|name| String::from_utf8(name).unwrap())
        .map_err(|error| format!("client: {error}"))
}

async fn check(server: &ServerTls, client: &ClientTls, expected: Result<&str, &str>) {
    let found = talk(&server.server(ALPN_H2).unwrap().expect("enabled"), client).await;
    match (&found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
        _ => panic!("{found:?}, expected {expected:?}"),
    }
}

#[tokio::test]
async fn handshakes() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write_pair(directory, "localhost");
    write_pair(directory, "stranger");
    let (server, client) = (server(directory), client(directory));
    check(&server, &client, Ok("h2")).await;

    let pem = |name: &str| Some(Secret::new(std::fs::read_to_string(directory.join(name)).unwrap()));
    let inline = ServerTls {
        cert_pem: pem("localhost.pem"),
        key_pem: pem("localhost.key"),
        ..ServerTls::default()
    };
    let inline_client = ClientTls {
        ca_pem: pem("localhost.ca"),
        ..ClientTls::default()
    };
    check(&inline, &inline_client, Ok("h2")).await;

    let stranger = ClientTls {
        ca_file: path(directory, "stranger.ca"),
        ..ClientTls::default()
    };
    check(&server, &stranger, Err("server: received fatal alert")).await;
    let credulous = ClientTls {
        insecure_skip_verify: true,
        ..stranger
    };
    check(&server, &credulous, Ok("h2")).await;

    let misnamed = ClientTls {
        server_name_override: Some("other.example".to_owned()),
        ..client.clone()
    };
    check(&server, &misnamed, Err("BadCertificate")).await;

    let modern = ServerTls {
        min_version: Version::Tls13,
        ..server.clone()
    };
    check(&modern, &client, Ok("h2")).await;
    let old = ClientTls {
        max_version: Version::Tls12,
        ..client.clone()
    };
    check(&server, &old, Ok("h2")).await;
    check(&modern, &old, Err("server: ")).await;
}

#[tokio::test]
async fn mutual() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write_pair(directory, "localhost");
    write_pair(directory, "caller");
    write_pair(directory, "stranger");
    let server = ServerTls {
        client_ca_file: path(directory, "caller.ca"),
        ..server(directory)
    };
    let anonymous = client(directory);
    check(&server, &anonymous, Err("peer sent no certificates")).await;
    let with = |name: &str| ClientTls {
        cert_file: path(directory, &format!("{name}.pem")),
        key_file: path(directory, &format!("{name}.key")),
        ..anonymous.clone()
    };
    check(&server, &with("caller"), Ok("h2")).await;
    check(&server, &with("stranger"), Err("invalid peer certificate")).await;
}

#[tokio::test]
async fn reloads_and_keeps_the_old_one_when_the_new_one_is_bad() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write_pair(directory, "localhost");
    let first = client(directory);
    let first = ClientTls {
        ca_pem: Some(Secret::new(
            std::fs::read_to_string(directory.join("localhost.ca")).unwrap(),
        )),
        ca_file: None,
        ..first
    };
    let settings = ServerTls {
        reload_interval: Duration::from_nanos(1),
        ..server(directory)
    };
    let server = settings.server(ALPN_H2).unwrap().expect("enabled");
    talk(&server, &first).await.unwrap();

    std::fs::write(directory.join("localhost.pem"), "no certificate").unwrap();
    talk(&server, &first).await.unwrap();

    write_pair(directory, "localhost");
    talk(&server, &first).await.unwrap_err();
    talk(&server, &client(directory)).await.unwrap();
}

#[tokio::test]
async fn a_reload_keeps_asking_for_client_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write_pair(directory, "localhost");
    write_pair(directory, "caller");
    for client_ca_file_reload in [true, false] {
        let settings = ServerTls {
            client_ca_file: path(directory, "caller.ca"),
            client_ca_file_reload,
            reload_interval: Duration::from_nanos(1),
            ..server(directory)
        };
        let server = settings.server(ALPN_H2).unwrap().expect("enabled");
        let error = talk(&server, &client(directory)).await.unwrap_err();
        assert!(error.contains("peer sent no certificates"), "{error}");
    }
}

fn check_server_fault(yaml: serde_json::Value, expected: &str) {
    let text = match serde_json::from_value::<ServerTls>(yaml) {
        Err(error) => error.to_string(),
        Ok(settings) => match settings.faults().as_slice() {
            [] => match settings.server(ALPN_H2) {
                Ok(Some(_)) => "fine".to_owned(),
                Ok(None) => "off".to_owned(),
                Err(error) => format!("{error:#}"),
            },
            faults => format!("{faults:?}"),
        },
    };
    assert!(text.contains(expected), "{text:?} lacks {expected:?}");
}

#[test]
fn server_faults() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write_pair(directory, "localhost");
    write_pair(directory, "other");
    let json = |text: &str| {
        let text = text.replace("DIR", directory.to_str().unwrap());
        serde_json::from_str(&text).unwrap()
    };
    for (settings, expected) in [
        (r#"{}"#, "needs a certificate: set cert_file and key_file"),
        (r#"{"enabled": false}"#, "off"),
        (r#"{"cert_file": "DIR/localhost.pem"}"#, "set key_file or key_pem"),
        (r#"{"key_file": "DIR/localhost.key"}"#, "set cert_file or cert_pem"),
        (
            r#"{"cert_file": "DIR/localhost.pem", "key_file": "DIR/localhost.key"}"#,
            "fine",
        ),
        (
            r#"{"cert_file": "DIR/localhost.pem", "key_file": "DIR/localhost.key", "client_ca_file": ""}"#,
            "fine",
        ),
        (
            r#"{"cert_file": "DIR/missing", "key_file": "DIR/localhost.key"}"#,
            "DIR/missing",
        ),
        (
            r#"{"cert_file": "DIR/localhost.key", "key_file": "DIR/localhost.key"}"#,
            "holds no PEM certificate",
        ),
        (
            r#"{"cert_file": "DIR/localhost.pem", "key_file": "DIR/localhost.pem"}"#,
            "holds no PEM private key",
        ),
        (
            r#"{"cert_file": "DIR/localhost.pem", "key_file": "DIR/other.key"}"#,
            "does not fit",
        ),
        (
            r#"{"cert_file": "a", "cert_pem": "b", "key_file": "c"}"#,
            "set one of cert_file or cert_pem, not both",
        ),
        (
            r#"{"min_version": "1.3", "max_version": "1.2"}"#,
            "must not be above max_version",
        ),
        (
            r#"{"min_version": "1.1"}"#,
            r#"unsupported TLS version "1.1"; use "1.2" or "1.3""#,
        ),
        (
            r#"{"min_version": 1.2, "cert_file": "DIR/localhost.pem", "key_file": "DIR/localhost.key"}"#,
            "fine",
        ),
        (r#"{"cert": "x"}"#, "unknown field `cert`"),
    ] {
        check_server_fault(json(settings), &expected.replace("DIR", directory.to_str().unwrap()));
    }
}

#[test]
fn client_settings() {
    assert!(
        ClientTls {
            insecure: true,
            ..ClientTls::default()
        }
        .client(ALPN_H2)
        .unwrap()
        .is_none()
    );
    let missing = ClientTls {
        ca_file: Some("/nonexistent/ca.pem".to_owned()),
        ..ClientTls::default()
    };
    let error = format!("{:#}", missing.client(ALPN_H2).unwrap_err());
    assert!(
        error.contains("cannot read ca_file or ca_pem \"/nonexistent/ca.pem\""),
        "{error}"
    );
    assert_eq!(
        ClientTls {
            cert_file: Some("x".to_owned()),
            ..ClientTls::default()
        }
        .faults()[0]
            .0,
        "key_file"
    );
    for host in ["localhost", "10.0.0.1", "[::1]", "::1", "otel.example.com"] {
        ClientTls::default().server_name(host).unwrap();
    }
    ClientTls::default().server_name("not a host").unwrap_err();
}

#[test]
fn nothing_secret_is_printed() {
    let settings = ServerTls {
        key_pem: Some(Secret::new("very private")),
        ..ServerTls::default()
    };
    let printed = format!("{settings:?} {}", serde_json::to_string(&settings).unwrap());
    assert!(
        !printed.contains("very private") && printed.contains("[REDACTED]"),
        "{printed}"
    );
    assert!(printed.contains(r#""min_version":"1.2""#), "{printed}");
}
