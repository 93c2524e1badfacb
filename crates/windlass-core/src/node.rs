//! Typed reading of KDL nodes: from a text to values with their places, all problems at once.
//!
//! Three steps: the pre-scan (`scan`) bounds the text and turns habits of other languages into advice, the parser
//! makes a tree, and [`Dec`] decodes it node by node. Nothing here knows what a manifest is.

mod decode;
mod map;
mod parse;
mod record;
mod scan;
pub mod shape;
pub mod suggest;
mod value;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use kdl::KdlDocument;

use crate::diag::{Code, Diagnostic, Location, Source};

pub use self::decode::Dec;
pub(crate) use self::decode::not_yet;
pub use self::map::inner_location;
pub(crate) use self::parse::parse_tree;
pub use self::record::{Mark, record};
pub use self::scan::{MAX_BYTES, MAX_DEPTH};
pub(crate) use self::scan::{is_newline, is_space};
pub use self::value::{Given, Scalar};

/// More problems than this in one file are not listed.
const MAX_PROBLEMS: usize = 200;

/// One file while it is being decoded: the tree, its text, and what has been said about it.
#[derive(Debug)]
pub struct Reading {
    source: Arc<Source>,
    document: KdlDocument,
    poisoned: Vec<Range<usize>>,
    incomplete: Cell<bool>,
    diagnostics: RefCell<Vec<Diagnostic>>,
    /// Where fields are recorded instead of read.
    recorder: Option<record::Recorder>,
}

impl Reading {
    /// Scans and parses a text. The result always can be decoded; where the text cannot be parsed at all, it is empty.
    pub fn new(source: &Arc<Source>) -> Self {
        parse::parse(source)
    }

    /// Returns the text that diagnostics point into: the original with secrets hidden.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Returns the decoder of the top level.
    pub fn top(&self) -> Dec<'_> {
        Dec::document(self, &self.document)
    }

    /// Says whether parts of the file were given up, so that something not found may well be defined.
    pub fn is_incomplete(&self) -> bool {
        self.incomplete.get()
    }

    /// Notes that a definition could not be read.
    pub fn set_incomplete(&self) {
        self.incomplete.set(true);
    }

    /// Adds a diagnostic.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// Ends the reading and returns what there is to say, sorted, the first of very many only.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics.into_inner();
        crate::diag::sort(&mut diagnostics);
        if diagnostics.len() > MAX_PROBLEMS {
            let more = diagnostics.len() - MAX_PROBLEMS;
            diagnostics.truncate(MAX_PROBLEMS);
            diagnostics.push(Diagnostic::error(
                Code::TooManyProblems,
                format!("`{}` has {more} more problems", self.source.name),
            ));
        }
        diagnostics
    }

    fn location(&self, span: Range<usize>) -> Location {
        Location::new(&self.source, span)
    }

    /// Says whether everything has been said about a place.
    fn is_poisoned(&self, span: &Range<usize>) -> bool {
        self.poisoned
            .iter()
            .any(|it| it.start < span.end && span.start < it.end)
    }
}

/// Makes a source of the bytes of a file.
///
/// # Errors
/// A diagnostic where the bytes are not UTF-8.
pub fn source_from_bytes(name: &str, bytes: Vec<u8>) -> Result<Arc<Source>, Diagnostic> {
    let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes)
        .map(|text| Source::new(name, text))
        .map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let help = if wide {
                "it was saved as UTF-16; save it as UTF-8"
            } else {
                "saved as UTF-16 or Latin-1? save it as UTF-8"
            };
            Diagnostic::error(Code::NotUtf8, format!("`{name}` is not UTF-8 at byte {at}"))
                .help(help)
        })
}

#[cfg(test)]
mod tests;
