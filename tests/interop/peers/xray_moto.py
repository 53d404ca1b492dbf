"""moto's server as X-Ray: the documentation's config natively, and through the Collector; a signal is an annotation; botocore signs alike."""

import json
import time

import harness
import segments

PACKAGES = ["moto[server,xray]==5.2.5", "boto3==1.44.8"]
VERSION_OF = "moto"
NEEDS = [harness.collector_peer]
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
REGION = "eu-west-1"

# The documentation's own file. Where it listens and where X-Ray stands comes from outside: --set and the environment.
DOCUMENTED = f"""
receivers: {{otlp: {{protocols: {{grpc: }}}}}}
processors: {{batch: }}
exporters:
  awsxray:
    region: {REGION}
service: {{pipelines: {{traces: {{receivers: [otlp], processors: [batch], exporters: [awsxray]}}}}}}
"""
ON_HTTP = "receivers.otlp.protocols.http.endpoint=127.0.0.1:{}"
ON_GRPC = "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{}"


def check(bench):
    (moto,) = bench.ports(1)
    process = bench.start("moto", [bench.python, "-m", "moto.server", "-H", "127.0.0.1", "-p", moto])
    bench.wait_for_port(moto, process)
    xray = {**KEYS, "AWS_ENDPOINT_URL_XRAY": f"http://127.0.0.1:{moto}", "AWS_EC2_METADATA_DISABLED": "true"}
    natively(bench, moto, xray)
    through_the_collector(bench, moto, xray)
    three_hundred(bench, moto, xray)
    signatures(bench)


def ours(bench, name, config, env, http=None, more=()):
    """Starts `planoai collector`; gives its HTTP port."""
    grpc, other = bench.ports(2)
    http = http or other
    sets = [ON_GRPC.format(grpc), ON_HTTP.format(http), "service.telemetry.metrics.level=none", *more]
    command = [bench.binary, "collector", "--config", config]
    process = bench.start(name, command + [word for one in sets for word in ("--set", one)], env=env)
    bench.wait_for_port(http, process)
    return http


def file(bench, name, text):
    path = bench.folder / name
    path.write_text(text)
    return path


def fresh(name):
    """A fixture with new trace ids and the present time, and those ids in X-Ray's form."""
    request = json.loads((segments.FIXTURES / f"{name}.json").read_text())
    known, now = {}, time.time_ns()
    spans = [span for r in request["resourceSpans"] for scope in r["scopeSpans"] for span in scope["spans"]]
    first = min(int(span["startTimeUnixNano"]) for span in spans if int(span["startTimeUnixNano"]))
    for span in spans:
        old = span["traceId"]
        span["traceId"] = known.setdefault(old, f"{now // 10**9 :08x}{old[8:24]}{now % 2**32 :08x}")
        for key in ("startTimeUnixNano", "endTimeUnixNano"):
            # Some spans have a wrong clock on purpose.
            if first <= int(span[key]) < first + 86_400 * 10**9:
                span[key] = str(int(span[key]) - first + now - 60 * 10**9)
    return json.dumps(request).encode(), [f"1-{id_[:8]}-{id_[8:]}" for id_ in known.values()]


def read(bench, moto, ids, count, seconds=20):
    """The documents of these traces as boto3 reads them back (BatchGetTraces), once there are that many."""
    asked = {"endpoint": f"http://127.0.0.1:{moto}", "region": REGION, "ids": ids, "count": count, "seconds": seconds}
    answer = bench.run_app("xray_traces.py", [json.dumps(asked)])
    return answer["documents"], answer["summaries"]


def natively(bench, moto, env):
    """The documentation's config runs here unchanged, and what the gateway wrote on its spans can be searched."""
    http = ours(bench, "documented", file(bench, "documented.yaml", DOCUMENTED), env)
    body, ids = fresh("agent")
    segments.post(http, body)
    count = len(segments.spans("agent"))
    documents, summaries = read(bench, moto, ids, count)
    harness.expect("documents of the agent's trace", len(documents), count)
    harness.expect("summaries", sorted(summaries), sorted(ids))
    searchable(documents, "", blank=False)


