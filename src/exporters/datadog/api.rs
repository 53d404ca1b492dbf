//! `api`: which account, and on which of Datadog's sites, which are separate worlds with addresses of their own. Says what is wrong with a key
//! or a site before anything is sent. Never prints a key.

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    pipeline::Fault,
    values::{Secret, foreign::harmless, suggest},
};

/// Every site that Datadog has, by its site parameter.
pub(super) const SITES: [&str; 8] = [
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "ddog-gov.com",
    "us2.ddog-gov.com",
];

/// Hexadecimal digits of an API key.
const KEY_LEN: usize = 32;

/// `api`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// API key: `${env:DD_API_KEY}`, or `${file:/run/secrets/dd}` to read it from a file. Required.
    #[serde(deserialize_with = "or_default")]
    pub key: Secret,
    /// Site: datadoghq.com, datadoghq.eu, us3.datadoghq.com, us5.datadoghq.com, ap1.datadoghq.com, ap2.datadoghq.com, ddog-gov.com or
    /// us2.ddog-gov.com. datadoghq.com.
    #[serde(deserialize_with = "site_or_default")]
    pub site: String,
    /// Whether the start fails where Datadog says that it does not know the key. false.
    pub fail_on_invalid_key: bool,
}

impl Default for Api {
    fn default() -> Api {
        Api {
            key: Secret::default(),
            site: SITES[0].to_owned(),
            fail_on_invalid_key: false,
        }
    }
}

/// A variable that is not set is null, and then the fault is that there is no key.
fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// As in the Collector, an empty site is the first one.
fn site_or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let written: Option<String> = Option::deserialize(deserializer)?;
    let site = written.unwrap_or_default();
    Ok(match site.trim() {
        "" => SITES[0].to_owned(),
        site => site.to_owned(),
    })
}

impl Api {
    /// The key as it is sent. Files and variables often end in a newline.
    pub(super) fn key(&self) -> &str {
        self.key.reveal().trim()
    }

    /// What makes it impossible to send. The site is free where the user names the address that it stands for.
    pub(super) fn faults(&self, has_own_endpoint: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.key().is_empty() {
            faults.push(Fault::at(
                "api::key",
                "is not set: write key: \"${env:DD_API_KEY}\" and set that variable to the API key (Organization Settings → API Keys)",
            ));
        } else if self.key().starts_with(['"', '\'']) || self.key().ends_with(['"', '\'']) {
            faults.push(Fault::at(
                "api::key",
                "has quotes around it that are part of the value: take them out of the variable or the file",
            ));
        } else if self.header().is_none() {
            faults.push(Fault::at(
                "api::key",
                "has a character that no header can carry (a line break within it?)",
            ));
        }
        if !has_own_endpoint && let Some(reason) = self.wrong_site() {
            faults.push(Fault::at("api::site", reason));
        }
        faults
    }

    /// The key as a header's value.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let key = self.key();
        let mut value = HeaderValue::from_str(key)
            .ok()
            .filter(|_| key.bytes().all(|byte| byte.is_ascii_graphic()))?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether the key looks like one.
    pub(super) fn is_usual_key(&self) -> bool {
        self.key().len() == KEY_LEN && self.key().bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    fn wrong_site(&self) -> Option<String> {
        let site = self.site.as_str();
        if SITES.contains(&site) {
            return None;
        }
        // What stands before an @ may be a password.
        let site = site.rsplit_once('@').map_or(site, |(_, rest)| rest);
        let shown = harmless(site, 100);
        let known = SITES.join(", ");
        let host = site.split_once("://").map_or(site, |(_, rest)| rest);
        let host = host.split(['/', ':']).next().unwrap_or_default();
        // What people copy out of their browser.
        let bare = ["app.", "api.", "trace.agent.", "www.", "otlp."]
            .iter()
            .fold(host, |host, prefix| host.strip_prefix(prefix).unwrap_or(host));
        if SITES.contains(&bare) {
            return Some(format!(
                "{shown:?} is no site but an address on one: write site: {bare}"
            ));
        }
        let hint = suggest::hint(bare, SITES);
        Some(format!("Datadog has no site {shown:?}{hint}; its sites are {known}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &[&str]) {
        let api: Api = serde_json::from_str(json).unwrap();
        let faults: Vec<_> = api
            .faults(false)
            .into_iter()
            .map(|fault| format!("{}: {}", fault.path, fault.reason))
            .collect();
        assert_eq!(faults.len(), expected.len(), "{json}: {faults:?}");
        for (fault, part) in faults.iter().zip(expected) {
            assert!(fault.contains(part), "{fault}");
        }
    }

    #[test]
    fn keys_that_cannot_be_sent() {
        check(r#"{"key":"0123456789abcdef0123456789abcdef\n"}"#, &[]);
        check("{}", &["api::key: is not set"]);
        check(r#"{"key":null}"#, &["api::key: is not set"]);
        check(r#"{"key":" \n"}"#, &["api::key: is not set"]);
        check(r#"{"key":"a\nb"}"#, &["no header can carry"]);
        check(
            r#"{"key":"'0123456789abcdef0123456789abcdef'"}"#,
            &["has quotes around it"],
        );
        check(r#"{"key":"schlüssel"}"#, &["no header can carry"]);
    }

    #[test]
    fn keys_that_look_wrong_are_no_fault() {
        let usual = |key: &str| {
            let api = Api {
                key: Secret::new(key),
                ..Api::default()
            };
            api.is_usual_key()
        };
        assert!(usual("0123456789abcdef0123456789ABCDEF"));
        assert!(!usual("0123456789abcdef") && !usual("<Your-Datadog-Api-Key-of-32-char>"));
    }

    #[test]
    fn sites_that_there_are_not() {
        let site = |site: &str, expected: &[&str]| check(&format!(r#"{{"key":"k","site":{site}}}"#), expected);
        SITES.iter().for_each(|known| site(&format!("{known:?}"), &[]));
        site("null", &[]);
        site("\"\"", &[]);
        site("\"https://app.datadoghq.eu/apm\"", &["write site: datadoghq.eu"]);
        site("\"trace.agent.us5.datadoghq.com\"", &["write site: us5.datadoghq.com"]);
        site(
            "\"https://me:hush@app.datadoghq.eu\"",
            &["api::site: \"app.datadoghq.eu\" is no site"],
        );
        site("\"datadohq.com\"", &["did you mean \"datadoghq.com\""]);
        site("\"eu\"", &["its sites are datadoghq.com, us3"]);
        let free = Api {
            key: Secret::new("k"),
            site: "example.org".to_owned(),
            ..Api::default()
        };
        assert_eq!(free.faults(true), Vec::new());
    }
}
