//! `bearertokenauth` puts a token on the requests of exporters, from the config or from a file, which is read again when it changes. Has
//! no port and no task.

use std::{
    sync::{Arc, Mutex},
    time::{Instant, SystemTime},
};

use anyhow::Context;
use async_trait::async_trait;
use http::{HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

use crate::{
    pipeline::{Authenticates, Authenticator, Build, Extension, Fault, Host, Outgoing},
    values::Secret,
};

/// Headers that say what a request is, which no token may take the place of.
const OF_HTTP: &[HeaderName] = &[
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::TRANSFER_ENCODING,
];

/// `bearertokenauth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Header that carries the token. authorization.
    pub header: String,
    /// What stands before the token; empty = nothing. Bearer.
    pub scheme: String,
    /// The token. None.
    pub token: Secret,
    /// Path of a file with the token, which wins over `token`. None.
    pub filename: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            header: "authorization".to_owned(),
            scheme: "Bearer".to_owned(),
            token: Secret::default(),
            filename: String::new(),
        }
    }
}

impl Build<dyn Extension> for Config {
    const TYPE: &'static str = "bearertokenauth";
    const AUTHENTICATES: Authenticates = Authenticates::Any;

    fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        match self.header.parse::<HeaderName>() {
            Err(_) => faults.push(Fault::at("header", "is no valid header name")),
            Ok(name) if OF_HTTP.contains(&name) => {
                faults.push(Fault::at("header", format!("{name} belongs to HTTP itself")));
            }
            Ok(_) => {}
        }
        if self.token.reveal().is_empty() && self.filename.is_empty() {
            faults.push(Fault::at("token", "is missing: set `token` or `filename`"));
        }
        if value(&self.scheme, self.token.reveal()).is_err() {
            faults.push(Fault::at(
                "token",
                "is nothing that a header can carry (a control character?)",
            ));
        }
        faults
    }

    fn build(self, _host: &Host) -> anyhow::Result<Box<dyn Extension>> {
        let bearer = Bearer {
            header: self.header.parse().context("header")?,
            config: self,
            read: Mutex::new(None),
        };
        Ok(Box::new(BearerTokenAuth(Arc::new(bearer))))
    }
}

struct BearerTokenAuth(Arc<Bearer>);

impl Extension for BearerTokenAuth {
    fn authenticator(&self) -> Option<Arc<dyn Authenticator>> {
        Some(self.0.clone())
    }
}

struct Bearer {
    config: Config,
    header: HeaderName,
    read: Mutex<Option<Read>>,
}

/// What a file held.
#[derive(Clone)]
struct Read {
    /// When the file was last changed before.
    changed: SystemTime,
    /// When it was read.
    at: Instant,
    value: HeaderValue,
}

/// The first line that is none of blanks: editors leave newlines behind, and some a mark at the start.
fn token(text: &str) -> Option<&str> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.find(|line| !line.is_empty())
}

impl Bearer {
    /// What the file holds now.
    async fn of_file(&self, path: &str) -> anyhow::Result<Read> {
        let fault = || format!("bearertokenauth: cannot read {path}");
        let about = tokio::fs::metadata(path).await.with_context(fault)?;
        let changed = about.modified().with_context(fault)?;
        let known = self.read.lock().expect("no holder panics").clone();
        if let Some(known) = known.filter(|known| known.changed == changed) {
            return Ok(known);
        }
        let text = tokio::fs::read_to_string(path).await.with_context(fault)?;
        let token = token(&text).with_context(|| format!("bearertokenauth: {path} holds no token"))?;
        let read = Read {
            changed,
            at: Instant::now(),
            value: value(&self.config.scheme, token)?,
        };
        *self.read.lock().expect("no holder panics") = Some(read.clone());
        Ok(read)
    }
}

fn value(scheme: &str, token: &str) -> anyhow::Result<HeaderValue> {
    let text = format!("{scheme} {token}");
    let mut value = HeaderValue::from_str(text.trim()).context("the token is nothing that a header can carry")?;
    value.set_sensitive(true);
    Ok(value)
}

