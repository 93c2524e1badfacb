//! `multiple-cmd`: CMD, ENTRYPOINT or HEALTHCHECK twice in a stage.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "multiple-cmd",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/multiple-cmd.md"),
)
.starred()
.aliases(&["DL4003", "DL4004", "DL3012", "MultipleInstructionsDisallowed", "DS-0016", "DS-0007", "DS-0023"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for index in 0..subject.dockerfile.stages.len() {
        let instructions = subject.dockerfile.instructions_of(index);
        for (at, instruction) in instructions.iter().enumerate() {
            let keyword = instruction.keyword.as_str();
            if !matches!(keyword, "CMD" | "ENTRYPOINT" | "HEALTHCHECK") {
                continue;
            }
            let later = instructions[at + 1..].iter().find(|it| it.keyword == keyword);
            if let Some(later) = later {
                hits.push(
                    Hit::at(subject.at(&instruction.keyword_span), format!("a later {keyword} replaces this one"))
                        .label(subject.at(&later.keyword_span), "the one that counts")
                        .help("keep one"),
                );
            }
        }
    }
}
