//! `gem-unpinned`: gem install without a version.

use windlass_core::shell::{Action, Manager};
use windlass_core::finding::Level;

use crate::facts::ends_in;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "gem-unpinned",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/gem-unpinned.md"),
)
.aliases(&["DL3028"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        let call = &found.call;
        let versioned = call.has_flag(&["-v", "--version"]);
        if call.manager != Manager::Gem || call.action != Action::Install || versioned {
            continue;
        }
        for package in &call.packages {
            let open = !package.text.contains(':') && !package.text.contains('/') && !ends_in(&package.text, &[".gem"]);
            if open && package.is_fixed() {
                hits.push(
                    Hit::at(subject.at(&package.span), format!("no version says which `{}` is installed", package.text))
                        .help(format!("write {}:<version>", package.text)),
                );
            }
        }
    }
}
