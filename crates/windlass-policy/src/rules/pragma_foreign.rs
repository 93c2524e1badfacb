//! `pragma-foreign`: a comment of another tool that waives a rule here.

use windlass_core::finding::Level;

use crate::rule::{Check, Need, Rule};

pub(super) const RULE: Rule = Rule::new(
    "pragma-foreign",
    Level::Info,
    Check::Waivers,
    include_str!("../../../../docs/rules/pragma-foreign.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Manifest]);
