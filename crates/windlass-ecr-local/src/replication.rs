//! Replication: what is pushed to a registry is copied to others by the rules of its replication configuration, some time later.
//!
//! What waits to be copied is kept in memory only: a restart forgets it.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use crate::api::plain_settings;
use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::model::{Event, Repository, Scope, StoreGuard};
use crate::server::Shared;

/// What waits to be copied.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<Vec<Copy>>);

/// An image on its way to another registry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Copy {
    due: Instant,
    from: Scope,
    to: Scope,
    repository: String,
    digest: String,
    tag: Option<String>,
}

impl Waiting {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Copy>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that an image was pushed, for every registry that the rules copy it to.
pub(crate) fn note(
    server: &Shared,
    store: &StoreGuard<'_>,
    from: &Scope,
    repository: &str,
    digest: &str,
    tag: Option<&str>,
) {
    let Some(rules) = &store.registry(from).settings.replication else {
        return;
    };
    let due = Instant::now() + server.quirks.replication_delay;
    let copies = destinations(rules, repository).into_iter().map(|to| Copy {
        due,
        from: from.clone(),
        to,
        repository: repository.to_owned(),
        digest: digest.to_owned(),
        tag: tag.map(str::to_owned),
    });
    server.replication.lock().extend(copies);
}

/// Makes the copies that are due. Costs a comparison if none waits.
pub(crate) fn run_due(server: &Shared, now: Timestamp) -> Result<(), ApiError> {
    let due: Vec<Copy> = {
        let mut waiting = server.replication.lock();
        if waiting.is_empty() {
            return Ok(());
        }
        let moment = Instant::now();
        let (due, later) = waiting.drain(..).partition(|copy| copy.due <= moment);
        *waiting = later;
        due
    };
    let mut store = server.store.lock();
    due.iter().try_for_each(|copy| make(&mut store, copy, now))
}

/// Returns what `DescribeImageReplicationStatus` says of an image.
pub(crate) fn statuses(
    server: &Shared,
    store: &StoreGuard<'_>,
    from: &Scope,
    repository: &str,
    digest: &str,
) -> Vec<Value> {
    let Some(rules) = &store.registry(from).settings.replication else {
        return Vec::new();
    };
    let waiting = server.replication.lock();
    let status = |to: &Scope| {
        let waits = waiting.iter().any(|copy| {
            copy.from == *from
                && copy.to == *to
                && copy.repository == repository
                && copy.digest == digest
        });
        let there = store
            .registry(to)
            .repositories
            .get(repository)
            .is_some_and(|found| found.images.contains_key(digest));
        match (waits, there) {
            (true, _) => Some("IN_PROGRESS"),
            (false, true) => Some("COMPLETE"),
            // It was pushed before there was a rule.
            (false, false) => None,
        }
    };
    let statuses = destinations(rules, repository)
        .into_iter()
        .filter_map(|to| {
            let status = status(&to)?;
            Some(json!({ "region": to.region, "registryId": to.account, "status": status }))
        });
    statuses.collect()
}

/// Returns the registries that the rules copy a repository to, each once.
fn destinations(rules: &Value, repository: &str) -> Vec<Scope> {
    let mut found: Vec<Scope> = Vec::new();
    for rule in rules["rules"].as_array().into_iter().flatten() {
        let filters = rule["repositoryFilters"].as_array();
        let fits = filters.is_none_or(|filters| {
            let prefix = |filter: &Value| filter["filter"].as_str().map(str::to_owned);
            filters.is_empty()
                || filters
                    .iter()
                    .filter_map(prefix)
                    .any(|prefix| repository.starts_with(&prefix))
        });
        if !fits {
            continue;
        }
        for destination in rule["destinations"].as_array().into_iter().flatten() {
            let text = |name: &str| destination[name].as_str().map(str::to_owned);
            let (Some(region), Some(account)) = (text("region"), text("registryId")) else {
                continue;
            };
            let to = Scope { account, region };
            if !found.contains(&to) {
                found.push(to);
            }
        }
    }
    found
}

fn make(store: &mut StoreGuard<'_>, copy: &Copy, now: Timestamp) -> Result<(), ApiError> {
    let Some(source) = store
        .registry(&copy.from)
        .repositories
        .get(&copy.repository)
    else {
        return Ok(());
    };
    let goal = store.registry(&copy.to).repositories.get(&copy.repository);
    let mut events = Vec::new();
    if goal.is_none() {
        // ECR makes the repository, by a template or with plain settings.
        events.push(Event::Repository {
            repository: copy.repository.clone(),
            settings: plain_settings(now),
        });
    }
    add_image(&mut events, copy, source, goal, &copy.digest, now);
    if let Some(tag) = &copy.tag {
        let held = goal.and_then(|goal| goal.tagged(tag));
        let may_move = goal.is_none_or(|goal| held.is_none() || goal.settings.may_move(tag));
        if may_move && held != Some(&copy.digest) {
            events.push(Event::Tag {
                repository: copy.repository.clone(),
                tag: tag.clone(),
                digest: copy.digest.clone(),
            });
        }
    }
    store.commit(&copy.to, events)
}

/// Adds an image with everything that it consists of, the images of an index first.
fn add_image(
    events: &mut Vec<Event>,
    copy: &Copy,
    source: &Repository,
    goal: Option<&Repository>,
    digest: &str,
    now: Timestamp,
) {
    let there = goal.is_some_and(|goal| goal.images.contains_key(digest));
    let Some(image) = source.images.get(digest).filter(|_| !there) else {
        return;
    };
    for child in &image.manifest.children {
        add_image(events, copy, source, goal, &child.digest, now);
    }
    for blob in image.manifest.blobs() {
        if let Some(size) = source.layers.get(&blob.digest) {
            events.push(Event::Layer {
                repository: copy.repository.clone(),
                digest: blob.digest.clone(),
                size: *size,
            });
        }
    }
    events.push(Event::Image {
        repository: copy.repository.clone(),
        digest: digest.to_owned(),
        media_type: image.manifest.media_type.clone(),
        text: image.text.to_string(),
        pushed: now,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rules: &Value, repository: &str) -> Vec<String> {
        let found = destinations(rules, repository);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rules_copy_what_begins_with_one_of_their_prefixes() {
        let to = |region: &str| json!({ "region": region, "registryId": "111111111111" });
        let rules = json!({ "rules": [
            { "destinations": [to("eu-west-1"), to("eu-west-3")],
              "repositoryFilters": [{ "filter": "shop/", "filterType": "PREFIX_MATCH" }] },
            { "destinations": [to("eu-west-1")] },
        ]});
        assert_eq!(
            names(&rules, "shop/api"),
            ["111111111111/eu-west-1", "111111111111/eu-west-3"]
        );
        assert_eq!(names(&rules, "other"), ["111111111111/eu-west-1"]);
    }
}
