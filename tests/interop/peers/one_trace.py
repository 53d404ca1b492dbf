"""One agent's trace in every backend, span by span beside its source: docs/backends/one-trace.md shows what arrived, and is held to it.

PLANO_ONE_TRACE=write tests/interop/run one-trace writes the page anew; read the difference.
"""

import base64
import json
import os
import urllib.request

import datadog
import harness
import segments

MOTO = ["moto[server,xray]==5.2.5", "boto3==1.44.8"]
TEST_AGENT = ["ddapm-test-agent==1.69.1"]
PACKAGES = MOTO
VERSION = "-"
NEEDS = [harness.collector_peer, datadog.program]
PAGE = harness.HERE.parent.parent / "docs" / "backends" / "one-trace.md"
PIPELINES = harness.HERE.parent.parent / "pipelines"
AGENT = datadog.FIXTURES / "agent.json"
REGION = "eu-west-1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"]
NOTHING = "–"
INTRODUCTION = """# One trace in every backend

One request to an agent listener of the gateway, with every kind of span that the gateway writes
([agent.json](../../tests/fixtures/backends/agent.json)), and what each backend has of it: what the exporter `datadog` brings to Datadog's
intake, read with Datadog's own types; what Datadog's test agent keeps of `datadog: {otlp: true}`; the segments that moto's X-Ray gives back,
from the exporter `awsxray` and through an OpenTelemetry Collector (`pipelines/xray.yaml`); and the row of a stand-in of Langtrace's server.
`tests/interop/run one-trace` makes this page and fails where it is no longer true.
"""


def check(bench):
    sources = source()
    columns = {
        "Datadog": in_datadog(bench),
        "Datadog, OTLP": in_test_agent(bench),
        "X-Ray": in_xray(bench, "native", natively),
        "X-Ray, Collector": in_xray(bench, "behind", through_a_collector),
        "Langtrace": in_langtrace(bench),
    }
    for name, spans in columns.items():
        harness.expect(f"{name}: the spans", sorted(spans), sorted(sources))
    page = written(sources, columns)
    if os.environ.get("PLANO_ONE_TRACE") == "write":
        PAGE.write_text(page)
    kept = PAGE.read_text().splitlines()
    harness.expect(f"lines of {PAGE.name}; PLANO_ONE_TRACE=write writes it anew", page.splitlines(), kept)


def source():
    """{span id: (resource attributes, span)}"""
    request = json.loads(AGENT.read_text())
    found = {}
    for resource in request["resourceSpans"]:
        about = plain(resource["resource"]["attributes"])
        for scope in resource["scopeSpans"]:
            found.update({span["spanId"]: (about, span) for span in scope["spans"]})
    return found


def plain(attributes):
    """{key: text} of OTLP/JSON's attributes."""
    texts = {}
    for one in attributes:
        kind, value = next(iter(one["value"].items()), ("", ""))
        texts[one["key"]] = json.dumps(value) if kind in ("arrayValue", "kvlistValue") else value
    return texts


# --- the backends: {span id: what they have of the span} --------------------------------------------------------------


def in_datadog(bench):
    with datadog.Intake() as intake:
        settings = f'api: {{key: {datadog.KEY}}}, hostname: my-host, traces: {{endpoint: "http://127.0.0.1:{intake.port}"}}'
        process, port = datadog.collector(bench, "datadog", f"datadog: {{{settings}}}")
        datadog.send(port, AGENT)
        datadog.end(process)
        payloads = datadog.read(bench, "datadog", intake.bodies(datadog.TRACES))
    return {hexadecimal(span["span_id"]): span for payload in payloads for chunk in payload["chunks"] for span in chunk["spans"]}


def hexadecimal(id_):
    return id_ if isinstance(id_, str) and len(id_) == 16 else f"{int(id_):016x}"


def in_test_agent(bench):
    port, http, grpc = bench.ports(3)
    program = harness.install(TEST_AGENT).parent / "ddapm-test-agent"
    options = ["--host", "127.0.0.1", "--port", port, "--otlp-http-port", http, "--otlp-grpc-port", grpc]
    agent = bench.start("test-agent", [program, *options])
    bench.wait_for_port(http, agent)
    settings = f'otlp: true, api: {{key: {datadog.KEY}}}, traces: {{endpoint: "http://127.0.0.1:{http}"}}'
    process, receiver = datadog.collector(bench, "datadog-otlp", f"datadog: {{{settings}}}")
    datadog.send(receiver, AGENT)
    datadog.end(process)
    return {
        base64.b64decode(span["span_id"]).hex(): {**span, "attributes": plain_of(span["attributes"])}
        for request in told(f"http://127.0.0.1:{http}/test/session/traces")
        for resource in request["resource_spans"]
        for scope in resource["scope_spans"]
        for span in scope["spans"]
    }


