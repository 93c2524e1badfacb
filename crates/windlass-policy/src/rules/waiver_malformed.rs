//! `waiver-malformed`: a waiver that cannot be read.

use windlass_core::finding::Level;

use crate::rule::{Check, Need, Rule};

pub(super) const RULE: Rule = Rule::new(
    "waiver-malformed",
    Level::Warn,
    Check::Waivers,
    include_str!("../../../../docs/rules/waiver-malformed.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Manifest]);
