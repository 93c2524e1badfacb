//! The JSON view: the document itself, indented, keys in the order of the model.

use crate::report::wire::Report;

/// Writes the document as JSON with a line end. The same plan gives the same bytes.
pub fn render_json(report: &Report) -> String {
    let mut text =
        serde_json::to_string_pretty(report).expect("a document of texts and numbers is JSON");
    text.push('\n');
    text
}
