//! `stage-name-duplicate`: two stages have one name.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "stage-name-duplicate",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/stage-name-duplicate.md"),
)
.starred()
.aliases(&["DL3024", "DuplicateStageName", "CKV_DOCKER_11", "DS-0012"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let stages = &subject.dockerfile.stages;
    for (index, stage) in stages.iter().enumerate() {
        let Some(name) = &stage.name else { continue };
        let earlier = stages[..index]
            .iter()
            .filter_map(|it| it.name.as_ref())
            .find(|it| it.text == name.text);
        if let Some(earlier) = earlier {
            hits.push(
                Hit::at(
                    subject.at(&name.span),
                    format!("a stage before has the name `{}`", name.text),
                )
                .label(subject.at(&earlier.span), "the first of that name")
                .help("give every stage a name of its own; case does not tell them apart"),
            );
        }
    }
}
