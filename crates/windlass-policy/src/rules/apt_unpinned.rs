//! `apt-unpinned`: apt installs a package without a version.

use windlass_core::finding::Level;
use windlass_core::shell::Manager;

use crate::hit::Hits;
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::unpinned::report_unpinned;

pub(super) const RULE: Rule = Rule::new(
    "apt-unpinned",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/apt-unpinned.md"),
)
.aliases(&["DL3008"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    report_unpinned(subject, hits, Manager::is_apt, |it| it.contains('='));
}
