//! Policies that the workspace brings itself, and its waivers.

use crate::diag::{Location, Sourced};
use crate::name::Day;

/// How much a finding weighs (`policy` level, packs, profiles), from the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyLevel {
    /// Stops the plan.
    Deny,
    /// Stops the plan until somebody approves.
    RequireApproval,
    /// Is shown as a warning.
    Warn,
    /// Is shown.
    Info,
    /// Is not evaluated.
    Off,
}

impl PolicyLevel {
    /// All levels with their words.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("deny", Self::Deny),
        ("require-approval", Self::RequireApproval),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("off", Self::Off),
    ];

    /// Returns the word of manifest and reports.
    pub fn as_str(self) -> &'static str {
        let found = Self::WORDS.iter().find(|it| it.1 == self);
        found.map_or("", |it| it.0)
    }
}

/// A `policy` node: files of rules, beside those that are demanded from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name; rules of its packs are `NAME/slug`.
    pub name: Sourced<String>,
    /// Globs of Rego files, relative to the workspace, in plain form.
    pub rego: Vec<Sourced<String>>,
    /// Globs of KDL packs.
    pub kdl: Vec<Sourced<String>>,
    /// Globs of data files.
    pub data: Vec<Sourced<String>>,
    /// The level of its rules that name none.
    pub level: Option<Sourced<PolicyLevel>>,
    /// Where the node stands.
    pub location: Location,
}

/// A `waiver` node: one rule does not count where all of the given scopes match.
///
/// Valid through the day `expires`, UTC. Whether the rule exists is known to whoever evaluates the policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The rule's id: `slug`, or `pack/slug`.
    pub rule: Sourced<String>,
    /// A glob of image names.
    pub image: Option<Sourced<String>>,
    /// A glob of repository names.
    pub repository: Option<Sourced<String>>,
    /// The environment it holds in.
    pub environment: Option<Sourced<String>>,
    /// A glob of paths in the workspace.
    pub path: Option<Sourced<String>>,
    /// A stage of the Dockerfile.
    pub stage: Option<Sourced<String>>,
    /// Why; not empty.
    pub reason: Sourced<String>,
    /// Who answers for it; not empty.
    pub owner: Sourced<String>,
    /// The last day it holds.
    pub expires: Sourced<Day>,
    /// Who agreed.
    pub approved_by: Vec<Sourced<String>>,
    /// Where it is tracked.
    pub ticket: Option<Sourced<String>>,
    /// Where the node stands.
    pub location: Location,
}
