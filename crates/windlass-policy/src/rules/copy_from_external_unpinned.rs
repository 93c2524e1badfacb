//! `copy-from-external-unpinned`: COPY or a mount takes from an image that no digest pins.

use windlass_core::dockerfile::BaseKind;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "copy-from-external-unpinned",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-from-external-unpinned.md"),
)
.needs(&[Need::Stages, Need::Outside]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for base in subject.bases() {
        let locked = subject.locked.contains_key(&base.image.to_string());
        let outside = matches!(base.kind, BaseKind::CopyFrom | BaseKind::MountFrom);
        if !outside || base.image.digest.is_some() || locked {
            continue;
        }
        let message = format!("files come from `{}`, which no digest pins", base.reference);
        hits.push(
            Hit::at(subject.at(&base.span), message)
                .help("write the digest behind the tag, or let `windlass lock` pin it"),
        );
    }
}
