//! The state together with its journal.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::model::event::Event;
use crate::model::journal::{Journal, JournalError, Line};
use crate::model::repository::{Image, ImageStatus, Registry, Repository, Scope};

/// A journal longer than this is rewritten at the start.
const REWRITE_FROM: u64 = 8 * 1024 * 1024;

/// All registries of a data folder.
#[derive(Debug)]
pub(crate) struct Store(Mutex<Content>);

#[derive(Debug)]
struct Content {
    registries: BTreeMap<Scope, Registry>,
    journal: Journal,
    empty: Registry,
}

/// The registries while nobody else changes them.
#[derive(Debug)]
pub(crate) struct StoreGuard<'a>(MutexGuard<'a, Content>);

impl Store {
    /// Reads the registries of a data folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, JournalError> {
        let mut registries: BTreeMap<Scope, Registry> = BTreeMap::new();
        let mut journal = Journal::open(folder, |line| apply(&mut registries, line))?;
        if journal.length() > REWRITE_FROM {
            let lines = registries
                .iter()
                .flat_map(|(scope, registry)| snapshot(scope, registry));
            journal.rewrite(lines)?;
        }
        Ok(Self(Mutex::new(Content {
            registries,
            journal,
            empty: Registry::default(),
        })))
    }

    /// Waits until nobody else changes the registries.
    pub(crate) fn lock(&self) -> StoreGuard<'_> {
        StoreGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StoreGuard<'_> {
    /// Returns a registry; one never used is empty.
    pub(crate) fn registry(&self, scope: &Scope) -> &Registry {
        self.0.registries.get(scope).unwrap_or(&self.0.empty)
    }

    /// Returns a repository for changes that are not kept over a restart.
    pub(crate) fn transient(&mut self, scope: &Scope, repository: &str) -> Option<&mut Repository> {
        self.0
            .registries
            .get_mut(scope)?
            .repositories
            .get_mut(repository)
    }

    /// Returns all registries in order.
    pub(crate) fn registries(&self) -> impl Iterator<Item = (&Scope, &Registry)> {
        self.0.registries.iter()
    }

    /// Writes changes of one registry and applies them: all of them or none.
    pub(crate) fn commit(&mut self, scope: &Scope, events: Vec<Event>) -> Result<(), ApiError> {
        self.try_commit(scope, events)
            .map_err(|error| ApiError::server(format!("cannot write the journal: {error}")))
    }

    /// As [`Self::commit`], with the error of the system.
    pub(crate) fn try_commit(&mut self, scope: &Scope, events: Vec<Event>) -> io::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let line = Line {
            scope: scope.clone(),
            events,
        };
        self.0.journal.append(&line)?;
        apply(&mut self.0.registries, line);
        Ok(())
    }

    /// Records a pull. It goes to the journal once a minute at most: a kill may cost that much.
    pub(crate) fn record_pull(
        &mut self,
        scope: &Scope,
        name: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(image) = self
            .transient(scope, name)
            .and_then(|found| found.images.get_mut(digest))
        else {
            return Ok(());
        };
        image.pulled = Some(now);
        if image
            .pulled_in_journal
            .is_some_and(|kept| (now.0 - kept.0).abs() < 60_000)
        {
            return Ok(());
        }
        let event = Event::Pulled {
            repository: name.to_owned(),
            digest: digest.to_owned(),
            at: now,
        };
        self.commit(scope, vec![event])
    }
}

fn apply(registries: &mut BTreeMap<Scope, Registry>, line: Line) {
    let registry = registries.entry(line.scope).or_default();
    line.events
        .into_iter()
        .for_each(|event| registry.apply(event));
}

/// Returns the lines that make up a registry from nothing, one a repository.
fn snapshot(scope: &Scope, registry: &Registry) -> Vec<Line> {
    let mut first = vec![Event::Registry {
        settings: registry.settings.clone(),
    }];
    first.extend(registry.port.map(|port| Event::Port { port }));
    let repositories = registry
        .repositories
        .iter()
        .map(|(name, repository)| repository_events(name, repository));
    let all = std::iter::once(first).chain(repositories);
    all.map(|events| Line {
        scope: scope.clone(),
        events,
    })
    .collect()
}

