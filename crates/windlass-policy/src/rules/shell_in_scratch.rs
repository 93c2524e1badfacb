//! `shell-in-scratch`: a shell is needed where none is.

use windlass_core::dockerfile::graph::StageBase;

use crate::known::{is_debug, is_distroless};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "shell-in-scratch",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/shell-in-scratch.md"),
)
.aliases(&["shell-run-in-scratch"])
.needs(&[Need::Stages, Need::Outside]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let dockerfile = &subject.dockerfile;
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let shell_form = instruction.command().is_some_and(|it| it.exec().is_none());
        let Some(stage) = dockerfile.stage_of(index).filter(|_| shell_form) else { continue };
        let Some(name) = without_shell(subject, stage) else { continue };
        let own = facts.before(dockerfile, index).is_some_and(|it| it.shell.placed().is_some());
        // Files that were copied before may bring a shell, whatever they are called.
        let mut earlier = facts.history(dockerfile, stage).into_iter().take_while(|it| *it < index);
        let brought = earlier.any(|it| {
            let instruction = &dockerfile.instructions[it];
            instruction.transfer().is_some_and(|it| {
                let target = it.target.text.as_str();
                let bin = ["/bin", "/usr", "busybox"].iter().any(|part| target.contains(part));
                let all = target == "/" && it.sources.iter().any(|it| it.text.ends_with('/') || it.text.ends_with("rootfs") || it.text.contains("busybox"));
                bin || all || instruction.keyword == "ADD"
            })
        });
        if own || brought {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&instruction.keyword_span), format!("the shell form needs /bin/sh, and {name} has none"))
                .help("write the exec form, or do the step in a stage that has a shell"),
        );
    }
}

fn without_shell(subject: &ImageSubject, stage: usize) -> Option<&'static str> {
    match subject.facts().graph.root(stage) {
        StageBase::Scratch => Some("`scratch`"),
        StageBase::Image(_) => {
            let image = subject.facts().root_image(stage)?;
            (is_distroless(&image) && !is_debug(&image)).then_some("a distroless image")
        }
        _ => None,
    }
}
