//! Keys as a config writes them: the text itself, or `file:PATH`. Promises that what comes out fits into a header; the faults
//! never show it.

use std::fs;

use crate::values::Secret;

/// Largest file of keys, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// The one key that is written.
pub(super) fn one(written: &Secret) -> Result<Secret, String> {
    let mut keys = all(written)?;
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        _ => Err("holds more than one line; write one key".to_owned()),
    }
}

/// The keys that are written, at least one: a file may hold one a line.
pub(super) fn all(written: &Secret) -> Result<Vec<Secret>, String> {
    let text = match written.reveal().strip_prefix("file:") {
        Some(path) => file(path)?,
        None => written.reveal().to_owned(),
    };
    let keys: Vec<&str> = text.lines().map(str::trim).filter(|key| !key.is_empty()).collect();
    if keys.is_empty() {
        return Err("is empty; write the key, $VARIABLE or file:PATH".to_owned());
    }
    if !keys.iter().all(|key| key.bytes().all(|b| b.is_ascii_graphic())) {
        return Err("holds blanks, control characters or letters beyond ASCII, which no key has".to_owned());
    }
    Ok(keys.into_iter().map(Secret::new).collect())
}

fn file(path: &str) -> Result<String, String> {
    let fault = |error: std::io::Error| format!("cannot read {path}: {error}");
    if fs::metadata(path).map_err(fault)?.len() > MAX_BYTES {
        return Err(format!("{path} is longer than {MAX_BYTES} bytes, which no key is"));
    }
    fs::read_to_string(path).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[&str], &str>) {
        let found = all(&Secret::new(text));
        let found = found.map(|keys| keys.iter().map(|key| key.reveal().to_owned()).collect::<Vec<_>>());
        let expected = expected.map(|keys| keys.iter().map(|&key| key.to_owned()).collect());
        assert_eq!(found, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn reads_text_and_files() {
        check("sk-1", Ok(&["sk-1"]));
        check("", Err("is empty; write the key, $VARIABLE or file:PATH"));
        check(
            "sk 1",
            Err("holds blanks, control characters or letters beyond ASCII, which no key has"),
        );
        check(
            "file:/no/such",
            Err("cannot read /no/such: No such file or directory (os error 2)"),
        );
        let file = tempfile::NamedTempFile::new().expect("a file");
        let written = format!("file:{}", file.path().display());
        check(&written, Err("is empty; write the key, $VARIABLE or file:PATH"));
        fs::write(file.path(), "sk-1\n\n sk-2\r\n").expect("written");
        check(&written, Ok(&["sk-1", "sk-2"]));
        assert!(one(&Secret::new(written)).is_err());
    }
}
