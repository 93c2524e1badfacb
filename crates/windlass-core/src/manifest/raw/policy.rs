//! `policy`, `waiver`, `moved` and `removed` as written.

use crate::diag::{Location, Sourced};
use crate::manifest::model::{PolicyLevel, Waiver};

use super::Text;

/// `policy "name" { .. }`
#[derive(Debug, Clone)]
pub struct PolicyNode {
    /// Its name.
    pub name: Text,
    /// `rego`, globs relative to the file.
    pub rego: Vec<Text>,
    /// `kdl`
    pub kdl: Vec<Text>,
    /// `data`
    pub data: Vec<Text>,
    /// `level`
    pub level: Option<Sourced<PolicyLevel>>,
    /// Where the node stands.
    pub location: Location,
}

/// `waiver "rule" { .. }`; nothing of it is evaluated, so that it is read in its final form.
pub type WaiverNode = Waiver;

/// `moved from=".." to=".."`
#[derive(Debug, Clone)]
pub struct MovedNode {
    /// `from=`, without the workspace's prefix
    pub from: Text,
    /// `to=`
    pub to: Text,
    /// Where the node stands.
    pub location: Location,
}

/// `removed "repository" "name" { .. }`
#[derive(Debug, Clone)]
pub struct RemovedNode {
    /// The repository, without the workspace's prefix.
    pub name: Text,
    /// `images "delete"`
    pub delete_images: bool,
    /// Where the node stands.
    pub location: Location,
}
