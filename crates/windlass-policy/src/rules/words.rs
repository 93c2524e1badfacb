//! What several rules read: assignments of ARG and ENV, names of secrets.

use windlass_core::context::IgnoreLine;
use windlass_core::diag::{Location, Source};

use crate::subject::ImageSubject;

/// Returns where the whole context is copied into the image, the first such place.
pub(super) fn copies_all(subject: &ImageSubject) -> Option<Location> {
    let instructions = subject.dockerfile.instructions.iter();
    let copies = instructions
        .filter(|it| matches!(it.keyword.as_str(), "COPY" | "ADD") && it.flag("from").is_none());
    copies.into_iter().find_map(|it| {
        let words = it.words();
        let (_, sources) = words.split_last()?;
        let whole = |text: &str| {
            matches!(
                text.trim_matches(|c| matches!(c, '[' | ',' | '"')),
                "." | "./" | "/" | "*"
            )
        };
        let source = sources.iter().find(|source| whole(&source.text))?;
        Some(subject.at(&source.span))
    })
}

/// Returns the place of an ignore line. Where it is of a file, the source holds the one line; its number is kept by the empty lines
/// before it.
pub(super) fn line_place(line: &IgnoreLine) -> Option<Location> {
    if line.location.is_some() {
        return line.location.clone();
    }
    let before = line.line.checked_sub(1)?;
    let text = format!("{}{}", "\n".repeat(before), line.text);
    let end = text.len();
    Some(Location::new(
        &Source::new(line.origin.clone(), text),
        before..end,
    ))
}