#[async_trait]
impl Authenticator for Bearer {
    async fn authorize(&self, request: Outgoing<'_>) -> anyhow::Result<Instant> {
        let (value, looked_up) = match self.config.filename.as_str() {
            "" => (value(&self.config.scheme, self.config.token.reveal())?, Instant::now()),
            path => {
                let read = self.of_file(path).await?;
                (read.value, read.at)
            }
        };
        request.headers.insert(self.header.clone(), value);
        Ok(looked_up)
    }

    fn doubt(&self) {
        // A file that was changed twice within the resolution of its time.
        *self.read.lock().expect("no holder panics") = None;
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::pipeline::ComponentId;

    fn built(json: serde_json::Value) -> Arc<dyn Authenticator> {
        let config: Config = serde_json::from_value(json).expect("a config");
        assert_eq!(config.validate(), Vec::new());
        let host = Host {
            id: ComponentId {
                kind: "bearertokenauth".to_owned(),
                name: String::new(),
            },
            default_host: "localhost".to_owned(),
            sinks: Arc::default(),
            sources: Arc::default(),
            methods: Arc::default(),
            authenticators: Default::default(),
        };
        config
            .build(&host)
            .expect("builds")
            .authenticator()
            .expect("authenticates")
    }

    async fn headers(authenticator: &dyn Authenticator) -> anyhow::Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let request = Outgoing {
            url: "",
            headers: &mut headers,
            body: &[],
        };
        authenticator.authorize(request).await?;
        Ok(headers)
    }

    #[tokio::test]
    async fn the_token_goes_with_every_request() {
        let plain = built(serde_json::json!({"token": "abc"}));
        let sent = headers(&*plain).await.expect("a token");
        assert_eq!(sent["authorization"], "Bearer abc");
        assert!(sent["authorization"].is_sensitive());
        let own = built(serde_json::json!({"token": "abc", "header": "x-key", "scheme": ""}));
        assert_eq!(headers(&*own).await.expect("a token")["x-key"], "abc");
    }

    #[tokio::test]
    async fn a_file_is_read_again_when_it_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let authenticator = built(serde_json::json!({"filename": path}));
        let told = headers(&*authenticator).await.expect_err("no file").to_string();
        assert!(told.contains("cannot read"), "{told}");
        for token in ["one", "two"] {
            std::fs::write(&path, format!("{token}\n")).expect("written");
            authenticator.doubt();
            let sent = headers(&*authenticator).await.expect("a token");
            assert_eq!(sent["authorization"], format!("Bearer {token}"));
        }
    }

    #[tokio::test]
    async fn a_file_without_a_token_is_told_and_marks_are_no_token() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let authenticator = built(serde_json::json!({"filename": path}));
        for (text, expected) in [
            ("", None),
            (" \n\n", None),
            ("\u{feff}\n abc \r\nrest", Some("Bearer abc")),
        ] {
            std::fs::write(&path, text).expect("written");
            authenticator.doubt();
            match (headers(&*authenticator).await, expected) {
                (Ok(sent), Some(expected)) => assert_eq!(sent["authorization"], expected),
                (Err(told), None) => assert!(told.to_string().ends_with("token holds no token"), "{told}"),
                (sent, expected) => panic!("{text:?}: {sent:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn headers_of_http_itself_carry_no_token() {
        let json = serde_json::json!({"header": "Content-Length", "token": "a"});
        let config: Config = serde_json::from_value(json).expect("a config");
        assert_eq!(config.validate()[0].reason, "content-length belongs to HTTP itself");
    }

    #[test]
    fn a_config_without_a_token_is_a_fault() {
        let config: Config = serde_json::from_value(serde_json::json!({"header": "a b"})).expect("a config");
        let paths: Vec<String> = config.validate().into_iter().map(|fault| fault.path).collect();
        assert_eq!(paths, ["header", "token"]);
    }
}
