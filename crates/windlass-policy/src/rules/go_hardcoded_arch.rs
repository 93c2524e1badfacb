//! `go-hardcoded-arch`: a Go program is built for one architecture, the image for another.

use std::ops::Range;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "go-hardcoded-arch",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/go-hardcoded-arch.md"),
)
.starred()
.needs(&[Need::Shell, Need::Manifest]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let dockerfile = &subject.dockerfile;
    for at in subject.facts().runs() {
        for simple in &at.script.commands {
            for assignment in simple.assignments.iter().filter(|it| it.name == "GOARCH") {
                judge(subject, &assignment.value.span, &assignment.value.text, hits);
            }
            for word in &simple.words {
                if let Some(value) = word.text.strip_prefix("GOARCH=") {
                    judge(subject, &word.span, value, hits);
                }
            }
        }
    }
    for instruction in dockerfile.instructions.iter().filter(|it| it.keyword == "ENV") {
        for assignment in instruction.assignments().iter().filter(|it| it.name.text == "GOARCH") {
            if let Some(value) = &assignment.value {
                judge(subject, &value.span, value.text.trim_matches(['"', '\'']), hits);
            }
        }
    }
}

fn judge(subject: &ImageSubject, span: &Range<usize>, value: &str, hits: &mut Hits<'_>) {
    let wanted = subject.platforms.iter().filter_map(|it| it.as_str().split('/').nth(1));
    let others: Vec<&str> = wanted.filter(|it| *it != value).collect();
    // With one platform alone the value may be what was meant for a tool of the build.
    if value.is_empty() || value.contains('$') || others.is_empty() || subject.platforms.len() < 2 {
        return;
    }
    let place = subject.at(span);
    let mut hit = Hit::at(
        place.clone(),
        format!("the program is for {value}, the image also for {}", others.join(", ")),
    )
    .help("declare ARG TARGETARCH in the stage, and write GOARCH=$TARGETARCH");
    if place.text() == value && subject.dockerfile.source.text.contains("ARG TARGETARCH") {
        hit = hit.fix(Fix::replace("write $TARGETARCH", span, "$TARGETARCH"));
    }
    hits.push(hit);
}
