//! Repositories that the manifest gives up are deleted last, when everything else is done: images may have been copied from them.

use windlass_core::name::RepositoryKey;
use windlass_core::observed::{Fact, RepositoryFacts};
use windlass_core::plan::{RepositoryState, deletion_problem};

use crate::apply::run::Run;
use crate::event::Event;
use crate::outcome::{Cause, FailedPhase, Failure};
use crate::ports::{Builder, Registry, RegistryError, SettingsToRead};

impl<R: Registry, B: Builder> Run<'_, R, B> {
    /// Deletes, one repository after the other. Each is counted again right before, and left alone where that is not what the plan listed.
    pub(super) async fn remove_repositories(&mut self) {
        let doomed = self.repositories.values().filter_map(|repository| {
            let planned = repository.plan.delete?;
            let is_doomed = repository.state == RepositoryState::Doomed;
            is_doomed.then(|| (repository.plan.key.clone(), planned))
        });
        for (key, planned) in doomed.collect::<Vec<_>>() {
            if self.options.cancel.is_cancelled() {
                self.interrupted = true;
                return;
            }
            let result = self.remove_repository(&key, planned).await;
            let Some(repository) = self.repositories.get_mut(&key) else {
                continue;
            };
            match result {
                Ok(()) => {
                    repository.deleted = true;
                    repository.facts = None;
                    self.events.send(Event::Repository {
                        key,
                        what: "deleted".to_owned(),
                    });
                }
                Err(cause) => {
                    repository.failed = true;
                    self.failures.push(Failure {
                        image: None,
                        key: Some(key),
                        tag: None,
                        phase: FailedPhase::Repository,
                        cause,
                    });
                }
            }
        }
    }

    async fn remove_repository(&self, key: &RepositoryKey, planned: usize) -> Result<(), Cause> {
        let registry = self.ports.registry;
        let problem = read_problem(registry, &self.plan.workspace, key, planned).await?;
        match problem {
            Some(why) => Err(Cause::Changed(why)),
            None => Ok(registry.delete_repository(key).await?),
        }
    }
}

/// Reads a repository that is to be deleted; says why it may not be, `None` where it may or is gone already.
pub(super) async fn read_problem<R: Registry>(
    registry: &R,
    workspace: &str,
    key: &RepositoryKey,
    planned: usize,
) -> Result<Option<String>, RegistryError> {
    let Some(facts) = read_facts(registry, key).await? else {
        return Ok(None);
    };
    match registry.stored_images(key, None).await {
        Ok(images) => Ok(deletion_problem(workspace, planned, &facts, images.len())),
        Err(RegistryError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn read_facts<R: Registry>(
    registry: &R,
    key: &RepositoryKey,
) -> Result<Option<RepositoryFacts>, RegistryError> {
    let read = SettingsToRead {
        lifecycle: false,
        access: false,
        resource_tags: true,
    };
    let names = [(key.repository.clone(), read)].into();
    let mut facts = registry.repositories(&key.registry, &names).await;
    match facts.remove(&key.repository) {
        Some(Fact::Known(facts)) => Ok(Some(facts)),
        Some(Fact::Absent) => Ok(None),
        Some(Fact::Unknown(unread)) => Err(unread.into()),
        None => Err(RegistryError::Other(format!("{key} was not read"))),
    }
}
