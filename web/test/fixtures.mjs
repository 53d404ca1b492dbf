// Traces for tests and screenshots, as OTLP/JSON: what a gateway, an agent and a few SDKs would send. All made up.

/** A random number generator with a seed: the same traces every time. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const hex = (number, digits) => number.toString(16).padStart(digits, "0");

/** A trace id by number: the start tells them apart. */
export const traceId = (number) => hex(number * 0x10001, 8) + hex(number, 8) + "5a5a5a5a5a5a5a5a";
const spanId = (trace, number) => hex(trace, 6) + hex(number + 1, 10);

function value(held) {
  if (typeof held === "string") return { stringValue: held };
  if (typeof held === "boolean") return { boolValue: held };
  if (typeof held === "number") return Number.isInteger(held) ? { intValue: String(held) } : { doubleValue: held };
  if (Array.isArray(held)) return { arrayValue: { values: held.map(value) } };
  return { kvlistValue: { values: attributes(held) } };
}

const attributes = (held) => Object.entries(held).map(([key, inner]) => ({ key, value: value(inner) }));

/** Milliseconds after a start, as nanoseconds since the epoch. */
const at = (start, millis) => String(BigInt(Math.round(start)) * 1_000_000n + BigInt(Math.round(millis * 1e6)));

/**
 * Spans as [name, service, parent's place or null, start ms, length ms, attributes, more], grouped by service for the wire.
 */
export function trace(number, start, spans) {
  const services = new Map();
  spans.forEach(([name, service, parent, from, length, held = {}, more = {}], place) => {
    const span = {
      traceId: traceId(number),
      spanId: spanId(number, place),
      ...(parent === null ? {} : { parentSpanId: typeof parent === "string" ? parent : spanId(number, parent) }),
      name,
      kind: more.kind ?? 1,
      startTimeUnixNano: at(start, from),
      endTimeUnixNano: at(start, from + length),
      attributes: attributes(held),
      status: more.error !== undefined ? { code: 2, message: more.error } : {},
      events: (more.events ?? []).map(([after, event, inner]) => ({
        timeUnixNano: at(start, from + after),
        name: event,
        attributes: attributes(inner),
      })),
      links: (more.links ?? []).map(([linked, linkedSpan]) => ({ traceId: linked, spanId: linkedSpan, attributes: attributes({ "link.kind": "follows" }) })),
    };
    if (!services.has(service)) services.set(service, []);
    services.get(service).push(span);
  });
  return {
    resourceSpans: [...services].map(([service, list]) => ({
      resource: { attributes: attributes({ "service.name": service, "service.version": "1.8.2", "deployment.environment.name": "staging", "host.name": "desk-7" }) },
      scopeSpans: [{ scope: { name: "example.instrumentation", version: "0.4.0" }, spans: list }],
    })),
  };
}

/** A conversation in the attributes of one of the common dialects. */
export function conversation(model, messages, more = {}) {
  const held = { "gen_ai.system": "openai", "gen_ai.request.model": model, "gen_ai.response.model": model, "llm.model": model };
  messages.forEach(([role, content, calls = [], id], place) => {
    const last = place === messages.length - 1 && role === "assistant";
    const prefix = last ? "gen_ai.completion.0" : `gen_ai.prompt.${place}`;
    held[`${prefix}.role`] = role;
    if (content !== "") held[`${prefix}.content`] = content;
    if (id !== undefined) held[`${prefix}.tool_call_id`] = id;
    calls.forEach(([name, given, call], nth) => {
      held[`${prefix}.tool_calls.${nth}.id`] = call;
      held[`${prefix}.tool_calls.${nth}.name`] = name;
      held[`${prefix}.tool_calls.${nth}.arguments`] = JSON.stringify(given);
    });
  });
  return { ...held, "llm.request.type": "chat", ...more };
}

const usage = (input, output, first) => ({
  "llm.usage.prompt_tokens": input,
  "llm.usage.completion_tokens": output,
  "llm.usage.total_tokens": input + output,
  "llm.time_to_first_token": first,
  "llm.is_streaming": true,
});

