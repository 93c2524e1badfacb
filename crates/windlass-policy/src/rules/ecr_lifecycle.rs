//! `ecr-lifecycle`: a repository that only grows.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Read, Rule};
use crate::subject::RepositorySubject;

use super::settings::known;

pub(super) const RULE: Rule = Rule::new(
    "ecr-lifecycle",
    Level::Info,
    Check::Repository(check),
    include_str!("../../../../docs/rules/ecr-lifecycle.md"),
)
.starred()
.aliases(&["ECR.3"])
.needs(&[Need::Settings])
.reads(&[Read::Lifecycle]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    // What the language cannot say is a policy as well.
    if subject.foreign_lifecycle {
        return;
    }
    if let Some((rules, place)) = known(&subject.lifecycle, "the lifecycle policy", subject, hits)
        && rules.is_empty()
    {
        let message = format!("nothing ever leaves `{}`: it has no lifecycle rule", subject.key.repository);
        hits.push(Hit::maybe_at(place, message).help("lifecycle { expire untagged=#true pushed-days=14 }"));
    }
}
