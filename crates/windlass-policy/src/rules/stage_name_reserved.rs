//! `stage-name-reserved`: a stage is called `scratch` or `context`.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "stage-name-reserved",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/stage-name-reserved.md"),
)
.aliases(&["ReservedStageName"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for name in subject.dockerfile.stages.iter().filter_map(|it| it.name.as_ref()) {
        if matches!(name.text.as_str(), "scratch" | "context") {
            hits.push(
                Hit::at(
                    subject.at(&name.span),
                    format!("`{}` means something else to the builder", name.text),
                )
                .help("choose another name"),
            );
        }
    }
}
