//! `push-latest`: `latest` as a wanted tag, or a moving tag in a repository whose tags cannot move.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::RepositorySubject;

pub(super) const RULE: Rule = Rule::new(
    "push-latest",
    Level::Warn,
    Check::Repository(check),
    include_str!("../../../../docs/rules/push-latest.md"),
)
.starred()
.needs(&[Need::Manifest, Need::Settings]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    for (image, tag) in &subject.wanted_tags {
        if tag.tag == "latest" {
            let message = format!("{image} is pushed as `latest`, which says nothing about what it holds");
            hits.push(Hit::maybe_at(tag.place.as_ref(), message).help("push a version, such as `{{ git.tag }}`, and deploy by digest"));
        }
    }
}
