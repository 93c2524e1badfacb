//! What is done for one image: decided target by target, then the first action of the contract's order counts.

use std::collections::BTreeMap;

use crate::desired::{BuildSpec, Desired, DesiredImage, DesiredInputs};
use crate::fingerprint::explain;
use crate::manifest::model::ImageTarget;
use crate::name::{Digest, RepositoryKey, Tag};
use crate::observed::{Fact, ImageFacts, Observed, ObservedRepository};
use crate::plan::declared::Declared;
use crate::plan::model::{
    CopySource, ImageAction, ImagePlan, Reason, RepositoryAction, RepositoryPlan, TagAction,
    TagPlan, TargetPlan,
};
use crate::plan::tags::is_immutable;
use crate::plan::{replication, source};

type Repositories<'a> = BTreeMap<&'a RepositoryKey, &'a RepositoryPlan>;

pub(super) fn plan_image(
    desired: &Desired,
    image: &DesiredImage,
    repositories: &Repositories<'_>,
    observed: &Observed,
) -> ImagePlan {
    let spec = match &image.inputs {
        DesiredInputs::Settled(spec) => spec,
        DesiredInputs::Unknown(why) => {
            return undecided(
                image,
                ImageAction::Unknown,
                Reason::NotRead { why: why.clone() },
                repositories,
            );
        }
        DesiredInputs::Unusable(why) => {
            return undecided(
                image,
                ImageAction::Blocked,
                Reason::Unusable { why: why.clone() },
                repositories,
            );
        }
    };
    let local_image = observed
        .builder
        .known()
        .and_then(|builder| builder.images.get(&spec.fingerprint))
        .cloned();
    let mut plan = ImagePlan {
        name: image.name.clone(),
        declared: Some(Declared::of(&image.location)),
        action: ImageAction::None,
        reasons: Vec::new(),
        spec: Some((**spec).clone()),
        dockerfile_before: None,
        built_at: None,
        local_image: None,
        targets: Vec::new(),
    };
    for target in &image.targets {
        let decision = Decision {
            spec,
            target,
            repository: repositories.get(&target.key).copied(),
            observed,
            source: source::find(desired, image, spec, target, observed),
            local_image: local_image.as_ref(),
        };
        let target = decision.decide(&mut plan);
        plan.action = plan.action.min(target.action);
        plan.targets.push(target);
    }
    replication::wait_for_copies(desired, observed, &mut plan);
    finish(&mut plan, spec, local_image, observed);
    plan
}

/// Adds what holds for the image as a whole: what the builder can do, and the reason of an image that needs nothing.
fn finish(
    plan: &mut ImagePlan,
    spec: &BuildSpec,
    local_image: Option<Digest>,
    observed: &Observed,
) {
    if plan.action == ImageAction::Push {
        plan.reasons.extend(
            local_image
                .as_ref()
                .map(|id| Reason::InBuilder { id: id.clone() }),
        );
        plan.local_image = local_image;
    }
    if plan.action == ImageAction::Build
        && let Some(why) = builder_refusal(spec, observed)
    {
        plan.action = ImageAction::Blocked;
        plan.reasons.insert(0, Reason::Builder { why });
    }
    if plan.action == ImageAction::None {
        plan.reasons = vec![Reason::UpToDate];
    }
}

fn builder_refusal(spec: &BuildSpec, observed: &Observed) -> Option<String> {
    let inputs = &spec.inputs;
    let wants = [
        ("`provenance`", inputs.provenance),
        ("`sbom`", inputs.sbom),
        ("`named-context`", !inputs.named_contexts.is_empty()),
        ("`ssh`", !inputs.ssh.is_empty()),
    ];
    if let Some((what, _)) = wants.iter().find(|it| it.1) {
        return Some(format!(
            "{what} needs a buildkitd builder, which is not supported yet: remove it to build here"
        ));
    }
    if spec.inputs.platforms.len() > 1 {
        return Some("several platforms in one build need a buildkitd builder, which is not supported yet: name one platform".to_owned());
    }
    let builder = observed.builder.known()?;
    let platform = spec
        .inputs
        .platforms
        .iter()
        .find(|platform| !builder.platforms.contains(platform))?;
    Some(format!(
        "{} cannot run {platform}: build it on a machine of that platform, or name a platform that it runs",
        builder.description
    ))
}

