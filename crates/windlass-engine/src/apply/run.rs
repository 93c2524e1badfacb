//! One apply under way: what it works on and what happened so far.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::manifest::model::SecretSource;
use windlass_core::name::{Address, Digest, Fingerprint, ImageName, RepositoryKey, Tag};
use windlass_core::observed::RepositoryFacts;
use windlass_core::plan::{Plan, RepositoryPlan, RepositoryState};

use crate::apply::check::Checked;
use crate::apply::work::Work;
use crate::apply::{ApplyOptions, Ports};
use crate::event::{Event, Events, Phase};
use crate::outcome::{Cause, FailedPhase, Failure, TagResult};
use crate::secrets::SecretValue;

/// An apply after its checks.
pub(super) struct Run<'a, R, B> {
    pub(super) plan: &'a Plan,
    pub(super) ports: Ports<'a, R, B>,
    pub(super) options: &'a ApplyOptions,
    pub(super) events: &'a Events,
    pub(super) repositories: BTreeMap<&'a RepositoryKey, RepositoryRun<'a>>,
    pub(super) works: Vec<Work<'a>>,
    pub(super) locals: BTreeMap<Fingerprint, Digest>,
    pub(super) secrets: BTreeMap<SecretSource, SecretValue>,
    pub(super) tags_left: bool,
    /// What happened to wanted tags with a step; those that are not in it are unmoved.
    pub(super) tags: BTreeMap<(&'a RepositoryKey, &'a Tag), TagResult>,
    pub(super) failures: Vec<Failure>,
    pub(super) notes: Vec<String>,
    pub(super) interrupted: bool,
    pub(super) stale: bool,
}

/// A repository under way.
pub(super) struct RepositoryRun<'a> {
    pub(super) plan: &'a RepositoryPlan,
    pub(super) state: RepositoryState,
    pub(super) facts: Option<RepositoryFacts>,
    pub(super) created: bool,
    pub(super) deleted: bool,
    pub(super) changed: Vec<&'static str>,
    pub(super) failed: bool,
}

impl<'a, R, B> Run<'a, R, B> {
    pub(super) fn new(
        plan: &'a Plan,
        ports: Ports<'a, R, B>,
        options: &'a ApplyOptions,
        events: &'a Events,
        checked: Checked<'a>,
    ) -> Self {
        let repositories = checked.repositories.into_iter().map(|(key, checked)| {
            let run = RepositoryRun {
                plan: checked.plan,
                state: checked.state,
                facts: checked.facts,
                created: false,
                deleted: false,
                changed: Vec::new(),
                failed: false,
            };
            (key, run)
        });
        Self {
            plan,
            ports,
            options,
            events,
            repositories: repositories.collect(),
            works: checked.works,
            locals: checked.locals,
            secrets: checked.secrets,
            tags_left: checked.tags_left,
            tags: checked
                .done_tags
                .into_iter()
                .map(|tag| (tag, TagResult::Held))
                .collect(),
            failures: Vec::new(),
            notes: Vec::new(),
            interrupted: false,
            stale: false,
        }
    }

    /// Says whether every step was done before.
    pub(super) fn is_done(&self) -> bool {
        !self.tags_left
            && self.works.iter().all(Work::is_held)
            && self.repositories.values().all(|repository| {
                matches!(&repository.state, RepositoryState::Left(left) if left.is_empty())
            })
    }

    /// Says whether the next phase may begin.
    pub(super) fn goes_on(&self) -> bool {
        !self.interrupted && (self.failures.is_empty() || self.options.keep_going)
    }

    /// Returns the URI of a repository, where it is there.
    pub(super) fn uri(&self, key: &RepositoryKey) -> Option<String> {
        let facts = self
            .repositories
            .get(key)
            .and_then(|repository| repository.facts.as_ref());
        let planned = || {
            let plans = self.plan.repositories.iter();
            plans
                .clone()
                .find(|plan| &plan.key == key)
                .and_then(|plan| plan.uri.clone())
        };
        facts.map(|facts| facts.uri.clone()).or_else(planned)
    }

    pub(super) fn work(&self, fingerprint: &Fingerprint) -> Option<&Work<'a>> {
        self.works
            .iter()
            .find(|work| work.fingerprint() == fingerprint)
    }

    /// Notes a failure of an image's work and says it of all its images.
    pub(super) fn fail_work(
        &mut self,
        index: usize,
        phase: FailedPhase,
        key: Option<RepositoryKey>,
        cause: Cause,
    ) {
        let work = &mut self.works[index];
        work.failed = true;
        let name = work.name();
        self.failures.push(Failure {
            image: Some(name.clone()),
            key,
            tag: None,
            phase,
            cause,
        });
    }

    /// Gives up the work of images whose repository could not be prepared.
    pub(super) fn fail_with_repositories(&mut self) {
        let failed: BTreeSet<RepositoryKey> = self
            .repositories
            .iter()
            .filter(|(_, repository)| repository.failed)
            .map(|(key, _)| (*key).clone())
            .collect();
        for index in 0..self.works.len() {
            let key = self.works[index]
                .places
                .keys()
                .find(|key| failed.contains(*key))
                .cloned();
            if let Some(key) = key {
                let cause = Cause::Need(Address::Repository(key.clone()));
                self.fail_work(index, FailedPhase::Push, Some(key), cause);
            }
        }
    }

    pub(super) fn note(&mut self, text: String) {
        self.events.send(Event::Note(text.clone()));
        self.notes.push(text);
    }

    /// Says of all images of a work that they enter a phase.
    pub(super) fn send_phase(&self, index: usize, phase: Phase) {
        for image in &self.works[index].images {
            self.events.send(Event::Phase {
                image: (*image).clone(),
                phase,
            });
        }
    }

    /// Returns the images that are complete: held everywhere, and so is every image that they are built from.
    pub(super) fn complete_works(&self) -> BTreeSet<&'a Fingerprint> {
        let held = self
            .works
            .iter()
            .filter(|work| work.is_held() && !work.failed);
        let mut complete: BTreeSet<&'a Fingerprint> = held.map(Work::fingerprint).collect();
        loop {
            let incomplete = self.works.iter().find(|work| {
                complete.contains(work.fingerprint())
                    && work.spec.needs.iter().any(|need| {
                        self.work(&need.fingerprint).is_some()
                            && !complete.contains(&need.fingerprint)
                    })
            });
            match incomplete {
                Some(work) => complete.remove(work.fingerprint()),
                None => return complete,
            };
        }
    }

    /// Returns the image of the plan with this name.
    pub(super) fn planned(&self, name: &ImageName) -> Option<&'a windlass_core::plan::ImagePlan> {
        self.plan.images.iter().find(|image| &image.name == name)
    }
}
