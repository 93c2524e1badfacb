//! `consecutive-run`: several RUN one after another.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "consecutive-run",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/consecutive-run.md"),
)
.aliases(&["DL3059"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for index in 0..subject.dockerfile.stages.len() {
        let instructions = subject.dockerfile.instructions_of(index);
        for pair in instructions.windows(2) {
            let plain = |it: &windlass_core::dockerfile::Instruction| {
                it.keyword == "RUN" && it.flags.is_empty() && it.heredocs.is_empty()
            };
            if plain(&pair[0]) && plain(&pair[1]) {
                hits.push(
                    Hit::at(subject.at(&pair[1].keyword_span), "a layer more than one RUN would make")
                        .help("join them with &&, if nothing is gained from caching them apart"),
                );
            }
        }
    }
}
