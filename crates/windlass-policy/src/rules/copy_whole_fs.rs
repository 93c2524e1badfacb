//! `copy-whole-fs`: COPY takes the whole file system of another stage.

use windlass_core::dockerfile::graph::StageBase;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "copy-whole-fs",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-whole-fs.md"),
)
.aliases(&["DL3067"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for (index, instruction) in subject.dockerfile.instructions.iter().enumerate() {
        let Some(transfer) = instruction.transfer() else {
            continue;
        };
        if instruction.flag("from").is_none() || !transfer.sources.iter().any(|it| it.text == "/") {
            continue;
        }
        // Squashing into an empty image is what this is for.
        let stage = subject.dockerfile.stage_of(index);
        let empty = stage.is_some_and(|it| subject.facts().graph.stages[it].base == StageBase::Scratch);
        if empty && transfer.target.text == "/" {
            continue;
        }
        let span = transfer.sources[0].span.clone();
        hits.push(
            Hit::at(subject.at(&span), "everything of the other stage is copied, its caches and keys included")
                .help("copy the files that are needed"),
        );
    }
}
