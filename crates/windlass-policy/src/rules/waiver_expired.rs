//! `waiver-expired`: a waiver whose last day is over.

use windlass_core::finding::Level;

use crate::rule::{Check, Need, Rule};

pub(super) const RULE: Rule = Rule::new(
    "waiver-expired",
    Level::Warn,
    Check::Waivers,
    include_str!("../../../../docs/rules/waiver-expired.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Manifest]);
