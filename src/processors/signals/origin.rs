//! Where spans come from: what those of a resource and of a scope have in common, read once for each. Reading a name walks past all
//! spans of its scope, so that reading it for every span would take time by the square of their number.

use std::sync::Arc;

use super::{labels::Labeled, meters::Meters};
use crate::otlp::{ResourceSpansRef, ScopeSpansRef};

/// A place in a batch's memory.
type Place = (usize, usize);

/// What the last span's resource and scope say. For one batch: they are known by their places in memory.
#[derive(Default)]
pub(super) struct Origin {
    resource: Option<(Place, Arc<Meters>)>,
    scope_at: Option<Place>,
    /// `service.name`; empty where absent.
    pub(super) service: String,
    /// Name of the instrumentation scope; empty where absent.
    pub(super) scope: String,
}

impl Origin {
    /// Reads what is new; gives the meters of the resource.
    pub(super) fn enter(
        &mut self,
        resource: &ResourceSpansRef<'_>,
        scope: &ScopeSpansRef<'_>,
        labeled: &Labeled,
    ) -> Arc<Meters> {
        let place = |wire: &[u8]| (wire.as_ptr().addr(), wire.len());
        let at = Some(place(scope.wire()));
        if self.scope_at != at {
            self.scope_at = at;
            scope.scope_name().clone_into(&mut self.scope);
        }
        let at = place(resource.wire());
        match &self.resource {
            Some((known, meters)) if *known == at => Arc::clone(meters),
            _ => {
                resource
                    .service_name()
                    .unwrap_or_default()
                    .clone_into(&mut self.service);
                let meters = labeled.of(resource);
                self.resource = Some((at, Arc::clone(&meters)));
                meters
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        otlp::{Edit, SpanBuilder, SpanId, TraceId, Value, edit_spans},
        telemetry::Metrics,
    };

    #[test]
    fn every_span_has_the_names_of_its_own_scope_and_resource() {
        let span = || SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "x");
        let mut batch = SpanBuilder::batch(&[("service.name", Value::Str("shop"))], ("a", ""), [span(), span()]);
        batch.append(SpanBuilder::batch(
            &[("service.name", Value::Str("shop"))],
            ("b", ""),
            [span()],
        ));
        batch.append(SpanBuilder::batch(&[], ("b", ""), [span()]));
        let labeled = Metrics::new().scope(|| Labeled::new(&["service.name".to_owned()]));
        let (mut origin, mut found, mut sets) = (Origin::default(), Vec::new(), Vec::new());
        edit_spans(batch, |resource, scope, _, _| {
            sets.push(origin.enter(resource, scope, &labeled));
            found.push(format!("{}/{}", origin.service, origin.scope));
            Edit::Keep
        });
        assert_eq!(found, ["shop/a", "shop/a", "shop/b", "/b"]);
        let same: Vec<bool> = sets.iter().map(|meters| Arc::ptr_eq(meters, &sets[0])).collect();
        assert_eq!(same, [true, true, true, false]);
    }
}
