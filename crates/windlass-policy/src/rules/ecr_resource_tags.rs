//! `ecr-resource-tags`: a repository that nobody can be asked about or billed for.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Read, Rule};
use crate::subject::{Fact, RepositorySubject};

use super::settings::known;

pub(super) const RULE: Rule = Rule::new(
    "ecr-resource-tags",
    Level::Off,
    Check::Repository(check),
    include_str!("../../../../docs/rules/ecr-resource-tags.md"),
)
.aliases(&["ECR.4"])
.needs(&[Need::Manifest, Need::Settings])
.asks(&[Read::ResourceTags])
.parameters(&[Parameter::texts(
    "tag",
    "a key that every repository must have; `owner` where none is set",
)]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    let mut wanted = hits.parameters().texts("tag");
    if wanted.is_empty() {
        wanted.push("owner");
    }
    let own = &subject.resource_tags;
    wanted.retain(|key| !own.contains_key(*key));
    if wanted.is_empty() {
        return;
    }
    // The manifest alone decides where no registry was asked.
    let has: Vec<&str> = match &subject.all_resource_tags {
        Fact::Unmanaged => Vec::new(),
        fact => match known(fact, "a resource tag", subject, hits) {
            Some((tags, _)) => tags.keys().map(String::as_str).collect(),
            None => return,
        },
    };
    for key in wanted.into_iter().filter(|it| !has.contains(it)) {
        let name = &subject.key.repository;
        hits.push(
            Hit::maybe_at(
                subject.place.as_ref(),
                format!("`{name}` has no resource tag `{key}`"),
            )
            .help(format!("resource-tag {key}=\"..\"")),
        );
    }
}
