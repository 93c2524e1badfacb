//! `cd-not-workdir`: a step that begins with cd.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "cd-not-workdir",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/cd-not-workdir.md"),
)
.aliases(&["DL3003", "DS-0013"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for at in subject.facts().runs() {
        let Some(first) = at.script.commands.first().filter(|it| it.within.is_empty()) else {
            continue;
        };
        if first.call().is_some_and(|it| it.name == "cd") {
            hits.push(
                Hit::at(subject.at(&first.span), "the folder is lost with the next step")
                    .help("use WORKDIR"),
            );
        }
    }
}
