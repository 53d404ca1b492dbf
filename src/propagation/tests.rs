//! The rules of the published W3C conformance suite, one line each, and what must hold for any header.

use proptest::prelude::*;

use super::*;

const ID: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";
const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-00";
const FRESH: [u8; 16] = [0xfe; 16];
const FRESH_HEX: &str = "fefefefefefefefefefefefefefefefe";

fn extract(traceparents: &[&str], tracestates: &[&str]) -> Context {
    Context::extract(
        traceparents.iter().map(|line| line.as_bytes()),
        tracestates.iter().map(|line| line.as_bytes()),
    )
}

/// The headers of the next hop, `|` between them, with everything sampled.
fn next(traceparents: &[&str], tracestates: &[&str]) -> String {
    let trace = extract(traceparents, tracestates).enter(Sampling::ALL, FRESH);
    let (traceparent, tracestate) = trace.outgoing([0xab; 8]);
    assert_eq!(tracestate, trace.tracestate());
    format!("{traceparent}|{}", tracestate.unwrap_or("none"))
}

/// A `traceparent` that is followed, with the flags that go on.
#[track_caller]
fn check_followed(traceparent: &str, flags: &str) {
    let expected = format!("00-{ID}-abababababababab-{flags}|a=1");
    assert_eq!(next(&[traceparent], &["a=1"]), expected, "{traceparent:?}");
}

/// Lines of `traceparent` that start a new trace and drop `tracestate`.
#[track_caller]
fn check_restarted(traceparents: &[&str]) {
    let expected = format!("00-{FRESH_HEX}-abababababababab-03|none");
    assert_eq!(next(traceparents, &["a=1", "b=2"]), expected, "{traceparents:?}");
}

/// Lines of `tracestate` and what goes on of them. They never change which trace it is.
#[track_caller]
fn check_state(tracestates: &[&str], expected: &str) {
    let expected = format!("00-{ID}-abababababababab-00|{expected}");
    assert_eq!(next(&[VALID], tracestates), expected, "{tracestates:?}");
}

#[test]
fn a_valid_traceparent_is_followed_with_a_new_parent() {
    check_followed(&format!("00-{ID}-{SPAN}-01"), "01");
    check_followed(&format!("00-{ID}-{SPAN}-00"), "00");
    check_followed(&format!("00-{ID}-{SPAN}-02"), "02");
    check_followed(&format!("00-{ID}-{SPAN}-03"), "03");
    // Flags that nobody knows are cleared.
    check_followed(&format!("00-{ID}-{SPAN}-ff"), "03");
    check_followed(&format!("00-{ID}-{SPAN}-fc"), "00");
    // White space around the value.
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        check_followed(&format!("{before}00-{ID}-{SPAN}-01{after}"), "01");
    }
}

#[test]
fn a_later_version_is_read_by_its_beginning_and_written_as_ours() {
    check_followed(&format!("cc-{ID}-{SPAN}-01"), "01");
    check_followed(&format!("cc-{ID}-{SPAN}-01-what-the-future-will-be-like"), "01");
    check_followed(&format!("01-{ID}-{SPAN}-07-"), "03");
    check_followed(&format!("fe-{ID}-{SPAN}-00-\u{e9}"), "00");
    check_restarted(&[&format!("cc-{ID}-{SPAN}-01.what-the-future-will-be-like")]);
    check_restarted(&[&format!("cc-{ID}-{SPAN}-011")]);
    check_restarted(&[&format!("cc-{ID}-{SPAN}-0")]);
    check_restarted(&[&format!("ff-{ID}-{SPAN}-01")]);
    check_restarted(&[&format!("ff-{ID}-{SPAN}-01-more")]);
}

