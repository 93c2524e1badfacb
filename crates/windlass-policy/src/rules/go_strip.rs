//! `go-strip`: a Go program is shipped with its debug information.

use windlass_core::shell::{Call, Simple};

use crate::facts::CallAt;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "go-strip",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/go-strip.md"),
)
.starred()
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().calls() {
        if !is_build(&found.call) {
            continue;
        }
        let flags = found.call.flag_value(&["-ldflags", "--ldflags"]);
        let stripped = flags.is_some_and(|it| {
            it.contains('$') || it.split_whitespace().any(|it| it == "-s" || it == "-w")
        });
        let elsewhere = found.call.environment.iter().any(|(name, _)| *name == "GOFLAGS")
            || found.at.script.commands.iter().filter_map(Simple::call).any(|it| matches!(it.name, "strip" | "upx"))
            || is_set(subject, &found, "GOFLAGS");
        if stripped || elsewhere || found.call.arguments.iter().any(|it| it.text.starts_with('$')) {
            continue;
        }
        let Some(verb) = found.call.arguments.first() else { continue };
        let mut hit = Hit::at(subject.at(&verb.span), "debug information makes the program a third larger")
            .help("add -ldflags=\"-s -w\"");
        if flags.is_none() {
            hit = hit.fix(Fix::insert("add -ldflags=\"-s -w\"", verb.span.end, " -ldflags=\"-s -w\""));
        }
        hits.push(hit);
    }
}

/// `go build` of a program that is not built to be debugged.
fn is_build(call: &Call<'_>) -> bool {
    let words: Vec<&str> = call.arguments.iter().map(|it| it.text.as_str()).collect();
    let debugged = words.iter().any(|it| {
        matches!(*it, "-race" | "-gcflags" | "-buildmode=plugin") || it.starts_with("-gcflags=")
    });
    call.name == "go" && words.first() == Some(&"build") && !debugged
}

fn is_set(subject: &ImageSubject, found: &CallAt<'_>, name: &str) -> bool {
    let state = subject.facts().before(&subject.dockerfile, found.at.instruction);
    state.is_some_and(|it| it.variables.contains_key(name))
}
