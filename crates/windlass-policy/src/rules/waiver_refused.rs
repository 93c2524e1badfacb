//! `waiver-refused`: a waiver that a policy does not accept.

use windlass_core::finding::Level;

use crate::rule::{Check, Need, Rule};

pub(super) const RULE: Rule = Rule::new(
    "waiver-refused",
    Level::Warn,
    Check::Waivers,
    include_str!("../../../../docs/rules/waiver-refused.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Manifest]);
