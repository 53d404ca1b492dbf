//! W3C Trace Context through the real program: what comes in, what the provider sees, and which trace the spans belong to.

use serde_json::json;

use super::{
    CHAT, Script, completion,
    front::{Front, Setup, Trace, hex},
    model::{Asked, Model},
};

const ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// What the trace is to the caller's.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Goes {
    /// It is the same.
    On,
    /// It is a new one, without the caller's state.
    Anew,
}

/// Header lines of a request, and what becomes of them.
struct Case<'a> {
    traceparent: &'a [&'a str],
    tracestate: &'a [&'a str],
    goes: Goes,
    /// The flags that the provider gets.
    flags: &'a str,
    /// The state that the provider gets.
    state: &'a str,
    recorded: bool,
}

/// Sends a request with those header lines; gives what the provider got, and the request's trace where there shall be one.
async fn ask(front: &Front, model: &Model, case: &Case<'_>) -> (Asked, Trace) {
    let asked_before = model.asked().len();
    front.sink.forget();
    let mut headers: Vec<(&str, &str)> = case.traceparent.iter().map(|line| ("traceparent", *line)).collect();
    headers.extend(case.tracestate.iter().map(|line| ("tracestate", *line)));
    let reply = front
        .ask(CHAT, &headers, &json!({"model": "openai/m", "messages": []}))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let trace = front.trace(if case.recorded { 4 } else { 0 }).await;
    (model.asked()[asked_before].clone(), trace)
}

async fn check(front: &Front, model: &Model, case: Case<'_>) {
    let name = format!("{:?} {:?}", case.traceparent, case.tracestate);
    let offered = async || front.metric("plano_spans_offered_total", &[]).await;
    let before = offered().await;
    let (asked, trace) = ask(front, model, &case).await;
    assert_eq!(
        offered().await - before,
        if case.recorded { 4.0 } else { 0.0 },
        "{name}"
    );
    assert_eq!(asked.headers.get_all("traceparent").iter().count(), 1, "{name}");
    let sent = asked.header("traceparent");
    let parts: Vec<&str> = sent.split('-').collect();
    let [version, id, parent, flags] = parts[..] else {
        panic!("{name}: {sent}")
    };
    assert_eq!((version, flags, sent.len()), ("00", case.flags, 55), "{name}: {sent}");
    assert_eq!(id == ID, case.goes == Goes::On, "{name}: {sent}");
    assert!(parent != SPAN && parent != "0000000000000000", "{name}: {sent}");
    let states: Vec<&str> = asked
        .headers
        .get_all("tracestate")
        .iter()
        .map(|line| line.to_str().expect("text"))
        .collect();
    assert_eq!(states.join(","), case.state, "{name}");
    if !case.recorded {
        return;
    }
    let inbound = &trace["plano(inbound)"][0];
    let expected = if case.goes == Goes::On { SPAN } else { "" };
    assert_eq!(hex(&inbound.parent_span_id), expected, "{name}");
    assert_eq!(hex(&trace["plano(handoff)"][0].span_id), parent, "{name}");
    for span in trace.values().flatten() {
        assert_eq!(span.trace_state, case.state, "{name}: {}", span.name);
        assert_eq!(format!("{:02x}", span.flags & 0xff), flags, "{name}: {}", span.name);
    }
}

