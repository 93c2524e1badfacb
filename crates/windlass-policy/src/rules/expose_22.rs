//! `expose-22`: the port of SSH is exposed.

use windlass_core::dockerfile::Body;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "expose-22",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/expose-22.md"),
)
.aliases(&["CKV_DOCKER_1", "DS-0004"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for (index, instruction) in subject.dockerfile.instructions.iter().enumerate() {
        let Body::Words(words) = &instruction.body else { continue };
        let Some(state) = subject.facts().before(&subject.dockerfile, index) else { continue };
        for word in words.iter().filter(|_| instruction.keyword == "EXPOSE") {
            let text = state.expand(&word.text, subject.dockerfile.escape).text;
            if matches!(text.as_str(), "22" | "22/tcp") {
                hits.push(
                    Hit::at(subject.at(&word.span), "a container needs no SSH")
                        .help("use docker exec or the platform's way in, and leave sshd out"),
                );
            }
        }
    }
}
