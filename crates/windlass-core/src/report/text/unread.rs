//! What was not read, told once: an outage is one fact, however many images and repositories wait for it.

use std::collections::BTreeMap;

use crate::diag::visible::visible;
use crate::plan::{ImageAction, RepositoryAction};
use crate::report::style::Tone;
use crate::report::text::page::Page;
use crate::report::wire::{Image, ReasonKind, Repository};

/// From so many things on that wait for one cause, they are told together.
const TOGETHER: usize = 3;

/// Splits off what waits for one cause together with others: cause to the things.
fn groups<'a, T>(
    things: &[&'a T],
    cause: impl Fn(&T) -> Option<String>,
) -> BTreeMap<String, Vec<&'a T>> {
    let mut groups: BTreeMap<String, Vec<&'a T>> = BTreeMap::new();
    for thing in things {
        if let Some(cause) = cause(thing) {
            groups.entry(cause).or_default().push(thing);
        }
    }
    groups.retain(|_, things| things.len() >= TOGETHER);
    groups
}

/// Writes images that wait for one failed read; returns the others.
pub(super) fn images<'a>(page: &mut Page, images: Vec<&'a Image>) -> Vec<&'a Image> {
    let groups = groups(&images, image_cause);
    for (cause, waiting) in &groups {
        let names = waiting.iter().map(|image| image.address.as_str());
        write(page, "images", cause, &names.collect::<Vec<_>>());
    }
    images
        .into_iter()
        .filter(|image| image_cause(image).is_none_or(|cause| !groups.contains_key(&cause)))
        .collect()
}

/// Writes repositories that wait for one failed read; returns the others.
pub(super) fn repositories<'a>(
    page: &mut Page,
    repositories: Vec<&'a Repository>,
) -> Vec<&'a Repository> {
    let groups = groups(&repositories, repository_cause);
    for (cause, waiting) in &groups {
        let names = waiting.iter().map(|it| it.address.as_str());
        write(page, "repositories", cause, &names.collect::<Vec<_>>());
    }
    repositories
        .into_iter()
        .filter(|it| repository_cause(it).is_none_or(|cause| !groups.contains_key(&cause)))
        .collect()
}

/// Returns what an image waits for, where that is one failed read.
fn image_cause(image: &Image) -> Option<String> {
    let [reason] = image.reasons.as_slice() else {
        return None;
    };
    let waits = matches!(reason.kind, ReasonKind::NotRead | ReasonKind::Repository);
    if image.action != ImageAction::Unknown || !waits {
        return None;
    }
    let repository = reason.repository.as_deref().unwrap_or_default();
    let own = format!("{repository}: ");
    let message = &reason.message;
    let cause = message.strip_prefix(&own).unwrap_or(message);
    Some(cause.strip_prefix("not read: ").unwrap_or(cause).to_owned())
}

fn repository_cause(repository: &Repository) -> Option<String> {
    let unknown = repository.action == RepositoryAction::Unknown;
    repository.why.clone().filter(|_| unknown)
}

fn write(page: &mut Page, what: &str, cause: &str, names: &[&str]) {
    page.blank();
    let text = format!(
        "{} {what} unknown, not read: {}",
        names.len(),
        visible(cause)
    );
    page.wrapped(0, 4, "? ", Tone::Blocked, &text);
    page.wrapped(4, 6, "", Tone::Quiet, &visible(&names.join(" ")));
}