fn start(sampling: u8) -> (Model, Front) {
    let model = Model::start(Script::json(200, &completion()));
    let mut setup = Setup::any_model(model.address, "timeout: 5s");
    setup.sampling = sampling;
    (model, setup.start())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_trace_goes_on() {
    let (model, mut front) = start(100);
    for (flags, sent) in [
        ("01", "01"),
        ("00", "00"),
        ("02", "02"),
        ("03", "03"),
        ("ff", "03"),
        ("08", "00"),
    ] {
        let line = format!("00-{ID}-{SPAN}-{flags}");
        let traceparent = &[line.as_str()][..];
        let (goes, tracestate, state) = (Goes::On, &["a=1"][..], "a=1");
        check(
            &front,
            &model,
            Case {
                traceparent,
                tracestate,
                goes,
                flags: sent,
                state,
                recorded: sent != "00" && sent != "02",
            },
        )
        .await;
    }
    for later in [format!("cc-{ID}-{SPAN}-01"), format!("01-{ID}-{SPAN}-01-more.of-it")] {
        let traceparent = &[later.as_str()][..];
        check(
            &front,
            &model,
            Case {
                traceparent,
                tracestate: &[],
                goes: Goes::On,
                flags: "01",
                state: "",
                recorded: true,
            },
        )
        .await;
    }
    front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_parent_starts_a_trace() {
    let (model, mut front) = start(100);
    let good = format!("00-{ID}-{SPAN}-01");
    let malformed = [
        vec![],
        vec![String::new()],
        vec![good.clone(), good.clone()],
        vec![good.clone(), "x".to_owned()],
        vec![format!("{good},{good}")],
        vec![good.to_ascii_uppercase()],
        vec![format!("{good}-")],
        vec![format!("{good}.")],
        vec![good[..54].to_owned()],
        vec![format!("ff-{ID}-{SPAN}-01")],
        vec![format!("cc-{ID}-{SPAN}-01.more")],
        vec![format!("00-{}-{SPAN}-01", "0".repeat(32))],
        vec![format!("00-{ID}-{}-01", "0".repeat(16))],
        vec![format!("00-{ID}-{SPAN}-1")],
        vec![format!("00-{ID}-{SPAN}-0x")],
        vec![format!("00_{ID}_{SPAN}_01")],
    ];
    for lines in &malformed {
        let traceparent: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (traceparent, tracestate) = (&traceparent[..], &["a=1", "b=2"][..]);
        check(
            &front,
            &model,
            Case {
                traceparent,
                tracestate,
                goes: Goes::Anew,
                flags: "03",
                state: "",
                recorded: true,
            },
        )
        .await;
    }
    front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_goes_on_unchanged_or_not_at_all() {
    let (model, mut front) = start(100);
    let good = format!("00-{ID}-{SPAN}-01");
    let members = |count: usize| {
        (0..count)
            .map(|number| format!("k{number}=v"))
            .collect::<Vec<String>>()
            .join(",")
    };
    let (full, over) = (members(32), members(33));
    let long = format!("a={}", "v".repeat(257));
    for (tracestate, state) in [
        (
            &["congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"][..],
            "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
        ),
        (&["a=1", "b=2", "c=3"], "a=1,b=2,c=3"),
        (&["a=1 \t,\t b=2"], "a=1,b=2"),
        (&["", "a=1,,", ","], "a=1"),
        (&["tenant@vendor=a b!~"], "tenant@vendor=a b!~"),
        (&[full.as_str()], full.as_str()),
        (&[over.as_str()], ""),
        (&["a=1", "a=2"], "a=1,a=2"),
        (&["a=1,B=2"], ""),
        (&["a=1,b"], ""),
        (&["a=b=c"], ""),
        (&[long.as_str()], ""),
    ] {
        let traceparent = &[good.as_str()][..];
        check(
            &front,
            &model,
            Case {
                traceparent,
                tracestate,
                goes: Goes::On,
                flags: "01",
                state,
                recorded: true,
            },
        )
        .await;
    }
    front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_zero_context_goes_on_and_nothing_is_recorded() {
    let (model, mut front) = start(0);
    for (lines, goes, flags) in [
        (vec![], Goes::Anew, "02"),
        (vec![format!("00-{ID}-{SPAN}-01")], Goes::On, "01"),
    ] {
        let traceparent: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (traceparent, tracestate) = (&traceparent[..], &["a=1"][..]);
        let state = if goes == Goes::On { "a=1" } else { "" };
        check(
            &front,
            &model,
            Case {
                traceparent,
                tracestate,
                goes,
                flags,
                state,
                recorded: false,
            },
        )
        .await;
    }
    front.is_sound().await;
    assert!(front.sink.spans().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attempt_is_a_parent_of_its_own() {
    let script = Script::json(503, &json!({})).then(Script::json(200, &completion()));
    let model = Model::start(script);
    let front = Setup::any_model(model.address, "timeout: 5s").start();
    front
        .ask(CHAT, &[], &json!({"model": "openai/m", "messages": []}))
        .await;
    let trace = front.trace(5).await;
    let sent: Vec<String> = model
        .asked()
        .iter()
        .map(|asked| asked.header("traceparent")[36..52].to_owned())
        .collect();
    let spans: Vec<String> = trace["plano(handoff)"].iter().map(|span| hex(&span.span_id)).collect();
    assert_eq!((sent.len(), &sent), (2, &spans));
}
