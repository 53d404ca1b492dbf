//! Makes a segment's document no larger than X-Ray takes: long texts are shortened step by step, then links, metadata, exceptions, the
//! annotations that are no signals, log groups and at last signals are left out, of members the largest first and no more than it takes.
//! A document that lost something says so in its metadata. Gives up where all that is not enough.

use serde_json::{Map, Value};

use super::translate::{self, Document};
use crate::otlp::{keys, keys::xray};

/// Largest document, in bytes: the API's documentation says 64 kB.
const LARGEST: usize = 64_000;

/// Longest texts, in bytes, at each step.
const STEPS: [usize; 4] = [8192, 2048, 512, 128];

/// What stands at the end of a shortened text.
const MARK: char = '…';

/// Leaves something out of a document that is so many bytes too large.
type Cut = fn(&mut Document, usize);

/// What is left out where shorter texts are not enough, what is missed least first.
const CUTS: [Cut; 6] = [
    |document, _| drop(document.remove("links")),
    |document, excess| {
        if let Some(Value::Object(namespaces)) = document.get_mut("metadata") {
            thin(namespaces, excess, |space, key| {
                (space, key) != (translate::DEFAULT, xray::TRIMMED)
            });
        }
    },
    |document, _| drop(document.remove("cause")),
    |document, excess| {
        thin(document, excess, |member, key| {
            member == ANNOTATIONS && !key.starts_with(keys::SIGNALS_PREFIX)
        });
    },
    |document, _| {
        if let Some(Value::Object(aws)) = document.get_mut("aws") {
            aws.remove("cloudwatch_logs");
        }
    },
    |document, excess| thin(document, excess, |member, _| member == ANNOTATIONS),
];

const ANNOTATIONS: &str = "annotations";

/// The document as text; `None` where it stays too large.
pub(super) fn text(mut document: Document) -> Option<String> {
    let mut excess = match fitting(&document) {
        Ok(whole) => return Some(whole),
        Err(excess) => excess,
    };
    for longest in STEPS {
        let members = document.iter_mut().filter(|(key, _)| *key != "name");
        members.for_each(|(_, value)| shorten(value, longest));
        translate::mark_trimmed(&mut document);
        match fitting(&document) {
            Ok(shortened) => return Some(shortened),
            Err(left) => excess = left,
        }
    }
    for cut in CUTS {
        cut(&mut document, excess);
        match fitting(&document) {
            Ok(cut) => return Some(cut),
            Err(left) => excess = left,
        }
    }
    None
}

/// The text of a document, or by how many bytes it is too large.
fn fitting(document: &Document) -> Result<String, usize> {
    let text = serde_json::to_string(document).map_err(|_| usize::MAX)?;
    match text.len().checked_sub(LARGEST) {
        None | Some(0) => Ok(text),
        Some(excess) => Err(excess),
    }
}

/// Takes members out of the objects in `objects`, the largest first, until so many bytes are saved or none is left that may go.
/// An object that loses its last one goes too. Each member is measured once.
fn thin(objects: &mut Map<String, Value>, excess: usize, may_go: impl Fn(&str, &str) -> bool) {
    let mut sizes: Vec<(usize, String, String)> = Vec::new();
    for (object, members) in objects.iter() {
        let members = members.as_object().into_iter().flatten();
        let going = members.filter(|(key, _)| may_go(object, key));
        sizes.extend(going.map(|(key, value)| (size(key, value), object.clone(), key.clone())));
    }
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    let mut saved = 0;
    for (size, object, key) in sizes {
        if saved >= excess {
            return;
        }
        let Some(Value::Object(members)) = objects.get_mut(&object) else {
            continue;
        };
        members.remove(&key);
        saved += size;
        if members.is_empty() {
            objects.remove(&object);
            saved += object.len();
        }
    }
}

/// Bytes that a member takes at least: the comma at its side may be another's.
fn size(key: &str, value: &Value) -> usize {
    let quoted = serde_json::to_string(key).map_or(key.len(), |key| key.len());
    quoted + 1 + serde_json::to_string(value).map_or(0, |value| value.len())
}

