//! `base-full-variant`: the full variant of a language image where the slim one would do.

use windlass_core::dockerfile::BaseKind;

use crate::known::official;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "base-full-variant",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/base-full-variant.md"),
)
.starred()
.needs(&[Need::Stages, Need::Outside]);

/// Official images that have a `-slim` variant of each release.
const SLIM: [&str; 5] = ["node", "perl", "python", "ruby", "rust"];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for base in subject.bases() {
        let Some(name) = official(&base.image).filter(|it| SLIM.contains(it)) else {
            continue;
        };
        let tag = base.image.tag.as_ref().map_or("", |it| it.as_str());
        let shipped = subject.dockerfile.stages.iter().position(|it| it.base.span == base.span);
        if base.kind != BaseKind::From
            || !shipped.is_some_and(|it| facts.is_final(it))
            || !is_full(tag)
        {
            continue;
        }
        hits.push(
            Hit::at(
                subject.at(&base.span),
                format!("`{}` brings compilers and headers into the final image", base.reference),
            )
            .help(format!("start the final stage from `{name}:{}`", slim(tag))),
        );
    }
}

/// Whether a tag is a version, with or without the name of a Debian release, and nothing else.
fn is_full(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let version = parts.next().unwrap_or_default();
    version.starts_with(|c: char| c.is_ascii_digit())
        && parts.all(|it| matches!(it, "bookworm" | "bullseye" | "buster" | "trixie"))
}

fn slim(tag: &str) -> String {
    match tag.split_once('-') {
        Some((version, release)) => format!("{version}-slim-{release}"),
        None => format!("{tag}-slim"),
    }
}
