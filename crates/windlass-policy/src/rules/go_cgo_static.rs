//! `go-cgo-static`: a Go program that needs libc is copied where none is.

use std::collections::BTreeSet;

use windlass_core::dockerfile::graph::{LinkTarget, StageBase};

use crate::facts::CallAt;
use crate::known::{is_distroless, official};
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "go-cgo-static",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/go-cgo-static.md"),
)
.starred()
.needs(&[Need::Stages, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let Some(target) = facts.graph.target else { return };
    if !has_no_libc(subject, target) {
        return;
    }
    let shipped = sources(subject);
    for found in facts.calls() {
        let build = found.call.name == "go" && found.call.arguments.first().is_some_and(|it| it.text == "build");
        if !shipped.contains(&found.at.stage) || !build || is_static(subject, &found) {
            continue;
        }
        let word = found.call.word;
        let mut hit = Hit::at(subject.at(&word.span), "the program may need libc, and the final image has none")
            .label(subject.at(&subject.dockerfile.stages[target].base.span), "the final image")
            .help("build it with CGO_ENABLED=0");
        if found.call.wrappers.is_empty() && found.simple.span.start == word.span.start {
            hit = hit.fix(Fix::insert("set CGO_ENABLED=0", word.span.start, "CGO_ENABLED=0 "));
        }
        hits.push(hit);
    }
}

/// The stages that the final image copies from, with those they start from.
fn sources(subject: &ImageSubject) -> BTreeSet<usize> {
    let graph = &subject.facts().graph;
    let finals = graph.final_stages();
    let links = finals.iter().flat_map(|&stage| &graph.stages[stage].links);
    let stages = links.filter_map(|it| match it.target {
        LinkTarget::Stage(source) => Some(source),
        _ => None,
    });
    stages.flat_map(|it| graph.lineage(it)).collect()
}

fn has_no_libc(subject: &ImageSubject, target: usize) -> bool {
    let facts = subject.facts();
    match facts.graph.root(target) {
        StageBase::Scratch => true,
        StageBase::Image(_) => facts.root_image(target).is_some_and(|it| {
            let name = it.path.rsplit('/').next().unwrap_or_default();
            is_distroless(&it) && name.starts_with("static")
        }),
        _ => false,
    }
}

/// Whether C is off, the program is linked statically, or it cannot be said.
fn is_static(subject: &ImageSubject, found: &CallAt<'_>) -> bool {
    let here = found.call.environment.iter().any(|(name, _)| *name == "CGO_ENABLED");
    let exported = found.at.script.commands.iter().any(|it| {
        let assigned = it.assignments.iter().any(|it| it.name == "CGO_ENABLED");
        assigned || it.words.iter().any(|it| it.text.starts_with("CGO_ENABLED="))
    });
    let state = subject.facts().before(&subject.dockerfile, found.at.instruction);
    let set = state.is_some_and(|it| it.variables.contains_key("CGO_ENABLED"));
    let linked = found.call.arguments.iter().any(|it| it.text.contains("-static") || it.text.starts_with('$'));
    // Another image may have set it.
    let base = subject.facts().root_image(found.at.stage);
    let foreign = base.is_none_or(|it| official(&it) != Some("golang"));
    here || exported || set || linked || foreign
}