fn undecided(
    image: &DesiredImage,
    action: ImageAction,
    reason: Reason,
    repositories: &Repositories<'_>,
) -> ImagePlan {
    let targets = image.targets.iter().map(|target| TargetPlan {
        key: target.key.clone(),
        uri: repositories
            .get(&target.key)
            .and_then(|repository| repository.uri.clone()),
        action,
        held: None,
        source: None,
        replicated_from: None,
        write_in_tag: false,
        tags: target
            .tags
            .iter()
            .map(|tag| TagPlan {
                tag: tag.value.clone(),
                action: TagAction::Unknown,
                from_digest: None,
                to_digest: None,
            })
            .collect(),
    });
    ImagePlan {
        name: image.name.clone(),
        declared: Some(Declared::of(&image.location)),
        action,
        reasons: vec![reason],
        spec: None,
        dockerfile_before: None,
        built_at: None,
        local_image: None,
        targets: targets.collect(),
    }
}

/// Everything that the decision about one target looks at.
struct Decision<'a> {
    spec: &'a BuildSpec,
    target: &'a ImageTarget,
    repository: Option<&'a RepositoryPlan>,
    observed: &'a Observed,
    /// Another repository that holds the image.
    source: Option<CopySource>,
    local_image: Option<&'a Digest>,
}

