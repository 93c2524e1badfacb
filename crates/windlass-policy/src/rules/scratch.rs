//! What the rules about images from scratch share: a program that starts there finds only what was copied.

use windlass_core::dockerfile::Instruction;
use windlass_core::dockerfile::graph::StageBase;

use crate::hit::{Hit, Hits};
use crate::subject::ImageSubject;

/// Something that base images have and scratch has not.
pub(super) struct Lack {
    /// Parts of paths that bring it.
    pub(super) brings: &'static [&'static str],
    /// What is wrong without it.
    pub(super) message: &'static str,
    /// The line that brings it.
    pub(super) help: &'static str,
}

/// Reports an image from scratch that starts a program and lacks something; `is_settled` says from the text of the Dockerfile
/// whether the program needs none of it.
pub(super) fn report_lack(
    subject: &ImageSubject,
    hits: &mut Hits<'_>,
    lack: &Lack,
    is_settled: fn(&str) -> bool,
) {
    let facts = subject.facts();
    let Some(target) = facts.graph.target else {
        return;
    };
    let dockerfile = &subject.dockerfile;
    let is_scratch = *facts.graph.root(target) == StageBase::Scratch;
    if !is_scratch || !is_program(subject, target) || is_settled(&dockerfile.source.text) {
        return;
    }
    let mut history = facts.history(dockerfile, target).into_iter();
    if history.any(|it| may_bring(&dockerfile.instructions[it], lack)) {
        return;
    }
    let from = subject.at(&dockerfile.stages[target].base.span);
    hits.push(Hit::at(from, lack.message).help(lack.help));
}

/// Whether the image starts something; one that only carries files needs nothing.
fn is_program(subject: &ImageSubject, target: usize) -> bool {
    let end = &subject.facts().graph.stages[target].end;
    end.entrypoint.value().is_some() || end.cmd.value().is_some()
}

/// Whether an instruction brings it, or may: an archive and a RUN can bring anything.
fn may_bring(instruction: &Instruction, lack: &Lack) -> bool {
    let copied = instruction.transfer().is_some_and(|it| {
        let is_root = |path: &str| path == "/" || path.trim_end_matches('/').ends_with("rootfs");
        let mut words = it.sources.iter().chain([&it.target]);
        it.sources.iter().any(|it| is_root(&it.text))
            || words.any(|it| lack.brings.iter().any(|part| it.text.contains(part)))
    });
    copied || matches!(instruction.keyword.as_str(), "ADD" | "RUN")
}