def through_the_collector(bench, moto, env):
    """pipelines/xray.yaml and pipelines/xray-collector.yaml as they ship."""
    pipelines = harness.HERE.parent.parent / "pipelines"
    otlp, health = bench.ports(2)
    command = [harness.collector_peer(), "--config", pipelines / "xray-collector.yaml"]
    more = {**env, "XRAY_COLLECTOR_LISTEN": f"127.0.0.1:{otlp}", "AWS_REGION": REGION}
    process = bench.start("theirs", [*command, "--set=service.telemetry.metrics.level=none"], env=more)
    bench.wait_for_port(otlp, process)
    endpoint = {"XRAY_COLLECTOR_ENDPOINT": f"127.0.0.1:{otlp}"}
    more = [f"extensions.health_check.endpoint=127.0.0.1:{health}"]
    http = ours(bench, "xray", pipelines / "xray.yaml", endpoint, more=more)
    conversation = [
        {"role": "user", "content": "Cancel my order 1042."},
        {"role": "assistant", "content": "Your order has been updated."},
        {"role": "user", "content": "No! That is not what I asked. This is useless, I want to speak to a human."},
        {"role": "assistant", "content": "Your order has been updated."},
        {"role": "user", "content": "You are not listening. Get me a human agent NOW!!!"},
    ]
    now = time.time_ns()
    trace = f"{now // 10**9 :08x}{now :024x}"
    span = {
        "traceId": trace,
        "spanId": "00f067aa0ba902b7",
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 10**9),
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
            {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps([
                {"role": one["role"], "parts": [{"type": "text", "content": one["content"]}]} for one in conversation
            ])}},
        ],
    }
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    segments.post(http, json.dumps(request).encode())
    documents, _ = read(bench, moto, [f"1-{trace[:8]}-{trace[8:]}"], 1)
    searchable(documents, "", blank=True)


def searchable(documents, _what, blank):
    """Signals are annotations and no metadata; the flag is gone from names, with its blank here and without it there."""
    signals = [one for one in documents if "signals.quality" in one.get("annotations", {})]
    assert signals, f"no signal is an annotation: {[one.get('annotations') for one in documents]}"
    for one in documents:
        default = one.get("metadata", {}).get("default", {})
        assert not [key for key in default if key.startswith("signals.")], default
        assert harness.FLAG not in one["name"], one["name"]
    flagged = [one for one in signals if one["annotations"].get("signals.flagged") is True]
    assert flagged, [one["annotations"] for one in signals]
    for one in flagged:
        harness.expect(f"a blank at the end of {one['name']!r}", one["name"].endswith(" "), blank)
        assert isinstance(one["annotations"]["signals.turn_count"], int), one["annotations"]


def three_hundred(bench, moto, env):
    """All varied spans arrive and can be read back."""
    config = DOCUMENTED.replace("exporters: [awsxray]", "exporters: [awsxray]")
    http = ours(bench, "varied", file(bench, "varied.yaml", config), env)
    body, ids = fresh("varied")
    segments.post(http, body)
    count = len(segments.reference("varied", "").read_text().splitlines())
    documents, _ = read(bench, moto, ids, count)
    harness.expect("documents of the varied spans", len(documents), count)


def signatures(bench):
    """botocore computes the same signatures over what was sent: of awsxray, and of otlp_http with sigv4auth."""
    with segments.Api() as api:
        config = f"""
receivers: {{otlp: {{protocols: {{grpc: , http: }}}}}}
exporters:
  awsxray: {{region: {REGION}, endpoint: "{api.url}", local_mode: true}}
  otlp_http: {{endpoint: "{api.url}", auth: {{authenticator: sigv4auth}}}}
extensions:
  sigv4auth: {{region: {REGION}, service: xray}}
service:
  extensions: [sigv4auth]
  pipelines: {{traces: {{receivers: [otlp], exporters: [awsxray, otlp_http]}}}}
"""
        http = ours(bench, "signed", file(bench, "signed.yaml", config), {**KEYS, "AWS_SESSION_TOKEN": "session/token+="})
        segments.post(http, fresh("agent")[0])
        harness.until(20, "a request of each exporter", lambda: len({path for path, _, _ in api.requests}) == 2)
        for path, headers, body in list(api.requests):
            asked = {"url": api.url + path, "headers": headers, "body": body.hex(), "region": REGION, **KEYS}
            answer = bench.run_app("xray_signature.py", [json.dumps(asked)])
            harness.expect(f"signature of {path}", headers["authorization"], answer["authorization"])
