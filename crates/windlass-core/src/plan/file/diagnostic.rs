//! Diagnostics without their sources: the same keys as [`crate::diag::json`], in a form that can be read back.

use serde::{Deserialize, Serialize};

use crate::diag::{Diagnostic, Label, Location, Severity};

/// A diagnostic as saved plans and reports hold it.
///
/// Lines and columns are 1-based, columns count Unicode scalar values, ends are exclusive; all `None` where it has no place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedDiagnostic {
    /// `area/kebab-name`.
    pub code: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// File of the main place, relative to the workspace.
    pub file: Option<String>,
    /// Line of its start.
    pub line: Option<usize>,
    /// Column of its start.
    pub column: Option<usize>,
    /// Line of its end.
    pub end_line: Option<usize>,
    /// Column behind its end.
    pub end_column: Option<usize>,
    /// All places, the main one first.
    pub labels: Vec<SavedLabel>,
}

/// A place that a diagnostic points at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedLabel {
    /// What is to be said there.
    pub text: Option<String>,
    /// File, relative to the workspace.
    pub file: String,
    /// Line of its start.
    pub line: usize,
    /// Column of its start.
    pub column: usize,
    /// Line of its end.
    pub end_line: usize,
    /// Column behind its end.
    pub end_column: usize,
}

impl From<&Diagnostic> for SavedDiagnostic {
    fn from(diagnostic: &Diagnostic) -> Self {
        let labels: Vec<SavedLabel> = diagnostic.labels.iter().map(SavedLabel::from).collect();
        let main = labels.first();
        Self {
            code: diagnostic.code.as_str().to_owned(),
            severity: severity(diagnostic.severity).to_owned(),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            file: main.map(|label| label.file.clone()),
            line: main.map(|label| label.line),
            column: main.map(|label| label.column),
            end_line: main.map(|label| label.end_line),
            end_column: main.map(|label| label.end_column),
            labels,
        }
    }
}

impl From<&Label> for SavedLabel {
    fn from(label: &Label) -> Self {
        let Location { source, span } = &label.location;
        let (line, column) = source.position(span.start);
        let (end_line, end_column) = source.position(span.end);
        Self {
            text: label.text.clone(),
            file: source.name.clone(),
            line,
            column,
            end_line,
            end_column,
        }
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Code, Source, json};

    #[test]
    fn has_the_keys_and_values_of_diagnostics_for_programs() {
        let source = Source::new("a.kdl", "tag \"é\"\ntag \"x\"\n");
        let placed = Diagnostic::error(Code::BadTag, "`é` is no tag")
            .at(&Location::new(&source, 5..7), "here")
            .mark(&Location::new(&source, 13..16))
            .help("use letters");
        let bare = Diagnostic::warning(Code::LockMissing, "nothing is locked");
        let saved: Vec<SavedDiagnostic> = [&placed, &bare].map(SavedDiagnostic::from).into();
        assert_eq!(
            serde_json::to_value(saved).expect("JSON"),
            json::to_json(&[placed, bare])
        );
    }
}
