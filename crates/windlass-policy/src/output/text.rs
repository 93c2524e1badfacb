//! Findings for people: each with the lines it points at, and a line that counts them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use miette::{LabeledSpan, SourceCode};
use windlass_core::diag::text::handler;
use windlass_core::diag::visible::{visible, visible_lines};
use windlass_core::diag::{Label, Source};
use windlass_core::finding::Level;

use crate::evaluate::Found;
use crate::mask::masked;

/// Writes all findings and their count.
pub fn render(found: &[Found], color: bool, width: usize) -> String {
    let handler = handler(color, width);
    let mut text = String::new();
    let mut masks: BTreeMap<&str, Arc<Source>> = BTreeMap::new();
    for found in found {
        let source = found.place.as_ref().map(|place| {
            let mask = || masked(&place.source);
            let known = masks.entry(&place.source.name).or_insert_with(mask);
            // Two texts of one name: a manifest and a line of it.
            if known.text.len() == place.source.text.len() {
                Arc::clone(known)
            } else {
                mask()
            }
        });
        let shown = Shown::new(found, source);
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&plain(found));
        }
        text.push('\n');
    }
    text.push_str(&count(found));
    text
}

/// Writes one line a finding: `file:line:column: level rule: message`.
pub fn render_plain(found: &[Found]) -> String {
    found.iter().map(plain).collect()
}

fn plain(found: &Found) -> String {
    let finding = &found.finding;
    let place = match (&finding.file, finding.line, finding.column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        _ => finding
            .address
            .as_ref()
            .map_or(String::new(), |address| format!("{address}: ")),
    };
    let waived = finding
        .waived_by
        .as_ref()
        .map_or(String::new(), |by| format!(" (waived by {by})"));
    format!(
        "{place}{} {}: {}{waived}\n",
        finding.level.as_str(),
        finding.rule,
        visible_lines(&finding.message)
    )
}

/// Counts findings by level: `2 deny, 1 warn (1 waived)`.
pub fn count(found: &[Found]) -> String {
    let waived = found.iter().filter(|it| it.finding.waived_by.is_some());
    let waived = waived.count();
    let mut parts = Vec::new();
    for level in Level::ALL {
        let number = found
            .iter()
            .filter(|it| it.finding.level == level && it.finding.waived_by.is_none())
            .count();
        if number > 0 {
            parts.push(format!("{number} {}", level.as_str()));
        }
    }
    let mut text = if parts.is_empty() {
        "No findings".to_owned()
    } else {
        format!("Findings: {}", parts.join(", "))
    };
    if waived > 0 {
        let _ = write!(text, " ({waived} waived)");
    }
    text.push_str(".\n");
    text
}

/// A finding as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    found: &'a Found,
    help: Option<String>,
    /// The text with values of secrets starred.
    source: Option<Arc<Source>>,
}

impl<'a> Shown<'a> {
    fn new(found: &'a Found, source: Option<Arc<Source>>) -> Self {
        let finding = &found.finding;
        let help = match &finding.waived_by {
            Some(by) => Some(format!("waived by {by}")),
            None => finding.help.clone(),
        };
        Self {
            found,
            help,
            source,
        }
    }
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let finding = &self.found.finding;
        match (&self.found.place, &finding.address) {
            (None, Some(address)) => {
                write!(f, "{address}: {}", visible_lines(&finding.message))
            }
            _ => f.write_str(&visible_lines(&finding.message)),
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let finding = &self.found.finding;
        Some(Box::new(format!(
            "{} {}",
            finding.level.as_str(),
            finding.rule
        )))
    }

    fn severity(&self) -> Option<miette::Severity> {
        let finding = &self.found.finding;
        Some(match finding.level {
            _ if finding.waived_by.is_some() => miette::Severity::Advice,
            Level::Deny | Level::RequireApproval => miette::Severity::Error,
            Level::Warn => miette::Severity::Warning,
            Level::Info | Level::Off => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let help = self.help.as_deref()?;
        Some(Box::new(visible_lines(help)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source.as_deref()?)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.found.place.as_ref()?;
        let length = place.span.end.saturating_sub(place.span.start);
        let main = LabeledSpan::new_primary_with_span(None, (place.span.start, length));
        let same = |label: &&Label| label.location.source == place.source;
        let further = self.found.labels.iter().filter(same).map(|label| {
            let span = &label.location.span;
            let length = span.end.saturating_sub(span.start);
            let text = label.text.as_deref().map(|it| visible(it).into_owned());
            LabeledSpan::new_with_span(text, (span.start, length))
        });
        let all: Vec<LabeledSpan> = std::iter::once(main).chain(further).collect();
        Some(Box::new(all.into_iter()))
    }
}
