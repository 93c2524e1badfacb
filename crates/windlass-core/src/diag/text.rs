//! Diagnostics for people: with the lines they point at, or one line each for editors and logs.

use std::fmt::Write as _;

use miette::{GraphicalReportHandler, GraphicalTheme};
use textwrap::{WordSeparator, WordSplitter};

use super::visible::visible_lines;
use super::{Diagnostic, Severity};

/// How many diagnostics people are shown at once; JSON has all.
const SHOWN: usize = 20;

/// Returns those of many diagnostics that are shown, and a line that counts the others, empty where there are none.
pub fn first(diagnostics: &[Diagnostic]) -> (&[Diagnostic], String) {
    let shown = &diagnostics[..diagnostics.len().min(SHOWN)];
    let left = &diagnostics[shown.len()..];
    if left.is_empty() {
        return (shown, String::new());
    }
    let errors = left
        .iter()
        .filter(|it| it.severity == Severity::Error)
        .count();
    let kind = match errors {
        0 => "none of them an error",
        _ if errors == left.len() => "all of them errors",
        _ => "errors among them",
    };
    (shown, format!("and {} more, {kind}\n", left.len()))
}

/// Returns what draws reports with the lines they point at, `width` columns wide.
pub fn handler(color: bool, width: usize) -> GraphicalReportHandler {
    let theme = if color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        // Lines are broken between words only: names, paths and commands stay whole and can be copied.
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation)
        .with_break_words(false)
        .with_links(false)
        .without_cause_chain()
}

/// Renders diagnostics with the lines they point at, in the order given, `width` columns wide.
pub fn render_text(diagnostics: &[Diagnostic], color: bool, width: usize) -> String {
    let handler = handler(color, width);
    let mut text = String::new();
    for diagnostic in diagnostics {
        if handler.render_report(&mut text, diagnostic).is_err() {
            text.push_str(&plain_line(diagnostic));
        }
        text.push('\n');
    }
    text
}

/// Renders one line a diagnostic: `file:line:column: code: message`.
pub fn render_plain(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().fold(String::new(), |mut text, it| {
        text.push_str(&plain_line(it));
        text.push('\n');
        text
    })
}

fn plain_line(diagnostic: &Diagnostic) -> String {
    let mut line = String::new();
    if let Some(label) = diagnostic.labels.first() {
        let _ = write!(line, "{}: ", label.location);
    }
    let severity = match diagnostic.severity {
        Severity::Error => "",
        Severity::Warning => "warning: ",
        Severity::Info => "info: ",
    };
    let _ = write!(
        line,
        "{severity}{}: {}",
        diagnostic.code,
        visible_lines(&diagnostic.message)
    );
    line
}
