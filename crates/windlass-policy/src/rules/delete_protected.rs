//! `delete-protected`: a plan that deletes a protected repository.

use windlass_core::finding::Level;
use windlass_core::plan::RepositoryAction;

use crate::glob;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::RepositorySubject;

pub(super) const RULE: Rule = Rule::new(
    "delete-protected",
    Level::Deny,
    Check::Repository(check),
    include_str!("../../../../docs/rules/delete-protected.md"),
)
.needs(&[Need::Plan])
.parameters(&[Parameter::texts(
    "repository",
    "a glob of repositories that are never deleted; all where none is set",
)]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    if subject.action != Some(RepositoryAction::Delete) {
        return;
    }
    let name = subject.key.repository.as_str();
    let protected = hits.parameters().texts("repository");
    let pattern = match protected.as_slice() {
        [] => Some("*"),
        globs => globs.iter().copied().find(|it| glob::matches(it, name)),
    };
    if let Some(pattern) = pattern {
        let message = format!(
            "the plan deletes `{name}` with all its images, and it is protected ({pattern})"
        );
        hits.push(
            Hit::maybe_at(subject.place.as_ref(), message)
                .help("write `removed \"repository\"` without `images \"delete\"`: windlass forgets it, and its images stay"),
        );
    }
}
