//! `empty-continuation`: an empty line inside a continued instruction.

use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "empty-continuation",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/empty-continuation.md"),
)
.aliases(&["NoEmptyContinuation"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        for line in &instruction.empty_continuations {
            hits.push(
                Hit::at(
                    subject.at(&(line.start..line.start)),
                    "the instruction goes on behind this empty line, which builders will stop to accept",
                )
                .help("remove the line, or put a comment in its place")
                .fix(Fix::replace("remove the line", line, "")),
            );
        }
    }
}
