//! Diagnostics for programs.

use serde_json::{Map, Value, json};

use super::{Diagnostic, Location, Severity};

/// Returns one object a diagnostic with `code`, `severity`, `message`, `help`, the main place as `file`, `line`, `column`,
/// `end_line` and `end_column`, and all places under `labels`.
///
/// Lines and columns are 1-based, columns count Unicode scalar values, ends are exclusive. A diagnostic without a place has
/// `null` in all five.
pub fn to_json(diagnostics: &[Diagnostic]) -> Value {
    Value::Array(diagnostics.iter().map(diagnostic_json).collect())
}

fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|label| {
            let mut object = place_json(Some(&label.location));
            object.insert("text".to_owned(), json!(label.text));
            Value::Object(object)
        })
        .collect();
    let mut object = place_json(diagnostic.labels.first().map(|label| &label.location));
    object.insert("code".to_owned(), json!(diagnostic.code.as_str()));
    object.insert(
        "severity".to_owned(),
        json!(severity_word(diagnostic.severity)),
    );
    object.insert("message".to_owned(), json!(diagnostic.message));
    object.insert("help".to_owned(), json!(diagnostic.help));
    object.insert("labels".to_owned(), Value::Array(labels));
    Value::Object(object)
}

fn place_json(location: Option<&Location>) -> Map<String, Value> {
    let start = location.map(|it| it.source.position(it.span.start));
    let end = location.map(|it| it.source.position(it.span.end));
    let mut object = Map::new();
    object.insert("file".to_owned(), json!(location.map(|it| &it.source.name)));
    object.insert("line".to_owned(), json!(start.map(|it| it.0)));
    object.insert("column".to_owned(), json!(start.map(|it| it.1)));
    object.insert("end_line".to_owned(), json!(end.map(|it| it.0)));
    object.insert("end_column".to_owned(), json!(end.map(|it| it.1)));
    object
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}
