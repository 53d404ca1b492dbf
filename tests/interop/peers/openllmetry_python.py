"""OpenLLMetry's instrumentation of OpenAI's SDK: our collector reads its conversations; the angry one is flagged."""

import instrumented
from gateway import value
from instrumented import PACKAGES  # noqa: F401 - read by the runner

VERSION_OF = "opentelemetry-instrumentation-openai"


def check(bench):
    gateway, _http, traces = instrumented.run(bench, "openllmetry")

    def dialect(name, span):
        assert "parts" in (value(span, "gen_ai.input.messages") or ""), f"{name}: not the dialect that is expected"

    instrumented.check(bench, gateway, traces, "openai.chat", dialect)
