//! `ecr-lifecycle`: a repository that only grows.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::{Fact, RepositorySubject};

pub(super) const RULE: Rule = Rule::new(
    "ecr-lifecycle",
    Level::Info,
    Check::Repository(check),
    include_str!("../../../../docs/rules/ecr-lifecycle.md"),
)
.starred()
.aliases(&["ECR.3"])
.needs(&[Need::Settings]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    if let Fact::Known(rules, place) = &subject.lifecycle
        && rules.is_empty()
    {
        let place = place.as_ref().or(subject.place.as_ref());
        let message = format!("nothing ever leaves `{}`: it has no lifecycle rule", subject.key.repository);
        hits.push(Hit::maybe_at(place, message).help("lifecycle { expire untagged=#true pushed-days=14 }"));
    }
}
