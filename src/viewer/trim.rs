//! `--filter`: which attributes of a trace are shown, by patterns of their keys. Traces are selected before; see `query`.

use std::collections::BTreeSet;

use super::model::{Attribute, Trace};

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

    /// The patterns that match no attribute of any span.
    pub fn unmatched(&self, traces: &[Trace]) -> Vec<&str> {
        let mut keys = BTreeSet::new();
        for span in traces.iter().flat_map(|trace| &trace.spans) {
            let all = span.attributes.iter().chain(&span.resource.attributes);
            keys.extend(all.map(|attribute| attribute.key.as_str()));
        }
        let patterns = self.patterns.iter().map(String::as_str);
        patterns
            .filter(|pattern| !keys.iter().any(|key| matches(pattern, key)))
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
        assert!(AttributeFilter::parse(&["a,,b".to_owned()]).is_err());
        assert!(AttributeFilter::parse(&[String::new()]).is_err());
        assert!(AttributeFilter::parse(&[]).expect("nothing is fine").is_empty());
    }
}
