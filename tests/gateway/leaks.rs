//! Ten thousand streams whose clients go away: the process is as small and as idle as before.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::{
    CHAT, CHUNKS,
    front::{Front, Setup},
    support::until,
    wire::{Act, Wire, chunk},
};

const STREAMS: usize = 10_000;
/// Streams until the allocator's caches and the exporter's buffers have their size.
const WARM_UP: usize = 2_000;
const AT_A_TIME: usize = 50;

/// Reads a stream until its first words are there, then is gone.
pub(super) async fn abort(port: u16, model: &str) {
    let body = format!(r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"Hi"}}]}}"#);
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut got = Vec::new();
    while !got.windows(3).any(|word| word == b"Hel") {
        assert_ne!(
            stream.read_buf(&mut got).await.expect("a stream"),
            0,
            "{}",
            String::from_utf8_lossy(&got)
        );
    }
}

async fn abort_many(port: u16, streams: usize) {
    let (mut tasks, left) = (JoinSet::new(), Arc::new(std::sync::atomic::AtomicUsize::new(streams)));
    for _ in 0..AT_A_TIME {
        let left = Arc::clone(&left);
        tasks.spawn(async move {
            let order = std::sync::atomic::Ordering::Relaxed;
            while left.try_update(order, order, |left| left.checked_sub(1)).is_ok() {
                abort(port, "openai/endless").await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no client failed");
    }
}

/// Memory of its own in KiB, and open files.
fn size(front: &Front) -> (usize, usize) {
    let process = format!("/proc/{}", front.gateway.id());
    let status = fs::read_to_string(format!("{process}/status")).expect("a process");
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .expect("a size");
    let kib = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    (kib, fs::read_dir(format!("{process}/fd")).expect("a process").count())
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_streams_that_are_given_up_leave_nothing() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let first = [
        head.as_bytes(),
        &chunk(CHUNKS[0].as_bytes()),
        &chunk(CHUNKS[1].as_bytes()),
    ]
    .concat();
    let wire = Wire::start(vec![("endless", vec![Act::Write(first), Act::Hang])]).await;
    let mut front = Setup::any_model(wire.address, "timeout: 300s").start();
    let settled = async |front: &mut Front| {
        until("every call upstream has ended", || wire.open() == 0).await;
        front.is_sound().await;
        front.sink.forget();
        // Spans are on their way for a moment.
        tokio::time::sleep(Duration::from_secs(1)).await;
        front.sink.forget();
        size(front)
    };
    abort_many(front.client.port, WARM_UP).await;
    let (memory, files) = settled(&mut front).await;
    let started = Instant::now();
    abort_many(front.client.port, STREAMS).await;
    let (more, more_files) = settled(&mut front).await;
    let grown = more.saturating_sub(memory);
    let told = format!(
        "{memory} and {more} KiB, {files} and {more_files} files, {:?}",
        started.elapsed()
    );
    // A task with its buffers that was left behind by every stream would show as 50 MiB and more.
    assert!(grown < 24 << 10, "{told}");
    assert!(more_files <= files + 5, "{told}");
    let cancelled = front
        .metric("plano_llm_upstream_requests_total", &["client_cancelled"])
        .await;
    assert_eq!(cancelled, (STREAMS + WARM_UP) as f64, "{told}");
    println!("{told}");
}
