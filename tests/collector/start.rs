//! A start that cannot succeed ends with one clear line and exit code 1.

use std::net::TcpListener;

use super::{
    Plan,
    support::process::{Collector, Folder, free_port, run},
};

fn check(config: &str, expected: &[&str]) {
    let folder = Folder::new();
    let (code, log) = Collector::start(&folder.write(config), &[]).end();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| !line.contains(" INFO ") && !line.contains(" WARN "))
        .collect();
    assert_eq!((code, lines.len()), (Some(1), 1), "{log}");
    for words in expected {
        assert!(lines[0].contains(words), "{words:?} is not in {log}");
    }
}

#[test]
fn a_taken_port() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let config = Plan::to(vec!["debug: {}".to_owned()]).config(free_port());
    for part in ["grpc: {endpoint: '", "http: {endpoint: '", "health_check: {endpoint: '"] {
        let config = config.replace(&format!("{part}127.0.0.1:0"), &format!("{part}{address}"));
        check(&config, &[&address, "already in use"]);
    }
}

#[test]
fn a_file_that_cannot_be_written() {
    let folder = Folder::new();
    let within = folder.0.path().join("missing/traces.jsonl").display().to_string();
    let directory = folder.0.path().display().to_string();
    for path in [within, directory, "/proc/traces.jsonl".to_owned()] {
        check(
            &Plan::to(vec![format!("file: {{path: '{path}'}}")]).config(free_port()),
            &[&path],
        );
    }
}

#[test]
fn a_config_that_cannot_be_read() {
    let folder = Folder::new();
    let directory = folder.0.path().display().to_string();
    let binary = folder.0.path().join("binary.yaml");
    std::fs::write(&binary, [0xff, 0xfe, 0, 1]).expect("written");
    for path in ["/no/such.yaml", &directory, &binary.display().to_string()] {
        let output = run(&["--config", path]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
        assert!(text.contains(path), "{text}");
    }
}

#[test]
fn certificates_that_are_missing_or_broken() {
    let folder = Folder::new();
    let broken = folder.write("no certificate").display().to_string();
    for path in ["/no/such.pem", &broken] {
        let config = Plan::to(vec!["debug: {}".to_owned()]).config(free_port());
        let tls = format!("grpc: {{tls: {{cert_file: '{path}', key_file: '{path}'}}, ");
        check(&config.replace("grpc: {", &tls), &[path]);
    }
}
