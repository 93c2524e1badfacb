//! `ecr-policy-public`: a repository that everybody of AWS may use.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Read, Rule};
use crate::subject::RepositorySubject;

use super::settings::known;

pub(super) const RULE: Rule = Rule::new(
    "ecr-policy-public",
    Level::Deny,
    Check::Repository(check),
    include_str!("../../../../docs/rules/ecr-policy-public.md"),
)
.starred()
.aliases(&["CKV_AWS_32", "AWS-0032"])
.needs(&[Need::Settings])
.reads(&[Read::Access]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    let Some((policy, place)) = known(&subject.access, "the policy", subject, hits) else {
        return;
    };
    for statement in policy.open_statements() {
        let name = &subject.key.repository;
        let message = format!("everybody may use `{name}`: {statement}");
        hits.push(Hit::maybe_at(place, message).help(
            "name who may: access { allow \"pull\" account=\"111122223333\" }, or org= for a whole organisation",
        ));
    }
}
