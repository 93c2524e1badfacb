//! Diagnostics: the one shape of everything that windlass says about what a person wrote, and the texts they point into.
//!
//! A syntax error, a lock problem and a plan problem differ by their code only, so that one renderer serves all.

mod code;
mod graphical;
pub mod json;
pub mod text;
pub mod visible;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

pub use self::code::Code;

/// A text that a person wrote, with the path by which windlass names it (relative to the workspace, `/` between parts).
#[derive(Debug)]
pub struct Source {
    /// The path shown to people.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Where each line begins, found when a position is first asked for.
    lines: OnceLock<Vec<usize>>,
    /// The text as its lines may be shown, found when one is first shown; `None` where that is the text.
    shown: OnceLock<Option<String>>,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for Source {}

impl Source {
    /// Wraps a text for sharing.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
            lines: OnceLock::new(),
            shown: OnceLock::new(),
        })
    }

    /// Returns the text as its lines may be shown: nothing in it can steer a terminal, and every byte is where it was.
    fn shown(&self) -> &str {
        let shown = self
            .shown
            .get_or_init(|| visible::visible_in_place(&self.text));
        shown.as_deref().unwrap_or(&self.text)
    }

    /// Returns line and column of a byte offset: both 1-based, the column in Unicode scalar values.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let lines = self.lines.get_or_init(|| {
            let after = self.text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(after).collect()
        });
        let line = lines.partition_point(|start| *start <= end);
        let start = lines[line - 1];
        (line, self.text[start..end].chars().count() + 1)
    }
}

/// A place in a source: a byte range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The text.
    pub source: Arc<Source>,
    /// The byte range in it.
    pub span: Range<usize>,
}

impl fmt::Display for Location {
    /// Writes `file:line:column`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.source.position(self.span.start);
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

impl Location {
    /// Points at `span` of `source`.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        Self {
            source: Arc::clone(source),
            span,
        }
    }

    /// Returns the text at the place, empty where the range does not fit the text.
    pub fn text(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or("")
    }
}

/// A value with the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// The place.
    pub location: Location,
}

impl<T> Sourced<T> {
    /// Joins a value and its place.
    pub fn new(value: T, location: Location) -> Self {
        Self { value, location }
    }
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing goes on; exit code 1.
    Error,
    /// Goes on; somebody should look.
    Warning,
    /// For information.
    Info,
}

/// A place that a diagnostic points at, with what is to be said there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub location: Location,
    /// What is wrong there or why it matters; `None` marks the place only.
    pub text: Option<String>,
}

/// One thing to tell a person: message (what), labels (where, why), help (what to type next).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which one it is.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: a lower-case fragment without a full stop.
    pub message: String,
    /// Where; the first label is the main one. Empty where no text of the person is at fault.
    pub labels: Vec<Label>,
    /// What to do, a line to paste where possible.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Starts an error with `code` and `message`; labels and help are added by the other builders.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Starts a warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// Adds a place; the first one added is the main one.
    #[must_use]
    pub fn at(mut self, location: &Location, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            location: location.clone(),
            text: Some(text.into()),
        });
        self
    }

    /// Adds a place without words.
    #[must_use]
    pub fn mark(mut self, location: &Location) -> Self {
        self.labels.push(Label {
            location: location.clone(),
            text: None,
        });
        self
    }

    /// Sets what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What reading a text gives: the value as far as there is one, and everything to say about it.
pub type Checked<T> = (Option<T>, Vec<Diagnostic>);

/// Brings diagnostics into the order in which they are shown: by file, offset and code; those without a place come last.
/// Repetitions are dropped.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    diagnostics.dedup();
}

/// Says whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|it| it.severity == Severity::Error)
}

fn sort_key(diagnostic: &Diagnostic) -> (bool, &str, usize, Code, &str) {
    let place = diagnostic.labels.first().map(|label| &label.location);
    (
        place.is_none(),
        place.map_or("", |it| it.source.name.as_str()),
        place.map_or(0, |it| it.span.start),
        diagnostic.code,
        &diagnostic.message,
    )
}

#[cfg(test)]
mod tests;
