//! A small validator of JSON against a schema: as much of JSON Schema 2020-12 as our published schemas use, and strict about keys.
//!
//! A published schema allows keys that it does not know, because minor versions add some. Here they are problems: what we write must
//! be in the schema.

use serde_json::Value;

/// Returns every difference of `value` from `schema`, each with its place; empty where there is none.
pub fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().into_iter().flatten() {
        match keyword.as_str() {
            "$ref" => match resolve(root, wanted) {
                Some(schema) => check(root, schema, value, at, found),
                None => found.push(format!("{at}: the schema has no {wanted}")),
            },
            "type" => check_type(wanted, value, at, found),
            "enum" => check_enum(wanted, value, at, found),
            "pattern" => check_pattern(wanted, value, at, found),
            "minItems" => check_count(wanted, value, at, found),
            "required" => check_required(wanted, value, at, found),
            "properties" => check_properties(root, wanted, value, at, found),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, item, &format!("{at}[{index}]"), found);
                }
            }
            "anyOf" => {
                let fits = |schema| {
                    let mut found = Vec::new();
                    check(root, schema, value, at, &mut found);
                    found.is_empty()
                };
                if !wanted.as_array().into_iter().flatten().any(fits) {
                    found.push(format!("{at}: fits none of the forms"));
                }
            }
            "$schema" | "$defs" | "title" | "description" => {}
            other => found.push(format!(
                "{at}: the schema uses `{other}`, which is not checked"
            )),
        }
    }
}

fn resolve<'a>(root: &'a Value, reference: &Value) -> Option<&'a Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}

fn check_type(wanted: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let is = |name: &Value| match name.as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    };
    let fits = match wanted.as_array() {
        Some(names) => names.iter().any(is),
        None => is(wanted),
    };
    if !fits {
        found.push(format!("{at}: is no {wanted}: {value}"));
    }
}

fn check_enum(wanted: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if !wanted.as_array().is_some_and(|all| all.contains(value)) {
        found.push(format!("{at}: {value} is none of {wanted}"));
    }
}

/// Checks the one pattern that our schemas use: that of a format version.
fn check_pattern(wanted: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if wanted != r"^1\.[0-9]+$" {
        found.push(format!(
            "{at}: the schema uses the pattern {wanted}, which is not checked"
        ));
    }
    let minor = value.as_str().and_then(|text| text.strip_prefix("1."));
    if minor.is_none_or(|minor| minor.parse::<u32>().is_err()) {
        found.push(format!("{at}: {value} is no version 1"));
    }
}

fn check_count(wanted: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let count = value.as_array().map_or(0, |items| items.len() as u64);
    if wanted.as_u64().is_none_or(|least| count < least) {
        found.push(format!(
            "{at}: has {count} items, at least {wanted} are wanted"
        ));
    }
}

fn check_required(wanted: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    for key in wanted.as_array().into_iter().flatten() {
        if key.as_str().is_none_or(|key| value.get(key).is_none()) {
            found.push(format!("{at}: {key} is missing"));
        }
    }
}

fn check_properties(
    root: &Value,
    wanted: &Value,
    value: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match wanted.get(key) {
            Some(schema) => check(root, schema, value, &format!("{at}.{key}"), found),
            None => found.push(format!("{at}.{key}: is not in the schema")),
        }
    }
}

/// Returns the names of all keys that a schema describes, sorted.
pub fn keys(schema: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    collect(schema, &mut keys);
    keys.sort();
    keys.dedup();
    keys
}

fn collect(schema: &Value, keys: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            for (keyword, inner) in object {
                if let ("properties", Some(properties)) = (keyword.as_str(), inner.as_object()) {
                    keys.extend(properties.keys().cloned());
                }
                collect(inner, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn published() -> Value {
        serde_json::from_str(include_str!("../../docs/formats/plan.schema.json"))
            .expect("the schema is JSON")
    }

    #[test]
    fn each_kind_of_difference_is_found() {
        let schema = json!({
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": { "$ref": "#/$defs/word" },
                "list": { "type": "array", "minItems": 1, "items": { "type": ["integer", "null"] } },
                "either": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                "version": { "pattern": r"^1\.[0-9]+$" },
            },
            "$defs": { "word": { "enum": ["x", "y"] } },
        });
        for (value, count) in [
            (
                json!({ "a": "x", "list": [1, null], "either": null, "version": "1.0" }),
                0,
            ),
            (json!({}), 1),
            (json!({ "a": "z" }), 1),
            (json!({ "a": "x", "unknown": 1 }), 1),
            (json!({ "a": "x", "list": [] }), 1),
            (json!({ "a": "x", "list": ["1", 2, 1.5] }), 2),
            (json!({ "a": "x", "either": 1 }), 1),
            (json!({ "a": "x", "version": "2.0" }), 1),
            (json!([]), 2),
        ] {
            assert_eq!(problems(&schema, &value).len(), count, "{value}");
        }
        assert_eq!(problems(&json!({ "maximum": 1 }), &json!(1)).len(), 1);
    }

    #[test]
    fn the_page_of_the_plan_names_every_key_and_word_of_its_schema() {
        let page = include_str!("../../docs/formats/plan.md");
        let schema = published();
        let words = |pointer: &str| -> Vec<String> {
            let words = schema.pointer(pointer).and_then(Value::as_array);
            let words = words.expect("the schema has the enum").iter();
            words.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut names = keys(&schema);
        for pointer in [
            "/$defs/reason/properties/kind/enum",
            "/$defs/change/properties/kind/enum",
            "/$defs/precondition/properties/kind/enum",
            "/$defs/tagAction/enum",
        ] {
            names.extend(words(pointer));
        }
        let missing: Vec<&String> = names
            .iter()
            .filter(|name| !page.contains(&format!("`{name}`")))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
