//! Who authenticates an exporter's requests: `auth::authenticator` has to name an extension that is configured, runs, and puts
//! credentials on such requests. Tells each of the ways in which it does not.

use super::checked::Checked;
use crate::{
    pipeline::{AuthWanted, Authenticates, Extension, Factory},
    values::suggest,
};

/// One line for every exporter that names no such extension. `configured` are the ids of the section, those with faults too.
pub(super) fn faults(checked: &Checked, configured: &[&str], table: &[Factory<dyn Extension>]) -> Vec<String> {
    let exporters = checked.exporters.iter().filter_map(|(entry, _)| Some((&entry.written, entry.parsed.auth()?)));
    let told = exporters.filter_map(|(exporter, wanted)| {
        let fault = fault(&wanted, checked, configured, table)?;
        Some(format!("exporters::{exporter}::auth::authenticator: {fault}"))
    });
    told.collect()
}

fn fault(
    wanted: &AuthWanted,
    checked: &Checked,
    configured: &[&str],
    table: &[Factory<dyn Extension>],
) -> Option<String> {
    let id = &wanted.authenticator;
    if id.is_empty() {
        return Some("must name an extension".to_owned());
    }
    if !configured.contains(&id.as_str()) {
        let hint = suggest::hint(id, configured.iter().copied());
        return Some(format!("references extension {id:?} which is not configured{hint}"));
    }
    // One with a fault is told by that.
    let entry = checked.extensions.iter().find(|entry| entry.written == *id)?;
    let able = entry.factory.authenticates;
    if able < wanted.on {
        let able_ones = table.iter().filter(|factory| factory.authenticates >= wanted.on);
        let kinds: Vec<&str> = able_ones.map(|factory| factory.kind).collect();
        let what = match able {
            Authenticates::Nothing => "puts no credentials on requests",
            _ => "signs the bodies of requests over HTTP and can do nothing for gRPC",
        };
        return Some(format!("extension {id:?} {what} (valid types: [{}])", kinds.join(" ")));
    }
    let runs = checked.service.extensions.contains(id);
    (!runs).then(|| format!("extension {id:?} does not run: add it to service::extensions"))
}
