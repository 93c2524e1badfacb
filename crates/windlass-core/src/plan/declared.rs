//! Where an image or a repository stands in the manifest, as a plan keeps it: for those who show what is said of it at its line.

use serde::{Deserialize, Serialize};

use crate::diag::Location;

/// A range of a file. Lines and columns are 1-based, columns in characters, the end exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// The file, relative to the workspace.
    pub file: String,
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// The column behind the last character.
    pub end_column: usize,
}

impl Declared {
    /// Returns the range that a location names.
    pub fn of(location: &Location) -> Self {
        let (line, column) = location.source.position(location.span.start);
        let (end_line, end_column) = location.source.position(location.span.end);
        Self {
            file: location.source.name.clone(),
            line,
            column,
            end_line,
            end_column,
        }
    }
}
