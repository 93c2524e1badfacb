//! Repositories first: created with all their settings, or changed setting by setting, all at once.

use futures_util::StreamExt as _;
use futures_util::stream;
use windlass_core::name::RepositoryKey;
use windlass_core::observed::{Fact, RepositoryFacts};
use windlass_core::plan::{RepositoryPlan, RepositoryState, SettingChange, repository_state};

use crate::apply::run::Run;
use crate::event::{Event, Events};
use crate::outcome::{Cause, FailedPhase, Failure};
use crate::ports::{Boxed, Builder, Registry, RegistryError};

/// How many repositories are written at once.
const AT_ONCE: usize = 8;

/// What came of one repository; what was done before a failure is in it.
struct Done<'a> {
    key: &'a RepositoryKey,
    facts: Option<RepositoryFacts>,
    created: bool,
    changed: Vec<&'static str>,
    failure: Option<Cause>,
}

impl<'a, R: Registry, B: Builder> Run<'a, R, B> {
    /// Creates and changes repositories. What fails is noted, with the images that needed it.
    pub(super) async fn bring_repositories(&mut self) {
        let (registry, events) = (self.ports.registry, self.events);
        let todo: Vec<Boxed<'a, Done<'a>>> = self
            .repositories
            .values()
            .filter_map(|repository| {
                let plan = repository.plan;
                match &repository.state {
                    RepositoryState::Missing => {
                        Some(Box::pin(create(registry, plan, events)) as Boxed<'a, _>)
                    }
                    RepositoryState::Left(left) if !left.is_empty() => {
                        let left = left.clone();
                        Some(Box::pin(change_all(registry, plan, left, events)) as Boxed<'a, _>)
                    }
                    _ => None,
                }
            })
            .collect();
        let mut running = stream::iter(todo).buffer_unordered(AT_ONCE);
        loop {
            let done = tokio::select! {
                biased;
                () = self.options.cancel.cancelled() => {
                    self.interrupted = true;
                    return;
                }
                done = running.next() => done,
            };
            let Some(done) = done else { break };
            self.take_repository(done);
        }
        self.fail_with_repositories();
    }

    fn take_repository(&mut self, done: Done<'a>) {
        let Some(repository) = self.repositories.get_mut(done.key) else {
            return;
        };
        repository.facts = done.facts.or(repository.facts.take());
        repository.created = done.created;
        repository.changed = done.changed;
        if let Some(cause) = done.failure {
            repository.failed = true;
            self.failures.push(Failure {
                image: None,
                key: Some(done.key.clone()),
                tag: None,
                phase: FailedPhase::Repository,
                cause,
            });
        }
    }
}

/// Creates a repository; one that somebody else created meanwhile is compared, never overwritten.
async fn create<'a, R: Registry>(
    registry: &'a R,
    plan: &'a RepositoryPlan,
    events: &'a Events,
) -> Done<'a> {
    let empty = Done {
        key: &plan.key,
        facts: None,
        created: false,
        changed: Vec::new(),
        failure: None,
    };
    let wanted = plan
        .create
        .as_ref()
        .expect("a missing repository has a creation");
    let facts = match registry.create_repository(&plan.key, wanted).await {
        Ok(facts) => facts,
        Err(error) => {
            return Done {
                failure: Some(error.into()),
                ..empty
            };
        }
    };
    let state = repository_state(plan, &Fact::Known(facts.clone()));
    let empty = Done {
        facts: Some(facts),
        ..empty
    };
    match state {
        RepositoryState::Left(left) => {
            events.send(Event::Repository {
                key: plan.key.clone(),
                what: "created".to_owned(),
            });
            let changed = change_all(registry, plan, left, events).await;
            Done {
                created: true,
                facts: empty.facts,
                ..changed
            }
        }
        RepositoryState::Moved(what) => Done {
            failure: Some(Cause::Changed(what.join("; "))),
            ..empty
        },
        RepositoryState::Unknown(why) => Done {
            failure: Some(RegistryError::from(why).into()),
            ..empty
        },
        RepositoryState::Missing | RepositoryState::Doomed => {
            let why = "it was created and is not there".to_owned();
            Done {
                failure: Some(RegistryError::NotFound(why).into()),
                ..empty
            }
        }
    }
}

async fn change_all<'a, R: Registry>(
    registry: &'a R,
    plan: &'a RepositoryPlan,
    changes: Vec<SettingChange>,
    events: &'a Events,
) -> Done<'a> {
    let mut done = Done {
        key: &plan.key,
        facts: None,
        created: false,
        changed: Vec::new(),
        failure: None,
    };
    for change in changes {
        let what = setting_name(&change);
        if let Err(error) = registry.change_setting(&plan.key, &change).await {
            done.failure = Some(error.into());
            return done;
        }
        events.send(Event::Repository {
            key: plan.key.clone(),
            what: what.to_owned(),
        });
        done.changed.push(what);
    }
    done
}

/// Returns the name of a setting in the manifest.
fn setting_name(change: &SettingChange) -> &'static str {
    match change {
        SettingChange::Tags(_) => "tags",
        SettingChange::ScanOnPush(_) => "scan-on-push",
        SettingChange::Lifecycle(_) => "lifecycle",
        SettingChange::Access(_) => "access",
        SettingChange::ResourceTags(_) => "resource-tag",
    }
}
