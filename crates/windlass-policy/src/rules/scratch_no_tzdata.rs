//! `scratch-no-tzdata`: an image from scratch has no time zones.

use windlass_core::dockerfile::Instruction;
use windlass_core::dockerfile::graph::StageBase;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "scratch-no-tzdata",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/scratch-no-tzdata.md"),
)
.starred()
.needs(&[Need::Stages]);

/// Parts of paths that bring time zones.
const BRINGS: [&str; 3] = ["zoneinfo", "tzdata", "/usr/share"];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let Some(target) = facts.graph.target else { return };
    let dockerfile = &subject.dockerfile;
    let scratch = *facts.graph.root(target) == StageBase::Scratch;
    if !scratch || !is_program(subject, target) || is_settled(&dockerfile.source.text) {
        return;
    }
    let mut history = facts.history(dockerfile, target).into_iter();
    if history.any(|it| brings(&dockerfile.instructions[it])) {
        return;
    }
    let from = subject.at(&dockerfile.stages[target].base.span);
    hits.push(Hit::at(from, "no time zones: only UTC is known").help("copy them: COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo"));
}

/// Whether the image starts something; one that only carries files needs nothing.
fn is_program(subject: &ImageSubject, target: usize) -> bool {
    let end = &subject.facts().graph.stages[target].end;
    end.entrypoint.value().is_some() || end.cmd.value().is_some()
}

/// Whether an instruction brings them, or may: an archive and a RUN can bring anything.
fn brings(instruction: &Instruction) -> bool {
    let copied = instruction.transfer().is_some_and(|it| {
        let mut sources = it.sources.iter();
        let whole = sources.any(|it| it.text == "/" || it.text.trim_end_matches('/').ends_with("rootfs"));
        let mut words = it.sources.iter().chain([&it.target]);
        whole || words.any(|it| BRINGS.iter().any(|part| it.text.contains(part)))
    });
    copied || matches!(instruction.keyword.as_str(), "ADD" | "RUN")
}

/// Whether no zone is asked for, or the program holds them itself (a tag of Go).
fn is_settled(text: &str) -> bool {
    text.contains("timetzdata") || !text.contains("TZ")
}
