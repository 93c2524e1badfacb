//! The JSON document of findings, a contract (`docs/formats/findings.md`).

use serde::Serialize;
use windlass_core::finding::{FORMAT_VERSION, Finding};

use crate::evaluate::Found;

#[derive(Serialize)]
struct Document<'a> {
    format_version: &'static str,
    findings: Vec<&'a Finding>,
}

/// Writes the document.
pub fn render(found: &[Found]) -> String {
    let document = Document {
        format_version: FORMAT_VERSION,
        findings: found.iter().map(|it| &it.finding).collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).expect("texts and numbers are JSON");
    text.push('\n');
    text
}
