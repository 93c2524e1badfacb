//! `ecr-immutable`: tags that anybody can move.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::RepositorySubject;

use super::settings::known;

pub(super) const RULE: Rule = Rule::new(
    "ecr-immutable",
    Level::Warn,
    Check::Repository(check),
    include_str!("../../../../docs/rules/ecr-immutable.md"),
)
.starred()
.aliases(&["CKV_AWS_51", "AWS-0031", "ECR.2"])
.needs(&[Need::Settings]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    let Some((tags, place)) = known(&subject.tags, "tag mutability", subject, hits) else {
        return;
    };
    // Mutable but for every tag is immutable.
    if !tags.mutable || tags.except.iter().any(|it| it == "*") {
        return;
    }
    let name = &subject.key.repository;
    let message = if tags.except.is_empty() {
        format!("tags of `{name}` can be moved to another image")
    } else {
        format!("tags of `{name}` can be moved, all but {}", tags.except.join(", "))
    };
    hits.push(Hit::maybe_at(place, message).help(
        "write `tags \"immutable\"`; a tag that has to move is an exception: tags \"immutable\" { except \"latest\" }",
    ));
}
