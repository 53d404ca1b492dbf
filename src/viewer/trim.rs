//! `--filter`: which attributes of a trace are shown, by patterns of their keys. Traces are selected before; see `query`.

use std::collections::BTreeSet;

use super::model::{Attribute, Trace};
use crate::values::suggest;

/// `--filter`: which attributes are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeFilter {
    patterns: Vec<String>,
}

impl AttributeFilter {
    /// From patterns, each of which may be several with commas between.
    ///
    /// # Errors
    /// Where one of them is empty.
    pub fn parse(texts: &[String]) -> Result<AttributeFilter, String> {
        let parts = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        let patterns: Vec<String> = parts.map(str::to_owned).collect();
        if patterns.iter().any(String::is_empty) {
            return Err("a --filter pattern is empty; write it like http.* or llm.model,llm.usage.*".to_owned());
        }
        Ok(AttributeFilter { patterns })
    }

    /// Without any pattern everything is shown.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns that match no attribute of any span, each with the key or the pattern that was probably meant.
    pub fn unmatched(&self, traces: &[Trace]) -> Vec<String> {
        let mut keys = BTreeSet::new();
        for span in traces.iter().flat_map(|trace| &trace.spans) {
            let all = span.attributes.iter().chain(&span.resource.attributes);
            keys.extend(all.map(|attribute| attribute.key.as_str()));
        }
        let missed = self.patterns.iter();
        let missed = missed.filter(|pattern| !keys.iter().any(|key| matches(pattern, key)));
        missed
            .map(|pattern| format!("{pattern}{}", meant(pattern, &keys)))
            .collect()
    }

    /// Removes the attributes that match no pattern, of spans, events, links and resources.
    pub fn trim(&self, trace: &mut Trace) {
        if self.is_empty() {
            return;
        }
        for span in &mut trace.spans {
            let lists = span.events.iter_mut().map(|event| &mut event.attributes);
            let lists = lists.chain(span.links.iter_mut().map(|link| &mut link.attributes));
            for list in lists.chain([&mut span.attributes, &mut span.resource.attributes]) {
                list.retain(|attribute| self.keeps(attribute));
            }
        }
    }

    fn keeps(&self, attribute: &Attribute) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, &attribute.key))
    }
}

/// A hint at a key, or at all keys below one of its parts where the pattern ends in `*`.
fn meant(pattern: &str, keys: &BTreeSet<&str>) -> String {
    let below: BTreeSet<String> = keys
        .iter()
        .flat_map(|key| key.match_indices('.').map(|(at, _)| format!("{}.*", &key[..at])))
        .collect();
    match pattern.ends_with('*') {
        true => suggest::hint(pattern, below.iter().map(String::as_str)),
        false => suggest::hint(pattern, keys.iter().copied()),
    }
}

/// Whether the key matches the pattern, in which `*` stands for any text. Linear: the first fit of each part is enough.
fn matches(pattern: &str, key: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = key.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, key, expected) in [
            ("http.*", "http.method", true),
            ("http.*", "https", false),
            ("*", "anything", true),
            ("llm.model", "llm.model", true),
            ("llm.model", "llm.model.x", false),
            ("*.tokens", "llm.usage.total.tokens", true),
            ("llm.*.total_*", "llm.usage.total_tokens", true),
            ("a*a", "a", false),
            ("a*b*c", "abc", true),
            ("a*bc*c", "abc", false),
            ("**", "", true),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
        let keys = BTreeSet::from(["http.method", "llm.usage.total_tokens", "llm.model"]);
        for (pattern, expected) in [
            ("htpp.*", " (did you mean \"http.*\"?)"),
            ("llm.modle", " (did you mean \"llm.model\"?)"),
            ("llm.usgae.*", " (did you mean \"llm.usage.*\"?)"),
            ("zzz", ""),
            ("*", ""),
        ] {
            assert_eq!(meant(pattern, &keys), expected, "{pattern}");
        }
        assert!(AttributeFilter::parse(&["a,,b".to_owned()]).is_err());
        assert!(AttributeFilter::parse(&[String::new()]).is_err());
        assert!(AttributeFilter::parse(&[]).expect("nothing is fine").is_empty());
    }
}
