//! GitLab's code quality report (GitLab, "Code Quality", implementing a custom tool).

use serde_json::{Value, json};
use windlass_core::finding::Level;

use crate::evaluate::Found;

/// Writes the report; waived findings are left out. A finding in no text stands in the manifest, as the report needs a path.
pub fn render(found: &[Found]) -> String {
    let issues: Vec<Value> = found
        .iter()
        .filter(|it| it.finding.waived_by.is_none())
        .map(issue)
        .collect();
    format!("{:#}\n", Value::Array(issues))
}

fn issue(found: &Found) -> Value {
    let finding = &found.finding;
    let severity = match finding.level {
        Level::Deny => "blocker",
        Level::RequireApproval => "critical",
        Level::Warn => "minor",
        Level::Info | Level::Off => "info",
    };
    let about = match (&finding.file, &finding.address) {
        (None, Some(address)) => format!("{address}: "),
        _ => String::new(),
    };
    let help = finding
        .help
        .as_ref()
        .map_or(String::new(), |help| format!(" ({help})"));
    json!({
        "description": format!("{about}{}{help}", finding.message),
        "check_name": finding.rule,
        "fingerprint": finding.finding_id,
        "severity": severity,
        "location": {
            "path": finding.file.as_deref().unwrap_or("windlass.kdl"),
            "lines": { "begin": finding.line.unwrap_or(1), "end": finding.end_line.unwrap_or(1) },
        },
    })
}
