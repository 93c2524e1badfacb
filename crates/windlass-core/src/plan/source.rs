//! Where an image can be copied from: its other targets, the repository that its own was renamed from, and the repository of the same
//! name in the other registries.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{BuildSpec, Desired, DesiredImage};
use crate::manifest::model::ImageTarget;
use crate::name::{RepositoryKey, Tag};
use crate::observed::{Fact, ImageFacts, Observed};
use crate::plan::model::{CopySource, ImageAction, Plan};

/// Returns the repositories beyond the image's own targets that may hold it, the most likely first.
fn elsewhere(desired: &Desired, target: &RepositoryKey) -> Vec<RepositoryKey> {
    let renamed = desired
        .moved
        .iter()
        .filter(|moved| moved.to.value == target.repository)
        .map(|moved| RepositoryKey {
            registry: target.registry.clone(),
            repository: moved.from.value.clone(),
        });
    let registries = desired
        .registries
        .iter()
        .filter(|registry| registry.name != target.registry)
        .map(|registry| RepositoryKey {
            registry: registry.name.clone(),
            repository: target.repository.clone(),
        });
    renamed.chain(registries).collect()
}

/// Returns what has to be read to find images that would otherwise be built or pushed: repositories with `in-` tags.
pub fn sources_to_read(desired: &Desired, plan: &Plan) -> BTreeMap<RepositoryKey, BTreeSet<Tag>> {
    let mut wanted: BTreeMap<RepositoryKey, BTreeSet<Tag>> = BTreeMap::new();
    for image in &plan.images {
        let Some(fingerprint) = image.fingerprint() else {
            continue;
        };
        let missing = image
            .targets
            .iter()
            .filter(|target| matches!(target.action, ImageAction::Build | ImageAction::Push));
        for key in missing.flat_map(|target| elsewhere(desired, &target.key)) {
            if !image.targets.iter().any(|target| target.key == key) {
                wanted.entry(key).or_default().insert(fingerprint.tag());
            }
        }
    }
    wanted
}

/// Returns a repository that holds the image, ready to be copied from. One that was not read is none.
pub(super) fn find(
    desired: &Desired,
    image: &DesiredImage,
    spec: &BuildSpec,
    target: &ImageTarget,
    observed: &Observed,
) -> Option<CopySource> {
    let tag = spec.fingerprint.tag();
    let holds = |key: RepositoryKey, fact: Option<&Fact<ImageFacts>>| {
        let held = fact?.known()?;
        let ours = !held.archived && held.fingerprint.as_ref() == Some(&spec.fingerprint);
        ours.then(|| CopySource {
            key,
            digest: held.digest.clone(),
        })
    };
    let mut others = image.targets.iter().filter(|it| it.key != target.key);
    let own = others.find_map(|other| {
        let found = observed.repositories.get(&other.key)?;
        holds(other.key.clone(), found.tags.get(&tag))
    });
    own.or_else(|| {
        elsewhere(desired, &target.key).into_iter().find_map(|key| {
            let found = observed.sources.get(&key)?;
            holds(key.clone(), found.get(&tag))
        })
    })
}

/// Returns notes on sources that could not be read; nothing but a copy is lost with them.
pub(super) fn notes(observed: &Observed) -> Vec<String> {
    let unread = observed.sources.iter().filter_map(|(key, facts)| {
        let why = facts.values().find_map(Fact::unknown)?;
        Some(format!("{key} was not read as a source of copies: {why}"))
    });
    unread.collect()
}
