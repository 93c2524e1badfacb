//! `apt-unpinned`: apt installs a package without a version.

use windlass_core::shell::Action;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "apt-unpinned",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/apt-unpinned.md"),
)
.aliases(&["DL3008"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        let call = &found.call;
        if !(call.manager.is_apt()) || call.action != Action::Install {
            continue;
        }
        for package in &call.packages {
            if is_open(&package.text) && package.is_fixed() {
                let message = format!("`{}` is installed in whatever version there is", package.text);
                hits.push(
                    Hit::at(subject.at(&package.span), message)
                        .help("name the version, or build from a dated snapshot of the archive"),
                );
            }
        }
    }
}

/// Whether a package is neither a file nor given with a version.
fn is_open(it: &str) -> bool {
    let pinned = it.contains('=');
    !pinned && !it.starts_with(['.', '/', '-']) && !it.contains("://")
}
