//! `waiver-expires-soon`: a waiver that ends within 14 days.

use windlass_core::finding::Level;

use crate::rule::{Check, Need, Rule};

pub(super) const RULE: Rule = Rule::new(
    "waiver-expires-soon",
    Level::Warn,
    Check::Waivers,
    include_str!("../../../../docs/rules/waiver-expires-soon.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Manifest]);
