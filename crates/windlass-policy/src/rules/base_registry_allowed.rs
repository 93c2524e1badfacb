//! `base-registry-allowed`: images from registries that the organisation did not allow.

use windlass_core::dockerfile::BaseReference;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "base-registry-allowed",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/base-registry-allowed.md"),
)
.starred()
.aliases(&["DL3026", "CIS-DI-0002"])
.needs(&[Need::Stages, Need::Manifest])
.parameters(&[Parameter::texts(
    "registry",
    "a registry host, or a host and the beginning of a path, that images may come from",
)]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let allowed = hits.parameters().texts("registry");
    // Without a list the organisation has no opinion.
    if allowed.is_empty() {
        return;
    }
    for base in subject.bases() {
        if !allowed.iter().any(|it| covers(it, &base)) {
            let message = format!("`{}` comes from {}", base.reference, base.image.host);
            let help = format!("use an image from {}", allowed.join(", "));
            hits.push(Hit::at(subject.at(&base.span), message).help(help));
        }
    }
}

/// Compares whole parts of the path: `docker.io/lib` does not allow `docker.io/library`.
fn covers(allowed: &str, base: &BaseReference) -> bool {
    let allowed = allowed.trim_end_matches('/');
    let name = format!("{}/{}", base.image.host, base.image.path);
    name.strip_prefix(allowed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
