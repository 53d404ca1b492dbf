// What stands where no trace does: how to get one here.

import type { JSX } from "preact";

import { Copy } from "./bits.tsx";

export function Empty({ narrowed, clear }: { narrowed: boolean; clear: () => void }): JSX.Element {
  if (narrowed) {
    return (
      <div class="empty">
        <h2>No trace matches</h2>
        <p>The listener holds traces, but none with all of these conditions.</p>
        <button type="button" class="button" onClick={clear}>
          Show all traces
        </button>
      </div>
    );
  }
  // The page stands two ports above the receiver, unless it was told otherwise.
  const page = Number(location.port);
  const port = page > 2 ? page - 2 : 4317;
  return (
    <div class="empty">
      <h2>Waiting for the first trace</h2>
      <p>It appears here by itself. Point any OpenTelemetry SDK at this listener:</p>
      <Command text={`export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:${port}`} note="gRPC" />
      <Command
        text={`export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:${port + 1} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`}
        note="HTTP"
      />
      <p>Or let the gateway record its requests here:</p>
      <Command text="planoai up --with-tracing" note="gateway and viewer in one process" />
      <Command text="planoai demo" note="six conversations with a stand-in model, no key needed" />
    </div>
  );
}

function Command({ text, note }: { text: string; note: string }): JSX.Element {
  return (
    <div class="command">
      <code>{text}</code>
      <span class="note">{note}</span>
      <Copy text={() => text} label="Copy" />
    </div>
  );
}

/** The language of filters in five lines, where one was not understood. */
export function Language(): JSX.Element {
  const lines = [
    ["refund", "a word that any name or value of the trace holds"],
    ["status=error duration>2s", "conditions that must all hold, each by any span"],
    ["= != > >= < <= ~", "equal, unequal, more, less, a regular expression"],
    ["name service model quality session", "what is known of a span, whatever its emitter calls it"],
    ["llm.usage.total_tokens>=200", "any attribute of a span or of its resource"],
    ["!error !model~mini", "turned round: no span of the trace"],
    ['name="POST /v1/chat/completions"', "quotes hold blanks together"],
    ["since=5m", "the last five minutes"],
  ];
  return (
    <dl class="language">
      {lines.map(([example, meaning]) => (
        <div key={example}>
          <dt>
            <code>{example}</code>
          </dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
