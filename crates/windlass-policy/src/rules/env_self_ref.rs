//! `env-self-ref`: a value uses a variable of the same ENV.

use windlass_core::dockerfile::graph::mentioned_in;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "env-self-ref",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/env-self-ref.md"),
)
.starred()
.aliases(&["DL3044"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let dockerfile = &subject.dockerfile;
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        if instruction.keyword != "ENV" {
            continue;
        }
        let Some(before) = subject.facts().before(dockerfile, index) else { continue };
        let found = instruction.assignments();
        for (at, assignment) in found.iter().enumerate() {
            let Some(value) = &assignment.value else { continue };
            for name in mentioned_in(value, dockerfile.escape) {
                // In single quotes nothing is put in.
                if !before.expand(&value.text, dockerfile.escape).missing.contains(&name) {
                    continue;
                }
                let earlier = found[..at].iter().find(|it| it.name.text == name);
                let Some(earlier) = earlier.filter(|_| !before.variables.contains_key(&name) && name != "PATH") else {
                    continue;
                };
                hits.push(
                    Hit::at(subject.at(&value.span), format!("`{name}` has its new value only behind this ENV"))
                        .label(subject.at(&earlier.name.span), "set in the same instruction")
                        .help("write two ENV instructions"),
                );
            }
        }
    }
}
