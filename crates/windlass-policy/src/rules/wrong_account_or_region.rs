//! `wrong-account-or-region`: a registry that the organisation did not allow.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::RepositorySubject;

pub(super) const RULE: Rule = Rule::new(
    "wrong-account-or-region",
    Level::Deny,
    Check::Repository(check),
    include_str!("../../../../docs/rules/wrong-account-or-region.md"),
)
.starred()
.needs(&[Need::Manifest, Need::Plan])
.parameters(&[Parameter::texts("account", "an account that may hold images"), Parameter::texts("region", "a region that may hold images")]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    let accounts = hits.parameters().texts("account");
    let regions = hits.parameters().texts("region");
    let registry = &subject.registry;
    let place = registry.place.as_ref();
    let name = &subject.key.repository;
    if !accounts.is_empty() && !accounts.contains(&registry.account.as_str()) {
        let message = format!("`{name}` is in account {}, which is not allowed", registry.account);
        hits.push(Hit::maybe_at(place, message).help(format!("allowed are {}", accounts.join(", "))));
    }
    if !regions.is_empty() && !regions.contains(&registry.region.as_str()) {
        let message = format!("`{name}` is in {}, which is not allowed", registry.region);
        hits.push(Hit::maybe_at(place, message).help(format!("allowed are {}", regions.join(", "))));
    }
}
