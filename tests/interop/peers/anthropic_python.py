"""Anthropic's Python SDK through `planoai up`, to a provider of either API: what it gets, and the traces of it."""

from gateway import (
    OPENTELEMETRY,
    Gateway,
    Request,
    check_broken_off,
    check_error,
    check_example,
    check_left,
    check_models,
    check_upstream,
)
from harness import expect

PACKAGES = ["anthropic==2.14.0", *OPENTELEMETRY]
VERSION_OF = "anthropic"
PATH = "/v1/messages"
PROVIDERS = {"claude-sonnet-4-0": "anthropic", "gpt-4o": "openai"}
ANSWER = "YOU SAID: HOW FAR IS IT FROM BERLIN TO ZANZIBAR"
# What fails: class, status, the error's type, spans (the client's included), error.type.
ERRORS = {
    "unknown model": ("NotFoundError", 404, "not_found_error", 3, "unknown_model"),
    "no model": ("BadRequestError", 400, "invalid_request_error", 2, "invalid_request"),
    "wrong key": ("AuthenticationError", 401, "authentication_error", 2, "unauthorized"),
    "models for a wrong key": ("AuthenticationError", 401, "authentication_error", 2, "unauthorized"),
    "picky openai": ("BadRequestError", 400, "invalid_request_error", 5, "upstream_4xx"),
    "picky anthropic": ("BadRequestError", 400, "invalid_request_error", 5, "upstream_4xx"),
    "limited openai": ("RateLimitError", 429, "rate_limit_error", 5, "rate_limited"),
    "limited anthropic": ("RateLimitError", 429, "rate_limit_error", 5, "rate_limited"),
    "broken": ("ServiceUnavailableError", 503, "overloaded_error", 6, "upstream_5xx"),
    "nobody": ("InternalServerError", 502, "api_error", 6, "connect"),
}


def check(bench):
    gateway = Gateway(bench)
    requests = gateway.client("anthropic_client.py")["requests"]
    asked = gateway.asked_by_id()
    for model, provider in PROVIDERS.items():
        check_replies(requests, model)
        for name in [name for name in requests if name.endswith(model)]:
            spans = Request(gateway, requests[name])
            spans.check_call(requests[name], PATH, provider, flagged=name.startswith("angry"))
            check_upstream(asked[requests[name]["request_id"]], spans, provider)
    for name, wanted in ERRORS.items():
        _class, _status, kind, *_ = wanted
        expect(f"{name}: type", requests[name]["error"]["body"]["error"]["type"], kind)
        check_error(gateway, requests[name], *wanted)
    Request(gateway, requests["right key"]).check_call(requests["right key"], PATH, "anthropic")
    for provider in PROVIDERS.values():
        check_left(gateway, requests[f"left {provider}"])
        check_broken_off(gateway, requests[f"sick {provider}"], "the model sick gives up", "upstream_5xx")
        check_broken_off(gateway, requests[f"torn {provider}"], "stream broke", "stream_interrupted")
    check_models(gateway, requests["models"])
    check_example(gateway, "anthropic")


def check_replies(requests, model):
    def of(name):
        return requests[f"{name} {model}"]

    expect("the message's form", (of("whole")["object"], of("whole")["answered_by"]), ("message", f"{model}-2026"))
    for name in ("whole", "system in blocks", "stream", "raw stream", "async", "async stream"):
        told = of(name)
        expect(f"{name} of {model}", (told["text"], told["finish"]), (ANSWER, "end_turn"))
        expect(f"tokens of {name} of {model}", told["usage"], of("whole")["usage"])
    for name in ("stream", "async stream"):
        expect(f"pieces of {name} of {model}", of(name)["streamed"], ANSWER)
        assert of(name)["chunks"] > 5, f"{name} of {model} came in {of(name)['chunks']} pieces"
    check_events(model, [event for event in of("raw stream")["events"] if event != "ping"])
    for name in ("tool call", "streamed tool call"):
        told = of(name)
        wanted = ("get_weather", {"city": "Zanzibar"}, "tool_use")
        expect(f"{name} of {model}", (told["call"], told["arguments"], told["finish"]), wanted)
    assert of("streamed tool call")["parts"] > 1, f"the input of {model}'s call came in one piece"
    expect(f"tool result of {model}", of("tool result")["text"], "The tool says: sunny, with penguins")


def check_events(model, events):
    expect(f"first events of {model}", events[:3], ["message_start", "content_block_start", "content_block_delta"])
    expect(f"last events of {model}", events[-3:], ["content_block_stop", "message_delta", "message_stop"])
