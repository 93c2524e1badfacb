//! From what a package holds to findings.

use serde_json::Value;
use windlass_core::finding::Level;

use super::level_of;
use super::load::Package;

/// What a rule of Rego objects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegoHit {
    /// What it is called behind the name of the pack.
    pub slug: String,
    /// The level that its kind stands for.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Line and column where it begins and ends, as `loc` says.
    pub loc: Option<Loc>,
    /// Whether the package could not be evaluated; such a finding cannot be waived.
    pub is_failure: bool,
}

/// A place: `loc` of the input, given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loc {
    /// Bytes of the Dockerfile.
    pub start: usize,
    /// First byte behind.
    pub end: usize,
}

pub(super) fn failure(package: &Package, why: &str) -> RegoHit {
    RegoHit {
        slug: package.slug.clone(),
        level: Level::Deny,
        message: format!("the policy could not be evaluated, so it denies: {why}"),
        help: Some("put the policy right".to_owned()),
        loc: None,
        is_failure: true,
    }
}

/// Reads `deny`, `violation`, `warn` and their forms with a suffix: sets, lists or objects of texts and objects.
pub(super) fn hits(package: &Package, value: &Value) -> Vec<RegoHit> {
    let mut found = Vec::new();
    let Some(rules) = value.as_object() else {
        return found;
    };
    for (name, held) in rules {
        let Some((level, suffix)) = level_of(name) else {
            continue;
        };
        let slug = suffix.map_or_else(
            || package.slug.clone(),
            |it| it.replace('_', "-").to_ascii_lowercase(),
        );
        let items: Vec<&Value> = match held {
            Value::Array(items) => items.iter().collect(),
            // A partial object: its keys are the messages, as conftest reads a set.
            Value::Object(object) if !object.contains_key("msg") => object.values().collect(),
            Value::Null | Value::Bool(false) => Vec::new(),
            one => vec![one],
        };
        found.extend(items.into_iter().map(|item| hit(&slug, level, item)));
    }
    found
}

fn hit(slug: &str, level: Level, item: &Value) -> RegoHit {
    let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let message = match item {
        Value::String(text) => text.clone(),
        Value::Bool(true) => format!("`{slug}` objects"),
        other => text("msg")
            .or_else(|| text("message"))
            .unwrap_or_else(|| other.to_string()),
    };
    let number = |key: &str| {
        let number = item.get("loc")?.get(key)?.as_u64()?;
        usize::try_from(number).ok()
    };
    RegoHit {
        slug: slug.to_owned(),
        level,
        message,
        help: text("help"),
        loc: number("start").map(|start| Loc {
            start,
            end: number("end").unwrap_or(start),
        }),
        is_failure: false,
    }
}
