//! SARIF 2.1.0: findings with places, fixes, suppressions and fingerprints, for code scanning.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use windlass_core::finding::Level;

use crate::evaluate::Found;
use crate::rules::find;

/// Writes one run with all findings.
pub fn render(found: &[Found], version: &str) -> String {
    let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
    for it in found {
        let id = it.finding.rule.as_str();
        rules.entry(id).or_insert_with(|| rule(id, it));
    }
    let order: Vec<&str> = rules.keys().copied().collect();
    let results: Vec<Value> = found.iter().map(|it| result(it, &order)).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "windlass",
                    "version": version,
                    "rules": rules.values().collect::<Vec<_>>(),
                }
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rule(id: &str, found: &Found) -> Value {
    let mut value = json!({
        "id": id,
        "defaultConfiguration": { "level": level(found.finding.level) },
        "properties": { "aliases": found.finding.aliases },
    });
    if let Some(rule) = find(id) {
        value["shortDescription"] = json!({ "text": rule.summary() });
        value["help"] = json!({
            "text": format!("windlass explain {id}"),
            "markdown": rule.page,
        });
    }
    value
}

fn result(found: &Found, order: &[&str]) -> Value {
    let finding = &found.finding;
    let mut text = finding.message.clone();
    if let Some(help) = &finding.help {
        text = format!("{text}\n{help}");
    }
    let mut result = Map::new();
    result.insert("ruleId".to_owned(), json!(finding.rule));
    if let Some(index) = order.iter().position(|id| *id == finding.rule) {
        result.insert("ruleIndex".to_owned(), json!(index));
    }
    result.insert("level".to_owned(), json!(level(finding.level)));
    result.insert("message".to_owned(), json!({ "text": text }));
    if let Some(location) = location(found) {
        result.insert("locations".to_owned(), json!([location]));
    }
    let related = related(found);
    if !related.is_empty() {
        result.insert("relatedLocations".to_owned(), Value::Array(related));
    }
    result.insert(
        "partialFingerprints".to_owned(),
        json!({ "windlassFindingId/v1": finding.finding_id }),
    );
    if let Some(by) = &finding.waived_by {
        // A comment stands in the file that it is about.
        let file = finding.file.as_deref();
        let comment = file.is_some_and(|file| by.starts_with(&format!("{file}:")));
        let kind = if comment { "inSource" } else { "external" };
        result.insert(
            "suppressions".to_owned(),
            json!([{ "kind": kind, "status": "accepted", "justification": by }]),
        );
    }
    if let Some(fixes) = fixes(found) {
        result.insert("fixes".to_owned(), fixes);
    }
    let properties = json!({ "address": finding.address, "windlassLevel": finding.level.as_str() });
    result.insert("properties".to_owned(), properties);
    Value::Object(result)
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Deny | Level::RequireApproval => "error",
        Level::Warn => "warning",
        Level::Info | Level::Off => "note",
    }
}

/// A place in no text is given as the thing it is about.
fn location(found: &Found) -> Option<Value> {
    let finding = &found.finding;
    let logical = finding
        .address
        .as_ref()
        .map(|address| json!([{ "fullyQualifiedName": address, "kind": "resource" }]));
    let physical = finding.file.as_ref().map(|file| {
        let mut physical = json!({ "artifactLocation": { "uri": uri(file) } });
        // Numbers that are not known are left out: the schema has no null.
        let numbers = [
            ("startLine", finding.line),
            ("startColumn", finding.column),
            ("endLine", finding.end_line),
            ("endColumn", finding.end_column),
        ];
        let region: Map<String, Value> = numbers
            .into_iter()
            .filter_map(|(name, number)| Some((name.to_owned(), json!(number?))))
            .collect();
        if finding.line.is_some() {
            physical["region"] = Value::Object(region);
        }
        physical
    });
    let mut location = Map::new();
    location.extend(physical.map(|it| ("physicalLocation".to_owned(), it)));
    location.extend(logical.map(|it| ("logicalLocations".to_owned(), it)));
    (!location.is_empty()).then_some(Value::Object(location))
}

fn related(found: &Found) -> Vec<Value> {
    found
        .labels
        .iter()
        .map(|label| {
            let source = &label.location.source;
            json!({
                "physicalLocation": {
                    "artifactLocation": { "uri": uri(&source.name) },
                    "region": region(source, label.location.span.start, label.location.span.end),
                },
                "message": { "text": label.text.as_deref().unwrap_or("see here") },
            })
        })
        .collect()
}

fn region(source: &windlass_core::diag::Source, start: usize, end: usize) -> Value {
    let (line, column) = source.position(start);
    let (end_line, end_column) = source.position(end);
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}

fn fixes(found: &Found) -> Option<Value> {
    let (fix, place) = (found.fix.as_ref()?, found.place.as_ref()?);
    let source = &place.source;
    let replacements: Vec<Value> = fix
        .edits
        .iter()
        .map(|edit| {
            json!({
                "deletedRegion": region(source, edit.start, edit.end),
                "insertedContent": { "text": edit.text },
            })
        })
        .collect();
    Some(json!([{
        "description": { "text": fix.title },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(&source.name) },
            "replacements": replacements,
        }],
    }]))
}

/// Writes a path as a relative URI.
fn uri(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/@+,=".contains(&byte);
        if plain {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
