//! Which dialects may stand under a scope. Asked once per scope of a batch: reading a scope's name walks past all of its spans.

use super::DIALECTS;
use crate::otlp::ScopeSpansRef;

/// By index of the dialect.
pub(super) type Open = [bool; DIALECTS.len()];

/// What was asked last, since the spans of a scope come one after the other. For one batch: a scope is known by its place in
/// memory.
#[derive(Default)]
pub(crate) struct Scopes {
    last: Option<((usize, usize), Open)>,
}

impl Scopes {
    pub(super) fn open(&mut self, scope: &ScopeSpansRef<'_>) -> Open {
        let place = (scope.wire().as_ptr().addr(), scope.wire().len());
        match self.last {
            Some((last, open)) if last == place => open,
            _ => {
                let name = scope.scope_name();
                let open = DIALECTS.map(|dialect| (dialect.scope)(name));
                self.last = Some((place, open));
                open
            }
        }
    }
}
