//! `tag-move-protected`: a plan that moves a protected tag.

use windlass_core::finding::Level;
use windlass_core::plan::TagAction;

use crate::glob;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::RepositorySubject;

pub(super) const RULE: Rule = Rule::new(
    "tag-move-protected",
    Level::Deny,
    Check::Repository(check),
    include_str!("../../../../docs/rules/tag-move-protected.md"),
)
.starred()
.needs(&[Need::Plan])
.parameters(&[Parameter::texts("tag", "a glob of tags that never move")]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    let protected = hits.parameters().texts("tag");
    for (image, tag) in &subject.wanted_tags {
        let moves = match tag.action {
            Some(TagAction::Move) => "moves",
            // What could not be read may move.
            Some(TagAction::Unknown) => "may move",
            _ => continue,
        };
        if let Some(pattern) = protected.iter().find(|it| glob::matches(it, &tag.tag)) {
            let message = format!("{image} {moves} tag `{}` of `{}`, which is protected ({pattern})", tag.tag, subject.key.repository);
            hits.push(Hit::maybe_at(tag.place.as_ref(), message).help("push another tag, or have the owners of the policy move it"));
        }
    }
}
