//! `maintainer`: MAINTAINER is deprecated.

use windlass_core::dockerfile::Body;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "maintainer",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/maintainer.md"),
)
.aliases(&["DL4000", "MaintainerDeprecated", "CKV_DOCKER_6", "DS-0022"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        if instruction.keyword != "MAINTAINER" {
            continue;
        }
        let Body::Text(word) = &instruction.body else { continue };
        let name = word.text.trim().trim_matches('"').replace(['\\', '"', '$'], "");
        let label = format!("LABEL org.opencontainers.image.authors=\"{name}\"");
        hits.push(
            Hit::at(subject.at(&instruction.keyword_span), "MAINTAINER is deprecated")
                .help(format!("write {label}"))
                .fix(Fix::replace("write a label", &instruction.span, label)),
        );
    }
}