#[test]
fn no_traceparent_and_more_than_one_start_a_trace() {
    check_restarted(&[]);
    check_restarted(&[""]);
    check_restarted(&["00-12345678901234567890123456789011-1234567890123456-01", VALID]);
    check_restarted(&[VALID, VALID]);
    check_restarted(&[VALID, ""]);
    check_restarted(&[&format!("{VALID},{VALID}")]);
}

#[test]
fn a_malformed_traceparent_starts_a_trace() {
    let zeros = "0".repeat(32);
    for malformed in [
        format!("00-{ID}-{SPAN}-01."),
        format!("00-{ID}-{SPAN}-01-what-the-future-will-be-like"),
        format!("00-{ID}-{SPAN}-01-"),
        // Version.
        format!(".0-{ID}-{SPAN}-01"),
        format!("0.-{ID}-{SPAN}-01"),
        format!("000-{ID}-{SPAN}-01"),
        format!("0000-{ID}-{SPAN}-01"),
        format!("0-{ID}-{SPAN}-01"),
        format!("0A-{ID}-{SPAN}-01"),
        // Trace id.
        format!("00-{zeros}-{SPAN}-01"),
        format!("00-.2345678901234567890123456789012-{SPAN}-01"),
        format!("00-1234567890123456789012345678901.-{SPAN}-01"),
        format!("00-{ID}3-{SPAN}-01"),
        format!("00-{}-{SPAN}-01", &ID[1..]),
        format!("00-ABCDEF78901234567890123456789012-{SPAN}-01"),
        // Parent id.
        format!("00-{ID}-{}-01", &zeros[16..]),
        format!("00-{ID}-.234567890123456-01"),
        format!("00-{ID}-123456789012345.-01"),
        format!("00-{ID}-{SPAN}7-01"),
        format!("00-{ID}-{}-01", &SPAN[1..]),
        format!("00-{ID}-ABCDEF7890123456-01"),
        // Flags.
        format!("00-{ID}-{SPAN}-.0"),
        format!("00-{ID}-{SPAN}-0."),
        format!("00-{ID}-{SPAN}-001"),
        format!("00-{ID}-{SPAN}-1"),
        format!("00-{ID}-{SPAN}-0A"),
        // Delimiters.
        format!("00_{ID}-{SPAN}-01"),
        format!("00-{ID}_{SPAN}-01"),
        format!("00-{ID}-{SPAN}_01"),
        format!("00-{ID}-{SPAN}"),
    ] {
        check_restarted(&[&malformed]);
    }
}

#[test]
fn tracestate_lines_are_joined_in_order_and_trimmed() {
    check_state(&[], "none");
    check_state(&["foo=1,bar=2"], "foo=1,bar=2");
    check_state(
        &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
        "foo=1,bar=2,rojo=1,congo=2,baz=3",
    );
    check_state(&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3");
    check_state(&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3");
    for line in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        check_state(&[line], "foo=1");
    }
    // A value keeps the spaces in front of it.
    check_state(&["foo= 1 2 "], "foo= 1 2");
}

#[test]
fn empty_members_are_no_members() {
    for lines in [&[""][..], &[" "], &[",", "\t,,"]] {
        check_state(lines, "none");
    }
    check_state(&["foo=1", ""], "foo=1");
    check_state(&["", "foo=1"], "foo=1");
    check_state(&[",foo=1,, ,bar=2,"], "foo=1,bar=2");
}

#[test]
fn keys_and_values_have_their_alphabets() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    let all = format!("{key}={value}");
    check_state(&[&all], &all);
    let all = format!("{key}@a-z0-9_-*/={value}");
    check_state(&[&all], &all);
    // Level 2 knows no tenant and no vendor in a key.
    for line in ["foo@=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2", "0a=1", "9=1"] {
        check_state(&[line], line);
    }
    for line in [
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1,bar=2",
        "_a=1",
        "-a=1",
        "*a=1",
        "/a=1",
        "é=1",
        "foo",
        "=1",
        "foo=",
        "foo= ",
        "foo=a=b",
        "foo==",
        "foo=\u{7f}",
        "foo=a\tb",
        "foo=é",
        "foo=1;bar=2=3",
        "foo=1,=",
    ] {
        check_state(&["ok=1", line], "none");
    }
    let bytes = Context::extract([VALID.as_bytes()], [&b"foo=\xff"[..]]);
    assert_eq!((bytes.parent().is_some(), bytes.tracestate()), (true, None));
}

