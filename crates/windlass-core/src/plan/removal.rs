//! Repositories that the manifest gives up with their images: deleted only where they are this workspace's, and only with as many images
//! as the plan listed.

use serde_json::{Value, json};

use crate::desired::Desired;
use crate::name::RepositoryKey;
use crate::observed::{Fact, Observed, RepositoryFacts};
use crate::plan::model::{RepositoryAction, RepositoryPlan, SettingDiff};
use crate::plan::repository::WORKSPACE_TAG;

/// Returns the repositories that are to be deleted, as far as the manifest goes: in every registry in scope.
pub fn repositories_to_delete(desired: &Desired) -> Vec<RepositoryKey> {
    let removed = desired.removed.iter().filter(|it| it.delete_images);
    let keys = removed.flat_map(|removed| {
        desired.registries.iter().map(|registry| RepositoryKey {
            registry: registry.name.clone(),
            repository: removed.repository.value.clone(),
        })
    });
    keys.collect()
}

/// Plans the deletions. A repository that is not there has no step.
pub(super) fn plan_removals(desired: &Desired, observed: &Observed) -> Vec<RepositoryPlan> {
    repositories_to_delete(desired)
        .into_iter()
        .filter_map(|key| plan_removal(&desired.workspace, &key, observed))
        .collect()
}

fn plan_removal(
    workspace: &str,
    key: &RepositoryKey,
    observed: &Observed,
) -> Option<RepositoryPlan> {
    let mut plan = RepositoryPlan {
        key: key.clone(),
        declared: None,
        uri: None,
        action: RepositoryAction::Unknown,
        why: None,
        diffs: Vec::new(),
        create: None,
        delete: None,
        changes: Vec::new(),
        tags_after: None,
    };
    let facts = match observed.repositories.get(key).map(|found| &found.facts) {
        Some(Fact::Absent) => return None,
        Some(Fact::Known(facts)) => facts,
        Some(Fact::Unknown(unread)) => {
            plan.why = Some(unread.to_string());
            return Some(plan);
        }
        None => {
            plan.why = Some("it was not read".to_owned());
            return Some(plan);
        }
    };
    plan.uri = Some(facts.uri.clone());
    match owner(workspace, facts) {
        Owner::Ours => {}
        Owner::Unread(why) => {
            plan.why = Some(why);
            return Some(plan);
        }
        Owner::Other(why) => {
            plan.action = RepositoryAction::Blocked;
            plan.why = Some(why);
            return Some(plan);
        }
    }
    match observed.inventories.get(key) {
        Some(Fact::Known(images)) => {
            plan.action = RepositoryAction::Delete;
            plan.delete = Some(images.len());
            plan.diffs = vec![SettingDiff {
                path: "images".to_owned(),
                before: json!(images.len()),
                after: Value::Null,
                forces_replacement: false,
            }];
        }
        Some(Fact::Absent) => return None,
        Some(Fact::Unknown(unread)) => plan.why = Some(format!("its images: {unread}")),
        None => plan.why = Some("its images were not listed".to_owned()),
    }
    Some(plan)
}

enum Owner {
    Ours,
    Other(String),
    Unread(String),
}

fn owner(workspace: &str, facts: &RepositoryFacts) -> Owner {
    let tags = match &facts.resource_tags {
        None => return Owner::Unread("its resource tags were not read".to_owned()),
        Some(Fact::Unknown(unread)) => return Owner::Unread(unread.to_string()),
        Some(Fact::Absent) => None,
        Some(Fact::Known(tags)) => tags.get(WORKSPACE_TAG),
    };
    match tags {
        Some(owner) if owner == workspace => Owner::Ours,
        Some(owner) => Owner::Other(format!(
            "owned by workspace `{owner}`: windlass deletes only what its resource tag `{WORKSPACE_TAG}` says is this workspace's"
        )),
        None => Owner::Other(format!(
            "it has no resource tag `{WORKSPACE_TAG}`, so this workspace did not create it: delete it by hand, or leave `images \"delete\"` out"
        )),
    }
}

/// Says why a repository may not be deleted any more, `None` where it may: it has to be ours, and to hold what the plan listed.
pub fn deletion_problem(
    workspace: &str,
    planned: usize,
    facts: &RepositoryFacts,
    images: usize,
) -> Option<String> {
    match owner(workspace, facts) {
        Owner::Ours if images == planned => None,
        Owner::Ours => Some(format!(
            "it holds {images} images now, the plan listed {planned}"
        )),
        Owner::Other(why) | Owner::Unread(why) => Some(why),
    }
}
