//! The bridge to miette: sources, labels and diagnostics as it wants them.
//!
//! miette shows one source a diagnostic, so labels in further sources appear as related diagnostics of their own.

use std::fmt;
use std::sync::Arc;

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::visible::{visible, visible_lines};
use super::{Diagnostic, Label, Severity, Source};

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.shown().read_span(span, lines_before, lines_after)?;
        // miette counts columns in bytes; people count characters.
        let start = contents.span().offset();
        let (_, column) = self.position(start);
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            column - 1,
            contents.line_count(),
        )))
    }
}

impl Label {
    fn span(&self, is_main: bool) -> LabeledSpan {
        let range = &self.location.span;
        let span = (range.start, range.end.saturating_sub(range.start));
        let text = self.text.as_deref().map(|it| visible(it).into_owned());
        if is_main {
            LabeledSpan::new_primary_with_span(text, span)
        } else {
            LabeledSpan::new_with_span(text, span)
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(self.text.as_deref().unwrap_or("see here")))
    }
}

impl std::error::Error for Label {}

impl miette::Diagnostic for Label {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.location.source.as_ref())
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let range = &self.location.span;
        let span = LabeledSpan::new(None, range.start, range.end.saturating_sub(range.start));
        Some(Box::new(std::iter::once(span)))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible_lines(&self.message))
    }
}

impl std::error::Error for Diagnostic {}

impl Diagnostic {
    fn main_source(&self) -> Option<&Arc<Source>> {
        self.labels.first().map(|label| &label.location.source)
    }
}

impl miette::Diagnostic for Diagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.help.as_deref()?;
        Some(Box::new(visible_lines(help)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let source = self.main_source()?;
        Some(source.as_ref())
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let main = self.main_source()?;
        Some(Box::new(
            self.labels
                .iter()
                .filter(move |label| label.location.source == *main)
                .enumerate()
                .map(|(at, label)| label.span(at == 0)),
        ))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let main = self.main_source()?;
        let elsewhere = |label: &&Label| label.location.source != *main;
        self.labels.iter().find(elsewhere)?;
        Some(Box::new(
            self.labels
                .iter()
                .filter(move |label| label.location.source != *main)
                .map(|label| label as &dyn miette::Diagnostic),
        ))
    }
}
