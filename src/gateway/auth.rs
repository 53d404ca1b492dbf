//! Who may ask: a client's keys against those of the listener.

use http::{HeaderName, HeaderValue, StatusCode, header};
use subtle::ConstantTimeEq;

use super::{
    chat::Refusal,
    record::Record,
    spans::{Auth, ErrorType},
};

/// What stands before a key in `Authorization`.
const BEARER: &[u8] = b"Bearer ";

/// Compares the client's keys with each of the listener's, in a time that tells nothing of them. The one that lets it in is this
/// listener's alone: it goes no further, though a provider may get the client's other key.
pub(super) fn authorize(record: &mut Record) -> Result<(), Refusal> {
    let keys = &record.shared.gateway.listeners[record.listener].api_keys;
    if keys.is_empty() {
        return Ok(());
    }
    let is_known = |given: &[u8]| {
        let known = keys.iter().fold(subtle::Choice::from(0), |known, key| {
            known | key.reveal().as_bytes().ct_eq(given)
        });
        bool::from(known)
    };
    let headers = &record.client.headers;
    let value = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let bearer = value(&header::AUTHORIZATION).and_then(|value| value.split_at_checked(BEARER.len()));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER));
    let plain = HeaderName::from_static("x-api-key");
    let given = [
        (header::AUTHORIZATION, bearer.map(|(_, key)| key)),
        (plain.clone(), value(&plain)),
    ];
    let known = given.into_iter().find(|(_, key)| key.is_some_and(is_known));
    let Some(name) = known.map(|(name, _)| name) else {
        record.auth = Auth::Refused;
        let text = "this listener wants one of its API keys, as `Authorization: Bearer` or `x-api-key`";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, ErrorType::Unauthorized, text).code("invalid_api_key"));
    };
    record.auth = Auth::Ok;
    record.client.headers.remove(name);
    Ok(())
}
