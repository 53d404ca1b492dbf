"""OpenAI's Python SDK through `planoai up`, to a provider of either API: what it gets, and the traces of it."""

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

PACKAGES = ["openai==3.57.0", *OPENTELEMETRY]
VERSION_OF = "openai"
PATH = "/v1/chat/completions"
PROVIDERS = {"gpt-4o": "openai", "claude-sonnet-4-0": "anthropic"}
ANSWER = "YOU SAID: HOW FAR IS IT FROM BERLIN TO ZANZIBAR"
# What fails: class, status, code, spans (the client's included), error.type.
ERRORS = {
    "unknown model": ("NotFoundError", 404, "model_not_found", 3, "unknown_model"),
    "no model": ("BadRequestError", 400, None, 2, "invalid_request"),
    "wrong key": ("AuthenticationError", 401, "invalid_api_key", 2, "unauthorized"),
    "models for a wrong key": ("AuthenticationError", 401, "invalid_api_key", 2, "unauthorized"),
    "picky openai": ("BadRequestError", 400, "unsupported_value", 5, "upstream_4xx"),
    "picky anthropic": ("BadRequestError", 400, "invalid_request_error", 5, "upstream_4xx"),
    "limited openai": ("RateLimitError", 429, "rate_limit_exceeded", 5, "rate_limited"),
    "limited anthropic": ("RateLimitError", 429, "rate_limit_error", 5, "rate_limited"),
    "broken": ("InternalServerError", 503, None, 6, "upstream_5xx"),
    "nobody": ("InternalServerError", 502, None, 6, "connect"),
}


def check(bench):
    gateway = Gateway(bench)
    requests = gateway.client("openai_client.py")["requests"]
    asked = gateway.asked_by_id()
    for model, provider in PROVIDERS.items():
        check_replies(requests, model)
        for name in [name for name in requests if name.endswith(model)]:
            spans = Request(gateway, requests[name])
            spans.check_call(requests[name], PATH, provider, flagged=name.startswith("angry"))
            check_upstream(asked[requests[name]["request_id"]], spans, provider)
    # Usage is asked for in the name of who did not, and so that the span has it.
    body = asked[requests["stream gpt-4o"]["request_id"]]["body"]
    expect("stream_options that the provider got", body.get("stream_options"), {"include_usage": True})
    for name, wanted in ERRORS.items():
        _class, _status, code, *_ = wanted
        expect(f"{name}: code", requests[name]["error"]["body"]["code"], code)
        check_error(gateway, requests[name], *wanted)
    Request(gateway, requests["right key"]).check_call(requests["right key"], PATH, "openai")
    for provider in PROVIDERS.values():
        check_left(gateway, requests[f"left {provider}"])
        check_broken_off(gateway, requests[f"sick {provider}"], "the model sick gives up", "upstream_5xx")
        check_broken_off(gateway, requests[f"torn {provider}"], "stream broke", "stream_interrupted")
    check_models(gateway, requests["models"])
    check_example(gateway, "openai")


def check_replies(requests, model):
    def of(name):
        return requests[f"{name} {model}"]

    expect("the answer", (of("whole")["text"], of("whole")["finish"]), (ANSWER, "stop"))
    expect("the answer's form", (of("whole")["object"], of("whole")["answered_by"]), ("chat.completion", f"{model}-2026"))
    for name in ("stream", "stream with usage", "async stream"):
        told = of(name)
        expect(f"{name} of {model}", (told["text"], told["finish"]), (ANSWER, "stop"))
        expect(f"chunks of usage in {name} of {model}", (told["empty"], told["with_usage"]), (0, 0))
        assert told["chunks"] > 5, f"{name} of {model} came in {told['chunks']} chunks"
        expect(f"tokens of {name}", told["usage"], of("whole")["usage"])
    expect("the asynchronous answer", of("async")["text"], ANSWER)
    for name in ("tool call", "streamed tool call"):
        told = of(name)
        wanted = ("get_weather", {"city": "Zanzibar"}, "tool_calls")
        expect(f"{name} of {model}", (told["call"], told["arguments"], told["finish"]), wanted)
    expect(f"tool result of {model}", of("tool result")["text"], "The tool says: sunny, with penguins")
