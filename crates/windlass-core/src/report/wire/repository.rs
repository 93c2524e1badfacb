//! Repositories in the document.

use crate::plan::{Plan, RepositoryPlan, SettingDiff};
use crate::report::wire::{Repository, SettingChange};

/// Returns the repositories of a plan, sorted by address.
pub(super) fn repositories(plan: &Plan) -> Vec<Repository> {
    let mut repositories: Vec<Repository> = plan.repositories.iter().map(repository).collect();
    repositories.sort_by(|a, b| a.address.cmp(&b.address));
    repositories
}

fn repository(plan: &RepositoryPlan) -> Repository {
    Repository {
        address: plan.key.to_string(),
        declared: plan.declared.clone(),
        target: plan.key.registry.to_string(),
        repository_uri: plan.uri.clone(),
        action: plan.action,
        changes: plan.diffs.iter().map(change).collect(),
        why: plan.why.clone(),
    }
}

fn change(diff: &SettingDiff) -> SettingChange {
    SettingChange {
        path: diff.path.clone(),
        before: diff.before.clone(),
        after: diff.after.clone(),
        forces_replacement: diff.forces_replacement,
    }
}
