//! The way in from another runtime: what is offered is carried on or counted as dropped, and an offer takes no time.

use super::*;

/// A receiver that carries what is offered.
fn taker(source: &crate::pipeline::Source) -> Box<dyn Receiver> {
    let incoming = source.take().expect("not yet taken");
    let run = |inlet, stop| async move {
        incoming.carry(&inlet, stop).await;
        Ok(())
    };
    Box::new(Source { bind: Ok(()), run })
}

/// A feed into one pipeline.
async fn fed(limits: FeedLimits, backend: &Arc<Backend>, delivery: Delivery) -> (Feed, Engine, Numbers) {
    let numbers = Numbers::default();
    let (feed, source) = ::metrics::with_local_recorder(&numbers, || Feed::channel(limits));
    let mut parts = blueprint(vec![(Arc::clone(backend), delivery)], vec![]);
    parts.receivers.push(ReceiverPart {
        id: id("gateway"),
        receiver: taker(&source),
    });
    parts.pipelines[0].receivers = vec![0];
    (feed, Engine::start(parts).await, numbers)
}

/// Spans offered, and dropped for the reasons full, closed and refused.
#[track_caller]
fn check_counts(numbers: &Numbers, offered: u64, dropped: [u64; 3]) {
    let reasons = ["full", "closed", "refused"];
    let counted = reasons.map(|reason| numbers.of(&format!("plano_spans_dropped_total{{reason={reason}}}")) as u64);
    assert_eq!(
        (numbers.of("plano_spans_offered_total{}") as u64, counted),
        (offered, dropped)
    );
}

fn full() -> Result<(), Refused> {
    Err(Refused::retry("too many spans wait for the pipeline"))
}

fn closed() -> Result<(), Refused> {
    Err(Refused::permanent("the pipeline has ended"))
}

/// Batches of one span that nobody takes: how many are let in, and that the others are counted. Outside of any runtime.
fn check_bound(limits: FeedLimits, batches: u64, let_in: u64) {
    let numbers = Numbers::default();
    let (feed, source) = ::metrics::with_local_recorder(&numbers, || Feed::channel(limits));
    for number in 0..batches {
        let expected = if number < let_in { Ok(()) } else { full() };
        assert_eq!(feed.offer(spans([number])), expected, "{limits:?} {number}");
    }
    check_counts(&numbers, batches, [batches - let_in, 0, 0]);
    drop(source);
    check_counts(&numbers, batches, [batches - let_in, let_in, 0]);
    assert_eq!(feed.offer(spans([0])), closed());
    check_counts(&numbers, batches + 1, [batches - let_in, let_in + 1, 0]);
}

#[test]
fn a_full_channel_counts_and_never_blocks() {
    let limits = |batches, bytes| FeedLimits { batches, bytes };
    let one = spans([0]).byte_len();
    check_bound(limits(3, usize::MAX), 5, 3);
    check_bound(limits(100, 4 * one), 10, 4);
    check_bound(limits(100, 4 * one - 1), 10, 3);
    // What is too large for the bound is let in alone.
    check_bound(limits(100, 1), 3, 1);
    check_bound(limits(0, 0), 3, 1);
    check_bound(FeedLimits::default(), 5000, 4096);
}

