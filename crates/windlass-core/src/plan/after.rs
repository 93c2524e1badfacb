//! The world that an apply of a plan leads to, as a pure function: what the laws of planning are checked against.

use crate::name::Digest;
use crate::observed::{
    Fact, ImageFacts, Observed, ObservedLifecycle, ObservedRepository, RepositoryFacts,
};
use crate::plan::lifecycle::world_after;
use crate::plan::model::{
    ImageAction, ImagePlan, NewRepository, Plan, RepositoryPlan, SettingChange, TagAction,
    TargetPlan,
};

/// A time that is later than any rule looks: what is pushed by an apply is the newest there is.
const JUST_NOW: i64 = i64::MAX / 4;

/// Returns `observed` as it is expected to be after `plan` was applied.
///
/// Digests of images that have to be built are not known before; here each is the digest of its fingerprint's text.
pub fn after(observed: &Observed, plan: &Plan) -> Observed {
    let mut world = observed.clone();
    for repository in &plan.repositories {
        after_repository(&mut world, repository);
    }
    for image in &plan.images {
        for target in &image.targets {
            after_target(&mut world, image, target);
        }
    }
    for repository in plan.repositories.iter().filter(|it| it.create.is_some()) {
        let empty = Fact::Known(Vec::new());
        world.inventories.insert(repository.key.clone(), empty);
    }
    for (key, inventory) in &mut world.inventories {
        let targets = plan.images.iter().flat_map(|image| {
            let here = image.targets.iter().filter(|target| target.key == *key);
            here.map(move |target| (image, target))
        });
        if let Fact::Known(stored) = inventory {
            *stored = world_after(stored, &targets.collect::<Vec<_>>(), JUST_NOW);
        }
    }
    world
}

fn after_repository(world: &mut Observed, plan: &RepositoryPlan) {
    let found = world
        .repositories
        .entry(plan.key.clone())
        .or_insert_with(|| ObservedRepository {
            facts: Fact::Absent,
            tags: std::collections::BTreeMap::new(),
        });
    if let Some(create) = &plan.create {
        found.facts = Fact::Known(created(plan, create));
        for fact in found.tags.values_mut() {
            *fact = Fact::Absent;
        }
    }
    if plan.delete.is_some() {
        found.facts = Fact::Absent;
        found
            .tags
            .values_mut()
            .for_each(|fact| *fact = Fact::Absent);
        return;
    }
    let Fact::Known(facts) = &mut found.facts else {
        return;
    };
    for change in &plan.changes {
        match change {
            SettingChange::Tags(tags) => facts.tags = tags.clone(),
            SettingChange::ScanOnPush(scan) => facts.scan_on_push = *scan,
            SettingChange::Lifecycle(rules) => {
                facts.lifecycle = Some(Fact::Known(ObservedLifecycle::Rules(rules.clone())));
            }
            SettingChange::Access(policy) => {
                facts.access = Some(Fact::Known(policy.clone()));
            }
            SettingChange::ResourceTags(tags) => {
                let mut held = facts
                    .resource_tags
                    .as_ref()
                    .and_then(Fact::known)
                    .cloned()
                    .unwrap_or_default();
                held.extend(tags.clone());
                facts.resource_tags = Some(Fact::Known(held));
            }
        }
    }
}

fn created(plan: &RepositoryPlan, create: &NewRepository) -> RepositoryFacts {
    RepositoryFacts {
        uri: format!("expected/{}", plan.key.repository),
        arn: format!("arn:expected:{}", plan.key.repository),
        tags: create.tags.clone(),
        scan_on_push: create.scan_on_push,
        encryption: create.encryption.clone(),
        lifecycle: Some(Fact::Known(ObservedLifecycle::Rules(
            create.lifecycle.clone(),
        ))),
        access: Some(Fact::Known(create.access.clone())),
        resource_tags: Some(Fact::Known(create.resource_tags.clone())),
    }
}

fn after_target(world: &mut Observed, image: &ImagePlan, target: &TargetPlan) {
    let (Some(spec), Some(found)) = (&image.spec, world.repositories.get_mut(&target.key)) else {
        return;
    };
    let source = target.source.as_ref().map(|source| source.digest.clone());
    let facts = ImageFacts {
        digest: target
            .held
            .clone()
            .or(source)
            .unwrap_or_else(|| Digest::of(spec.fingerprint.as_str().as_bytes())),
        fingerprint: Some(spec.fingerprint.clone()),
        created: None,
        commit_time: None,
        archived: false,
    };
    let written = target
        .tags
        .iter()
        .filter(|tag| matches!(tag.action, TagAction::Create | TagAction::Move))
        .map(|tag| tag.tag.clone());
    if target.action == ImageAction::Restore {
        let restored = found.tags.values_mut().filter(|fact| {
            fact.known()
                .is_some_and(|image| image.archived && image.digest == facts.digest)
        });
        restored.for_each(|fact| *fact = Fact::Known(facts.clone()));
    }
    for tag in written.chain(target.write_in_tag.then(|| spec.fingerprint.tag())) {
        found.tags.insert(tag, Fact::Known(facts.clone()));
    }
}
