//! Pinning: the text that is sent names images by digest; every other byte stays.

use std::ops::Range;

use super::Dockerfile;

/// Returns the text with each of the spans replaced. Spans come from [`super::bases()`]; one that is given twice, or overlaps
/// with an earlier one, is replaced once.
pub fn pin(dockerfile: &Dockerfile, replacements: &[(Range<usize>, String)]) -> String {
    let text = &dockerfile.source.text;
    let mut sorted: Vec<&(Range<usize>, String)> = replacements.iter().collect();
    sorted.sort_by_key(|(span, _)| span.start);
    let mut pinned = String::with_capacity(text.len());
    let mut at = 0;
    for (span, reference) in sorted {
        if span.start >= at && span.end <= text.len() {
            pinned.push_str(&text[at..span.start]);
            pinned.push_str(reference);
            at = span.end;
        }
    }
    pinned.push_str(&text[at..]);
    pinned
}
