//! `expose-range`: EXPOSE of a port that does not exist.

use windlass_core::dockerfile::Body;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "expose-range",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/expose-range.md"),
)
.aliases(&["DL3011", "DS-0008"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        let Body::Words(words) = &instruction.body else { continue };
        for word in words.iter().filter(|_| instruction.keyword == "EXPOSE") {
            let ports = word.text.trim_matches('"').split('/').next().unwrap_or_default();
            let mut numbers = ports.split('-').filter_map(|it| it.parse::<u64>().ok());
            if numbers.any(|it| it > 65535) {
                hits.push(
                    Hit::at(subject.at(&word.span), "ports go from 0 to 65535").help("write the port"),
                );
            }
        }
    }
}
