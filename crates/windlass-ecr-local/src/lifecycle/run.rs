//! Lifecycle policies at work: every repository is evaluated once in 24 hours.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::lifecycle::{Action, Decision, Policy, evaluate};
use crate::model::{Event, ImageStatus, Repository, Scope, StoreGuard};
use crate::server::Shared;

/// How often a policy is evaluated; the guide says that an image is expired within this time.
pub(crate) const PERIOD: Duration = Duration::from_hours(24);

/// Evaluates all policies that are due. Costs a comparison if none is.
pub(crate) fn run_due(server: &Shared, now: Timestamp) -> Result<(), ApiError> {
    if now.0 < server.next_evaluation.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut store = server.store.lock();
    for (scope, name) in due_repositories(&store, now) {
        evaluate_one(&mut store, &scope, &name, now)?;
    }
    let next = store
        .registries()
        .flat_map(|(_, registry)| registry.repositories.values());
    let next = next
        .filter_map(|repository| repository.settings.due)
        .map(|due| due.0)
        .min();
    server
        .next_evaluation
        .store(next.unwrap_or(i64::MAX), Ordering::Relaxed);
    Ok(())
}

fn due_repositories(store: &StoreGuard<'_>, now: Timestamp) -> Vec<(Scope, String)> {
    let all = store.registries().flat_map(|(scope, registry)| {
        registry
            .repositories
            .iter()
            .map(move |(name, repository)| (scope, name, repository))
    });
    let due =
        all.filter(|(_, _, repository)| repository.settings.due.is_some_and(|due| due <= now));
    due.map(|(scope, name, _)| (scope.clone(), name.clone()))
        .collect()
}

fn evaluate_one(
    store: &mut StoreGuard<'_>,
    scope: &Scope,
    name: &str,
    now: Timestamp,
) -> Result<(), ApiError> {
    let Some(repository) = store.registry(scope).repositories.get(name) else {
        return Ok(());
    };
    let mut settings = repository.settings.clone();
    let policy = settings
        .lifecycle
        .as_deref()
        .and_then(|text| Policy::parse(text).ok());
    let decisions = policy
        .map(|policy| evaluate(&policy, repository, now))
        .unwrap_or_default();
    let mut events: Vec<Event> = decisions
        .iter()
        .flat_map(|decision| carry_out(repository, name, decision, now))
        .collect();
    settings.evaluated = Some(now);
    settings.due = Some(now.plus(PERIOD));
    events.push(Event::Repository {
        repository: name.to_owned(),
        settings,
    });
    store.commit(scope, events)?;
    forget_loose_layers(store, scope, name)
}

/// Returns the changes of one decision; referrers share the fate of their subject.
fn carry_out(
    repository: &Repository,
    name: &str,
    decision: &Decision,
    now: Timestamp,
) -> Vec<Event> {
    let referrers = repository
        .referrers_of(&decision.digest)
        .map(|(digest, _)| digest.clone());
    let digests = std::iter::once(decision.digest.clone()).chain(referrers);
    let repository = name.to_owned();
    digests
        .map(|digest| match decision.action {
            Action::Expire => Event::ImageGone {
                repository: repository.clone(),
                digest,
            },
            Action::Archive => Event::Status {
                repository: repository.clone(),
                digest,
                status: ImageStatus::Archived,
                at: now,
            },
        })
        .collect()
}

/// Removes layers that no image uses: the service may do so at any time.
pub(crate) fn forget_loose_layers(
    store: &mut StoreGuard<'_>,
    scope: &Scope,
    name: &str,
) -> Result<(), ApiError> {
    let Some(repository) = store.registry(scope).repositories.get(name) else {
        return Ok(());
    };
    let used: BTreeSet<&String> = repository
        .images
        .values()
        .flat_map(|image| image.manifest.blobs())
        .map(|blob| &blob.digest)
        .collect();
    let loose: Vec<String> = repository
        .layers
        .keys()
        .filter(|digest| !used.contains(digest))
        .cloned()
        .collect();
    if loose.is_empty() {
        return Ok(());
    }
    store.commit(
        scope,
        vec![Event::LayersGone {
            repository: name.to_owned(),
            digests: loose,
        }],
    )
}