const UPSET = [
  ["system", "You are the travel desk of Alpine Air. Book, change and cancel trips. Ask before you spend money.\nQuote fares in euros and name the flight number."],
  ["user", "I need to move my flight to Zurich from Tuesday to Thursday, booking ZX81QK."],
  ["assistant", "", [["find_booking", { reference: "ZX81QK", include: ["passengers", "fares"] }, "call_1"]]],
  ["tool", '{"reference":"ZX81QK","status":"ticketed","segments":[{"flight":"AA 418","from":"VIE","to":"ZRH","day":"2026-12-01"}],"fare":{"class":"Light","changeable":false}}', [], "call_1"],
  ["assistant", "Your booking ZX81QK is a Light fare, so I have booked you a new flight for Tuesday."],
  ["user", "No, that's not what I asked for. I said Thursday, not Tuesday!"],
  ["assistant", "I understand. I have booked you a new flight for Tuesday at 09:40."],
  ["user", "This is useless. You keep getting it wrong. I want to speak to a human, please transfer me to a manager."],
  ["assistant", "I am sorry for the trouble. I will connect you with a colleague of the travel desk."],
];

const HAPPY = [
  ["system", "You help the customers of a bookshop."],
  ["user", "Where is my order 1107?"],
  ["assistant", "", [["track_order", { order: 1107 }, "call_9"]]],
  ["tool", '{"order":1107,"carrier":"Post","state":"out for delivery","expected":"today 14:00-16:00"}', [], "call_9"],
  ["assistant", "It is out for delivery and should reach you today between 14:00 and 16:00."],
  ["user", "Perfect, thank you so much! That solved it."],
  ["assistant", "You are welcome. Enjoy the book!"],
];

/** A request to an agent through the gateway; the conversation on its last call goes wrong. */
export function agentRequest(number, start, session) {
  const http = (path, status, request = "3d0c4f7e") => ({ "http.method": "POST", "http.target": path, "http.status_code": status, "guid:x-request-id": request });
  const own = session === undefined ? {} : { "session.id": session };
  return trace(number, start, [
    ["POST /agents/v1/chat/completions", "plano(inbound)", null, 0, 8043, { ...http("/agents/v1/chat/completions", 200), "http.request.size": 2210, "http.response.size": 5120, ...own }, { kind: 2 }],
    ["pii_redaction", "plano(filter)", 0, 2, 41, { "filter.id": "pii_redaction", "http.status_code": 200 }],
    ["travel_booking_service", "plano(orchestrator)", 0, 46, 629, { "orchestrator.agents": ["weather_agent", "flight_agent"], "orchestrator.latency_ms": 620 }],
    ["POST /v1/chat/completions gpt-4o-mini", "plano(llm)", 2, 49, 620, { ...http("/v1/chat/completions", 200), "llm.model": "gpt-4o-mini", ...usage(412, 18, 210) }, { kind: 3 }],
    ["weather_agent /v1/chat/completions", "plano(agent)", 0, 680, 2105, { "agent.id": "weather_agent", "http.status_code": 200 }],
    ["POST localhost:10510/v1/chat/completions", "plano(handoff)", 4, 684, 2098, http("/v1/chat/completions", 200), { kind: 3 }],
    ["invoke weather_agent", "weather-agent", 5, 702, 2060, { "agent.framework": "strands", "agent.turn": 1 }],
    ["GET api.forecast.example/v2/daily", "weather-agent", 6, 720, 388, { "http.request.method": "GET", "http.response.status_code": 200, "url.full": "https://api.forecast.example/v2/daily?place=Zurich" }, { kind: 3 }],
    ["POST /v1/chat/completions gpt-4o-mini", "plano(llm)", 6, 1120, 1590, { ...http("/v1/chat/completions", 200), ...usage(890, 144, 322), "llm.model": "gpt-4o-mini" }, { kind: 3 }],
    ["flight_agent /v1/chat/completions", "plano(agent)", 0, 2790, 5230, { "agent.id": "flight_agent", "http.status_code": 200 }],
    ["POST localhost:10520/v1/chat/completions", "plano(handoff)", 9, 2795, 5220, http("/v1/chat/completions", 200), { kind: 3 }],
    ["invoke flight_agent", "flight-agent", 10, 2812, 5180, { "agent.framework": "strands", "agent.turn": 3 }, { events: [[40, "agent.plan", { "plan.steps": 3, "plan.text": "find booking; price the change; ask" }]] }],
    ["tool find_booking", "flight-agent", 11, 2840, 266, { "tool.name": "find_booking", "tool.arguments": '{"reference":"ZX81QK","include":["passengers","fares"]}', "tool.retries": 0 }],
    ["SELECT bookings", "booking-db", 12, 2851, 31, { "db.system.name": "postgresql", "db.query.text": "SELECT * FROM bookings WHERE reference = $1", "db.response.rows": 1 }, { kind: 3 }],
    ["price_change", "plano(routing)", 11, 3120, 95, { "routing.strategy": "cheapest", "routing.model": "gpt-4o" }],
    ["POST /v1/chat/completions gpt-4o", "plano(llm)", 11, 3230, 4710, { ...http("/v1/chat/completions", 200), ...conversation("gpt-4o", UPSET, own), ...usage(1873, 225, 843) }, { kind: 3 }],
  ]);
}

