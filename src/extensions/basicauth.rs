//! `basicauth` puts a user's name and password on the requests of exporters (`client_auth`). Has no port and no task. Does not check what
//! receivers get.

use std::{sync::Arc, time::Instant};

use anyhow::Context;
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};

use crate::{
    pipeline::{Authenticates, Authenticator, Build, Extension, Fault, Host, Outgoing},
    values::Secret,
};

/// `basicauth`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Who the exporters are.
    pub client_auth: ClientAuth,
}

/// `client_auth`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientAuth {
    /// Name of the user, without a colon. Required.
    pub username: String,
    /// Password. Empty.
    pub password: Secret,
}

impl Build<dyn Extension> for Config {
    const TYPE: &'static str = "basicauth";
    const AUTHENTICATES: Authenticates = Authenticates::Any;

    fn validate(&self) -> Vec<Fault> {
        match self.client_auth.username.as_str() {
            "" => vec![Fault::at("client_auth::username", "is missing")],
            name if name.contains(':') => {
                let reason = "has a colon, behind which the password would begin";
                vec![Fault::at("client_auth::username", reason)]
            }
            _ => Vec::new(),
        }
    }

    fn build(self, _host: &Host) -> anyhow::Result<Box<dyn Extension>> {
        let ClientAuth { username, password } = &self.client_auth;
        let pair = STANDARD.encode(format!("{username}:{}", password.reveal()));
        let mut value = HeaderValue::from_str(&format!("Basic {pair}")).context("client_auth")?;
        value.set_sensitive(true);
        Ok(Box::new(BasicAuth(Arc::new(Basic(value)))))
    }
}

struct BasicAuth(Arc<Basic>);

struct Basic(HeaderValue);

impl Extension for BasicAuth {
    fn authenticator(&self) -> Option<Arc<dyn Authenticator>> {
        Some(self.0.clone())
    }
}

#[async_trait]
impl Authenticator for Basic {
    async fn authorize(&self, request: Outgoing<'_>) -> anyhow::Result<Instant> {
        request.headers.insert(header::AUTHORIZATION, self.0.clone());
        Ok(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: serde_json::Value) -> Vec<String> {
        let config: Config = serde_json::from_value(json).expect("a config");
        config.validate().into_iter().map(|fault| fault.reason).collect()
    }

    #[test]
    fn a_name_is_needed_and_has_no_colon() {
        assert_eq!(faults(serde_json::json!({})), ["is missing"]);
        assert_eq!(
            faults(serde_json::json!({"client_auth": {"username": "a"}})),
            Vec::<String>::new()
        );
        assert!(faults(serde_json::json!({"client_auth": {"username": "a:b"}}))[0].contains("colon"));
    }

    #[tokio::test]
    async fn name_and_password_go_as_the_standard_says() {
        // The example of RFC 7617.
        let mut headers = http::HeaderMap::new();
        let pair = STANDARD.encode("Aladdin:open sesame");
        let basic = Basic(HeaderValue::from_str(&format!("Basic {pair}")).expect("text"));
        let request = Outgoing {
            url: "",
            headers: &mut headers,
            body: &[],
        };
        basic.authorize(request).await.expect("always there");
        assert_eq!(headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
