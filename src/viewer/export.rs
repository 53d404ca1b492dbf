//! A trace as OTLP/JSON: what `--format otlp`, `planoai trace export` and the page's download write. The text is an
//! `ExportTraceServiceRequest`, as the Collector's file exporter has it on each line.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::store::Held;
use crate::otlp::json;

/// A trace as OTLP/JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exported {
    /// Trace id of the root.
    pub trace_id: String,
    /// Spans in it.
    pub spans: usize,
    /// `{"resourceSpans":[…]}`, on one line.
    pub request: Box<RawValue>,
}

impl Exported {
    /// Of a trace as it is held, whose root has that id.
    pub(super) fn of(held: &Held, trace_id: String) -> Exported {
        let batch = held.batch();
        let mut text = Vec::with_capacity(2 * batch.byte_len());
        json::write(&batch, &mut text);
        let text = String::from_utf8(text).expect("JSON is text");
        Exported {
            trace_id,
            spans: batch.span_count(),
            request: RawValue::from_string(text).expect("what is written is JSON"),
        }
    }
}

impl PartialEq for Exported {
    fn eq(&self, other: &Exported) -> bool {
        let parts = |it: &Exported| (it.trace_id.clone(), it.spans, it.request.get().to_owned());
        parts(self) == parts(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        otlp::{Edit, edit_spans},
        pipeline::Sink,
        viewer::{Limits, Query, Store, View},
    };

    /// A request with everything in it that the viewer's own JSON leaves out.
    const RICH: &str = concat!(
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}],"droppedAttributesCount":1},"#,
        r#""scopeSpans":[{"scope":{"name":"n","version":"1","attributes":[{"key":"k","value":{"intValue":"1"}}],"droppedAttributesCount":2},"#,
        r#""spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","traceState":"a=b","name":"x","kind":1,"#,
        r#""startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{"key":"d","value":{"doubleValue":0.1}}],"droppedAttributesCount":3,"#,
        r#""events":[{"timeUnixNano":"5","name":"e","attributes":[],"droppedAttributesCount":4}],"droppedEventsCount":5,"#,
        r#""links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175","traceState":"c=d","#,
        r#""droppedAttributesCount":6,"flags":1}],"droppedLinksCount":7,"status":{"message":"m","code":2},"flags":257}],"#,
        r#""schemaUrl":"v"}],"schemaUrl":"w"}]}"#,
    );

    fn exported(store: &Store) -> Vec<Exported> {
        let query = Query {
            view: View::Otlp,
            ..Query::default()
        };
        query.answer(&store.newest_first(), 0).expect("an answer").exports
    }

    fn fields(text: &str) -> serde_json::Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn nothing_of_the_wire_is_lost() {
        let store = Store::new(Limits::default());
        store.take(json::read(RICH.as_bytes()).expect("OTLP/JSON").batch);
        let [trace] = &exported(&store)[..] else {
            panic!("one trace");
        };
        assert_eq!(trace.trace_id, "5b8efff798038103d269b633813fc60c");
        assert_eq!(fields(trace.request.get()), fields(RICH));
        let text = serde_json::to_string(trace).expect("plain data");
        assert_eq!(serde_json::from_str::<Exported>(&text).expect("read back"), *trace);
    }

    #[test]
    fn a_span_that_came_twice_is_written_once_in_its_last_form() {
        let store = Store::new(Limits::default());
        let first = json::read(RICH.as_bytes()).expect("OTLP/JSON").batch;
        let ended = json::read(RICH.replace(r#"Nano":"2""#, r#"Nano":"9""#).as_bytes());
        let other = json::read(RICH.replace("eee19b7ec3c1b174", "0000000000000001").as_bytes());
        let ended = ended.expect("OTLP/JSON").batch;
        store.take(first.clone());
        store.take(ended.clone());
        store.take(other.expect("OTLP/JSON").batch);
        store.take(edit_spans(first, |_, _, _, _| Edit::Keep));
        let [trace] = &exported(&store)[..] else {
            panic!("one trace");
        };
        assert_eq!(trace.spans, 2);
        let found = fields(trace.request.get());
        let ends: Vec<&str> = found["resourceSpans"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|resource| resource["scopeSpans"][0]["spans"][0]["endTimeUnixNano"].as_str())
            .collect();
        assert_eq!(ends, ["9", "2"]);
    }
}
