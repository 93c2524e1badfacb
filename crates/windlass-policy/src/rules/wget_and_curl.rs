//! `wget-and-curl`: both wget and curl are used.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "wget-and-curl",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/wget-and-curl.md"),
)
.aliases(&["DL4001", "DS-0014"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for stage in 0..subject.dockerfile.stages.len() {
        let mut curl = facts.calls().filter(|it| it.at.stage == stage && it.call.name == "curl");
        let mut wget = facts.calls().filter(|it| it.at.stage == stage && it.call.name == "wget");
        if let (Some(curl), Some(wget)) = (curl.next(), wget.next()) {
            hits.push(
                Hit::at(subject.at(&wget.call.word.span), "one of wget and curl would do")
                    .label(subject.at(&curl.call.word.span), "curl is used here")
                    .help("use one of them, and install one"),
            );
        }
    }
}
