//! JSON in, protobuf's text out; each silent trap with its message; and back again.

use super::{read, write};
use crate::otlp::{SpanBuilder, SpanId, TraceId, Value};

const IDS: &str = r#""traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174""#;

/// Wraps the members of one span into a request.
fn request(span: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{span}}}]}}]}}]}}"#)
}

/// Reads a span and writes it again, without what every span has.
fn check(members: &str, expected: &str) {
    let validated = read(request(&format!("{IDS},{members}")).as_bytes()).expect("valid");
    let mut out = Vec::new();
    write(&validated.batch, &mut out);
    let out = String::from_utf8(out).expect("UTF-8");
    let start = r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","#;
    assert_eq!(
        out.strip_prefix(start).and_then(|out| out.strip_suffix("}]}]}]}")),
        Some(expected)
    );
}

fn check_refused(text: &str, expected: &str) {
    assert_eq!(
        read(text.as_bytes()).expect_err("invalid").to_string(),
        format!("invalid OTLP/JSON at {expected}")
    );
}

#[test]
fn numbers_come_as_number_or_string_and_enums_as_number_or_name() {
    let expected = r#""flags":257,"name":"n","kind":3,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"18446744073709551615","status":{"code":2}"#;
    check(
        r#""name":"n","kind":3,"startTimeUnixNano":1544712660000000000,"endTimeUnixNano":"18446744073709551615","flags":257,"status":{"code":2}"#,
        expected,
    );
    check(
        r#""name":"n","kind":"SPAN_KIND_CLIENT","startTimeUnixNano":"1544712660000000000","endTimeUnixNano":18446744073709551615,"flags":"257","status":{"code":"STATUS_CODE_ERROR"},"unknown":[{}]"#,
        expected,
    );
}