/** A request that an upstream refuses. */
export function failed(number, start, status, type, message) {
  const http = { "http.method": "POST", "http.target": "/v1/chat/completions", "http.status_code": status };
  return trace(number, start, [
    ["POST /v1/chat/completions", "plano(inbound)", null, 0, 96 + status / 4, http, { kind: 2, error: message }],
    ["POST /v1/chat/completions gpt-4o", "plano(llm)", 0, 3, 88 + status / 4, { ...http, "llm.model": "gpt-4o", "error.type": type, "llm.attempts": 1 },
      { kind: 3, error: message, events: [[60, "exception", { "exception.type": type, "exception.message": message, "exception.stacktrace": `Error: ${message}\n    at ask (gateway/upstream:212)\n    at attempt (gateway/attempts:88)` }]] }],
  ]);
}

/** A turn of a chat with a session. */
export function turn(number, start, session, service, messages, length = 1480) {
  return trace(number, start, [
    [`chat ${service}`, service, null, 0, length, { "session.id": session, "user.id": "u-204" }, { kind: 2 }],
    ["retrieve passages", service, 0, 12, 140, { "vector.index": "handbook", "vector.top_k": 8, "vector.scores": [0.91, 0.88, 0.71] }],
    ["openai.chat", service, 0, 160, length - 180, { ...conversation("gpt-4o-mini", messages), ...usage(640 + number, 96, 300 + (number % 7) * 31), "session.id": session }, { kind: 3 }],
  ]);
}

/** Names and values that would like to be more than text. */
export const HOSTILE = {
  name: 'GET <script>document.title="owned"</script>\u202egnp.exe\u001b[31m',
  service: '"><img src=x onerror=alert(1)>',
  key: "<b>key</b>\u2066",
  value: "line one\nline\ttwo \u0007\u200b<svg onload=alert(2)> {{7*7}} javascript:alert(3)",
  session: "../../<i>session</i>?#%2e",
};

export function hostile(number, start) {
  return trace(number, start, [
    [HOSTILE.name, HOSTILE.service, null, 0, 320, { [HOSTILE.key]: HOSTILE.value, "session.id": HOSTILE.session, ["__proto__"]: "polluted", "html.page": "<script>alert(4)</script>" }, { kind: 2, error: "<script>alert(5)</script>\u202e" }],
    ["openai.chat", HOSTILE.service, 0, 10, 290, conversation("<u>model</u>", [
      ["user", "<script>alert(6)</script>\u202e this is useless, I want to speak to a human <img src=x onerror=alert(7)>"],
      ["assistant", "</pre><script>alert(8)</script>", []],
    ]), { events: [[5, "<script>alert(9)</script>", { a: "\u202e" }]], links: [[traceId(1), spanId(1, 0)]] }],
  ]);
}

