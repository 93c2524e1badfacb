//! `sudo`: sudo in a build.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "sudo",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/sudo.md"),
)
.starred()
.aliases(&["DL3004", "CKV2_DOCKER_1", "DS-0010", "DKL-DI-0001"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for found in facts.calls() {
        let direct = (found.call.name == "sudo").then_some(found.call.word);
        let wrapper = found.call.wrappers.iter().find(|it| it.name == "sudo").map(|it| it.word);
        let Some(word) = direct.or(wrapper) else { continue };
        hits.push(
            Hit::at(subject.at(&word.span), "a build needs no sudo: USER says who runs a step")
                .help("run the step before USER, or between USER root and USER <name>"),
        );
    }
}
