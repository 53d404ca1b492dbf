//! Tests of the config: what is on, what is refused and where, what it listens on, what a port in use says.

use super::*;
use crate::receivers::RECEIVERS;

/// This receiver's entry in the table.
fn this() -> &'static crate::pipeline::Factory<dyn crate::pipeline::Receiver> {
    let mut entries = RECEIVERS.iter();
    entries
        .find(|factory| factory.kind == "otlp")
        .expect("it is in the table")
}

/// The faults of a config, `path: reason`, or where and why it cannot be read.
fn faults(config: serde_json::Value) -> String {
    match (this().parse)(&config) {
        Err(error) => format!("{}: {}", error.path(), error.inner()),
        Ok(parsed) => {
            let faults = parsed.validate().into_iter();
            faults
                .map(|fault| format!("{}: {}", fault.path, fault.reason))
                .collect::<Vec<_>>()
                .join("\n")
        }
    }
}

fn check(config: serde_json::Value, expected: &str) {
    let found = faults(config.clone());
    if expected.is_empty() {
        assert_eq!(found, "", "{config}");
    }
    assert!(found.contains(expected), "{config}: {found:?} lacks {expected:?}");
}

#[test]
fn what_is_refused() {
    let none = ": must specify at least one protocol when using the OTLP receiver";
    check(json!(null), none);
    check(json!({}), none);
    check(json!({"protocols": {}}), none);
    check(json!({"protocols": {"grpc": {"enabled": false}}}), none);
    check(json!({"protocols": {"grpc": null}}), "");
    check(json!({"protocols": {"grpc": {}, "http": null}}), "");
    check(
        json!({"protocols": {"grpc": {"endpont": "x"}}}),
        "protocols.grpc.endpont: unknown field `endpont`",
    );
    check(json!({"protocols": {"thrift": {}}}), "unknown field `thrift`");
}

#[test]
fn what_is_refused_of_grpc() {
    for (grpc, expected) in [
        (
            json!({"endpoint": ""}),
            "grpc::endpoint: requires a non-empty \"endpoint\"",
        ),
        (
            json!({"endpoint": "localhost"}),
            "grpc::endpoint: \"localhost\" has no port",
        ),
        (
            json!({"transport": "unix"}),
            "grpc::transport: unsupported transport \"unix\"; only \"tcp\"",
        ),
        (
            json!({"include_metadata": true}),
            "grpc::include_metadata: client metadata is not carried",
        ),
        (
            json!({"auth": {"authenticator": "x"}}),
            "grpc::auth: authenticators are not supported here yet",
        ),
        (
            json!({"tls": {"cert_file": "x"}}),
            "grpc::tls::key_file: a certificate needs its key",
        ),
        (
            json!({"max_connections": 0}),
            "grpc::max_connections: must be at least 1",
        ),
        (
            json!({"keepalive": {"server_parameters": {"time": "1x"}}}),
            "invalid duration \"1x\"",
        ),
        (json!({"keepalive": null}), "invalid type: null"),
    ] {
        check(json!({"protocols": {"grpc": grpc}}), expected);
    }
}

#[test]
fn what_is_refused_of_http() {
    for (http, expected) in [
        (
            json!({"traces_url_path": "v1"}),
            "http::traces_url_path: must start with a slash",
        ),
        (
            json!({"compression_algorithms": ["gzip", "snappy"]}),
            "unsupported algorithm \"snappy\"",
        ),
        (
            json!({"response_headers": {"a b": "x"}}),
            "http::response_headers::a b: is no valid header",
        ),
        (
            json!({"cors": {"allowed_origin": []}}),
            "unknown field `allowed_origin`",
        ),
        (
            json!({"tls": {"min_version": "1.0"}}),
            "unsupported TLS version \"1.0\"",
        ),
    ] {
        check(json!({"protocols": {"http": http}}), expected);
    }
}

#[test]
fn printing_reads_back_the_same() {
    for config in [
        json!({"protocols": {"grpc": null}}),
        json!({"protocols": {"http": {"endpoint": "localhost:9", "cors": {"allowed_origins": ["*"]}}, "grpc": {}}}),
    ] {
        let first: Config = serde_json::from_value(config).unwrap();
        let printed = serde_json::to_value(&first).unwrap();
        let second: Config = serde_json::from_value(printed.clone()).unwrap();
        assert_eq!(serde_json::to_value(&second).unwrap(), printed);
        assert_eq!(first.protocols.http.is_some(), second.protocols.http.is_some());
    }
    let printed = serde_json::to_value(Config::default()).unwrap();
    assert_eq!(printed, json!({"protocols": {}}));
}

#[test]
fn endpoints_follow_the_default_host() {
    let config = json!({"protocols": {"grpc": null, "http": {"endpoint": "10.0.0.1:80"}}});
    let parsed = (this().parse)(&config).unwrap_or_else(|_| panic!("valid"));
    for (default_host, expected) in [
        ("localhost", "localhost:4317"),
        ("0.0.0.0", "0.0.0.0:4317"),
        ("::", "[::]:4317"),
    ] {
        let host = Host {
            default_host: default_host.to_owned(),
            ..host()
        };
        let found: Vec<_> = parsed
            .listens(&host)
            .into_iter()
            .map(|listen| (listen.endpoint, listen.protocol))
            .collect();
        assert_eq!(
            found,
            [
                (expected.to_owned(), "otlp/grpc"),
                ("10.0.0.1:80".to_owned(), "otlp/http")
            ]
        );
    }
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_line() {
    let taken = listen::bind("localhost:0").await.unwrap();
    let endpoint = format!("localhost:{}", taken.local_addr().unwrap().port());
    let config: Config = serde_json::from_value(json!({"protocols": {"grpc": {"endpoint": endpoint}}})).unwrap();
    let error = config.build(&host()).unwrap().bind().await.unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        format!("cannot listen on \"{endpoint}\": address already in use")
    );
}

#[test]
fn a_missing_certificate_ends_the_start() {
    let tls = json!({"cert_file": "/nonexistent.pem", "key_file": "/nonexistent.key"});
    let config: Config = serde_json::from_value(json!({"protocols": {"http": {"tls": tls}}})).unwrap();
    let error = format!("{:#}", config.build(&host()).err().expect("no certificate"));
    assert!(
        error.starts_with("protocols::http::tls: cannot read cert_file"),
        "{error}"
    );
}
