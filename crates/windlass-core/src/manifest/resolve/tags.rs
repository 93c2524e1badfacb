//! Tags: rendered, checked, and unique in their repository.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::model::{Image, Repository};
use crate::manifest::raw::Text;
use crate::manifest::template::{Namespace, Place, Values as _};
use crate::name::{RepositoryKey, Tag, wildcard_matches};

use super::Resolver;
use super::inputs::Scope;

impl Resolver<'_> {
    /// Renders one tag; reports a text that is none.
    pub(super) fn tag(&mut self, text: &Text, scope: &Scope<'_>) -> Option<Sourced<Tag>> {
        let names = self.templates.check(text, Place::Target, scope.axes());
        let commit = names.iter().find(|it| {
            it.namespace == Namespace::Git && matches!(it.key.as_str(), "sha" | "short")
        });
        if let Some(name) = commit {
            self.warn(
                Code::CommitInTag,
                format!("`{name}` in a tag retags every image at every commit"),
                &text.location,
                "a new tag with each commit",
                "keep the revision in a label: `stamp { label org.opencontainers.image.revision=\"{{ git.sha }}\" }`",
            );
        }
        let rendered = self.text(text, Place::Target, scope)?;
        let diagnostic = match Tag::new(rendered.value.clone()) {
            Ok(tag) if tag.is_reserved() => {
                Diagnostic::error(Code::ReservedTag, format!("tag `{tag}` is windlass's own"))
                    .at(
                        &text.location,
                        "tags that start with `in-` hold fingerprints",
                    )
                    .help("choose a tag that does not start with `in-`")
            }
            Ok(tag) => return Some(Sourced::new(tag, text.location.clone())),
            Err(error) => Diagnostic::error(Code::BadTag, error.to_string())
                .at(
                    &text.location,
                    format!("gives `{}`", shortened(&rendered.value)),
                )
                .help(help_for_tag(&rendered.value)),
        };
        self.report(diagnostic);
        None
    }

    /// Reports tags that two images want in one repository, and tags that will want to move and cannot.
    pub(super) fn check_tags(&mut self, images: &[Image], repositories: &[Repository]) {
        let mut seen: BTreeMap<(&RepositoryKey, &Tag), (&Image, &Location)> = BTreeMap::new();
        let repositories: BTreeMap<&RepositoryKey, &Repository> =
            repositories.iter().map(|it| (&it.key, it)).collect();
        for image in images {
            for target in &image.targets {
                for tag in &target.tags {
                    let key = (&target.key, &tag.value);
                    if let Some((other, place)) = seen.get(&key) {
                        // An image that is defined twice is told so.
                        if other.name == image.name {
                            continue;
                        }
                        self.diagnostics
                            .push(duplicate(image, other, tag, place, &target.key));
                    } else {
                        seen.insert(key, (image, &tag.location));
                    }
                    let repository = repositories.get(&target.key);
                    if let Some(diagnostic) = repository.and_then(|it| moving(tag, it)) {
                        self.diagnostics.push(diagnostic);
                    }
                }
            }
        }
    }
}

fn duplicate(
    image: &Image,
    other: &Image,
    tag: &Sourced<Tag>,
    place: &Location,
    key: &RepositoryKey,
) -> Diagnostic {
    let message = format!(
        "images `{}` and `{}` both want tag `{}` in `{}`",
        other.name, image.name, tag.value, key.repository
    );
    let mut diagnostic =
        Diagnostic::error(Code::DuplicateTag, message).at(&tag.location, "wanted here");
    if place == &tag.location {
        diagnostic = diagnostic
            .at(&image.location, "for this image")
            .at(&other.location, "and for this one");
    } else {
        diagnostic = diagnostic.at(place, "and here");
    }
    diagnostic.help("give them different repositories or tags")
}

/// A constant tag without a digit (`latest`, `main`) names a place, not a version: it will move.
fn moving(tag: &Sourced<Tag>, repository: &Repository) -> Option<Diagnostic> {
    let text = tag.value.as_str();
    let is_constant = !tag.location.text().contains("{{");
    let is_version = text.bytes().any(|b| b.is_ascii_digit());
    let tags = repository.settings.tags.as_ref()?;
    let is_excepted = tags
        .value
        .except
        .iter()
        .any(|it| wildcard_matches(it, text));
    if !is_constant || is_version || tags.value.mutable != is_excepted {
        return None;
    }
    Some(
        Diagnostic::warning(
            Code::MovingTag,
            format!("tag `{text}` will want to move, and cannot"),
        )
        .at(&tag.location, "moves with each release")
        .at(&tags.location, "no tag moves here")
        .help(format!(
            "write `tags \"immutable\" {{ except \"{text}\" }}`"
        )),
    )
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 140 {
        return text.to_owned();
    }
    let start: String = text.chars().take(137).collect();
    format!("{start}...")
}

/// Says what to do about a text that is no tag.
fn help_for_tag(tag: &str) -> &'static str {
    if tag.is_empty() {
        "write a tag, or remove the line: without any the image is held by its `in-` tag only"
    } else if tag.chars().count() > 128 {
        "shorten it; a part of the commit is `{{ git.short }}`"
    } else {
        "change it; a branch name becomes a tag with `{{ git.branch | slug }}`"
    }
}
