//! `base-latest`: an image whose tag moves with every release.

use windlass_core::dockerfile::BaseKind;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "base-latest",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/base-latest.md"),
)
.starred()
.aliases(&["DL3007", "CKV_DOCKER_7", "DS-0001", "DKL-DI-0006"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for base in subject.bases() {
        let latest = base
            .image
            .tag
            .as_ref()
            .is_some_and(|it| it.as_str() == "latest");
        if !latest || base.image.digest.is_some() || base.kind == BaseKind::Syntax {
            continue;
        }
        let place = subject.at(&base.span);
        let message = if place.text().contains(":latest") {
            format!("`{}` is another image tomorrow", base.reference)
        } else {
            format!(
                "`{}` is `{}`, another image tomorrow",
                place.text(),
                base.reference
            )
        };
        let name = base.reference.trim_end_matches(":latest");
        hits.push(Hit::at(place, message).help(format!(
            "name a release, such as `{name}:<version>`; `windlass lock` pins its digest"
        )));
    }
}
