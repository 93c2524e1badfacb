//! `include` as written.

use super::Text;

/// `include "teams/*.kdl" { only "image" }`
#[derive(Debug, Clone)]
pub struct IncludeNode {
    /// The patterns, relative to the file.
    pub globs: Vec<Text>,
    /// `optional=`: matching nothing is fine.
    pub is_optional: bool,
    /// `only`: the kinds of nodes that the files may define; `None` for all.
    pub only: Option<Vec<Text>>,
}
