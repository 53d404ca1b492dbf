//! Who authenticates an exporter's requests: `auth::authenticator` has to name an extension that is configured, runs, and puts
//! credentials on such requests. Tells each of the ways in which it does not.

use super::checked::Checked;
use crate::{
    pipeline::{AuthWanted, Authenticates, Extension, Factory},
    values::suggest,
};

/// One line for every exporter that names no such extension. `configured` are the ids of the section, those with faults too.
pub(super) fn faults(checked: &Checked, configured: &[&str], table: &[Factory<dyn Extension>]) -> Vec<String> {
    let exporters = checked
        .exporters
        .iter()
        .filter_map(|(entry, _)| Some((&entry.written, entry.parsed.auth()?)));
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

#[cfg(test)]
mod tests {
    use crate::config::{self, Wiring};

    const HEAD: &str = "receivers: {otlp: {protocols: {grpc: }}}\n";

    fn check(exporters: &str, extensions: &str, runs: &str) -> Result<(), Vec<String>> {
        let text = format!(
            "{HEAD}exporters: {exporters}\nextensions: {extensions}\nservice: {{extensions: {runs}, pipelines: {{traces: \
             {{receivers: [otlp], exporters: [otlp_http]}}}}}}\n"
        );
        let loaded = config::from_text(&text, &|_| None)?;
        let checked = loaded.check("localhost")?;
        config::assemble(checked, Wiring::default())
            .map(drop)
            .map_err(|error| vec![format!("{error:#}")])
    }

    fn http(id: &str) -> String {
        format!("{{otlp_http: {{endpoint: \"http://a\", auth: {{authenticator: {id}}}}}}}")
    }

    #[test]
    fn an_exporter_finds_its_extension() {
        let tokens =
            "{bearertokenauth/a: {token: x}, sigv4auth: {service: xray}, basicauth: {client_auth: {username: u}}}";
        for id in ["bearertokenauth/a", "sigv4auth", "basicauth"] {
            assert_eq!(
                check(&http(id), tokens, "[sigv4auth, basicauth, bearertokenauth/a]"),
                Ok(()),
                "{id}"
            );
        }
    }

    #[test]
    fn each_way_to_miss_it_is_told_with_its_path() {
        let told = |exporters: &str, extensions: &str, runs: &str, expected: &str| {
            let lines = check(exporters, extensions, runs).expect_err("a fault");
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains(expected), "{lines:?}");
        };
        let token = "{bearertokenauth: {token: x}, health_check: , sigv4auth: }";
        let path = "exporters::otlp_http::auth::authenticator: ";
        told(&http("''"), token, "[]", &format!("{path}must name an extension"));
        told(
            &http("bearertokenaut"),
            token,
            "[]",
            &format!(
                "{path}references extension \"bearertokenaut\" which is not configured (did you mean \"bearertokenauth\"?)"
            ),
        );
        told(
            &http("bearertokenauth"),
            token,
            "[]",
            "does not run: add it to service::extensions",
        );
        told(
            &http("health_check"),
            token,
            "[health_check]",
            "puts no credentials on requests (valid types: [basicauth bearertokenauth sigv4auth])",
        );
        let grpc =
            "{otlp_http: {endpoint: \"http://a\"}, otlp_grpc: {endpoint: \"a:1\", auth: {authenticator: sigv4auth}}}";
        told(
            grpc,
            token,
            "[sigv4auth]",
            "can do nothing for gRPC (valid types: [basicauth bearertokenauth])",
        );
        // One fault, not two.
        told(
            &http("bearertokenauth"),
            "{bearertokenauth: }",
            "[bearertokenauth]",
            "extensions::bearertokenauth::token",
        );
    }
}
