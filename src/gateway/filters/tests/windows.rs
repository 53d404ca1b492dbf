//! Streams through chains: windows by size and by time, what may come back, and what a failure in the midst comes to.

use futures_util::future::poll_fn;

use super::*;
use crate::gateway::exchange::Api;

fn event(text: &str) -> String {
    format!("data: {{\"text\":\"{text}\"}}\n\n")
}

/// A chain of one filter with that window.
fn windows(filter: Filter, duration: Duration, size: usize) -> Windows {
    let window = Window { duration, size };
    let filters = made(&[Filter { window, ..filter }]);
    Windows::new(&filters, &[0], envelope(), Api::Chat).expect("a chain")
}

const LONG: Duration = Duration::from_secs(60);

async fn next(windows: &mut Windows) -> Option<Out> {
    let next = poll_fn(|task| windows.poll(task));
    tokio::time::timeout(Duration::from_secs(10), next)
        .await
        .expect("in time")
}

/// Everything that comes out of these events, which all are there at once, and why it ended early.
async fn through(windows: &mut Windows, events: &[String]) -> (String, Option<Rejected>) {
    let (mut out, mut source) = (Vec::new(), events.iter());
    loop {
        while windows.wants_more() {
            match source.next() {
                Some(event) => windows.push(event.clone().into()),
                None => windows.end(),
            }
        }
        match next(windows).await {
            Some(Out::Events(events)) => out.extend_from_slice(&events),
            Some(Out::Refused(event, rejected)) => {
                out.extend_from_slice(&event);
                assert_eq!(next(windows).await, None, "nothing comes after a refusal");
                return (String::from_utf8(out).expect("text"), Some(rejected));
            }
            None => return (String::from_utf8(out).expect("text"), None),
        }
    }
}

fn ten() -> Vec<String> {
    let mut events: Vec<String> = (0..10).map(|number| event(&number.to_string())).collect();
    events.push("data: [DONE]\n\n".to_owned());
    events
}

#[tokio::test]
async fn windows_by_size_are_whole_events_and_no_larger() {
    let fake = Fake::start(|seen| Reply::new(200, seen.text().replace("text", "said"))).await;
    let size = 3 * event("0").len() + 5;
    let mut windows = windows(http_filter("pii", &fake.url()), LONG, size);
    let (out, rejected) = through(&mut windows, &ten()).await;
    assert_eq!((out, rejected), (ten().concat().replace("text", "said"), None));
    let seen = fake.seen();
    assert_eq!(seen.len(), 4);
    for request in &seen {
        assert!(request.body.len() <= size && request.text().ends_with("\n\n"));
        assert_eq!(request.header("content-type"), Some("text/event-stream"));
        assert_eq!(request.header("x-plano-filter-direction"), Some("output"));
        assert_eq!(request.header("traceparent"), seen[0].header("traceparent"));
    }
    let steps = windows.steps();
    let total = ten().concat().len() as u64;
    assert_eq!(steps.len(), 1, "one span for the whole stream");
    assert_eq!(
        (steps[0].request_size, steps[0].response_size, steps[0].outcome),
        (total, Some(total), Some(FilterOutcome::Changed))
    );
    let own = steps[0].span_id;
    assert!(
        seen[0]
            .header("traceparent")
            .expect("a trace")
            .contains(&own.to_string())
    );
}

#[tokio::test]
async fn a_window_is_due_after_its_time() {
    let fake = Fake::start(|_| Reply::new(204, "")).await;
    let wait = Duration::from_millis(150);
    let mut windows = windows(http_filter("pii", &fake.url()), wait, 1 << 20);
    for text in ["a", "b"] {
        let begun = Instant::now();
        windows.push(event(text).into());
        // More is on its way, but not here: the stream is open.
        assert_eq!(next(&mut windows).await, Some(Out::Events(event(text).into())));
        let took = begun.elapsed();
        assert!(took >= wait && took < Duration::from_secs(5), "{took:?}");
    }
    windows.push(event("c").into());
    windows.end();
    let begun = Instant::now();
    assert_eq!(next(&mut windows).await, Some(Out::Events(event("c").into())));
    assert!(begun.elapsed() < wait, "the end waits for nothing");
    assert_eq!(next(&mut windows).await, None);
    assert_eq!(fake.seen().len(), 3);
    assert_eq!(windows.steps()[0].outcome, Some(FilterOutcome::Passed));
}

