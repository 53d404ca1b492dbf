//! Start, failure and end: who is named when something cannot start, what ends a run, what a drain saves.

use super::*;

/// One request to a backend, then the end after a tenth of a second: spans unsent, and how long the end took.
async fn check_drain(backend: Arc<Backend>, requests: u64, unsent: usize, seconds: f64) {
    let engine = Engine::with(&backend, Delivery::default()).await;
    for request in 0..requests {
        engine.inlet.send(spans([request])).await.expect("there is room");
    }
    sleep(Duration::from_millis(100)).await;
    let (start, health, inlet) = (Instant::now(), engine.health.clone(), engine.inlet.clone());
    let numbers = engine.numbers.clone();
    assert_eq!(engine.end().await, unsent);
    let took = start.elapsed().as_secs_f64();
    assert!((took - seconds).abs() < 0.01, "took {took} s, expected {seconds}");
    assert_eq!(health.state(), State::Draining);
    assert_eq!(backend.closed.load(Ordering::SeqCst), 1);
    assert_eq!(numbers.of("exporter_send_failed_spans{exporter=a}"), unsent as f64);
    assert_eq!(backend.delivered().len(), requests as usize - unsent);
    assert_eq!(inlet.send(spans([0])).await, Err(Refused::retry("shutting down")));
}