/** Children of a parent that never comes, and a child that starts before its parent. */
export function odd(number, start) {
  return trace(number, start, [
    ["worker run", "worker", null, 20, 400],
    ["fetch page", "worker", 0, 5, 120],
    ["lost child", "worker", "00000000000000ff", 60, 90],
  ]);
}

/** A trace of many spans: an agent that loops, with calls in calls. */
export function large(number, start, spans) {
  const next = random(7);
  const list = [["batch evaluate 400 conversations", "evaluator", null, 0, spans * 2.4, { "batch.size": 400 }, { kind: 2 }]];
  const open = [0];
  while (list.length < spans) {
    while (open.length > 1 && next() < 0.42) open.pop();
    const parent = open.at(-1);
    const depth = open.length;
    const from = list.length * 2.3;
    const length = Math.max(0.4, (24 / depth) * next() * 3);
    const failing = list.length % 997 === 500;
    const kind = depth % 3;
    const name = kind === 0 ? "POST /v1/chat/completions gpt-4o-mini" : kind === 1 ? `evaluate conversation ${list.length}` : "score answer";
    const service = kind === 0 ? "plano(llm)" : "evaluator";
    list.push([name, service, parent, from, length, { "step.number": list.length, ...(kind === 0 ? { "llm.model": "gpt-4o-mini", "llm.usage.prompt_tokens": 120, "llm.usage.completion_tokens": 12 } : {}) }, failing ? { error: "the judge gave no number" } : {}]);
    if (open.length < 9) open.push(list.length - 1);
  }
  return trace(number, start, list);
}

/** Everything that a day at the desk would leave, oldest first, ending at a moment. */
export function day(end) {
  const chats = [
    ["user", "How many vacation days do I get?"],
    ["assistant", "Twenty-five days a year, plus public holidays."],
  ];
  const wrong = [
    ["user", "How do I reset my VPN token?"],
    ["assistant", "Your vacation days reset in January."],
    ["user", "No, that's wrong. I asked about the VPN token, not about vacation."],
    ["assistant", "Your vacation days reset in January."],
    ["user", "That doesn't help at all. This is ridiculous. Forget it, let me talk to a real person."],
    ["assistant", "Let me connect you with the help desk."],
  ];
  const list = [];
  let number = 100;
  const push = (ago, make) => list.push([ago, make(number++)]);
  for (let place = 0; place < 24; place += 1) {
    const ago = 5400 - place * 190;
    if (place % 8 === 3) push(ago, (n) => failed(n, end - ago * 1000, 503, "upstream_unavailable", "503 from the upstream: no healthy host"));
    else if (place % 8 === 6) push(ago, (n) => failed(n, end - ago * 1000, 429, "rate_limited", "429 Too Many Requests: 60,000 tokens a minute"));
    else if (place % 3 === 0) push(ago, (n) => turn(n, end - ago * 1000, `hr-${Math.floor(place / 6)}`, "hr-assistant", chats, 900 + place * 70));
    else if (place % 3 === 1) push(ago, (n) => turn(n, end - ago * 1000, `shop-${Math.floor(place / 9)}`, "bookshop", HAPPY, 1400 + place * 40));
    else push(ago, (n) => turn(n, end - ago * 1000, `hr-${Math.floor(place / 6)}`, "hr-assistant", place % 4 === 0 ? wrong : chats, 1900 + place * 30));
  }
  push(640, (n) => odd(n, end - 640_000));
  push(300, (n) => turn(n, end - 300_000, "hr-3", "hr-assistant", wrong, 4100));
  push(180, (n) => failed(n, end - 180_000, 500, "internal_error", "500 from the upstream: the model crashed"));
  push(75, (n) => turn(n, end - 75_000, "shop-2", "bookshop", HAPPY, 2200));
  push(41, (n) => agentRequest(n, end - 41_000, "trip-ZX81QK"));
  return list.map(([, otlp]) => otlp);
}
