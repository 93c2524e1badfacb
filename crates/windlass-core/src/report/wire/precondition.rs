//! Preconditions in the document: what the world must still be like when a step is taken.

use serde_json::{Value, json};

use crate::plan::{ImageAction, Plan, RepositoryAction, TagAction};
use crate::report::wire::{Image, Precondition, PreconditionKind, Repository};

/// Returns the preconditions of every step, in the order in which apply takes them: repositories, inputs, tags.
pub(super) fn preconditions(
    plan: &Plan,
    images: &[Image],
    repositories: &[Repository],
) -> Vec<Precondition> {
    let mut all = Vec::new();
    if let Some(sha) = &plan.git_sha {
        all.push(Precondition {
            address: None,
            ..expect(PreconditionKind::Commit, "", json!(sha))
        });
    }
    for repository in repositories {
        all.extend(of_repository(repository));
    }
    for image in images {
        all.extend(of_inputs(image));
    }
    for image in images {
        all.extend(of_tags(image));
    }
    all
}

fn expect(kind: PreconditionKind, address: &str, expected: Value) -> Precondition {
    Precondition {
        kind,
        address: Some(address.to_owned()),
        tag: None,
        path: None,
        expected,
        or_fingerprint: None,
    }
}

fn of_repository(repository: &Repository) -> Vec<Precondition> {
    match repository.action {
        RepositoryAction::Create => vec![expect(
            PreconditionKind::RepositoryAbsent,
            &repository.address,
            Value::Null,
        )],
        RepositoryAction::Update => repository
            .changes
            .iter()
            .map(|change| Precondition {
                path: Some(change.path.clone()),
                ..expect(
                    PreconditionKind::Setting,
                    &repository.address,
                    change.before.clone(),
                )
            })
            .collect(),
        RepositoryAction::None
        | RepositoryAction::Blocked
        | RepositoryAction::Unknown
        | RepositoryAction::Delete => Vec::new(),
    }
}

fn of_inputs(image: &Image) -> Option<Precondition> {
    match image.action {
        ImageAction::Build => Some(expect(
            PreconditionKind::Inputs,
            &image.address,
            json!(image.fingerprint),
        )),
        ImageAction::Push => Some(expect(
            PreconditionKind::BuilderImage,
            &image.address,
            json!(image.local_image),
        )),
        ImageAction::None
        | ImageAction::Retag
        | ImageAction::Copy
        | ImageAction::Restore
        | ImageAction::Blocked
        | ImageAction::Unknown => None,
    }
}

fn of_tags(image: &Image) -> Vec<Precondition> {
    if matches!(image.action, ImageAction::Blocked | ImageAction::Unknown) {
        return Vec::new();
    }
    let steps = image.targets.iter().flat_map(|target| {
        target
            .tags
            .iter()
            .filter(|tag| matches!(tag.action, TagAction::Create | TagAction::Move))
            .map(move |tag| (target, tag))
    });
    steps
        .map(|(target, tag)| Precondition {
            tag: Some(tag.tag.clone()),
            or_fingerprint: image.fingerprint.clone(),
            ..expect(
                PreconditionKind::Tag,
                &target.repository,
                json!(tag.from_digest),
            )
        })
        .collect()
}
