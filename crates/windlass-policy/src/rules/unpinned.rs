//! What the rules about versions of system packages share: which words of an install name a package without one.

use windlass_core::shell::{Action, Manager};

use crate::hit::{Hit, Hits};
use crate::subject::ImageSubject;

/// Reports packages that one of the managers installs without a version; `is_pinned` says how versions are written there.
pub(super) fn report_unpinned(
    subject: &ImageSubject,
    hits: &mut Hits<'_>,
    is_manager: fn(Manager) -> bool,
    is_pinned: fn(&str) -> bool,
) {
    for found in subject.facts().packages() {
        let call = &found.call;
        if !is_manager(call.manager) || call.action != Action::Install {
            continue;
        }
        for package in &call.packages {
            let is_open = is_name(&package.text) && !is_pinned(&package.text);
            if is_open && package.is_fixed() {
                let message = format!(
                    "`{}` is installed in whatever version there is",
                    package.text
                );
                hits.push(
                    Hit::at(subject.at(&package.span), message)
                        .help("name the version, or build from a dated snapshot of the archive"),
                );
            }
        }
    }
}

/// Whether a word names a package, and no file.
fn is_name(word: &str) -> bool {
    !word.starts_with(['.', '/', '-']) && !word.contains("://")
}
