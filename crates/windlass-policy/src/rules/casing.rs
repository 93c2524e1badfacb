//! `casing`: keywords in different case.

use windlass_core::dockerfile::Instruction;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "casing",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/casing.md"),
)
.aliases(&["ConsistentInstructionCasing", "FromAsCasing"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let text = &subject.dockerfile.source.text;
    let written = |it: &Instruction| text[it.keyword_span.clone()].to_owned();
    let instructions = &subject.dockerfile.instructions;
    let upper = instructions.iter().filter(|it| written(it) == it.keyword);
    let lower = instructions.iter().filter(|it| written(it) == it.keyword.to_ascii_lowercase());
    let want_lower = lower.count() > upper.count();
    for instruction in instructions {
        let wanted = if want_lower {
            instruction.keyword.to_ascii_lowercase()
        } else {
            instruction.keyword.clone()
        };
        let found = written(instruction);
        if found == wanted || !found.is_ascii() {
            continue;
        }
        let span = &instruction.keyword_span;
        hits.push(
            Hit::at(subject.at(span), format!("`{found}` where the others are written like `{wanted}`"))
                .help(format!("write `{wanted}`"))
                .fix(Fix::replace("write it like the others", span, wanted.clone())),
        );
    }
}
