//! `base-not-locked`: an image that neither FROM nor the lock pins by digest.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "base-not-locked",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/base-not-locked.md"),
)
.starred()
.aliases(&["no-stale-base-digest"])
.needs(&[Need::Stages, Need::Outside]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for base in subject.bases() {
        let locked = subject.locked.contains_key(&base.image.to_string());
        if base.image.digest.is_some() || locked {
            continue;
        }
        let message = format!("no digest says which `{}` is meant", base.reference);
        hits.push(
            Hit::at(subject.at(&base.span), message)
                .help("run `windlass lock` to pin it, or write the digest behind the tag"),
        );
    }
}
