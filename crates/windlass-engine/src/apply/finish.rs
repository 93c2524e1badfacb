//! Makes the outcome of what happened.

use windlass_core::name::Digest;
use windlass_core::plan::{ImagePlan, RepositoryPlan, TagAction, TagPlan, TargetPlan};

use crate::apply::run::Run;
use crate::apply::undo;
use crate::apply::work::{Place, Work};
use crate::event::Event;
use crate::outcome::{
    ImageOutcome, Outcome, RepositoryOutcome, Status, TagOutcome, TagResult, TargetOutcome,
};

impl<'a, R, B> Run<'a, R, B> {
    /// Returns the outcome of a plan whose steps were all done before.
    pub(super) fn already_applied(self) -> Outcome {
        self.outcome(Status::AlreadyApplied)
    }

    /// Returns the outcome and says of each image with a step that it is finished.
    pub(super) fn finish(self) -> Outcome {
        let status = self.status();
        for image in self.works.iter().flat_map(|work| &work.images) {
            self.events.send(Event::Finished {
                image: (*image).clone(),
                failure: self.why_unfinished(image),
            });
        }
        self.outcome(status)
    }

    fn status(&self) -> Status {
        if self.stale {
            Status::Stale
        } else if self.failures.is_empty() && !self.interrupted {
            Status::Applied
        } else if self.has_written() {
            Status::Partial
        } else {
            Status::Failed
        }
    }

    fn has_written(&self) -> bool {
        let places = self.works.iter().flat_map(|work| work.places.values());
        self.tags.values().any(|result| *result == TagResult::Moved)
            || self
                .repositories
                .values()
                .any(|one| one.created || one.deleted || !one.changed.is_empty())
            || places
                .into_iter()
                .any(|place| matches!(place, Place::Held(held) if held.written))
    }

    fn why_unfinished(&self, name: &windlass_core::name::ImageName) -> Option<String> {
        let work = self.works.iter().find(|work| work.images.contains(&name));
        let failure = self.failures.iter().find(|failure| {
            let about = failure.image.as_ref();
            about == Some(name)
                || (failure.tag.is_none() && about.is_some() && about == work.map(Work::name))
        });
        if let Some(failure) = failure {
            return Some(failure.cause.to_string());
        }
        let unmoved = self
            .plan
            .images
            .iter()
            .filter(|image| &image.name == name)
            .any(|image| {
                image.targets.iter().any(|target| {
                    target
                        .tags
                        .iter()
                        .any(|step| self.tag_result(target, step) == TagResult::Unmoved)
                })
            });
        unmoved.then(|| "its tags were not moved".to_owned())
    }

    fn outcome(self, status: Status) -> Outcome {
        Outcome {
            workspace: self.plan.workspace.clone(),
            environment: self.plan.environment.clone(),
            status,
            interrupted: self.interrupted,
            images: self
                .plan
                .images
                .iter()
                .map(|image| self.image_outcome(image))
                .collect(),
            repositories: self
                .plan
                .repositories
                .iter()
                .map(|one| self.repository_outcome(one))
                .collect(),
            failures: self.failures,
            notes: self.notes,
        }
    }

    fn image_outcome(&self, image: &'a ImagePlan) -> ImageOutcome {
        let work = image
            .fingerprint()
            .and_then(|fingerprint| self.work(fingerprint));
        let seconds = work.and_then(|work| work.built);
        ImageOutcome {
            name: image.name.clone(),
            action: image.action,
            fingerprint: image.fingerprint().cloned(),
            platforms: image
                .spec
                .iter()
                .flat_map(|spec| &spec.inputs.platforms)
                .map(ToString::to_string)
                .collect(),
            built: seconds.is_some(),
            build_seconds: seconds,
            targets: image
                .targets
                .iter()
                .map(|target| self.target_outcome(target, work))
                .collect(),
        }
    }

    fn target_outcome(&self, target: &'a TargetPlan, work: Option<&Work<'a>>) -> TargetOutcome {
        let held = work
            .and_then(|work| work.digest_in(&target.key))
            .or(target.held.as_ref());
        TargetOutcome {
            key: target.key.clone(),
            uri: self.uri(&target.key).or_else(|| target.uri.clone()),
            digest: held.cloned(),
            tags: target
                .tags
                .iter()
                .map(|step| self.tag_outcome(target, step, held))
                .collect(),
        }
    }

    fn tag_outcome(
        &self,
        target: &'a TargetPlan,
        step: &'a TagPlan,
        held: Option<&Digest>,
    ) -> TagOutcome {
        let result = self.tag_result(target, step);
        let facts = self
            .repositories
            .get(&target.key)
            .and_then(|repository| repository.facts.as_ref());
        let registries = &self.plan.registries;
        let registry = registries
            .iter()
            .find(|registry| registry.name == target.key.registry);
        let undo = facts
            .filter(|_| result == TagResult::Moved)
            .and_then(|facts| {
                undo::command(&facts.arn, registry, &step.tag, step.from_digest.as_ref())
            });
        TagOutcome {
            tag: step.tag.clone(),
            result,
            from: step.from_digest.clone(),
            to: held.cloned(),
            undo,
        }
    }

    fn tag_result(&self, target: &'a TargetPlan, step: &'a TagPlan) -> TagResult {
        let default = if step.action == TagAction::None {
            TagResult::Held
        } else {
            TagResult::Unmoved
        };
        self.tags
            .get(&(&target.key, &step.tag))
            .copied()
            .unwrap_or(default)
    }

    fn repository_outcome(&self, plan: &'a RepositoryPlan) -> RepositoryOutcome {
        let run = self.repositories.get(&plan.key);
        RepositoryOutcome {
            key: plan.key.clone(),
            action: plan.action,
            uri: self.uri(&plan.key),
            created: run.is_some_and(|run| run.created),
            deleted: run.is_some_and(|run| run.deleted),
            changed: run.map(|run| run.changed.clone()).unwrap_or_default(),
        }
    }
}