#[test]
fn keys_and_values_have_their_lengths() {
    for member in [
        format!("{}=1", "z".repeat(256)),
        format!("{}@v=1", "t".repeat(242)),
        format!("t@{}=1", "v".repeat(254)),
        format!("a={}", "v".repeat(256)),
    ] {
        check_state(&["foo=1", &member], &format!("foo=1,{member}"));
    }
    for member in [
        format!("{}=1", "z".repeat(257)),
        format!("{}@v=1", "t".repeat(255)),
        format!("a={}", "v".repeat(257)),
    ] {
        check_state(&["foo=1", &member], "none");
    }
}

#[test]
fn a_key_that_comes_twice_is_its_writers_business() {
    check_state(&["foo=1,foo=1"], "foo=1,foo=1");
    check_state(&["foo=1,foo=2"], "foo=1,foo=2");
    check_state(&["foo=1", "foo=1"], "foo=1,foo=1");
    check_state(&["foo=1", "bar=3,foo=2"], "foo=1,bar=3,foo=2");
}

#[test]
fn a_list_has_at_most_32_members() {
    let members = |count: usize| {
        (1..=count)
            .map(|number| format!("bar{number:02}={number:02}"))
            .collect()
    };
    let lines: Vec<String> = members(32);
    let joined = lines.join(",");
    check_state(&[&joined], &joined);
    check_state(&[&lines[..10].join(","), &lines[10..].join(" , "), ",,"], &joined);
    let lines: Vec<String> = members(33);
    check_state(&[&lines.join(",")], "none");
    check_state(&[&lines[..30].join(","), &lines[30..].join(",")], "none");
}

/// A share of traces, what came in, and what is decided: the flags that go on, and whether spans are recorded.
#[track_caller]
fn check_decision(percent: f64, incoming: Option<&str>, expected: (u8, bool)) {
    let line = incoming.map(|flags| format!("00-{ID}-{SPAN}-{flags}"));
    let lines: Vec<&str> = line.iter().map(String::as_str).collect();
    let trace = extract(&lines, &[]).enter(Sampling::percent(percent), FRESH);
    assert_eq!((trace.flags.bits(), trace.recorded), expected, "{percent} {incoming:?}");
    assert_eq!(trace.parent_id.is_some(), incoming.is_some());
}

#[test]
fn a_callers_decision_is_obeyed_and_others_are_made_here() {
    for percent in [0.001, 50.0, 100.0] {
        check_decision(percent, Some("01"), (1, true));
        check_decision(percent, Some("03"), (3, true));
        check_decision(percent, Some("00"), (0, false));
        check_decision(percent, Some("02"), (2, false));
    }
    check_decision(100.0, None, (3, true));
    check_decision(50.0, None, (3, true));
    // 0xfe… is 0.39 percent below the end.
    check_decision(0.39, None, (2, false));
    check_decision(0.4, None, (3, true));
}

#[test]
fn at_zero_nothing_is_recorded_and_context_goes_on() {
    for percent in [0.0, -1.0, f64::NAN] {
        check_decision(percent, None, (2, false));
        check_decision(percent, Some("00"), (0, false));
        check_decision(percent, Some("01"), (1, false));
    }
}