#[tokio::test(start_paused = true)]
async fn a_drain_flushes_at_once() {
    check_drain(Backend::good(), 5, 0, 0.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_a_slow_backend() {
    check_drain(Backend::slow(3), 5, 0, 3.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_with_a_dead_backend_ends_at_the_deadline() {
    check_drain(Backend::dead(), 5, 5, 10.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_tries_again_before_the_deadline() {
    let wakes_up = |attempt, _: &_| (Duration::ZERO, if attempt < 5 { Err(unavailable()) } else { Ok(()) });
    check_drain(Backend::new(wakes_up), 1, 0, 5.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_counts_what_is_refused_for_good() {
    check_drain(Backend::new(|_, _| (Duration::ZERO, Err(invalid()))), 4, 4, 0.0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_parked_gets_its_chance_at_the_end() {
    let once = |attempt, _: &_| (Duration::ZERO, if attempt == 0 { Err(unavailable()) } else { Ok(()) });
    let backend = Backend::new(once);
    let mut delivery = plain();
    delivery.retry_on_failure.initial_interval = Duration::from_secs(1000);
    delivery.retry_on_failure.max_elapsed_time = Duration::ZERO;
    let engine = Engine::with(&backend, delivery).await;
    engine.inlet.send(spans([1])).await.expect("there is room");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(engine.end().await, 0);
    assert_eq!(backend.delivered(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_cuts_the_drain() {
    let engine = Engine::with(&Backend::slow(4), plain()).await;
    engine.inlet.send(spans(0..7)).await.expect("there is room");
    let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
    stop.cancel();
    let start = Instant::now();
    let cut = async {
        sleep(Duration::from_secs(1)).await;
        abort.cancel();
    };
    let (drained, ()) = tokio::join!(engine.running.until(stop, abort.clone()), cut);
    assert_eq!(drained.expect("no failure").unsent, [("a".to_owned(), 7)]);
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

fn with_receiver<F, R>(backend: &Arc<Backend>, bind: Result<(), &'static str>, run: F) -> Blueprint
where
    F: FnOnce(Inlet, CancellationToken) -> R + Send + 'static,
    R: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let mut parts = blueprint(vec![(Arc::clone(backend), Delivery::default())], vec![]);
    parts.receivers.push(ReceiverPart {
        id: id("otlp"),
        receiver: Box::new(Source { bind, run }),
    });
    parts.pipelines[0].receivers = vec![0];
    parts
}

/// What ends a run whose receiver sends one span and then does this; the span must have arrived.
async fn check_failure<R>(then: fn() -> R, expected: &str)
where
    R: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let backend = Backend::good();
    let parts = with_receiver(&backend, Ok(()), move |inlet, _stop| async move {
        inlet.send(spans([3])).await?;
        then().await
    });
    let engine = Engine::start(parts).await;
    let never = CancellationToken::new();
    let failure = engine.running.until(never.clone(), never).await.expect_err("it failed");
    assert_eq!(format!("{failure:#}"), expected);
    assert_eq!(backend.delivered(), [3], "the drain came first");
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_ends_the_run_after_a_drain() {
    check_failure(
        || async { anyhow::bail!("lost its socket") },
        "receiver \"otlp\": lost its socket",
    )
    .await;
    check_failure(|| async { panic!("a fault") }, "receiver \"otlp\": panicked: a fault").await;
    check_failure(|| async { Ok(()) }, "receiver \"otlp\": ended before it was asked to").await;
}

#[tokio::test(start_paused = true)]
async fn receivers_finish_what_is_in_flight() {
    let backend = Backend::good();
    let parts = with_receiver(&backend, Ok(()), |inlet, stop| async move {
        stop.cancelled().await;
        sleep(Duration::from_secs(2)).await;
        inlet.send(spans([1])).await?;
        Ok(())
    });
    let engine = Engine::start(parts).await;
    assert_eq!(engine.running.addresses()[0].1[0].port(), 4317);
    assert_eq!(engine.end().await, 0);
    assert_eq!(backend.delivered(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_never_ends_does_not_take_the_queues_time() {
    let backend = Backend::slow(4);
    let parts = with_receiver(&backend, Ok(()), |inlet, _stop| async move {
        inlet.send(spans([1])).await?;
        std::future::pending().await
    });
    let engine = Engine::start(parts).await;
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert_eq!(engine.end().await, 0);
    assert_eq!(backend.delivered(), [1]);
    assert!(start.elapsed() <= Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_names_the_component_and_leaves_nothing() {
    let backend = Backend::good();
    let fault = "listen on 127.0.0.1:4317: address already in use";
    let parts = with_receiver(&backend, Err(fault), |_, _| async { Ok(()) });
    let health = Health::new();
    let failure = Running::start(parts, health.clone()).await.err().expect("it fails");
    assert_eq!(
        format!("{failure:#}"),
        "receiver \"otlp\": listen on 127.0.0.1:4317: address already in use"
    );
    assert_eq!(backend.closed.load(Ordering::SeqCst), 1);
    assert_eq!(health.state(), State::Starting);
}

struct Unopened;

#[async_trait]
impl Exporter for Unopened {
    async fn open(&self) -> anyhow::Result<()> {
        anyhow::bail!("no such directory")
    }
    async fn export(&self, _batch: &TraceBatch) -> Result<(), ExportError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_cannot_open_ends_the_start() {
    let backend = Backend::good();
    let mut parts = blueprint(vec![(Arc::clone(&backend), plain())], vec![]);
    parts.exporters.push(ExporterPart {
        id: id("file"),
        exporter: Arc::new(Unopened),
        delivery: plain(),
    });
    let failure = Running::start(parts, Health::new()).await.err().expect("it fails");
    assert_eq!(format!("{failure:#}"), "exporter \"file\": no such directory");
    assert_eq!(backend.closed.load(Ordering::SeqCst), 1, "what was opened is closed");
}

#[tokio::test(start_paused = true)]
async fn a_processor_that_panics_fails_one_request() {
    let backend = Backend::good();
    let faulty = Step(|batch: TraceBatch| {
        assert_ne!(ids(&batch), [1], "a fault in the processor");
        Ok(batch)
    });
    let engine = Engine::start(blueprint(vec![(Arc::clone(&backend), plain())], vec![Arc::new(faulty)])).await;
    let refused = Refused::permanent("processor \"step\" failed on this request");
    assert_eq!(engine.inlet.send(spans([1])).await, Err(refused.clone()));
    assert_eq!(engine.inlet.offer(spans([1])), Err(refused));
    assert_eq!(engine.inlet.send(spans([2])).await, Ok(()));
    assert_eq!(engine.numbers.of("receiver_refused_spans{receiver=test}"), 2.0);
    assert_eq!(engine.end().await, 0);
    assert_eq!(backend.delivered(), [2]);
}

struct Sampled(AtomicUsize);

impl Processor for Sampled {
    fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        Ok(batch)
    }
    fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        if bytes > 100 {
            Err(Refused::retry("too much"))
        } else {
            Ok(Admission::default())
        }
    }
    fn interval(&self) -> Option<Duration> {
        Some(Duration::from_secs(2))
    }
    fn tick(&self, vitals: &Vitals) {
        assert!(vitals.rss_bytes > 0);
        if self.0.fetch_add(1, Ordering::SeqCst) == 1 {
            panic!("a fault at an interval");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn processors_are_told_of_memory_and_asked_for_admission() {
    let sampled = Arc::new(Sampled(AtomicUsize::new(0)));
    let engine = Engine::start(blueprint(
        vec![(Backend::good(), plain())],
        vec![Arc::clone(&sampled) as Arc<dyn Processor>],
    ))
    .await;
    assert_eq!(sampled.0.load(Ordering::SeqCst), 1, "before the first request");
    sleep(Duration::from_secs(9)).await;
    assert_eq!(
        sampled.0.load(Ordering::SeqCst),
        5,
        "and once in each interval, whatever happens"
    );
    assert!(engine.inlet.admit(100).is_ok());
    assert_eq!(engine.inlet.admit(101).err(), Some(Refused::retry("too much")));
    assert_eq!(
        engine
            .numbers
            .of("plano_receiver_refused_requests_total{receiver=test}"),
        1.0
    );
    engine.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_process_may_start_and_stop_many_times() {
    let (backend, health) = (Backend::good(), Health::new());
    for round in 0..3 {
        let parts = with_receiver(&backend, Ok(()), move |inlet, stop| async move {
            inlet.send(spans([round])).await?;
            stop.cancelled().await;
            Ok(())
        });
        let running = Running::start(parts, health.clone()).await.expect("it starts");
        assert_eq!(health.state(), State::Ready);
        sleep(Duration::from_millis(1)).await;
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(
            running
                .until(stop.clone(), CancellationToken::new())
                .await
                .expect("no failure"),
            Drained::default()
        );
    }
    assert_eq!(backend.delivered(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn busy_is_not_stuck() {
    let mut delivery = plain();
    delivery.sending_queue.num_consumers = 1;
    delivery.timeout = Duration::ZERO;
    let engine = Engine::with(&Backend::slow(1000), delivery).await;
    for request in 0..3 {
        engine.inlet.send(spans([request])).await.expect("there is room");
    }
    sleep(Duration::from_secs(100)).await;
    assert_eq!(engine.health.state(), State::Ready, "its only consumer is at work");
    assert_eq!(engine.end().await, 3);
}

#[tokio::test(start_paused = true)]
async fn work_that_nobody_takes_is_stuck() {
    let mut engine = Engine::with(&Backend::good(), Delivery::default()).await;
    engine.running.consumers.abort_all();
    while engine.running.consumers.join_next().await.is_some() {}
    sleep(Duration::from_secs(100)).await;
    assert_eq!(engine.health.state(), State::Ready, "there is nothing to do");
    engine.inlet.send(spans([1])).await.expect("there is room");
    sleep(Duration::from_secs(30)).await;
    assert_eq!(engine.health.state(), State::Ready, "not yet");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(engine.health.state(), State::Stuck);
}
