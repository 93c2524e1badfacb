//! A text that was put together from pieces of a source.

use std::ops::Range;

/// A text with the place of each of its pieces in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    text: String,
    /// Offset in `text`, offset in the source; sorted.
    pieces: Vec<(usize, usize)>,
}

impl Text {
    /// Joins a text with its pieces: offset in the text, offset in the source.
    pub fn new(text: String, pieces: Vec<(usize, usize)>) -> Self {
        Self { text, pieces }
    }

    /// Wraps a text that stands in the source as it is.
    pub fn at(text: &str, offset: usize) -> Self {
        Self::new(text.to_owned(), vec![(0, offset)])
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns where a range of the text stands in the source.
    pub fn locate(&self, range: Range<usize>) -> Range<usize> {
        let start = self.offset(range.start);
        let end = if range.is_empty() {
            start
        } else {
            self.offset(range.end - 1) + 1
        };
        start..end.max(start)
    }

    pub(super) fn offset(&self, at: usize) -> usize {
        let index = self.pieces.partition_point(|(start, _)| *start <= at);
        match self.pieces.get(index.wrapping_sub(1)) {
            Some((start, source)) => source + (at - start),
            None => 0,
        }
    }
}
