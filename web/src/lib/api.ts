// The listener's answers, and how they are asked for.

export type Info = {
  version: string;
  held: number;
  newest: number;
  bytes: number;
  dropped: Dropped;
  limits: { max_traces: number; max_bytes: number };
};

export type Dropped = { traces: number; spans: number };

export type Summary = {
  trace_id: string;
  start_unix_nano: number;
  duration_nanos: number;
  service: string;
  root: string;
  spans: number;
  errors: number;
  flags: number;
  tokens: number;
  tokens_in: number;
  tokens_out: number;
  cost_usd?: number | null;
  quality: string | null;
  session: string | null;
  models: string[];
  sequence: number;
};

export type Reply = {
  summaries: Summary[];
  cursor: number | null;
  dropped: Dropped;
  held: number;
  newest: number;
};

export type Role = "inbound" | "handoff" | "orchestrator" | "routing" | "agent" | "llm" | "filter" | "other";

export type Row = {
  span_id: string;
  trace_id: string;
  parent_span_id: string;
  depth: number;
  has_children: boolean;
  oddity: null | "parent_missing" | "loop" | "earlier_than_parent";
  name: string;
  service: string;
  role: Role;
  kind: string;
  start: number;
  duration: number;
  error: string | null;
  http_status: number | null;
  flagged: boolean;
  quality: string | null;
  tokens_in: number;
  tokens_out: number;
  model: string | null;
  has_conversation: boolean;
};

export type Outline = {
  trace_id: string;
  trace_ids: string[];
  start_unix_nano: string;
  duration_nanos: number;
  facts: {
    errors: number;
    flags: number;
    tokens_in: number;
    tokens_out: number;
    first_token: [number, number] | null;
    cost_usd?: number | null;
    /** Model calls that cost something, but nobody knows what. */
    unpriced?: number;
  };
  notes: string[];
  rows: Row[];
};

export type Value = {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string | number;
  doubleValue?: number | string;
  bytesValue?: string;
  arrayValue?: { values?: Value[] };
  kvlistValue?: { values?: Attribute[] };
};

export type Attribute = { key: string; value: Value };

export type Span = {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  service: string;
  status: { code?: number; message?: string };
  attributes: Attribute[];
  events: { timeUnixNano: string; name: string; attributes: Attribute[] }[];
  links: { traceId: string; spanId: string; attributes: Attribute[] }[];
  resource: { attributes?: Attribute[] };
  scope: { name?: string; version?: string };
};

export type Signal = { type: string; confidence: number; why: string };

export type Message = {
  role: string;
  name: string | null;
  text: { text: string; signals: string[] }[];
  tool_calls: { id: string | null; name: string; arguments: string }[];
  tool_call_id: string | null;
  signals: Signal[];
};

export type Conversation = {
  dialect: string;
  session: string | null;
  messages: Message[];
  /** What was found in messages that are not here. */
  signals?: Signal[];
  quality: string | null;
  score: number | null;
  flag_reasons: string[];
  note: string | null;
};

export type Detail = { span: Span; conversation: Conversation | null };

export type Session = {
  session: string;
  trace_ids: string[];
  start_unix_nano: number;
  end_unix_nano: number;
  spans: number;
  errors: number;
  flags: number;
  tokens: number;
  quality: string | null;
  last_quality: string | null;
};

/** Why there is no answer; `status` is 0 where nobody answered. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Params = Record<string, string | number | boolean | null | undefined>;

/** A path with what is asked behind it; what is empty is left out. */
export function address(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "" && value !== false) query.set(key, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** Asks the listener. Fails with a `Refusal`, or with an `AbortError` where the signal was used. */
export async function ask<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address(path, params), { signal: signal ?? null, cache: "no-store" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal(0, "the listener does not answer");
  }
  let body: unknown = null;
  try {
    body = await response.json();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal(response.status, `the listener's answer is no JSON (HTTP ${response.status})`);
  }
  if (!response.ok) {
    const told = (body as { error?: unknown } | null)?.error;
    throw new Refusal(response.status, typeof told === "string" ? told : `HTTP ${response.status}`);
  }
  return body as T;
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function whatWentWrong(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
