//! Attributes of the user's own, from request headers by prefix and from the config; and the headers that never get on a span.

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::otlp::keys;

/// Headers that hold credentials: never on a span, whatever the config says.
pub const FORBIDDEN_HEADERS: [&str; 7] = [
    "api-key",
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
    "x-goog-api-key",
];

/// Whether a header of that name, in any case, must never be recorded.
pub fn is_forbidden_header(name: &str) -> bool {
    FORBIDDEN_HEADERS
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}

/// The attributes that go on every span of a request, sorted by key: the fixed ones, and one for each header that begins with
/// one of the prefixes (the longest that fits), named by what follows it with `.` for `-`. A header beats a fixed entry. Left out:
/// credentials, also behind a prefix; empty values; and the namespace `signals.`, by which a client could pretend that its
/// conversation has been looked at.
pub fn custom_attributes<K: AsRef<str>, V: AsRef<str>>(
    headers: &HeaderMap,
    prefixes: &[impl AsRef<str>],
    fixed: impl IntoIterator<Item = (K, V)>,
) -> Vec<(String, String)> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in fixed {
        if !is_forbidden_header(key.as_ref()) {
            found.insert(key.as_ref().to_owned(), value.as_ref().to_owned());
        }
    }
    for name in headers.keys() {
        let Some(key) = key_of(name.as_str(), prefixes) else {
            continue;
        };
        let value = joined(headers, name);
        if !value.is_empty() {
            found.insert(key, value);
        }
    }
    let allowed = |key: &str| !key.is_empty() && !key.starts_with(keys::SIGNALS_PREFIX);
    found
        .into_iter()
        .filter(|(key, value)| allowed(key) && !value.is_empty())
        .collect()
}

/// The attribute that a header becomes, if it does.
fn key_of(header: &str, prefixes: &[impl AsRef<str>]) -> Option<String> {
    let behind = |prefix: &str| match header.split_at_checked(prefix.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => Some(rest),
        _ => None,
    };
    let rest = prefixes
        .iter()
        .filter_map(|prefix| behind(prefix.as_ref()))
        .min_by_key(|rest| rest.len())?;
    let name = rest.strip_prefix('-').unwrap_or(rest);
    let allowed = !name.is_empty() && !is_forbidden_header(header) && !is_forbidden_header(name);
    allowed.then(|| name.replace('-', "."))
}

/// The header's values as one, as HTTP joins them.
fn joined(headers: &HeaderMap, name: &http::HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let texts: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .filter(|value| !value.is_empty())
        .collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &str, prefixes: &[&str], fixed: &[(&str, &str)], expected: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers.lines().filter_map(|line| line.trim().split_once(": ")) {
            let name: http::HeaderName = name.parse().expect("a header name");
            map.append(name, value.parse().expect("a header value"));
        }
        let found = custom_attributes(&map, prefixes, fixed.iter().copied());
        let shown: Vec<String> = found.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(shown.join(" "), expected, "{headers:?} {prefixes:?}");
    }

    #[test]
    fn headers_become_attributes_by_prefix() {
        check("x-acme-tenant-id: ten_456", &["x-acme-"], &[], "tenant.id=ten_456");
        check("X-Acme-Tenant-Id: ten_456", &["X-ACME"], &[], "tenant.id=ten_456");
        check("x-acme-: v\nx-acme: v\nx-other: v\nx: v", &["x-acme"], &[], "");
        check("x-acme-a: 1\nx-acme-a: 2", &["x-acme-"], &[], "a=1, 2");
        check("x-acme-team-a: 1", &["x-acme-", "x-acme-team-"], &[], "a=1");
        check("x-acme-a: 1", &[] as &[&str], &[], "");
    }

    #[test]
    fn a_header_beats_a_fixed_entry() {
        let fixed = [("environment", "dev"), ("tenant.id", "none"), ("", "x"), ("y", "")];
        check(
            "x-acme-tenant-id: t",
            &["x-acme-"],
            &fixed,
            "environment=dev tenant.id=t",
        );
        check("x-other: t", &["x-acme-"], &fixed, "environment=dev tenant.id=none");
    }

    #[test]
    fn credentials_are_never_recorded() {
        for name in FORBIDDEN_HEADERS {
            for prefix in ["", "x-", "a", "x-acme-", name] {
                check(&format!("{name}: secret"), &[prefix], &[(name, "secret")], "");
                check(&format!("x-acme-{name}: secret"), &["x-acme", "x-acme-"], &[], "");
            }
        }
    }

    #[test]
    fn nobody_pretends_that_signals_were_computed() {
        check(
            "x-acme-signals-quality: Excellent",
            &["x-acme-"],
            &[("signals.x", "1")],
            "",
        );
    }
}
