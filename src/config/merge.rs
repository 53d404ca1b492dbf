//! Several sources into one tree: maps merge deeply, lists and scalars are replaced, an explicit null wipes. Later wins.

use serde_json::Value;

/// Lays `over` upon `base`.
pub(super) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(below) => merge(below, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(base: Value, over: Value, expected: Value) {
        let mut merged = base.clone();
        merge(&mut merged, over.clone());
        assert_eq!(merged, expected, "{over} upon {base}");
    }

    #[test]
    fn later_wins() {
        check(json!({"a": 1}), json!({"a": 2}), json!({"a": 2}));
        check(
            json!({"a": {"x": 1, "y": 2}}),
            json!({"a": {"y": 3}}),
            json!({"a": {"x": 1, "y": 3}}),
        );
        check(json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]}));
        check(json!({"a": {"x": 1}}), json!({"a": null}), json!({"a": null}));
        check(json!({"a": null}), json!({"a": {"x": 1}}), json!({"a": {"x": 1}}));
        check(json!({"a": {"x": 1}}), json!({"a": "text"}), json!({"a": "text"}));
        check(json!(null), json!({"a": 1}), json!({"a": 1}));
    }
}
