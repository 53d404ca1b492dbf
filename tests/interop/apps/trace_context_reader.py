"""OpenTelemetry's propagator reads trace context, as an application behind the gateway would.

usage: trace_context_reader.py FILE

FILE has a JSON list of header maps; prints the trace id, the span id and the flags of each, or null.
"""

import json
import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator


def read(headers):
    context = trace.get_current_span(TraceContextTextMapPropagator().extract(headers)).get_span_context()
    if not context.is_valid:
        return None
    return [f"{context.trace_id:032x}", f"{context.span_id:016x}", int(context.trace_flags)]


print(json.dumps([read(headers) for headers in json.loads(Path(sys.argv[1]).read_text())]))
