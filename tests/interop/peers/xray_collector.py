"""The OpenTelemetry Collector's awsxray exporter: 300 varied spans and more become its segments and ours, field by field."""

import json
import os

import harness
import segments

PACKAGES = []
VERSION = harness.COLLECTOR
NEEDS = [harness.collector_peer]

# What is compared with which settings.
COMPARED = [("varied", ""), ("agent", ""), ("xray", ""), ("xray", "listed"), ("xray", "all")]


def config(otlp, api, setting, more=""):
    return f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
exporters:
  awsxray: {{region: eu-west-1, endpoint: "{api}", local_mode: true, {more}{segments.SETTINGS[setting]}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [awsxray]}}}}
"""


def documents(bench, name, program, setting, fixtures, more=""):
    """{fixture: documents} as `program` sends them."""
    with segments.Api() as api:
        (otlp,) = bench.ports(1)
        path = bench.folder / f"{name}-{setting}.yaml"
        path.write_text(config(otlp, api.url, setting, more))
        keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        process = bench.start(f"{name}-{setting}", [*program, "--config", path], env=keys)
        bench.wait_for_port(otlp, process)
        found = {}
        for fixture in fixtures:
            api.requests.clear()
            # Neither queues here: the answer comes after the segments went out.
            segments.post(otlp, (segments.FIXTURES / f"{fixture}.json").read_bytes())
            found[fixture] = api.documents()
        harness.stop(process)
        return found


def check(bench):
    theirs = harness.collector_peer()
    for setting in segments.SETTINGS:
        fixtures = [fixture for fixture, of in COMPARED if of == setting]
        of_theirs = documents(bench, "theirs", [theirs], setting, fixtures)
        of_ours = {}
        if "PLANO_XRAY_WRITE" not in os.environ:
            program = [bench.binary, "collector"]
            of_ours = documents(bench, "ours", program, setting, fixtures, "sending_queue: {enabled: false}, ")
        for fixture in fixtures:
            path = segments.reference(fixture, setting)
            text = segments.text(of_theirs[fixture], fixture)
            if "PLANO_XRAY_WRITE" in os.environ:
                path.write_text(text)
                continue
            same(path, text)
            compare(fixture, setting, text, segments.text(of_ours[fixture], fixture))


def same(path, told):
    """The file of reference is what the Collector says today."""
    lines, wanted = told.splitlines(), path.read_text().splitlines()
    harness.expect(f"documents in {path.name}", len(lines), len(wanted))
    for line, (got, want) in enumerate(zip(lines, wanted), 1):
        harness.expect(f"{path.name}:{line}, told anew by the Collector", got, want)


def compare(fixture, setting, theirs, ours):
    theirs, ours = ([json.loads(line) for line in text.splitlines()] for text in (theirs, ours))
    harness.expect(f"documents of {fixture} {setting}", len(ours), len(theirs))
    rest = []
    for their, our in zip(theirs, ours):
        for path in segments.differences(their, our):
            if not segments.explained(path, their, our):
                rest.append(f"{our['name']} {our['id']}: {path}: {segments.at(their, path)!r} there, {segments.at(our, path)!r} here")
    assert not rest, "\n".join([f"{fixture} {setting}: {len(rest)} differences that no rule explains", *rest[:40]])
