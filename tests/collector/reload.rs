//! SIGHUP with real processes: what is running stays until the new config can run, and what was written stays written.

use std::{fs, net::TcpListener, time::Duration};

use super::{
    Plan, QUICK, Running, grpc_to,
    support::{
        client::Client,
        process::{Signal, free_port},
        sink::{Mood, Sink},
        spans::{request, span},
        until,
    },
};

const READY: &str = "Everything is ready. Begin running and processing data.";

impl Running {
    /// Puts another config in the place of the one that it read.
    fn rewrite(&self, plan: &Plan) {
        self.folder.write(&plan.config(self.metrics));
    }

    async fn send(&self, number: u32) {
        let body = request(vec![span(number, &format!("span {number}"))]);
        assert_eq!(self.http.post_proto(&body).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_keeps_what_was_written_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traces.jsonl");
    fs::write(&path, "of another process\n").expect("written");
    let mut plan = Plan::to(vec![format!("file: {{path: '{}'}}", path.display())]);
    plan.ports = Some([free_port(), free_port()]);
    let mut running = plan.start();
    for number in 1..=3 {
        running.send(number).await;
        running.collector.signal(Signal::HUP);
        running.collector.wait_for(READY);
    }
    running.send(4).await;
    running.stop();
    let text = fs::read_to_string(&path).expect("text");
    assert_eq!(text.lines().count(), 4, "{text}");
    for (number, line) in (1..).zip(text.lines()) {
        assert!(line.contains(&format!("\"span {number}\"")), "{text}");
    }
}

/// A config that cannot start is told, and the one before goes on as if nothing had been asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_that_cannot_start_stops_nothing() {
    let sink = Sink::start();
    sink.set(Mood::Refuse);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("bound").port();
    let [grpc, http] = [free_port(), free_port()];
    let plan = |ports, exporter: &str| {
        let mut plan = Plan::to(vec![grpc_to(&sink, QUICK), exporter.to_owned()]);
        plan.ports = Some(ports);
        plan
    };
    let mut running = plan([grpc, http], "debug: {}").start();
    running.send(1).await;
    for (ports, exporter, expected) in [
        ([grpc, taken], "debug: {}", format!("127.0.0.1:{taken}")),
        ([grpc, grpc], "debug: {}", format!("127.0.0.1:{grpc}")),
        (
            [grpc, http],
            "file: {path: /proc/no/such.jsonl}",
            "/proc/no/such.jsonl".to_owned(),
        ),
        (
            [grpc, http],
            "otlp_http: {endpoint: 'https://localhost', tls: {ca_file: /no/such.pem}}",
            "/no/such.pem".to_owned(),
        ),
    ] {
        running.rewrite(&plan(ports, exporter));
        running.collector.signal(Signal::HUP);
        const TOLD: &str = "the new config cannot start, the old one keeps running";
        running.collector.wait_for(TOLD);
        let log = running.collector.log();
        // An exporter that tries again may have said so since.
        let told = log.lines().rev().find(|line| line.contains(TOLD)).unwrap_or_default();
        assert!(told.contains(&expected), "{expected}: {told}");
    }
    running.send(2).await;
    assert_eq!(running.metric("otelcol_exporter_queue_size", &["otlp_grpc"]).await, 2.0);
    sink.set(Mood::Accept);
    until("it arrives", || sink.spans().len() == 2).await;
    let log = running.collector.log();
    assert!(!log.contains("draining"), "{log}");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_during_the_change_is_not_forgotten() {
    let sink = Sink::start();
    sink.set(Mood::Refuse);
    let plan = |http| {
        let mut plan = Plan::to(vec![grpc_to(&sink, QUICK)]);
        plan.ports = Some([free_port(), http]);
        plan
    };
    let mut running = plan(free_port()).start();
    running.send(1).await;
    running.collector.signal(Signal::HUP);
    running.collector.wait_for("draining");
    let moved = free_port();
    running.rewrite(&plan(moved));
    running.collector.signal(Signal::HUP);
    // Time for the signal to come before the change is over.
    tokio::time::sleep(Duration::from_millis(100)).await;
    sink.set(Mood::Accept);
    running.collector.wait_for(READY);
    running.collector.wait_for(READY);
    running.http = Client::to(moved);
    running.send(2).await;
    until("both arrive", || sink.spans().len() == 2).await;
    running.stop();
}
