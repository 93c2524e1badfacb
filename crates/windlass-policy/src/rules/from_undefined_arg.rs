//! `from-undefined-arg`: the image in FROM depends on an argument without a value.

use windlass_core::dockerfile::graph::StageBase;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "from-undefined-arg",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/from-undefined-arg.md"),
)
.starred()
.aliases(&["UndefinedArgInFrom", "InvalidDefaultArgInFrom"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let graph = &subject.facts().graph;
    for (stage, node) in subject.dockerfile.stages.iter().zip(&graph.stages) {
        let StageBase::Unknown(value) = &node.base else {
            continue;
        };
        let Some(name) = value.missing.first() else {
            continue;
        };
        // Each builder gives these a value of its own.
        if value.missing.iter().any(|it| it.starts_with("BUILD")) {
            continue;
        }
        let declared = graph.globals.contains_key(name);
        let message = format!("`{name}` has no value in FROM");
        let help = if declared {
            format!("give it a default: ARG {name}=...")
        } else {
            format!("FROM sees only what is declared before the first FROM; add there: ARG {name}=...")
        };
        hits.push(Hit::at(subject.at(&stage.base.span), message).help(help));
    }
}
