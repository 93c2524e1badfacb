//! `healthcheck-missing`: the image has no health check.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "healthcheck-missing",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/healthcheck-missing.md"),
)
.aliases(&["DL3057", "CKV_DOCKER_2", "DS-0026", "CIS-DI-0006"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let (Some(target), Some(end)) = (facts.graph.target, facts.end()) else {
        return;
    };
    if end.healthcheck.placed().is_none() && end.healthcheck.value().is_none() {
        let from = subject.at(&subject.dockerfile.stages[target].base.span);
        hits.push(
            Hit::at(from, "nothing says whether the program still works")
                .help("add HEALTHCHECK, or HEALTHCHECK NONE where the platform asks"),
        );
    }
}
