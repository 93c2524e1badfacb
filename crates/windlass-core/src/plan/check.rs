//! What is true of every plan; all plan tests call it.

use crate::plan::model::{ImageAction, ImagePlan, Plan, RepositoryAction, TagAction};

/// Returns every broken invariant of `plan` as a sentence; empty for a sound plan.
pub fn check(plan: &Plan) -> Vec<String> {
    let mut broken = Vec::new();
    for image in &plan.images {
        check_image(image, &mut broken);
    }
    for repository in &plan.repositories {
        let name = &repository.key;
        if (repository.action == RepositoryAction::Create) != repository.create.is_some() {
            broken.push(format!(
                "{name}: a creation carries what is created, nothing else does"
            ));
        }
        if (repository.action == RepositoryAction::Delete) != repository.delete.is_some() {
            broken.push(format!(
                "{name}: a deletion says how many images go, nothing else does"
            ));
        }
        if repository.action == RepositoryAction::Update && repository.changes.is_empty() {
            broken.push(format!("{name}: an update changes something"));
        }
        if repository.action == RepositoryAction::None
            && !(repository.diffs.is_empty() && repository.changes.is_empty())
        {
            broken.push(format!("{name}: no action, but differences"));
        }
        if matches!(
            repository.action,
            RepositoryAction::Blocked | RepositoryAction::Unknown
        ) && repository.why.is_none()
        {
            broken.push(format!(
                "{name}: says not why it is {}",
                repository.action.as_str()
            ));
        }
    }
    broken
}

fn check_image(image: &ImagePlan, broken: &mut Vec<String>) {
    let name = &image.name;
    let first = image
        .targets
        .iter()
        .map(|target| target.action)
        .min()
        .unwrap_or(ImageAction::None);
    if image.action > first {
        broken.push(format!(
            "image.{name}: the action comes after one of its targets' actions"
        ));
    }
    if image.reasons.is_empty() {
        broken.push(format!("image.{name}: has no reason"));
    }
    if image.spec.is_none() && !matches!(image.action, ImageAction::Unknown | ImageAction::Blocked)
    {
        broken.push(format!("image.{name}: is decided without inputs"));
    }
    if (image.action == ImageAction::Push) != image.local_image.is_some() {
        broken.push(format!(
            "image.{name}: a push names the image in the builder, nothing else does"
        ));
    }
    for target in &image.targets {
        let writes = target.write_in_tag
            || target
                .tags
                .iter()
                .any(|tag| matches!(tag.action, TagAction::Create | TagAction::Move));
        if target.action == ImageAction::None && writes {
            broken.push(format!(
                "image.{name} in {}: no action, but tags to write",
                target.key
            ));
        }
        if (target.action == ImageAction::Restore) && target.held.is_none() {
            broken.push(format!("image.{name} in {}: restores nothing", target.key));
        }
        if target.action == ImageAction::Copy && target.source.is_none() {
            broken.push(format!(
                "image.{name} in {}: a copy from nowhere",
                target.key
            ));
        }
        if target.action == ImageAction::Retag && target.held.is_none() {
            broken.push(format!(
                "image.{name} in {}: a retag of nothing",
                target.key
            ));
        }
        for tag in &target.tags {
            if tag.action == TagAction::Create && tag.from_digest.is_some() {
                broken.push(format!(
                    "image.{name}:{}: is created although it is there",
                    tag.tag
                ));
            }
            if tag.action == TagAction::Move
                && (tag.from_digest.is_none() || tag.from_digest == tag.to_digest)
            {
                broken.push(format!(
                    "image.{name}:{}: moves from nowhere or to where it is",
                    tag.tag
                ));
            }
        }
    }
}
