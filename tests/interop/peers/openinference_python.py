"""OpenInference's instrumentation of OpenAI's SDK: our collector reads its conversations; the angry one is flagged."""

import instrumented
from gateway import value
from instrumented import PACKAGES  # noqa: F401 - read by the runner

VERSION_OF = "openinference-instrumentation-openai"


def check(bench):
    gateway, _http, traces = instrumented.run(bench, "openinference")

    def dialect(name, span):
        assert value(span, "llm.input_messages.0.message.role"), f"{name}: not the dialect that is expected"

    instrumented.check(bench, gateway, traces, "ChatCompletion", dialect)
