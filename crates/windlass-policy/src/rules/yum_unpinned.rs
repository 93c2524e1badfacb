//! `yum-unpinned`: yum, dnf or zypper installs a package without a version.

use windlass_core::finding::Level;
use windlass_core::shell::Manager;

use crate::hit::Hits;
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::unpinned::report_unpinned;

pub(super) const RULE: Rule = Rule::new(
    "yum-unpinned",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/yum-unpinned.md"),
)
.aliases(&["DL3033", "DL3037", "DL3041"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    report_unpinned(subject, hits, |it| it.is_yum() || it == Manager::Zypper, is_pinned);
}

/// `curl=8.15.0` and `curl>=8` of zypper, `curl-8.15.0` of the others.
fn is_pinned(word: &str) -> bool {
    let is_version = |it: &str| it.starts_with(|c: char| c.is_ascii_digit());
    word.contains(['=', '<', '>']) || word.split('-').skip(1).any(is_version)
}