def plain_of(attributes):
    return {one["key"]: next(iter(one["value"].values()), "") for one in attributes}


def in_xray(bench, name, way):
    (moto,) = bench.ports(1)
    process = bench.start(f"moto-{name}", [bench.python, "-m", "moto.server", "-H", "127.0.0.1", "-p", moto])
    bench.wait_for_port(moto, process)
    port = way(bench, {**KEYS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL_XRAY": f"http://127.0.0.1:{moto}"})
    segments.post(port, AGENT.read_bytes())
    spans = segments.spans("agent")
    ids = sorted({f"1-{span['traceId'][:8]}-{span['traceId'][8:]}" for span in spans})
    asked = {"endpoint": f"http://127.0.0.1:{moto}", "region": REGION, "ids": ids, "count": len(spans), "seconds": 20}
    documents = bench.run_app("xray_traces.py", [json.dumps(asked)])["documents"]
    return {document["id"]: document for document in documents}


def natively(bench, env):
    return ours(bench, "xray", "{receivers: {otlp: {protocols: {http: }}}, exporters: {awsxray: },"
                " service: {pipelines: {traces: {receivers: [otlp], exporters: [awsxray]}}}}", env)


def ours(bench, name, config, env, more=()):
    """`planoai collector` with a config whose ports are set to free ones; gives its HTTP port."""
    path = config
    if isinstance(config, str):
        path = bench.folder / f"{name}.yaml"
        path.write_text(config)
    (http,) = bench.ports(1)
    sets = [f"receivers.otlp.protocols.http.endpoint=127.0.0.1:{http}", "service.telemetry.metrics.level=none", *more]
    command = [bench.binary, "collector", "--config", path, *(word for one in sets for word in ("--set", one))]
    bench.wait_for_port(http, bench.start(name, command, env=env))
    return http


def through_a_collector(bench, env):
    otlp, health, grpc = bench.ports(3)
    command = [harness.collector_peer(), "--config", PIPELINES / "xray-collector.yaml", "--set=service.telemetry.metrics.level=none"]
    theirs = bench.start("their-collector", command, env={**env, "XRAY_COLLECTOR_LISTEN": f"127.0.0.1:{otlp}"})
    bench.wait_for_port(otlp, theirs)
    more = [f"extensions.health_check.endpoint=127.0.0.1:{health}", f"receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{grpc}"]
    return ours(bench, "to-collector", PIPELINES / "xray.yaml", {"XRAY_COLLECTOR_ENDPOINT": f"127.0.0.1:{otlp}"}, more)


def in_langtrace(bench):
    (port,) = bench.ports(1)
    server = bench.start("langtrace", [bench.python, harness.HERE / "apps" / "langtrace_server.py", port, "key"])
    bench.wait_for_port(port, server)
    config = ("{receivers: {otlp: {protocols: {http: }}}, exporters: {langtrace: {api_key: key, host: "
              f'"http://127.0.0.1:{port}"}}}}, service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [langtrace]}}}}}}}}')
    segments.post(ours(bench, "to-langtrace", config, {}), AGENT.read_bytes())
    count = len(segments.spans("agent"))

    def probe():
        rows = told(f"http://127.0.0.1:{port}/rows")["rows"]
        return rows if len(rows) >= count else None

    return {row["span_id"]: row for row in harness.until(20, f"{count} rows at Langtrace", probe)}


def told(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)


# --- the page ---------------------------------------------------------------------------------------------------------


def first(found, *keys):
    return next((found[key] for key in keys if found.get(key) not in (None, "")), "")


def of_attributes(own):
    return {
        "HTTP status": first(own, "http.response.status_code", "http.status_code"),
        "model": first(own, "gen_ai.request.model", "llm.model"),
        "tokens in": first(own, "gen_ai.usage.input_tokens", "llm.usage.prompt_tokens"),
        "signals.quality": own.get("signals.quality"),
        "signals.flagged": own.get("signals.flagged"),
    }


def of_source(about, span):
    own = plain(span["attributes"])
    return {
        "name": span["name"],
        "service": about["service.name"],
        "kind": KINDS[span["kind"]],
        "parent": span.get("parentSpanId"),
        "duration": (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e6,
        "outcome": ["", "ok", "error"][span.get("status", {}).get("code", 0)],
        **of_attributes(own),
        "events": len(span.get("events", [])),
    }


def of_datadog(span):
    own = {**span["meta"], **span["metrics"]}
    return {
        "name": span["name"],
        "resource": span["resource"],
        "service": span["service"],
        "kind": " · ".join(filter(None, [own.get("span.kind"), span["type"] and f"type {span['type']}"])),
        "parent": span["parent_id"],
        "duration": span["duration"] / 1e6,
        "outcome": "error 1" if span["error"] else "",
        **of_attributes(own),
        "events": len(json.loads(own.get("events", "[]"))),
    }


def of_test_agent(span):
    own = span["attributes"]
    return {
        "name": own.get("operation.name", span["name"]),
        "resource": own.get("resource.name"),
        "kind": span["kind"].removeprefix("SPAN_KIND_").lower() if isinstance(span["kind"], str) else KINDS[span["kind"]],
        "parent": base64.b64decode(span.get("parent_span_id", "")).hex(),
        "duration": (int(span["end_time_unix_nano"]) - int(span["start_time_unix_nano"])) / 1e6,
        "outcome": str(span.get("status", {}).get("code", "")).removeprefix("STATUS_CODE_").lower(),
        **of_attributes(own),
        "events": len(span.get("events", [])),
    }


def of_xray(segment):
    annotations, metadata = segment.get("annotations", {}), segment.get("metadata", {}).get("default", {})
    marks = {**{key: f"{value} (metadata)" for key, value in metadata.items()}, **{key: f"{value} (annotation)" for key, value in annotations.items()}}
    return {
        "name": segment["name"],
        "kind": " · ".join(filter(None, [segment.get("type", "segment"), segment.get("namespace")])),
        "parent": segment.get("parent_id"),
        "duration": (segment["end_time"] - segment["start_time"]) * 1e3,
        "outcome": ", ".join(word for word in ("error", "throttle", "fault") if segment.get(word)),
        **of_attributes(marks),
        "HTTP status": segment.get("http", {}).get("response", {}).get("status"),
        "events": len(segment.get("cause", {}).get("exceptions", [])) if isinstance(segment.get("cause"), dict) else 0,
    }


def of_langtrace(row):
    own = row["attributes"]
    return {
        "name": row["name"],
        "service": own.get("service.name"),
        "kind": f"{KINDS[row['kind']]} · type {own.get('langtrace.service.type')}",
        "parent": row["parent_id"],
        "duration": row["end"] - row["start"],
        "outcome": row.get("status"),
        **of_attributes(own),
        "events": len(row["events"]),
    }


READERS = {"Datadog": of_datadog, "Datadog, OTLP": of_test_agent, "X-Ray": of_xray, "X-Ray, Collector": of_xray, "Langtrace": of_langtrace}
ROWS = ["name", "resource", "service", "kind", "parent", "duration", "outcome", "HTTP status", "model", "tokens in", "signals.quality",
        "signals.flagged", "events"]


def cell(row, value):
    if value in (None, "", []) or (row == "parent" and not str(value).strip("0")):
        return NOTHING
    if row == "duration":
        return f"{value:.3f} ms"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).replace("|", "\\|")


def written(sources, columns):
    lines = [INTRODUCTION]
    ordered = sorted(sources.items(), key=lambda item: (int(item[1][1]["startTimeUnixNano"]), item[0]))
    for number, (id_, (about, span)) in enumerate(ordered, 1):
        lines += [f"## {number}. `{span['name']}`, {id_}", "", f"| | span | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
        sides = [of_source(about, span)] + [READERS[name](spans[id_]) for name, spans in columns.items()]
        for row in ROWS:
            cells = [cell(row, side.get(row)) for side in sides]
            if any(text != NOTHING for text in cells):
                lines.append(f"| {row} | {' | '.join(cells)} |")
        lines.append("")
    flagged = next(id_ for id_, (_, span) in ordered if plain(span["attributes"]).get("signals.flagged"))
    lines += whole(sources, columns, flagged)
    return "\n".join(lines)


def whole(sources, columns, id_):
    lines = [f"## All of a flagged span, {id_}", ""]
    for name, found in {"The span": sources[id_][1], **{name: spans[id_] for name, spans in columns.items()}}.items():
        text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)
        lines += [f"<details><summary>{name}</summary>", "", "```json", text, "```", "", "</details>", ""]
    return lines