#[test]
fn the_share_is_of_the_last_seven_bytes() {
    let id = |high: [u8; 9], low: u64| {
        let mut id = [0; 16];
        id[..9].copy_from_slice(&high);
        id[9..].copy_from_slice(&low.to_be_bytes()[1..]);
        id
    };
    let (half, last) = (1 << 55, (1 << 56) - 1);
    for high in [[0; 9], [0xff; 9]] {
        assert!(!Sampling::percent(50.0).takes(id(high, half - 1)));
        assert!(Sampling::percent(50.0).takes(id(high, half)));
        assert!(Sampling::percent(f64::MIN_POSITIVE).takes(id(high, last)));
        assert!(!Sampling::percent(f64::MIN_POSITIVE).takes(id(high, last - 1)));
        assert!(Sampling::percent(100.0).takes(id(high, 0)));
        assert!(!Sampling::OFF.takes(id(high, last)));
    }
    assert_eq!(Sampling::percent(1e300), Sampling::ALL);
    assert_eq!(Sampling::percent(0.0), Sampling::OFF);
    assert!(!Sampling::percent(f64::MIN_POSITIVE).is_off());
}

#[test]
fn a_zero_id_is_made_valid() {
    let trace = Context::default().enter(Sampling::ALL, [0; 16]);
    assert_eq!(trace.trace_id, nonzero([0; 16]));
    assert_ne!(trace.trace_id, [0; 16]);
    assert_eq!(nonzero([0, 0, 0, 0, 0, 0, 0, 0]), [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(nonzero([3, 0]), [3, 0]);
}

/// What goes out is valid and says the same again.
fn check_round_trip(context: Context, percent: f64, fresh: [u8; 16], span: [u8; 8]) {
    let parent = context.parent().copied();
    let trace = context.enter(Sampling::percent(percent), fresh);
    let span = nonzero(span);
    let (traceparent, tracestate) = trace.outgoing(span);
    assert_eq!(traceparent.len(), 55);
    let again = Context::extract([traceparent.as_bytes()], tracestate.map(str::as_bytes));
    let expected = TraceParent {
        trace_id: parent.map_or(nonzero(fresh), |parent| parent.trace_id),
        parent_id: span,
        flags: trace.flags,
    };
    assert_eq!(again.parent(), Some(&expected));
    assert_eq!(again.tracestate(), tracestate);
}

proptest! {
    #[test]
    fn any_bytes_are_fine(
        traceparents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..3),
        tracestates in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..4),
        percent in any::<f64>(), fresh: [u8; 16], span: [u8; 8],
    ) {
        let context = Context::extract(traceparents.iter().map(Vec::as_slice), tracestates.iter().map(Vec::as_slice));
        check_round_trip(context, percent, fresh, span);
    }

    #[test]
    fn nearly_valid_headers_are_fine(
        traceparent in "[ \t]?(00|0[0-9a-fA-F]|ff)-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.{0,9})?[ \t]?",
        tracestates in prop::collection::vec("([ \t]{0,2}[a-c@0-9]{1,3}=[ -~é]{0,5}[ ,\t]{0,2}){0,4}", 0..3),
        percent in 0.0..=100.0, fresh: [u8; 16], span: [u8; 8],
    ) {
        let context = Context::extract([traceparent.as_bytes()], tracestates.iter().map(String::as_bytes));
        check_round_trip(context, percent, fresh, span);
    }

    #[test]
    fn what_is_written_parses_back(trace_id: [u8; 16], parent_id: [u8; 8], sampled: bool, random: bool) {
        let (trace_id, parent_id) = (nonzero(trace_id), nonzero(parent_id));
        let written = TraceParent { trace_id, parent_id, flags: Flags { sampled, random } };
        prop_assert_eq!(TraceParent::parse(written.to_string().as_bytes()), Some(written));
    }

    #[test]
    fn a_larger_share_holds_the_smaller_one(a in 0.0..=100.0, b in 0.0..=100.0, id: [u8; 16]) {
        let (small, large) = (f64::min(a, b), f64::max(a, b));
        prop_assert!(!Sampling::percent(small).takes(id) || Sampling::percent(large).takes(id));
    }
}
