//! Cross-origin requests: which pages of other origins may send, as the Fetch standard has servers say it. An origin that is
//! not allowed gets no word about it, which is what makes the browser refuse.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};

use super::settings::Cors;

/// Headers that may be set without being listed.
const ALWAYS: [&str; 4] = ["accept", "content-type", "origin", "x-requested-with"];

/// The rules, ready for use.
pub(super) struct Policy {
    cors: Cors,
}

/// What one request is granted.
pub(super) struct Grants {
    /// The request only asks what it may do.
    pub(super) preflight: bool,
    /// To be added to the answer.
    pub(super) headers: HeaderMap,
}

impl Policy {
    pub(super) fn new(cors: Cors) -> Policy {
        Policy { cors }
    }

    /// What a request with these headers is granted.
    pub(super) fn grants(&self, method: &Method, asked: &HeaderMap) -> Grants {
        let preflight = method == Method::OPTIONS && asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let mut headers = HeaderMap::new();
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if preflight {
            let more = "Access-Control-Request-Method, Access-Control-Request-Headers";
            headers.append(VARY, HeaderValue::from_static(more));
        }
        let wanted = preflight.then(|| self.wanted(asked));
        if let Some(origin) = asked.get(ORIGIN).filter(|origin| self.allows(origin))
            && wanted != Some(None)
        {
            self.allow(origin, &mut headers);
            if let Some(Some(names)) = wanted {
                self.allow_preflight(names, &mut headers);
            }
        }
        Grants { preflight, headers }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let matches = |origin: &str| {
            self.cors
                .allowed_origins
                .iter()
                .any(|pattern| matches_wildcards(pattern, origin))
        };
        origin.to_str().is_ok_and(matches)
    }

    /// The headers that a preflight asks for, where POST and all of them are allowed.
    fn wanted<'a>(&self, asked: &'a HeaderMap) -> Option<Vec<&'a str>> {
        if asked.get(ACCESS_CONTROL_REQUEST_METHOD)?.as_bytes() != b"POST" {
            return None;
        }
        let lists = asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
        let mut names = Vec::new();
        for list in lists {
            names.extend(
                list.to_str()
                    .ok()?
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty()),
            );
        }
        let listed = |name: &str| {
            let among = |known: &&str| *known == "*" || known.eq_ignore_ascii_case(name);
            ALWAYS.iter().any(among)
                || self
                    .cors
                    .allowed_headers
                    .iter()
                    .map(String::as_str)
                    .any(|known| among(&known))
        };
        names.iter().all(|name| listed(name)).then_some(names)
    }

    fn allow(&self, origin: &HeaderValue, headers: &mut HeaderMap) {
        if self.cors.allowed_origins.iter().any(|pattern| pattern == "*") {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        insert_list(
            headers,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            &self.cors.exposed_headers.join(", "),
        );
    }

    fn allow_preflight(&self, names: Vec<&str>, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        insert_list(headers, ACCESS_CONTROL_ALLOW_HEADERS, &names.join(", "));
        if self.cors.max_age > 0 {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.cors.max_age));
        }
    }
}

fn insert_list(headers: &mut HeaderMap, name: HeaderName, list: &str) {
    if let Ok(value) = HeaderValue::from_str(list)
        && !list.is_empty()
    {
        headers.insert(name, value);
    }
}

/// Whether `text` fits a pattern in which `*` stands for any run of characters; case aside, as scheme and host are.
fn matches_wildcards(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patterns: &[&str], method: Method, asked: &[(&'static str, &'static str)], expected: &str) {
        let policy = Policy::new(Cors {
            allowed_origins: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
            allowed_headers: vec!["X-Token".to_owned()],
            exposed_headers: vec!["Retry-After".to_owned()],
            max_age: 600,
        });
        let asked = asked
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let grants = policy.grants(&method, &asked.collect());
        let mut lines: Vec<String> = grants
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some(format!(
                    "{}: {}",
                    name.as_str().strip_prefix("access-control-")?,
                    value.to_str().unwrap()
                ))
            })
            .collect();
        lines.sort();
        assert_eq!(lines.join("; "), expected);
    }

    #[test]
    fn requests() {
        let granted = "allow-credentials: true; allow-origin: https://a.example.com; expose-headers: Retry-After";
        let origin = [("origin", "https://a.example.com")];
        check(&["https://*.example.com"], Method::POST, &origin, granted);
        check(&["https://a.example.com"], Method::POST, &origin, granted);
        check(
            &["*"],
            Method::POST,
            &origin,
            "allow-origin: *; expose-headers: Retry-After",
        );
        check(&["https://*.example.org", "http://*"], Method::POST, &origin, "");
        check(
            &["https://*.example.com"],
            Method::POST,
            &[("origin", "https://evil.com")],
            "",
        );
        check(
            &["https://*.example.com"],
            Method::POST,
            &[("origin", "https://x.example.com.evil.com")],
            "",
        );
        check(&["*"], Method::POST, &[], "");
        check(&[], Method::POST, &origin, "");
    }

    #[test]
    fn preflights() {
        let ask = |method, headers| {
            [
                ("origin", "https://a.com"),
                ("access-control-request-method", method),
                ("access-control-request-headers", headers),
            ]
        };
        let granted = "allow-credentials: true; allow-headers: content-type, x-token; allow-methods: POST; \
                       allow-origin: https://a.com; expose-headers: Retry-After; max-age: 600";
        check(
            &["https://a.com"],
            Method::OPTIONS,
            &ask("POST", "content-type, x-token"),
            granted,
        );
        check(&["https://a.com"], Method::OPTIONS, &ask("DELETE", ""), "");
        check(&["https://a.com"], Method::OPTIONS, &ask("POST", "x-other"), "");
        check(&["https://b.com"], Method::OPTIONS, &ask("POST", "content-type"), "");
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("*", "https://a", true),
            ("https://*", "https://a", true),
            ("https://*.a.com", "https://x.a.com", true),
            ("https://*.a.com", "https://a.com", false),
            ("https://a.com", "https://a.com:8080", false),
            ("https://a.com:*", "HTTPS://A.com:8080", true),
            ("*a*b*", "xxaxxbxx", true),
            ("a*a", "a", false),
            ("", "https://a", false),
        ] {
            assert_eq!(matches_wildcards(pattern, text), expected, "{pattern} {text}");
        }
    }
}
