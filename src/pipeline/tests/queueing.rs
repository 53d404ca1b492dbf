//! Queues: what is merged, when it is sent, when there is no room, and how several exporters get all or nothing.

use futures_util::FutureExt;

use super::{
    queue::{QueueBatch, Sizer},
    *,
};

/// Sends requests of these sizes at once; the requests that come out, by size, and when the last one came, in ms.
async fn check(batch: QueueBatch, max_request_bytes: usize, requests: &[u64], expected: &[usize], at: u128) {
    let backend = Backend::good();
    let mut delivery = Delivery {
        max_request_bytes,
        ..Delivery::default()
    };
    delivery.sending_queue.batch = batch.clone();
    delivery.sending_queue.num_consumers = 1;
    let engine = Engine::with(&backend, delivery).await;
    let start = Instant::now();
    let mut next = 0;
    for size in requests {
        engine.inlet.offer(spans(next..next + size)).expect("there is room");
        next += size;
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(backend.sizes(), expected, "{batch:?} {requests:?}");
    let last = backend
        .got
        .lock()
        .unwrap()
        .last()
        .map(|(when, _)| (*when - start).as_millis());
    assert_eq!(last, Some(at), "{batch:?} {requests:?}");
    assert_eq!(backend.delivered(), Vec::from_iter(0..next), "each span once");
    assert_eq!(engine.numbers.of("exporter_queue_size{exporter=a}"), 0.0);
    assert_eq!(engine.end().await, 0);
}

fn batch(sizer: Sizer, min_size: usize, max_size: usize) -> QueueBatch {
    QueueBatch {
        sizer,
        min_size,
        max_size,
        ..QueueBatch::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_span_arrives_within_the_flush_timeout() {
    check(QueueBatch::default(), 0, &[1], &[1], 200).await;
}

#[tokio::test(start_paused = true)]
async fn requests_merge_whole() {
    let at_once = 0;
    check(batch(Sizer::Items, 10, 0), 0, &[4, 4, 4], &[12], at_once).await;
    check(batch(Sizer::Items, 10, 10), 0, &[4, 4, 4], &[8, 4], 200).await;
    check(batch(Sizer::Requests, 2, 2), 0, &[4, 4, 4], &[8, 4], 200).await;
    let one = spans(0..4).byte_len();
    check(batch(Sizer::Bytes, 2 * one, 0), 0, &[4, 4], &[8], at_once).await;
    check(batch(Sizer::Bytes, 1, 2 * one), 0, &[4, 4], &[4, 4], at_once).await;
}

#[tokio::test(start_paused = true)]
async fn no_batching_sends_each_by_itself() {
    let off = QueueBatch {
        enabled: false,
        ..QueueBatch::default()
    };
    check(off, 0, &[3, 3], &[3, 3], 0).await;
    let no_wait = QueueBatch {
        flush_timeout: Duration::ZERO,
        ..QueueBatch::default()
    };
    check(no_wait, 0, &[3, 3], &[6], 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_split_and_nothing_dropped() {
    check(batch(Sizer::Items, 4, 4), 0, &[10], &[4, 4, 2], 0).await;
    let of_four = spans(0..4).byte_len();
    check(batch(Sizer::Items, 1000, 0), of_four, &[8], &[4, 4], 0).await;
    // One span that is larger than a request may be goes alone.
    check(batch(Sizer::Items, 1000, 0), 10, &[3], &[1, 1, 1], 0).await;
}

#[tokio::test(start_paused = true)]
async fn merging_keeps_below_the_largest_request() {
    let of_four = spans(0..4).byte_len();
    check(batch(Sizer::Items, 1000, 0), 2 * of_four, &[4, 4, 4], &[8, 4], 200).await;
}

/// Offers requests of four spans to a dead exporter until one is refused; how many were let in.
async fn check_bound(sizer: Sizer, queue_size: usize, expected: usize) {
    let backend = Backend::dead();
    let mut delivery = Delivery::default();
    delivery.sending_queue.sizer = sizer;
    delivery.sending_queue.queue_size = queue_size;
    let engine = Engine::with(&backend, delivery).await;
    let mut accepted = 0;
    let refused = loop {
        match engine.inlet.offer(spans(0..4)) {
            Ok(()) => accepted += 1,
            Err(refused) => break refused,
        }
        sleep(Duration::from_secs(1)).await;
    };
    assert_eq!(refused, Refused::retry("sending queue is full"));
    assert_eq!(accepted, expected, "{sizer:?} {queue_size}");
    let of = |name: &str| engine.numbers.of(name);
    assert_eq!(of("exporter_queue_capacity{exporter=a}"), queue_size as f64);
    assert_eq!(of("exporter_enqueue_failed_spans{exporter=a}"), 4.0);
    assert_eq!(of("receiver_accepted_spans{receiver=test}"), 4.0 * accepted as f64);
    assert_eq!(of("receiver_refused_spans{receiver=test}"), 4.0);
    assert_eq!(engine.end().await, 4 * accepted, "what is left is counted");
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_and_what_is_under_way_counts() {
    check_bound(Sizer::Requests, 3, 3).await;
    check_bound(Sizer::Items, 12, 3).await;
    check_bound(Sizer::Items, 15, 3).await;
    check_bound(Sizer::Bytes, 5 * spans(0..4).byte_len() - 1, 4).await;
    // Larger than the whole queue: let in when the queue is empty, not refused for ever.
    check_bound(Sizer::Items, 2, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_sender_may_wait_for_room() {
    let backend = Backend::slow(2);
    let mut delivery = plain();
    delivery.sending_queue.queue_size = 1;
    delivery.sending_queue.block_on_overflow = true;
    let engine = Engine::with(&backend, delivery).await;
    let start = Instant::now();
    for request in 0..3 {
        engine.inlet.send(spans([request])).await.expect("there will be room");
    }
    assert_eq!(start.elapsed(), Duration::from_secs(4));
    assert!(engine.inlet.offer(spans([9])).is_err(), "an offer never waits");
    let waiting = tokio::time::timeout(Duration::from_secs(1), engine.inlet.send(spans([9])));
    assert!(waiting.await.is_err(), "still waiting");
    assert_eq!(engine.end().await, 0);
    assert_eq!(backend.delivered(), [0, 1, 2], "who went away has left nothing");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_is_told_of_the_end() {
    let backend = Backend::dead();
    let mut delivery = plain();
    delivery.sending_queue.queue_size = 1;
    delivery.sending_queue.block_on_overflow = true;
    let engine = Engine::with(&backend, delivery).await;
    engine.inlet.send(spans([0])).await.expect("there is room");
    let inlet = engine.inlet.clone();
    let (answer, unsent) = tokio::join!(inlet.send(spans([1])), engine.end());
    assert_eq!((answer, unsent), (Err(Refused::retry("shutting down")), 1));
    assert_eq!(inlet.offer(spans([2])), Err(Refused::retry("shutting down")));
}

#[tokio::test(start_paused = true)]
async fn all_exporters_or_none() {
    let (fast, dead) = (Backend::good(), Backend::dead());
    let mut small = plain();
    small.sending_queue.queue_size = 2;
    let engine = Engine::start(blueprint(
        vec![(Arc::clone(&fast), plain()), (Arc::clone(&dead), small)],
        vec![],
    ))
    .await;
    let mut accepted = Vec::new();
    for request in 0..10 {
        if engine.inlet.send(spans([request])).await.is_ok() {
            accepted.push(request);
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(accepted, [0, 1]);
    assert_eq!(fast.delivered(), accepted, "a refused request went nowhere");
    assert_eq!(
        engine.numbers.of("exporter_queue_size{exporter=a}"),
        0.0,
        "reserved room was given back"
    );
    assert_eq!(engine.end().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dead_exporter_does_not_hold_up_the_others() {
    let (fast, dead) = (Backend::good(), Backend::slow(1_000_000));
    let engine = Engine::start(blueprint(
        vec![(Arc::clone(&dead), plain()), (Arc::clone(&fast), plain())],
        vec![],
    ))
    .await;
    let start = Instant::now();
    for request in 0..100 {
        engine.inlet.send(spans([request])).await.expect("there is room");
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(fast.delivered(), Vec::from_iter(0..100));
    assert!(start.elapsed() < Duration::from_millis(10));
    assert_eq!(
        dead.most_at_once.load(Ordering::SeqCst),
        10,
        "as many as there are consumers"
    );
    assert_eq!(engine.end().await, 100);
}

#[tokio::test(start_paused = true)]
async fn two_pipelines_with_processors_of_their_own() {
    let (one, two) = (Backend::good(), Backend::good());
    let mut parts = blueprint(
        vec![(Arc::clone(&one), plain()), (Arc::clone(&two), plain())],
        vec![Arc::new(Step(|_| Ok(TraceBatch::default())))],
    );
    parts.pipelines[0].exporters = vec![0];
    parts.pipelines.push(PipelinePart {
        name: "traces/second".to_owned(),
        receivers: vec![],
        processors: vec![],
        exporters: vec![1],
    });
    let engine = Engine::start(parts).await;
    engine.inlet.send(spans(0..3)).await.expect("there is room");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        (one.attempts(), two.delivered()),
        (0, vec![0, 1, 2]),
        "an empty batch is not sent"
    );
    assert_eq!(engine.numbers.of("processor_incoming_items{processor=step}"), 3.0);
    assert_eq!(engine.numbers.of("processor_outgoing_items{processor=step}"), 0.0);
    assert_eq!(engine.numbers.of("exporter_queue_size{exporter=a}"), 0.0);
    assert_eq!(engine.end().await, 0);
}

#[tokio::test(start_paused = true)]
async fn transports_are_counted_apart() {
    let engine = Engine::with(&Backend::good(), plain()).await;
    let grpc = engine.inlet.transport("grpc");
    grpc.send(spans(0..3)).await.expect("there is room");
    grpc.refused(2);
    engine
        .inlet
        .transport("http")
        .offer(spans(0..4))
        .expect("there is room");
    engine
        .inlet
        .transport("carrier pigeon")
        .offer(spans(0..5))
        .expect("there is room");
    engine.inlet.send(TraceBatch::default()).await.expect("nothing is fine");
    for (labels, accepted, refused) in [
        ("receiver=test,transport=grpc", 3.0, 2.0),
        ("receiver=test,transport=http", 4.0, 0.0),
        ("receiver=test", 5.0, 0.0),
    ] {
        let of = |name: &str| engine.numbers.of(&format!("receiver_{name}_spans{{{labels}}}"));
        assert_eq!((of("accepted"), of("refused")), (accepted, refused), "{labels}");
    }
    assert_eq!(engine.end().await, 0);
}

#[tokio::test(start_paused = true)]
async fn pipelines_that_share_a_small_queue_fit_into_it() {
    for (sizer, queue_size) in [(Sizer::Requests, 1), (Sizer::Items, 5), (Sizer::Items, 1)] {
        let backend = Backend::slow(1);
        let mut delivery = plain();
        delivery.sending_queue.sizer = sizer;
        delivery.sending_queue.queue_size = queue_size;
        delivery.sending_queue.block_on_overflow = true;
        let mut parts = blueprint(vec![(Arc::clone(&backend), delivery)], vec![]);
        parts.pipelines.push(PipelinePart {
            name: "traces/second".to_owned(),
            receivers: vec![],
            processors: vec![],
            exporters: vec![0],
        });
        let engine = Engine::start(parts).await;
        for _ in 0..3 {
            let sent = tokio::time::timeout(Duration::from_secs(60), engine.inlet.send(spans(0..3)));
            sent.await.expect("it does not hang").expect("there is room in time");
        }
        assert_eq!(engine.end().await, 0);
        assert_eq!(backend.delivered().len(), 18, "each batch through both pipelines");
    }
}

/// Real threads and real time: senders that race with each other, with consumers, and with their own cancellation.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_is_lost_between_threads() {
    let backend = Backend::new(|attempt, _| (Duration::from_micros(attempt as u64 % 3 * 50), Ok(())));
    let mut delivery = Delivery::default();
    delivery.sending_queue.queue_size = 8;
    delivery.sending_queue.block_on_overflow = true;
    delivery.sending_queue.batch.min_size = 3;
    delivery.sending_queue.batch.flush_timeout = Duration::from_millis(1);
    let engine = Engine::with(&backend, delivery).await;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8_u64 {
        let inlet = engine.inlet.clone();
        senders.spawn(async move {
            for request in 0..300 {
                let span = sender * 1000 + request;
                // One look, then gone: where it would have waited, nothing went in and no room is left taken.
                let first = inlet.send(spans([span])).now_or_never();
                match first {
                    Some(sent) => sent.expect("it is open"),
                    None => inlet.send(spans([span])).await.expect("there will be room"),
                }
            }
        });
    }
    let all = async {
        while let Some(sender) = senders.join_next().await {
            sender.expect("no panic")
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("nothing hangs");
    let numbers = engine.numbers.clone();
    assert_eq!(engine.end().await, 0);
    let expected = (0..8).flat_map(|sender| (0..300).map(move |request| sender * 1000 + request));
    assert!(backend.delivered() == Vec::from_iter(expected), "each span once");
    assert_eq!(numbers.of("exporter_queue_size{exporter=a}"), 0.0);
}
