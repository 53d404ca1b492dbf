"""Langtrace's SDK and the documentation's example through the gateway: its spans reach our collector and get signals."""

import instrumented
from gateway import check_example
from harness import HERE
from instrumented import PACKAGES  # noqa: F401 - read by the runner

VERSION_OF = "langtrace-python-sdk"
PAGE = HERE.parent.parent / "docs" / "backends" / "langtrace.md"


def check(bench):
    gateway, http, traces = instrumented.run(bench, "langtrace")

    def dialect(name, span):
        events = [event["name"] for event in span["events"]]
        assert "gen_ai.content.prompt" in events, f"{name}: not the dialect that is expected: {events}"

    instrumented.check(bench, gateway, traces, "openai.chat.completions.create", dialect)
    env = {
        "LANGTRACE_API_KEY": "key-of-langtrace",
        "LANGTRACE_API_HOST": f"http://127.0.0.1:{http}",
        "LANGTRACE_ERROR_REPORTING": "False",
        "OPENAI_API_KEY": "key-of-the-client",
        "PYTHONWARNINGS": "ignore",
    }
    check_example(gateway, "langtrace_python_sdk", PAGE, "You said: What is a trace?", env)
    newest = bench.planoai(["trace", "last", "--json", "--where", "langtrace.sdk.name=langtrace-python-sdk"], gateway.viewer)
    assert '"gpt-4o-mini"' in newest.stdout, f"the example's span did not arrive:\n{newest.stdout}{newest.stderr}"
