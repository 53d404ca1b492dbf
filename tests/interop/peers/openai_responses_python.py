"""OpenAI's Python SDK and its responses through `planoai up`: passed through to the provider that has them, translated to two
that have not, and going on from what was said before."""

from gateway import OPENTELEMETRY, Gateway, Request, check_error, check_upstream, value
from harness import expect

PACKAGES = ["openai==3.57.0", *OPENTELEMETRY]
VERSION_OF = "openai"
PATH = "/v1/responses"
# Of each model: its provider, and what that is asked.
UPSTREAMS = {
    "gpt-4o": ("openai", "/v1/responses"),
    "claude-sonnet-4-0": ("anthropic", "/v1/messages"),
    "plain": ("custom", "/v1/chat/completions"),
}
ANSWER = "YOU SAID: HOW FAR IS IT FROM BERLIN TO ZANZIBAR"
NEXT = "And to the penguins"
# What fails: class, status, code, spans (the client's included), error.type.
ERRORS = {
    "unknown model": ("NotFoundError", 404, "model_not_found", 3, "unknown_model"),
    "no input": ("BadRequestError", 400, None, 2, "invalid_request"),
    "web search": ("BadRequestError", 400, None, 4, "invalid_request"),
    "forgotten": ("BadRequestError", 400, "previous_response_not_found", 4, "invalid_request"),
    "limited": ("RateLimitError", 429, "rate_limit_error", 5, "rate_limited"),
}


def check(bench):
    gateway = Gateway(bench)
    requests = gateway.client("responses_client.py")["requests"]
    asked = gateway.asked_by_id()
    for model, (provider, upstream) in UPSTREAMS.items():
        check_replies(requests, model)
        check_going_on(requests, asked, model)
        for name in [name for name in requests if name.endswith(f" {model}")]:
            spans = Request(gateway, requests[name])
            spans.check_call(requests[name], PATH, provider, name.startswith("angry"), upstream)
            if provider != "custom":
                check_upstream(asked[requests[name]["request_id"]], spans, provider)
    for provider in ("openai", "anthropic"):
        check_torn(gateway, requests[f"torn {provider}/torn"])
    for name, wanted in ERRORS.items():
        _class, _status, code, *_ = wanted
        expect(f"{name}: code", requests[name]["error"]["body"]["code"], code)
        check_error(gateway, requests[name], *wanted)


def check_replies(requests, model):
    def of(name):
        return requests[f"{name} {model}"]

    for name in ("whole", "stream", "collected stream"):
        expect(f"{name} of {model}", (of(name)["text"], of(name)["status"]), (ANSWER, "completed"))
        expect(f"tokens of {name}", of(name)["usage"], of("whole")["usage"])
    expect(f"the answer's form, {model}", (of("whole")["object"], of("whole")["answered_by"]), ("response", f"{model}-2026"))
    events, numbers = of("stream")["events"], of("stream")["numbers"]
    expect(f"numbers of {model}'s events", numbers, list(range(len(events))))
    deltas = [event for event in events if event == "response.output_text.delta"]
    assert len(deltas) > 5, f"stream of {model} came in {len(deltas)} pieces"
    expect(f"deltas of {model}", of("stream")["deltas"], ANSWER)
    around = [event.removeprefix("response.") for event in events if event not in deltas]
    wanted = ["created", "in_progress", "output_item.added", "content_part.added", "output_text.done", "content_part.done"]
    expect(f"events of {model}", around, [*wanted, "output_item.done", "completed"])
    for name in ("tool call", "streamed tool call"):
        told = of(name)
        expect(f"{name} of {model}", (told["call"], told["arguments"]), ("get_weather", {"city": "Zanzibar"}))
    expect(f"tool result of {model}", of("tool result")["text"], "The tool says: sunny, with penguins")


def check_going_on(requests, asked, model):
    """The provider that has responses gets the id; the others the whole conversation."""
    for name in ("after the answer", "after the stream"):
        told = requests[f"{name} {model}"]
        expect(f"{name}: text", told["text"], f"You said: {NEXT}")
        body = asked[told["request_id"]]["body"]
        if model == "gpt-4o":
            expect(f"{name}: previous_response_id", body["previous_response_id"], told["asked_previous"])
            continue
        expect(f"{name}: previous_response_id", told["previous"], told["asked_previous"])
        said = [(message["role"], message["content"]) for message in body["messages"]]
        question = "How far is it from Berlin to Zanzibar"
        expect(f"{name}: conversation", said, [("user", question), ("assistant", ANSWER), ("user", NEXT)])


def check_torn(gateway, told):
    kinds = [kind for kind, _message in told["events"]]
    assert "response.output_text.delta" in kinds or "response.output_item.added" in kinds, f"{told['name']}: {kinds}"
    messages = [message for kind, message in told["events"] if kind == "error"]
    assert len(messages) == 1 and "stream broke" in messages[0], f"{told['name']}: {told['events']}"
    assert "response.completed" not in kinds, f"{told['name']}: {kinds}"
    spans = Request(gateway, told)
    expect(f"{told['name']}: http.status_code", value(spans.inbound, "http.status_code"), 200)
    spans.check_failure("stream_interrupted")
