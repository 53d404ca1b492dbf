"""What must have arrived of apps/customer_support.py, whichever protocol carried it."""

from harness import FLAG, attributes, expect

PACKAGES = [
    "opentelemetry-api==1.45.2",
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-exporter-otlp==1.45.2",
    "opentelemetry-instrumentation-requests==0.66b2",
    "requests==2.34.2",
]
VERSION_OF = "opentelemetry-sdk"


def check_sent(bench, port, sent):
    """Reads the three traces from the listener on that port and compares them with what the application sent."""
    check_request(bench.trace(port, sent["trace_id"], 3), sent)
    check_unhappy(one(bench.trace(port, sent["unhappy"], 1)))
    check_content(one(bench.trace(port, sent["content"], 1)))
    flagged = bench.planoai(["trace", "--flagged", "--list"], port)
    expect("traces with the flag", flagged.stdout.split(), [sent["unhappy"]])


def one(spans):
    (span,) = spans
    return span


def check_request(spans, sent):
    for span in spans:
        expect(f"service of {span['name']}", span["service"], "customer-support-agent")
        assert FLAG not in span["name"], f"flagged without a conversation: {span['name']}"
    handled = one([span for span in spans if span["name"] == "process_customer_request"])
    outer = one([span for span in spans if not span.get("parentSpanId")])
    inner = one([span for span in spans if span is not handled and span is not outer])
    expect("the handler's span", handled["spanId"], sent["span_id"])
    expect("the handler's parent", handled["parentSpanId"], outer["spanId"])
    expect("the inner call's parent", inner["parentSpanId"], handled["spanId"])
    version, trace_id, parent_id, flags = sent["traceparent"].split("-")
    expect("traceparent behind the handler", (version, trace_id), ("00", sent["trace_id"]))
    assert int(flags, 16) & 1, f"the handler's sampled trace went on unsampled: {flags}"
    assert parent_id in (inner["spanId"], handled["spanId"]), f"{parent_id} is no span of this trace"
    found = attributes(handled)
    wanted = {
        "customer.id": {"stringValue": "c-17"},
        "attempt": {"intValue": "1"},
        "share": {"doubleValue": 0.5},
        "vip": {"boolValue": True},
        "tags": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "ü"}]}},
    }
    for key, value in wanted.items():
        expect(f"attribute {key}", found.get(key), value)
    expect("events", [event["name"] for event in handled["events"]], ["looked up"])
    assert int(handled["endTimeUnixNano"]) >= int(handled["startTimeUnixNano"]) > 0, "times in order"
    assert not [key for key in found if key.startswith("signals.")], "signals without a conversation"


def check_unhappy(span):
    expect("name of the unhappy conversation", span["name"], f"openai.chat {FLAG}")
    found = attributes(span)
    expect("signals.quality", found.get("signals.quality"), {"stringValue": "Severe"})
    expect("signals.escalation.requested", found.get("signals.escalation.requested"), {"stringValue": "true"})
    expect("signals.flagged", found.get("signals.flagged"), {"boolValue": True})
    expect("signals.turn_count", found.get("signals.turn_count"), {"intValue": "6"})
    assert "doubleValue" in found.get("signals.efficiency_score", {}), found.get("signals.efficiency_score")
    assert int(found.get("signals.frustration.count", {}).get("intValue", 0)) >= 1, "useless is frustration"
    expect("the prompt is passed on", found.get("gen_ai.prompt.0.role"), {"stringValue": "user"})
    events = [event["name"] for event in span["events"]]
    assert "signal.interaction.disengagement.escalation" in events, events


def check_content(span):
    expect("name of the content conversation", span["name"], "openai.chat")
    found = attributes(span)
    quality = found.get("signals.quality", {}).get("stringValue")
    assert quality in ("Excellent", "Good"), f"quality {quality}"
    assert int(found.get("signals.positive_feedback.count", {}).get("intValue", 0)) >= 1, "thanks are positive"
    for key in ("signals.flagged", "signals.escalation.requested", "signals.frustration.count"):
        assert key not in found, f"{key} on a content conversation"