#[test]
fn null_is_the_default_and_unknown_fields_are_ignored() {
    let expected = r#""name":"","kind":0,"startTimeUnixNano":"0","endTimeUnixNano":"0","status":{}"#;
    check(
        r#""name":null,"kind":null,"attributes":null,"parentSpanId":null,"status":null,"someDay":{"a":[1]},"":0"#,
        expected,
    );
    check(r#""parentSpanId":"","name":"""#, expected);
}

#[test]
fn values_of_every_type() {
    let values = [
        (r#"{"stringValue":"a\"\u00e9"}"#, r#"{"stringValue":"a\"é"}"#),
        (r#"{"boolValue":false}"#, r#"{"boolValue":false}"#),
        (
            r#"{"intValue":-9007199254740993}"#,
            r#"{"intValue":"-9007199254740993"}"#,
        ),
        (r#"{"intValue":"1e3"}"#, r#"{"intValue":"1000"}"#),
        (r#"{"doubleValue":0.1}"#, r#"{"doubleValue":0.1}"#),
        (r#"{"doubleValue":"NaN"}"#, r#"{"doubleValue":"NaN"}"#),
        (r#"{"doubleValue":"-Infinity"}"#, r#"{"doubleValue":"-Infinity"}"#),
        (r#"{"bytesValue":"-_8"}"#, r#"{"bytesValue":"+/8="}"#),
        (
            r#"{"arrayValue":{"values":[{"intValue":1},{}]}}"#,
            r#"{"arrayValue":{"values":[{"intValue":"1"},{}]}}"#,
        ),
        (
            r#"{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}}"#,
            r#"{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}}"#,
        ),
    ];
    for (given, expected) in values {
        check(
            &format!(r#""attributes":[{{"key":"k","value":{given}}}]"#),
            &format!(
                r#""name":"","kind":0,"startTimeUnixNano":"0","endTimeUnixNano":"0","attributes":[{{"key":"k","value":{expected}}}],"status":{{}}"#
            ),
        );
    }
}

#[test]
fn headers_events_and_links_come_back_as_they_were() {
    let text = concat!(
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}],"droppedAttributesCount":1,"#,
        r#""entityRefs":[{"schemaUrl":"u","type":"t","idKeys":["a","b"],"descriptionKeys":["c"]}]},"scopeSpans":[{"scope":{"name":"n","#,
        r#""version":"1","attributes":[{"key":"k","value":{}}],"droppedAttributesCount":2},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","#,
        r#""spanId":"eee19b7ec3c1b174","traceState":"a=b","parentSpanId":"eee19b7ec3c1b173","name":"x","kind":1,"startTimeUnixNano":"1","#,
        r#""endTimeUnixNano":"2","droppedAttributesCount":3,"events":[{"timeUnixNano":"5","name":"e","attributes":[],"droppedAttributesCount":4}],"#,
        r#""droppedEventsCount":5,"links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","traceState":"c=d","#,
        r#""attributes":[{"key":"l","value":{}}],"droppedAttributesCount":6,"flags":1}],"droppedLinksCount":7,"status":{"message":"m","code":1}}],"#,
        r#""schemaUrl":"v"}],"schemaUrl":"w"}]}"#,
    );
    let mut out = Vec::new();
    write(&read(text.as_bytes()).expect("valid").batch, &mut out);
    assert_eq!(String::from_utf8_lossy(&out), text);
}

#[test]
fn what_would_lose_spans_in_silence_is_refused() {
    check_refused(
        "[]",
        r#"the top level: an array, but a request is an object: {"resourceSpans": [...]}"#,
    );
    check_refused("1", "the top level: expected an object, got a number");
    check_refused(
        r#"{"resource_spans":[]}"#,
        r#"resource_spans: OTLP/JSON spells this key "resourceSpans""#,
    );
    check_refused(
        &request(r#""trace_id":"00""#),
        r#"resourceSpans[0].scopeSpans[0].spans[0].trace_id: OTLP/JSON spells this key "traceId""#,
    );
    check_refused(
        &request(r#""traceId":"W47/95gDgQPSabYzgT/GDA==""#),
        r#"resourceSpans[0].scopeSpans[0].spans[0].traceId: "W47/95gDgQPSabYzgT/GDA==" is not hex: OTLP/JSON writes this id as 32 hex digits"#,
    );
}

#[test]
fn faults_have_a_path() {
    let span = "resourceSpans[0].scopeSpans[0].spans[0]";
    check_refused(
        &request(r#""kind":"CLIENT""#),
        &format!(
            "{span}.kind: \"CLIENT\" is none of SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER"
        ),
    );
    check_refused(
        &request(r#""startTimeUnixNano":-1"#),
        &format!("{span}.startTimeUnixNano: -1 is no integer that fits u64"),
    );
    check_refused(
        &request(r#""flags":1.5"#),
        &format!("{span}.flags: 1.5 is no integer that fits u32"),
    );
    check_refused(
        &request(r#""name":7"#),
        &format!("{span}.name: expected a string, got a number"),
    );
    check_refused(
        &request(r#""attributes":{}"#),
        &format!("{span}.attributes: expected an array, got an object"),
    );
    check_refused(
        &request(r#""attributes":[{},{"value":{"bytesValue":"*"}}]"#),
        &format!("{span}.attributes[1].value.bytesValue: no Base64: Invalid symbol 42, offset 0."),
    );
    check_refused("{\n\"a\":}", "line 2 column 5: expected value");
    check_refused(r#"{"a":"#, "line 1 column 5: EOF while parsing a value");
    let deep = format!("{}{}", r#"{"a":["#.repeat(100), "]}".repeat(100));
    check_refused(&deep, "line 1 column 481: nested more than 160 deep");
    check_refused(&"[".repeat(1 << 20), "line 1 column 161: nested more than 160 deep");
}

#[test]
fn a_key_that_stands_twice_is_refused_not_lost() {
    let why = "the key stands twice; a list has one key for all its items";
    let span = format!(r#"{{"scopeSpans":[{{"spans":[{{{IDS}}}]}}]}}"#);
    check_refused(
        &format!(r#"{{"resourceSpans":[{span}],"resourceSpans":[{span}]}}"#),
        &format!("resourceSpans: {why}"),
    );
    check_refused(
        &format!(r#"{{"resourceSpans":null,"resource\u0053pans":[{span}]}}"#),
        &format!("resourceSpans: {why}"),
    );
    check_refused(
        &request(&format!(
            r#"{IDS},"attributes":[{{}},{{"key":"k","value":{{"intValue":1,"intValue":2}}}}]"#
        )),
        &format!("resourceSpans[0].scopeSpans[0].spans[0].attributes[1].value.intValue: {why}"),
    );
    // What is ignored anyway may stand as often as it likes.
    let text = request(&format!(r#"{IDS},"unknown":1,"unknown":{{"a":1,"a":2}}"#));
    assert_eq!(read(text.as_bytes()).map(|read| read.batch.span_count()), Ok(1));
}

/// Arrays in a resource's attribute, and a map with one empty entry in the innermost.
fn deep_list(arrays: usize) -> String {
    let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(arrays), "]}}".repeat(arrays));
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"value":{open}{{"kvlistValue":{{"values":[{{}}]}}}}{close}}}]}}}}]}}"#
    )
}

#[test]
fn what_is_read_at_any_depth_can_be_read_again() {
    let deepest = (0..60usize).take_while(|arrays| {
        let Ok(first) = read(deep_list(*arrays).as_bytes()) else {
            return false;
        };
        let mut out = Vec::new();
        write(&first.batch, &mut out);
        let again = read(&out).unwrap_or_else(|error| panic!("{arrays}: {error}"));
        assert_eq!(again.rejected_spans, 0);
        true
    });
    assert_eq!(deepest.count(), 48, "0 to 47 arrays, as protobuf takes them");
}

#[test]
fn a_short_id_rejects_its_span_only() {
    for id in [
        "",
        "00",
        "5b8efff798038103d269b633813fc60",
        "5b8efff798038103d269b633813fc60c0",
        "5b8efff798038103d269b633813fc60c00",
    ] {
        let text = request(&format!(r#""traceId":"{id}","spanId":"eee19b7ec3c1b174""#));
        let validated = read(text.as_bytes()).expect("well-formed");
        assert_eq!((validated.batch.span_count(), validated.rejected_spans), (0, 1), "{id}");
        assert_eq!(
            validated.reason,
            r#"span 1 of the request (name ""): its trace_id is not 16 non-zero bytes"#
        );
    }
    let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[null,{{{IDS}}}]}}]}}]}}"#);
    let validated = read(text.as_bytes()).expect("well-formed");
    assert_eq!((validated.batch.span_count(), validated.rejected_spans), (1, 1));
}

#[test]
fn an_empty_request_has_no_spans() {
    for text in [
        "{}",
        r#"{"resourceSpans":[]}"#,
        r#"{"resourceSpans":null}"#,
        r#"{"resourceSpans":[{}]}"#,
    ] {
        assert_eq!(
            read(text.as_bytes()).map(|validated| validated.batch.span_count()),
            Ok(0),
            "{text}"
        );
    }
}

#[test]
fn doubles_keep_every_bit() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2_000 {
        let double = f64::from_bits(random.u64(..));
        let span = SpanBuilder::new(TraceId([1; 16]), SpanId([1; 8]), "").attribute("d", Value::Double(double));
        let batch = SpanBuilder::batch(&[], ("", ""), [span]);
        let mut out = Vec::new();
        write(&batch, &mut out);
        let again = read(&out).expect("what was written can be read").batch;
        assert_eq!(attributes(&again), attributes(&batch));
    }
}

fn attributes(batch: &crate::otlp::TraceBatch) -> String {
    let spans = batch
        .resource_spans()
        .flat_map(|resource| resource.scope_spans())
        .flat_map(|scope| scope.spans());
    spans
        .flat_map(|span| span.attributes())
        .map(|attribute| format!("{:?}", attribute.value()))
        .collect()
}
