"""The SDKs of OpenAI and Anthropic against `planoai demo --serve`: what a stranger's first program would do."""

import json

from harness import attributes, expect, until

PACKAGES = ["openai==3.57.0", "anthropic==2.14.0"]
VERSION_OF = "openai"
ECHO = "You said: How far is it to Zanzibar?"
# Requests of one SDK to one model, and those of the demo itself.
REQUESTS, OWN = 4, 18


def check(bench):
    tracing, (port,) = bench.neighbours(), bench.ports(1)
    process = bench.start("demo", [bench.binary, "demo", "--serve", "--port", port, "--tracing-port", tracing])
    bench.wait_for_port(port, process)
    found = bench.run_app("demo_client.py", [port])
    expect("the error", found.pop("refused"), ["InternalServerError", 503])
    for name, told in found.items():
        for kind in ("whole", "streamed", "after the tool"):
            assert told[kind].startswith(ECHO), f"{name}, {kind}: {told[kind]!r}"
        end = "tool_calls" if name.startswith("openai") else "tool_use"
        expect(f"{name}: call", told["call"], ["distance", {"city": "How far is it to Zanzibar?"}, end])
        prompt, completion = told["tokens"]
        assert prompt == 6 and completion > 10, f"{name}: {told['tokens']} tokens"
    wanted = OWN + len(found) * REQUESTS + 1

    def traces():
        shown = bench.planoai(["trace", "--json", "--limit", "1000"], tracing)
        held = json.loads(shown.stdout)["traces"] if shown.returncode == 0 else []
        return held if len(held) >= wanted else None

    held = until(20, f"{wanted} traces", traces)
    expect("traces", len(held), wanted)
    models = [span for trace in held for span in trace["spans"] if span["service"] == "plano(llm)"]
    expect("calls of a model", len(models), wanted)
    for span in models:
        attribute = attributes(span)
        assert "signals.quality" in attribute, f"no signals on {span['name']}: {sorted(attribute)}"
        if "error.type" not in attribute:
            for key in ("llm.usage.prompt_tokens", "llm.usage.completion_tokens", "llm.duration_ms"):
                assert "intValue" in attribute[key], f"{key} of {span['name']}: {attribute[key]}"
        if attribute["llm.is_streaming"]["boolValue"]:
            assert "llm.time_to_first_token" in attribute, f"no first token on {span['name']}"