impl Decision<'_> {
    fn decide(&self, plan: &mut ImagePlan) -> TargetPlan {
        let key = &self.target.key;
        match self
            .repository
            .map(|repository| (repository.action, repository))
        {
            None => self.stop(
                plan,
                ImageAction::Unknown,
                Reason::NotRead {
                    why: format!("{key} was not read"),
                },
            ),
            Some((RepositoryAction::Unknown, repository)) => self.stop(
                plan,
                ImageAction::Unknown,
                self.repository_reason(repository),
            ),
            Some((RepositoryAction::Blocked, repository)) if repository.uri.is_none() => self.stop(
                plan,
                ImageAction::Blocked,
                self.repository_reason(repository),
            ),
            Some((RepositoryAction::Create, _)) => {
                plan.reasons
                    .push(Reason::RepositoryMissing { key: key.clone() });
                self.new_image(self.new_tags(), plan)
            }
            Some(_) => match self.observed.repositories.get(key) {
                None => self.stop(
                    plan,
                    ImageAction::Unknown,
                    Reason::NotRead {
                        why: format!("{key} was not read"),
                    },
                ),
                Some(found) => self.decide_in(found, plan),
            },
        }
    }

    fn repository_reason(&self, repository: &RepositoryPlan) -> Reason {
        Reason::Repository {
            key: self.target.key.clone(),
            why: repository.why.clone().unwrap_or_default(),
        }
    }

    /// Decides in a repository that is there.
    fn decide_in(&self, found: &ObservedRepository, plan: &mut ImagePlan) -> TargetPlan {
        let tags: Vec<&Tag> = self.target.tags.iter().map(|tag| &tag.value).collect();
        let in_tag = self.spec.fingerprint.tag();
        let facts = |tag: &Tag| {
            found
                .tags
                .get(tag)
                .cloned()
                .unwrap_or_else(|| Fact::not_read(format!("{tag} was not read")))
        };
        let in_fact = facts(&in_tag);
        for tag in tags.iter().copied().chain([&in_tag]) {
            if let Fact::Unknown(unread) = facts(tag) {
                let why = unread.to_string();
                return self.stop(plan, ImageAction::Unknown, Reason::NotRead { why });
            }
        }
        if let Fact::Known(image) = &in_fact {
            if image.archived {
                return self.archived_image(&image.digest, &tags, &facts, plan);
            }
            if image.fingerprint.as_ref() != Some(&self.spec.fingerprint) {
                let digest = image.digest.clone();
                return self.stop(
                    plan,
                    ImageAction::Blocked,
                    Reason::InTagTaken {
                        key: self.target.key.clone(),
                        tag: in_tag,
                        digest,
                    },
                );
            }
        }
        let held: Option<ImageFacts> = in_fact.known().cloned().or_else(|| {
            tags.iter().find_map(|tag| {
                facts(tag)
                    .known()
                    .filter(|image| self.has_fingerprint(image))
                    .cloned()
            })
        });
        let steps: Vec<TagPlan> = tags
            .iter()
            .map(|tag| self.plan_tag(tag, facts(tag).known(), held.as_ref(), plan))
            .collect();
        match held {
            Some(image) => self.held_image(&image, in_fact.known().is_none(), steps, plan),
            None => self.missing_image(&tags, &facts, steps, plan),
        }
    }

    /// The `in-` tag holds an image that lies in the archive: what it was built from is read once it is restored, before any wanted tag moves.
    fn archived_image(
        &self,
        digest: &Digest,
        tags: &[&Tag],
        facts: &dyn Fn(&Tag) -> Fact<ImageFacts>,
        plan: &mut ImagePlan,
    ) -> TargetPlan {
        let key = &self.target.key;
        plan.reasons.push(Reason::Archived {
            key: key.clone(),
            digest: digest.clone(),
        });
        let steps = tags.iter().map(|tag| match facts(tag) {
            Fact::Known(now) if now.digest == *digest => TagPlan {
                tag: (*tag).clone(),
                action: TagAction::None,
                from_digest: Some(now.digest.clone()),
                to_digest: Some(now.digest),
            },
            now => TagPlan {
                to_digest: Some(digest.clone()),
                ..self.plan_tag(tag, now.known(), None, plan)
            },
        });
        let steps: Vec<TagPlan> = steps.collect();
        TargetPlan {
            key: key.clone(),
            uri: self.uri(),
            action: if blocked(&steps) {
                ImageAction::Blocked
            } else {
                ImageAction::Restore
            },
            held: Some(digest.clone()),
            source: None,
            replicated_from: None,
            write_in_tag: false,
            tags: steps,
        }
    }

    fn has_fingerprint(&self, image: &ImageFacts) -> bool {
        !image.archived && image.fingerprint.as_ref() == Some(&self.spec.fingerprint)
    }

    fn plan_tag(
        &self,
        tag: &Tag,
        now: Option<&ImageFacts>,
        held: Option<&ImageFacts>,
        plan: &mut ImagePlan,
    ) -> TagPlan {
        let to_digest = held.map(|image| image.digest.clone());
        let Some(now) = now else {
            return TagPlan {
                tag: tag.clone(),
                action: TagAction::Create,
                from_digest: None,
                to_digest,
            };
        };
        let from_digest = Some(now.digest.clone());
        if self.has_fingerprint(now) {
            return TagPlan {
                tag: tag.clone(),
                action: TagAction::None,
                to_digest: from_digest.clone(),
                from_digest,
            };
        }
        let immutable = self
            .repository
            .and_then(|repository| repository.tags_after.as_ref())
            .is_some_and(|mutability| is_immutable(mutability, tag));
        if immutable {
            plan.reasons.push(Reason::Immutable {
                key: self.target.key.clone(),
                tag: tag.clone(),
                digest: now.digest.clone(),
            });
            return TagPlan {
                tag: tag.clone(),
                action: TagAction::Blocked,
                from_digest,
                to_digest,
            };
        }
        TagPlan {
            tag: tag.clone(),
            action: TagAction::Move,
            from_digest,
            to_digest,
        }
    }

    /// The repository holds an image with the fingerprint: only tags can be missing.
    fn held_image(
        &self,
        image: &ImageFacts,
        write_in_tag: bool,
        tags: Vec<TagPlan>,
        plan: &mut ImagePlan,
    ) -> TargetPlan {
        plan.built_at = plan.built_at.take().or_else(|| image.created.clone());
        let key = &self.target.key;
        for step in &tags {
            match (step.action, &step.from_digest) {
                (TagAction::Create, _) => plan.reasons.push(Reason::TagMissing {
                    key: key.clone(),
                    tag: step.tag.clone(),
                }),
                (TagAction::Move, Some(digest)) => {
                    plan.reasons.push(Reason::TagElsewhere {
                        key: key.clone(),
                        tag: step.tag.clone(),
                        digest: digest.clone(),
                        pushed: None,
                    });
                }
                _ => {}
            }
        }
        let moves = tags
            .iter()
            .any(|step| matches!(step.action, TagAction::Create | TagAction::Move));
        if write_in_tag && !moves {
            plan.reasons.push(Reason::InTagMissing { key: key.clone() });
        }
        let action = if blocked(&tags) {
            ImageAction::Blocked
        } else if moves || write_in_tag {
            ImageAction::Retag
        } else {
            ImageAction::None
        };
        TargetPlan {
            key: key.clone(),
            uri: self.uri(),
            action,
            held: Some(image.digest.clone()),
            source: None,
            replicated_from: None,
            write_in_tag,
            tags,
        }
    }

    /// The repository holds no image with the fingerprint: say what it holds instead.
    fn missing_image(
        &self,
        tags: &[&Tag],
        facts: &dyn Fn(&Tag) -> Fact<ImageFacts>,
        steps: Vec<TagPlan>,
        plan: &mut ImagePlan,
    ) -> TargetPlan {
        let key = &self.target.key;
        let now = tags
            .iter()
            .find_map(|tag| facts(tag).known().cloned().map(|image| (*tag, image)));
        let reason = match now {
            None if self.was_built() => Reason::Gone { key: key.clone() },
            None => Reason::NeverBuilt { key: key.clone() },
            Some((tag, image)) if image.fingerprint.is_none() => Reason::ForeignImage {
                key: key.clone(),
                tag: tag.clone(),
                digest: image.digest,
                pushed: None,
            },
            Some((tag, image)) => self.compare(tag, &image.digest, plan),
        };
        let is_other = !matches!(reason, Reason::Gone { .. });
        plan.reasons.push(reason);
        if is_other && self.was_built() {
            plan.reasons.push(Reason::Gone { key: key.clone() });
        }
        let target = self.new_image(steps, plan);
        TargetPlan {
            action: if blocked(&target.tags) {
                ImageAction::Blocked
            } else {
                target.action
            },
            uri: self.uri(),
            ..target
        }
    }

    /// Says whether the builder's record tells of this fingerprint, and the builder lacks the image.
    fn was_built(&self) -> bool {
        let builder = self.observed.builder.known();
        builder.is_some_and(|builder| builder.gone.contains(&self.spec.fingerprint))
    }

    fn compare(&self, tag: &Tag, digest: &Digest, plan: &mut ImagePlan) -> Reason {
        let key = self.target.key.clone();
        match self.observed.records.get(&(key.clone(), digest.clone())) {
            Some(Fact::Known(record)) => {
                if record.inputs.dockerfile != self.spec.inputs.dockerfile {
                    plan.dockerfile_before = Some(record.inputs.dockerfile.clone());
                }
                Reason::InputsChanged {
                    key,
                    tag: tag.clone(),
                    changes: explain(record, &self.spec.record()),
                }
            }
            Some(Fact::Unknown(why)) => Reason::RecordMissing {
                key,
                tag: tag.clone(),
                why: Some(why.to_string()),
            },
            Some(Fact::Absent) | None => Reason::RecordMissing {
                key,
                tag: tag.clone(),
                why: None,
            },
        }
    }

    /// The image has to be brought: copied where another repository holds it, pushed where the builder does, built elsewhere.
    fn new_image(&self, mut steps: Vec<TagPlan>, plan: &mut ImagePlan) -> TargetPlan {
        let action = match (&self.source, self.local_image) {
            (Some(source), _) => {
                plan.reasons.push(Reason::Elsewhere {
                    key: self.target.key.clone(),
                    source: source.key.clone(),
                    digest: source.digest.clone(),
                });
                for step in &mut steps {
                    step.to_digest = Some(source.digest.clone());
                }
                ImageAction::Copy
            }
            (None, Some(_)) => ImageAction::Push,
            (None, None) => ImageAction::Build,
        };
        TargetPlan {
            key: self.target.key.clone(),
            uri: None,
            action,
            held: None,
            source: self.source.clone(),
            replicated_from: None,
            write_in_tag: true,
            tags: steps,
        }
    }

    /// Everything has to be brought to a repository that is created.
    fn new_tags(&self) -> Vec<TagPlan> {
        let tags = self.target.tags.iter().map(|tag| TagPlan {
            tag: tag.value.clone(),
            action: TagAction::Create,
            from_digest: None,
            to_digest: None,
        });
        tags.collect()
    }

    fn uri(&self) -> Option<String> {
        self.repository
            .and_then(|repository| repository.uri.clone())
    }

    fn stop(&self, plan: &mut ImagePlan, action: ImageAction, reason: Reason) -> TargetPlan {
        plan.reasons.push(reason);
        let tag_action = if action == ImageAction::Unknown {
            TagAction::Unknown
        } else {
            TagAction::Blocked
        };
        let tags = self.target.tags.iter().map(|tag| TagPlan {
            tag: tag.value.clone(),
            action: tag_action,
            from_digest: None,
            to_digest: None,
        });
        TargetPlan {
            key: self.target.key.clone(),
            uri: self.uri(),
            action,
            held: None,
            source: None,
            replicated_from: None,
            write_in_tag: false,
            tags: tags.collect(),
        }
    }
}

fn blocked(steps: &[TagPlan]) -> bool {
    steps.iter().any(|step| step.action == TagAction::Blocked)
}