#[test]
fn an_empty_batch_is_nothing() {
    let numbers = Numbers::default();
    let (feed, source) = ::metrics::with_local_recorder(&numbers, || Feed::channel(FeedLimits::default()));
    drop(source);
    assert_eq!(feed.offer(TraceBatch::default()), Ok(()));
    check_counts(&numbers, 0, [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn room_comes_back_with_what_is_carried_on() {
    let backend = Backend::good();
    let limits = FeedLimits {
        batches: 2,
        bytes: spans([0]).byte_len() * 2,
    };
    let (feed, engine, numbers) = fed(limits, &backend, plain()).await;
    for round in 0..50 {
        let ids = [2 * round, 2 * round + 1];
        assert_eq!(ids.map(|id| feed.offer(spans([id]))), [Ok(()), Ok(())]);
        assert_eq!(feed.offer(spans([1000])), full());
        sleep(feed::GATHER * 2).await;
    }
    check_counts(&numbers, 150, [50, 0, 0]);
    assert_eq!(engine.end().await, 0);
    assert_eq!(backend.delivered(), Vec::from_iter(0..100));
}

#[tokio::test(start_paused = true)]
async fn what_waits_together_goes_on_together() {
    let backend = Backend::good();
    let (feed, engine, numbers) = fed(FeedLimits::default(), &backend, plain()).await;
    assert_eq!(feed.offer(spans([0])), Ok(()));
    sleep(feed::GATHER / 2).await;
    for id in 1..=5 {
        assert_eq!(feed.offer(spans([id])), Ok(()));
    }
    assert_eq!(backend.sizes(), [1], "one alone waits for nobody");
    sleep(feed::GATHER).await;
    assert_eq!(backend.sizes(), [1, 5]);
    assert_eq!(engine.end().await, 0);
    check_counts(&numbers, 6, [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_at_the_end_is_carried_on() {
    let backend = Backend::slow(1);
    let (feed, engine, numbers) = fed(FeedLimits::default(), &backend, Delivery::default()).await;
    // No other task has run between these offers and the end.
    for id in 0..1000 {
        assert_eq!(feed.offer(spans([id])), Ok(()));
    }
    assert_eq!(engine.end().await, 0);
    assert_eq!(backend.delivered(), Vec::from_iter(0..1000));
    check_counts(&numbers, 1000, [0, 0, 0]);
    assert_eq!(feed.offer(spans([0])), closed());
    check_counts(&numbers, 1001, [0, 1, 0]);
}

/// Counts the spans that it sees.
#[derive(Default)]
struct Seen(AtomicUsize);

impl Processor for Seen {
    fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        self.0.fetch_add(batch.span_count(), Ordering::SeqCst);
        Ok(batch)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_measured_passes_the_processors_and_goes_nowhere() {
    let (backend, seen, numbers) = (Backend::good(), Arc::new(Seen::default()), Numbers::default());
    let limits = FeedLimits {
        batches: 2,
        ..FeedLimits::default()
    };
    let (feed, source) = ::metrics::with_local_recorder(&numbers, || Feed::channel(limits));
    let mut parts = blueprint(vec![(Arc::clone(&backend), plain())], vec![]);
    parts.receivers.push(ReceiverPart {
        id: id("gateway"),
        receiver: taker(&source),
    });
    parts.pipelines[0].receivers = vec![0];
    parts.pipelines[0].processors = vec![(id("seen"), Arc::clone(&seen) as Arc<dyn Processor>)];
    let engine = Engine::start(parts).await;
    assert_eq!([feed.measure(spans([1, 2])), feed.offer(spans([3]))], [Ok(()), Ok(())]);
    check_counts(&numbers, 1, [0, 0, 0]);
    // Dropped, it counts: otherwise nobody would know.
    assert_eq!(feed.measure(spans([4])), full());
    check_counts(&numbers, 2, [1, 0, 0]);
    assert_eq!(engine.end().await, 0);
    assert_eq!((seen.0.load(Ordering::SeqCst), backend.delivered()), (3, vec![3]));
}

#[tokio::test(start_paused = true)]
async fn who_offers_may_end_first() {
    let backend = Backend::good();
    let (feed, engine, _numbers) = fed(FeedLimits::default(), &backend, plain()).await;
    assert_eq!(feed.clone().offer(spans([7])), Ok(()));
    drop(feed);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(engine.end().await, 0, "the pipeline ran until it was stopped");
    assert_eq!(backend.delivered(), [7]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_exporter_slows_no_offer() {
    let backend = Backend::slow(100_000);
    let mut delivery = plain();
    delivery.sending_queue.queue_size = 1;
    let (feed, engine, numbers) = fed(FeedLimits::default(), &backend, delivery).await;
    let start = Instant::now();
    for id in 0..4000 {
        assert_eq!(feed.offer(spans([id])), Ok(()));
        tokio::task::yield_now().await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    sleep(feed::GATHER * 2).await;
    // The first is under way and fills the queue.
    check_counts(&numbers, 4000, [0, 0, 3999]);
    assert_eq!(engine.numbers.of("receiver_accepted_spans{receiver=gateway}"), 1.0);
    assert_eq!(engine.end().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_is_taken_once() {
    let (feed, source) = Feed::channel(FeedLimits::default());
    let incoming = source.clone().take();
    assert!(incoming.is_some() && source.take().is_none());
    assert_eq!(feed.offer(spans([1])), Ok(()));
    drop(incoming);
    assert_eq!(feed.offer(spans([2])), closed());
}
