//! `base-untagged`: an image without tag and digest is `latest`.

use windlass_core::dockerfile::BaseKind;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "base-untagged",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/base-untagged.md"),
)
.starred()
.aliases(&["DL3006", "CKV_DOCKER_7", "DS-0001"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for base in subject.bases() {
        if base.image.tag.is_some() || base.image.digest.is_some() || base.kind == BaseKind::Syntax {
            continue;
        }
        let message = format!("`{}` has no tag, which means `latest`", base.reference);
        hits.push(Hit::at(subject.at(&base.span), message).help(format!(
            "name a release: `{}:<version>`; `windlass lock` pins its digest",
            base.reference
        )));
    }
}
