"""Our datadog exporter beside Datadog's own agent: 300 varied spans and one trace of the gateway, field by field, and the statistics.

The agent's whole way (tests/interop/go/datadog_mapping) makes the reference anew, which must be what the repository keeps. Our exporter
sends the same spans to an intake on loopback; Datadog's own types read what came. A difference that EXPECTED does not explain is a
failure, and so is an explanation that explains nothing any more.
"""

import json
import re
import subprocess
import urllib.request
from collections import Counter

import harness
from intake import STATS, TRACES, Intake

PACKAGES = []
VERSION = "datadog-agent 7.85.4"
FIXTURES = harness.HERE.parent / "fixtures" / "backends"
KEY = "0123456789abcdef0123456789abcdef"

# (place, which values, why). A place is a field of a span, chunk or payload: `meta.KEY`. The first that fits explains a difference.
EXPECTED = []


def check(bench):
    program = harness.go_program("datadog_mapping")
    references = {name: reference(program, name) for name in ("varied", "agent")}
    for name in references:
        compare_traces(bench, program, name, references[name])


def reference(program, name):
    """What the agent makes of a fixture now, which is what is kept beside it."""
    kept = FIXTURES / f"datadog_reference_{name}.json"
    made = printed([program, FIXTURES / f"{name}.json"])
    assert made == kept.read_text(), f"{kept.name} is not what the agent makes now: write it anew and read the difference"
    return json.loads(made)


def printed(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stderr}"
    return done.stdout
