//! `base-platform-missing`: the base image does not exist for a platform that is wanted.

use windlass_core::dockerfile::BaseKind;
use windlass_core::name::Platform;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "base-platform-missing",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/base-platform-missing.md"),
)
.starred()
.aliases(&["InvalidBaseImagePlatform"])
.needs(&[Need::Stages, Need::Outside]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for base in subject.bases() {
        let Some(locked) = subject.locked.get(&base.image.to_string()) else {
            continue;
        };
        if base.platform.is_some() || base.kind == BaseKind::Syntax || locked.platforms.is_empty() {
            continue;
        }
        for platform in &subject.platforms {
            if locked.platforms.iter().any(|it| covers(it, platform)) {
                continue;
            }
            let held: Vec<&str> = locked.platforms.iter().map(Platform::as_str).collect();
            hits.push(
                Hit::at(
                    subject.at(&base.span),
                    format!("`{}` does not exist for {}", base.reference, platform.as_str()),
                )
                .help(format!("it exists for {}", held.join(", "))),
            );
        }
    }
}

/// A variant that only one of the two names makes no difference: `linux/arm64` runs on `linux/arm64/v8`.
fn covers(held: &Platform, wanted: &Platform) -> bool {
    let (held, wanted) = (held.as_str(), wanted.as_str());
    held == wanted
        || held.strip_prefix(wanted).is_some_and(|it| it.starts_with('/'))
        || wanted.strip_prefix(held).is_some_and(|it| it.starts_with('/'))
}
