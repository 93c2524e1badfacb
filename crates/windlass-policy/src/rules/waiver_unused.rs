//! `waiver-unused`: a waiver that waives nothing.

use windlass_core::finding::Level;

use crate::rule::{Check, Need, Rule};

pub(super) const RULE: Rule = Rule::new(
    "waiver-unused",
    Level::Warn,
    Check::Waivers,
    include_str!("../../../../docs/rules/waiver-unused.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Manifest]);
