//! `stage-unreachable`: nothing is built from a stage.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "stage-unreachable",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/stage-unreachable.md"),
)
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let graph = &subject.facts().graph;
    // A stage that is chosen from outside says nothing about the others.
    if subject.stage.is_some() || graph.target.is_none() {
        return;
    }
    for (stage, node) in subject.dockerfile.stages.iter().zip(&graph.stages) {
        if node.reached {
            continue;
        }
        let place = stage.name.as_ref().unwrap_or(&stage.base);
        hits.push(
            Hit::at(subject.at(&place.span), "the last stage is built from nothing of this one")
                .help("remove it, or take something from it; a build of another stage names it: stage \"...\""),
        );
    }
}