fn repository_events(name: &str, repository: &Repository) -> Vec<Event> {
    let named = || name.to_owned();
    let mut events = vec![Event::Repository {
        repository: named(),
        settings: repository.settings.clone(),
    }];
    let layers = repository.layers.iter();
    events.extend(layers.map(|(digest, size)| Event::Layer {
        repository: named(),
        digest: digest.clone(),
        size: *size,
    }));
    for (digest, image) in &repository.images {
        image_events(name, digest, image, &mut events);
    }
    events
}

fn image_events(name: &str, digest: &str, image: &Image, events: &mut Vec<Event>) {
    let (repository, owned) = (|| name.to_owned(), || digest.to_owned());
    events.push(Event::Image {
        repository: repository(),
        digest: owned(),
        media_type: image.manifest.media_type.clone(),
        text: image.text.to_string(),
        pushed: image.pushed,
    });
    let tags = image.tags.iter();
    events.extend(tags.map(|tag| Event::Tag {
        repository: repository(),
        tag: tag.clone(),
        digest: owned(),
    }));
    events.extend(image.pulled.map(|at| Event::Pulled {
        repository: repository(),
        digest: owned(),
        at,
    }));
    let mut changes = vec![
        (image.archived, ImageStatus::Archived),
        (image.activated, ImageStatus::Active),
    ];
    if image.status == ImageStatus::Archived {
        changes.reverse();
    }
    for (at, status) in changes {
        events.extend(at.map(|at| Event::Status {
            repository: repository(),
            digest: owned(),
            status,
            at,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::repository::{Mutability, RepositorySettings};

    fn scope() -> Scope {
        Scope {
            account: "1".repeat(12),
            region: "us-east-1".into(),
        }
    }

    fn settings() -> RepositorySettings {
        RepositorySettings {
            created: Timestamp(5),
            mutability: Mutability::Immutable,
            exclusions: Vec::new(),
            scan_on_push: true,
            encryption: "AES256".into(),
            kms_key: None,
            policy: None,
            lifecycle: None,
            evaluated: None,
            due: None,
            tags: [("team".to_owned(), "a".to_owned())].into(),
        }
    }

    fn fill(store: &Store) {
        let digest = format!("sha256:{}", "a".repeat(64));
        let descriptor = format!(r#"{{"mediaType":"m","digest":"{digest}","size":1}}"#);
        let kind = crate::model::media::OCI_MANIFEST;
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{descriptor},"layers":[]}}"#
        );
        let name = || "app".to_owned();
        let events = vec![
            Event::Repository {
                repository: name(),
                settings: settings(),
            },
            Event::Layer {
                repository: name(),
                digest: digest.clone(),
                size: 1,
            },
            Event::Image {
                repository: name(),
                digest: "sha256:x".into(),
                media_type: kind.into(),
                text,
                pushed: Timestamp(7),
            },
            Event::Tag {
                repository: name(),
                tag: "1".into(),
                digest: "sha256:x".into(),
            },
            Event::Status {
                repository: name(),
                digest: "sha256:x".into(),
                status: ImageStatus::Archived,
                at: Timestamp(9),
            },
        ];
        store.lock().commit(&scope(), events).unwrap();
    }

    fn described(store: &Store) -> String {
        format!("{:?}", store.lock().registry(&scope()).repositories)
    }

    #[test]
    fn a_restart_finds_the_same_state() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        fill(&store);
        let again = Store::open(folder.path()).unwrap();
        assert_eq!(described(&store), described(&again));
    }

    #[test]
    fn a_snapshot_makes_the_same_state() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        fill(&store);
        let mut copy = BTreeMap::new();
        for line in snapshot(&scope(), store.lock().registry(&scope())) {
            apply(&mut copy, line);
        }
        assert_eq!(
            described(&store),
            format!("{:?}", copy[&scope()].repositories)
        );
    }
}
