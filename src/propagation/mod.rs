//! W3C Trace Context, level 2: reads `traceparent` and `tracestate` as they came, decides whether a trace is recorded, writes
//! what goes on. Pure: random bytes are arguments. What is malformed never fails a request; it starts a new trace.
//!
//! ```
//! use plano::propagation::{Context, Sampling};
//!
//! let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
//! let context = Context::extract([traceparent.as_bytes()], [&b"congo=t61rcWkgMzE"[..]]);
//! let trace = context.enter(Sampling::percent(10.0), [7; 16]);
//! assert!(trace.recorded);
//! let (traceparent, tracestate) = trace.outgoing([1; 8]);
//! assert_eq!(traceparent, "00-0af7651916cd43dd8448eb211c80319c-0101010101010101-01");
//! assert_eq!(tracestate, Some("congo=t61rcWkgMzE"));
//! ```

mod sampling;
#[cfg(test)]
mod tests;
mod traceparent;
mod tracestate;

pub use sampling::Sampling;
pub use traceparent::{Flags, TraceParent};

/// What a request carries: a caller's span to go on from, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    parent: Option<TraceParent>,
    tracestate: Option<String>,
}

impl Context {
    /// Reads the values of all header lines with these names, in the order in which they came. Without exactly one
    /// `traceparent`, and a valid one, the context is empty and `tracestate` is not looked at; a malformed `tracestate` is
    /// dropped whole and takes nothing with it.
    pub fn extract<'a>(
        traceparents: impl IntoIterator<Item = &'a [u8]>,
        tracestates: impl IntoIterator<Item = &'a [u8]>,
    ) -> Context {
        let mut lines = traceparents.into_iter();
        let only = lines.next().filter(|_| lines.next().is_none());
        let Some(parent) = only.and_then(TraceParent::parse) else {
            return Context::default();
        };
        Context {
            parent: Some(parent),
            tracestate: tracestate::join(tracestates),
        }
    }

    /// The caller's span, where there is one.
    pub fn parent(&self) -> Option<&TraceParent> {
        self.parent.as_ref()
    }

    /// The list of members, in one line; never empty.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// The trace that the request belongs to. `fresh` are 16 bytes of the caller's random source, the id of a trace that
    /// starts here. A caller's decision is obeyed; [`Sampling`] decides where there is none, and whether anything is recorded
    /// at all.
    pub fn enter(self, sampling: Sampling, fresh: [u8; 16]) -> Trace {
        let (trace_id, parent_id, flags) = match self.parent {
            Some(parent) => (parent.trace_id, Some(parent.parent_id), parent.flags),
            None => {
                let trace_id = nonzero(fresh);
                let sampled = sampling.takes(trace_id);
                (trace_id, None, Flags { sampled, random: true })
            }
        };
        Trace {
            trace_id,
            parent_id,
            flags,
            recorded: flags.sampled && !sampling.is_off(),
            tracestate: self.tracestate,
        }
    }
}

/// The trace that a request belongs to, and what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Never zero.
    pub trace_id: [u8; 16],
    /// The caller's span; none where the trace starts here.
    pub parent_id: Option<[u8; 8]>,
    /// What is forwarded. Of a caller's trace its own flags, also where nothing is recorded because recording is off: what
    /// others record of their trace is theirs to decide.
    pub flags: Flags,
    /// Whether spans are recorded here.
    pub recorded: bool,
    tracestate: Option<String>,
}

impl Trace {
    /// What came in, to go on unchanged, in one line; never empty.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// The headers of a request to the next hop, whose parent is the span with this id (not zero; see [`nonzero`]):
    /// `traceparent`, and `tracestate` where there is one.
    pub fn outgoing(&self, span_id: [u8; 8]) -> (String, Option<&str>) {
        let next = TraceParent {
            trace_id: self.trace_id,
            parent_id: span_id,
            flags: self.flags,
        };
        (next.to_string(), self.tracestate())
    }
}

/// Random bytes as an id, of which all zero is invalid: those become 0…01.
pub fn nonzero<const N: usize>(mut random: [u8; N]) -> [u8; N] {
    if random == [0; N]
        && let Some(last) = random.last_mut()
    {
        *last = 1;
    }
    random
}
