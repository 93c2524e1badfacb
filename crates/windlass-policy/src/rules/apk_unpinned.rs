//! `apk-unpinned`: apk installs a package without a version.

use windlass_core::finding::Level;
use windlass_core::shell::Manager;

use crate::hit::Hits;
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::unpinned::report_unpinned;

pub(super) const RULE: Rule = Rule::new(
    "apk-unpinned",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/apk-unpinned.md"),
)
.aliases(&["DL3018"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    report_unpinned(subject, hits, |it| it == Manager::Apk, |it| it.contains(['=', '~', '<', '>']));
}