#[tokio::test]
async fn no_more_than_the_window_is_held_back() {
    let fake = Fake::start(|_| Reply::hang()).await;
    let size = 100;
    let mut windows = windows(http_filter("pii", &fake.url()), Duration::from_millis(1), size);
    let mut held = 0;
    // The first goes into the chain, and stays there.
    windows.push(event("first").into());
    held += event("first").len();
    tokio::select! {
        out = next(&mut windows) => panic!("{out:?}"),
        () = fake.until_under_way(1) => {}
    }
    while windows.wants_more() {
        assert!(held < size, "{held}");
        windows.push(event("more").into());
        held += event("more").len();
    }
    assert!(held < size + event("more").len());
    // A client that goes away ends the call.
    let before = windows.steps();
    assert_eq!((before.len(), before[0].end), (1, None));
    drop(windows);
    fake.until_under_way(0).await;
}

/// What a window's answer comes to, where the filter may not fail and where it may.
async fn check_failure(reply: Reply, status: u16, message: &str) {
    let fake = Fake::start(move |_| reply.clone()).await;
    let mut filter = http_filter("pii", &fake.url());
    filter.timeout = Duration::from_millis(300);
    let (out, rejected) = through(&mut windows(filter.clone(), LONG, 60), &ten()).await;
    let rejected = rejected.expect(message);
    let message = format!("filter pii failed: {message}");
    assert_eq!((rejected.status.as_u16(), &rejected.message), (status, &message));
    let told: Value = serde_json::from_str(out.trim().strip_prefix("data: ").expect("an event")).expect("JSON");
    assert_eq!(told["error"]["message"], message);

    filter.on_failure = OnFailure::Pass;
    let mut windows = windows(filter, LONG, 60);
    let (out, rejected) = through(&mut windows, &ten()).await;
    assert_eq!((out, rejected), (ten().concat(), None));
    assert_eq!(windows.steps()[0].outcome, Some(FilterOutcome::Failed));
    if status == 504 {
        assert_eq!(
            fake.seen().len(),
            2,
            "one that timed out is asked no more in that stream"
        );
    }
}

#[tokio::test]
async fn what_is_no_stream_of_events_is_a_failure() {
    let no_json = "an event of its answer has data that is neither JSON nor [DONE]";
    let no_end = "its answer does not end with a whole event and a blank line";
    check_failure(Reply::new(200, "data: {\"a\"\n\n"), 502, no_json).await;
    check_failure(Reply::new(200, "data: {}\n\ndata: words\n\n"), 502, no_json).await;
    check_failure(Reply::new(200, "data: {}\n\ndata: {}\n"), 502, no_end).await;
    check_failure(Reply::new(200, "{\"a\": 1}"), 502, no_end).await;
    check_failure(Reply::new(500, ""), 502, "it answered with status 500").await;
    check_failure(Reply::hang(), 504, "no answer within 300ms").await;
}

#[tokio::test]
async fn comments_may_take_the_place_of_events() {
    let fake = Fake::start(|_| Reply::new(200, ": nothing\n\n\n")).await;
    let mut windows = windows(http_filter("pii", &fake.url()), LONG, 1 << 20);
    let (out, rejected) = through(&mut windows, &ten()).await;
    assert_eq!((out.as_str(), rejected), (": nothing\n\n\n", None));
}

#[tokio::test]
async fn a_refusal_in_the_midst_ends_the_stream_in_the_clients_words() {
    let fake = Fake::start(|seen| match seen.text().contains('4') {
        true => Reply::new(403, r#"{"detail": "that was a four"}"#),
        false => Reply::new(204, ""),
    })
    .await;
    let size = 2 * event("0").len();
    let filters = made(&[Filter {
        window: Window { duration: LONG, size },
        ..http_filter("pii", &fake.url())
    }]);
    let mut windows = Windows::new(&filters, &[0], envelope(), Api::Messages).expect("a chain");
    let (out, rejected) = through(&mut windows, &ten()).await;
    let rejected = rejected.expect("refused");
    assert_eq!(
        (rejected.status, rejected.fault.kind),
        (StatusCode::FORBIDDEN, ErrorType::FilterRejected)
    );
    let (before, error) = out.split_once("event: error\n").expect("an error event");
    assert_eq!(before, ten()[..4].concat());
    assert!(
        error.contains("that was a four") && error.contains("permission_error"),
        "{error}"
    );
    assert_eq!(windows.steps()[0].outcome, Some(FilterOutcome::Rejected));
    assert!(!windows.wants_more());
    assert!(Windows::new(&filters, &[], envelope(), Api::Chat).is_none());
}