fn shorten(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) if text.len() > longest => {
            text.truncate(text.floor_char_boundary(longest - MARK.len_utf8()));
            text.push(MARK);
        }
        Value::Array(values) => values.iter_mut().for_each(|value| shorten(value, longest)),
        Value::Object(members) => members.values_mut().for_each(|value| shorten(value, longest)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(more: Value) -> Document {
        let mut document = json!({"name": "n", "id": "0101010101010101"});
        let members = document.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        members.clone()
    }

    /// What is left of a document that was too large.
    fn cut(more: Value) -> Value {
        let text = text(document(more)).expect("it can be made to fit");
        assert!(text.len() <= LARGEST, "{}", text.len());
        let left: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(left["metadata"]["default"]["plano.xray.trimmed"], true);
        left
    }

    /// That many members of `size` bytes each, more or less.
    fn members(prefix: &str, count: usize, size: usize) -> Map<String, Value> {
        let name = |n: usize| format!("{prefix}.{n:04}.{}", "k".repeat(size));
        (0..count).map(|n| (name(n), json!(n))).collect()
    }

    #[test]
    fn metadata_goes_member_by_member_the_largest_first() {
        let mut default = members("large", 100, 1000);
        default.insert("llm.model".to_owned(), "gpt-4".into());
        let left =
            cut(json!({"metadata": {"default": default, "mine": {"k": 1}}, "cause": {"working_directory": "w"}}));
        let kept = left["metadata"]["default"].as_object().expect("metadata").len();
        // Of members of 1 kB as many stay as there is room for.
        assert!((60..=64).contains(&kept), "{kept}");
        assert_eq!(left["metadata"]["default"]["llm.model"], "gpt-4");
        assert_eq!(
            (&left["metadata"]["mine"]["k"], &left["cause"]["working_directory"]),
            (&json!(1), &json!("w"))
        );
    }

    #[test]
    fn links_go_before_metadata() {
        let links: Vec<Value> = (0..3000).map(|n| json!({"id": format!("{n:016x}")})).collect();
        let left = cut(json!({"links": links, "metadata": {"default": {"k": "v"}}}));
        assert_eq!(left.get("links"), None);
        assert_eq!(left["metadata"]["default"]["k"], "v");
    }

    #[test]
    fn a_namespace_without_members_goes() {
        let spaces: Map<String, Value> = members("space", 1000, 100)
            .into_iter()
            .map(|(name, _)| (name, json!({"k": 1})))
            .collect();
        let left = cut(json!({"metadata": spaces}));
        let spaces = left["metadata"].as_object().expect("metadata");
        assert!((450..600).contains(&spaces.len()), "{}", spaces.len());
        assert!(
            spaces
                .values()
                .all(|space| !space.as_object().expect("members").is_empty())
        );
    }

    #[test]
    fn annotations_go_after_exceptions_and_signals_stay() {
        let mut annotations = members("app", 100, 1000);
        annotations.insert("signals.quality".to_owned(), "Severe".into());
        annotations.extend(members("signals", 3, 2000));
        let left = cut(json!({
            "annotations": annotations,
            "cause": {"working_directory": "w"},
            "aws": {"cloudwatch_logs": [{"log_group": "g"}], "operation": "o"},
        }));
        let kept = left["annotations"].as_object().expect("annotations");
        assert_eq!(kept["signals.quality"], "Severe");
        assert_eq!(kept.keys().filter(|key| key.starts_with("signals.")).count(), 4);
        assert!((50..62).contains(&kept.len()), "{}", kept.len());
        assert_eq!(left.get("cause"), None);
        assert_eq!(left["aws"]["cloudwatch_logs"][0]["log_group"], "g");
    }

    #[test]
    fn log_groups_go_before_signals_and_signals_last() {
        let groups: Vec<Value> = (0..3000).map(|n| json!({"log_group": format!("group {n}")})).collect();
        let logs = json!({"cloudwatch_logs": groups, "operation": "o"});
        let left = cut(json!({"aws": logs, "annotations": {"app": 1, "signals.quality": "Severe"}}));
        assert_eq!(left["aws"], json!({"operation": "o"}));
        assert_eq!(left["annotations"], json!({"signals.quality": "Severe"}));
        let mut signals = members("signals", 100, 1000);
        signals.insert("signals.quality".to_owned(), "Severe".into());
        let left = cut(json!({"annotations": signals}));
        assert_eq!(left["annotations"]["signals.quality"], "Severe");
    }

    #[test]
    fn what_cannot_go_is_given_up() {
        let names: Vec<String> = (0..3000).map(|n| format!("a name of some length {n}")).collect();
        assert_eq!(text(document(json!({"aws": {"table_names": names}}))), None);
    }
}
