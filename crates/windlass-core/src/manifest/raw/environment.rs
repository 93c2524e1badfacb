//! `environment` as written.

use crate::diag::{Location, Sourced};

use super::{Pair, Text};

/// `environment "name" { .. }`
#[derive(Debug, Clone)]
pub struct EnvironmentNode {
    /// Its name.
    pub name: Text,
    /// `target`
    pub targets: Vec<Text>,
    /// `builder`
    pub builder: Option<Text>,
    /// `set`
    pub set: Vec<Pair>,
    /// `require`
    pub require: Vec<Sourced<Requirement>>,
    /// `promote-from`
    pub promote_from: Option<Text>,
    /// Where the node stands.
    pub location: Location,
}

/// One guard of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// `clean-git`: the tree is the commit.
    CleanGit,
    /// `locked-bases`: every base image is in the lock.
    LockedBases,
    /// `branch:GLOB`: the branch matches.
    Branch(String),
}
