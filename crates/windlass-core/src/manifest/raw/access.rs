//! `access` as written.

use std::sync::Arc;

use crate::diag::{Location, Source};
use crate::manifest::model::AccessRule;

use super::Text;

/// `access { .. }` or `access "none"`
#[derive(Debug, Clone)]
pub struct AccessNode {
    /// The `allow` rules, in order, each with its place.
    pub rules: Vec<(AccessRule, Location)>,
    /// `document`
    pub document: Option<Text>,
    /// The text of the document, once it was read.
    pub source: Option<Arc<Source>>,
    /// Where the node stands.
    pub location: Location,
}
