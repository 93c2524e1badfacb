//! `dist-upgrade`: a step moves the whole distribution to another release.

use windlass_core::shell::Action;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "dist-upgrade",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/dist-upgrade.md"),
)
.aliases(&["DL3035", "DS-0024", "DKL-DI-0003"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        if found.call.action == Action::DistUpgrade {
            let message = format!("`{}` can remove packages and change the release", found.call.verb.text);
            hits.push(
                Hit::at(subject.at(&found.call.verb.span), message)
                    .help("start from a newer base image; `windlass lock --update` finds it"),
            );
        }
    }
}
