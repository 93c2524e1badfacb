//! Reads everything a plan needs from the registries and the builder, in two fan-outs.
//!
//! The first asks for repositories and tags. What a plan of that still lacks decides the second: the builder is asked only where an
//! image is nowhere in its repositories, and inputs records are read only where an image changed. A failed read becomes a value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ports::RegistryError;
use futures_util::future::{join, join_all, join3, join5};
use windlass_core::desired::{Desired, DesiredInputs};
use windlass_core::fingerprint::InputsRecord;
use windlass_core::manifest::model::Settings;
use windlass_core::name::{Digest, Fingerprint, RegistryName, RepositoryKey, RepositoryName, Tag};
use windlass_core::observed::{
    Fact, ImageFacts, Observed, ObservedBuilder, ObservedRepository, ReplicationRule,
    RepositoryFacts, StoredImage,
};
use windlass_core::plan::{
    ImageAction, Plan, Reason, images_to_count, plan, replications_to_read, repositories_to_delete,
    repositories_to_list, sources_to_read, strangers_to_date,
};

use crate::ports::{Builder, Registry, SettingsToRead};

/// Reads the world for `desired`. Without a builder (`None`), images it may hold are not known.
pub async fn observe<R: Registry, B: Builder>(
    desired: &Desired,
    registry: &R,
    builder: Option<&B>,
) -> Observed {
    let (repositories, tags, inventories) = join3(
        observe_repositories(desired, registry),
        observe_tags(desired, registry, builder),
        observe_inventories(desired, registry),
    )
    .await;
    let mut observed = Observed {
        repositories: merge(repositories, tags),
        builder: Fact::Absent,
        records: BTreeMap::new(),
        inventories,
        tag_counts: BTreeMap::new(),
        replication: BTreeMap::new(),
        pushed: BTreeMap::new(),
        sources: BTreeMap::new(),
    };
    let first = plan(desired, &observed);
    // Images that are somewhere else need no builder, so this comes first.
    observed.sources = observe_sources(desired, &first, registry).await;
    let first = if observed.sources.is_empty() {
        first
    } else {
        plan(desired, &observed)
    };
    let (found, records, tag_counts, replication, pushed) = join5(
        observe_builder(&first, builder),
        observe_records(&first, registry),
        observe_tag_counts(&first, registry),
        observe_replication(desired, &first, registry),
        observe_strangers(&first, registry),
    )
    .await;
    observed.builder = found;
    observed.records = records;
    observed.tag_counts = tag_counts;
    observed.replication = replication;
    observed.pushed = pushed;
    observed
}

async fn observe_repositories<R: Registry>(
    desired: &Desired,
    registry: &R,
) -> BTreeMap<RepositoryKey, Fact<RepositoryFacts>> {
    let doomed = repositories_to_delete(desired);
    let mut by_registry: BTreeMap<&RegistryName, BTreeMap<RepositoryName, SettingsToRead>> =
        BTreeMap::new();
    for key in &doomed {
        let owner = SettingsToRead {
            lifecycle: false,
            access: false,
            resource_tags: true,
        };
        let names = by_registry.entry(&key.registry).or_default();
        names.insert(key.repository.clone(), owner);
    }
    for repository in &desired.repositories {
        let names = by_registry.entry(&repository.key.registry).or_default();
        names.insert(
            repository.key.repository.clone(),
            settings_to_read(&repository.settings),
        );
    }
    let reads = by_registry
        .iter()
        .map(|(name, names)| async move { (*name, registry.repositories(name, names).await) });
    let answers = join_all(reads).await;
    let facts = answers.into_iter().flat_map(|(name, facts)| {
        facts.into_iter().map(|(repository, fact)| {
            (
                RepositoryKey {
                    registry: name.clone(),
                    repository,
                },
                fact,
            )
        })
    });
    facts.collect()
}

/// Reads only what is managed; the owner matters where any setting is.
fn settings_to_read(settings: &Settings) -> SettingsToRead {
    let Settings {
        create: _,
        tags,
        scan_on_push,
        encryption,
        lifecycle,
        access,
        resource_tags,
    } = settings;
    let managed = tags.is_some()
        || scan_on_push.is_some()
        || encryption.is_some()
        || lifecycle.is_some()
        || access.is_some()
        || !resource_tags.is_empty();
    SettingsToRead {
        lifecycle: lifecycle.is_some(),
        access: access.is_some(),
        resource_tags: managed,
    }
}

/// Reads the wanted tags. As soon as one answer says that an image is not where it should be, the builder gets to know.
async fn observe_tags<R: Registry, B: Builder>(
    desired: &Desired,
    registry: &R,
    builder: Option<&B>,
) -> BTreeMap<RepositoryKey, BTreeMap<Tag, Fact<ImageFacts>>> {
    let expected = AtomicBool::new(false);
    let expect = |facts: &BTreeMap<Tag, Fact<ImageFacts>>| {
        let is_missing = |(tag, fact): (&Tag, &Fact<ImageFacts>)| {
            tag.is_reserved() && matches!(fact, Fact::Absent)
        };
        if let Some(builder) = builder
            && facts.iter().any(is_missing)
            && !expected.swap(true, Ordering::Relaxed)
        {
            builder.expect_questions();
        }
    };
    let mut wanted: BTreeMap<RepositoryKey, BTreeSet<Tag>> = BTreeMap::new();
    for image in &desired.images {
        let DesiredInputs::Settled(spec) = &image.inputs else {
            continue;
        };
        for target in &image.targets {
            let tags = wanted.entry(target.key.clone()).or_default();
            tags.insert(spec.fingerprint.tag());
            tags.extend(target.tags.iter().map(|tag| tag.value.clone()));
        }
    }
    let expect = &expect;
    let reads = wanted.iter().map(|(key, tags)| async move {
        let facts = registry.images(key, tags).await;
        expect(&facts);
        (key.clone(), facts)
    });
    join_all(reads).await.into_iter().collect()
}

/// Lists the repositories in which lifecycle rules of the manifest can reach wanted tags.
async fn observe_inventories<R: Registry>(
    desired: &Desired,
    registry: &R,
) -> BTreeMap<RepositoryKey, Fact<Vec<StoredImage>>> {
    let mut keys = repositories_to_list(desired);
    keys.extend(repositories_to_delete(desired));
    let reads = keys.into_iter().map(|key| async {
        let fact = match registry.stored_images(&key, None).await {
            Ok(images) => Fact::Known(images),
            Err(RegistryError::NotFound(_)) => Fact::Absent,
            Err(error) => error.into_fact(),
        };
        (key, fact)
    });
    join_all(reads).await.into_iter().collect()
}

/// Looks for images that would be built in the repositories that may hold them.
async fn observe_sources<R: Registry>(
    desired: &Desired,
    first: &Plan,
    registry: &R,
) -> BTreeMap<RepositoryKey, BTreeMap<Tag, Fact<ImageFacts>>> {
    let wanted = sources_to_read(desired, first);
    let reads = wanted
        .iter()
        .map(|(key, tags)| async move { (key.clone(), registry.images(key, tags).await) });
    join_all(reads).await.into_iter().collect()
}

/// Reads the replication rules of registries that images are pushed to, to be copied by ECR.
async fn observe_replication<R: Registry>(
    desired: &Desired,
    first: &Plan,
    registry: &R,
) -> BTreeMap<RegistryName, Fact<Vec<ReplicationRule>>> {
    let wanted = replications_to_read(desired, first);
    let reads = wanted.into_iter().map(|name| async move {
        let rules = registry.replication_rules(&name).await;
        let rules = rules.map_or_else(RegistryError::into_fact, Fact::Known);
        (name, rules)
    });
    join_all(reads).await.into_iter().collect()
}

/// Reads when images were pushed that somebody else put under wanted tags: for information, what cannot be read is left out.
async fn observe_strangers<R: Registry>(
    first: &Plan,
    registry: &R,
) -> BTreeMap<(RepositoryKey, Digest), i64> {
    let wanted = strangers_to_date(first);
    let reads = wanted.into_iter().map(|(key, digests)| async move {
        let stored = registry.stored_images(&key, Some(&digests)).await;
        let stored = stored.unwrap_or_default().into_iter();
        stored
            .map(|image| ((key.clone(), image.digest), image.pushed))
            .collect::<Vec<_>>()
    });
    join_all(reads).await.into_iter().flatten().collect()
}

/// Counts the tags of images that would get another one.
async fn observe_tag_counts<R: Registry>(
    first: &Plan,
    registry: &R,
) -> BTreeMap<(RepositoryKey, Digest), Fact<usize>> {
    let mut wanted: BTreeMap<RepositoryKey, BTreeSet<Digest>> = BTreeMap::new();
    for (key, digest) in images_to_count(first) {
        wanted.entry(key).or_default().insert(digest);
    }
    let reads = wanted.into_iter().map(|(key, digests)| async move {
        let stored = registry.stored_images(&key, Some(&digests)).await;
        let facts = digests.into_iter().map(|digest| {
            let fact = match &stored {
                Ok(images) => images
                    .iter()
                    .find(|image| image.digest == digest)
                    .map_or(Fact::Absent, |image| Fact::Known(image.tags.len())),
                Err(error) => error.clone().into_fact(),
            };
            ((key.clone(), digest), fact)
        });
        facts.collect::<Vec<_>>()
    });
    join_all(reads).await.into_iter().flatten().collect()
}

fn merge(
    repositories: BTreeMap<RepositoryKey, Fact<RepositoryFacts>>,
    mut tags: BTreeMap<RepositoryKey, BTreeMap<Tag, Fact<ImageFacts>>>,
) -> BTreeMap<RepositoryKey, ObservedRepository> {
    let merged = repositories.into_iter().map(|(key, facts)| {
        let tags = tags.remove(&key).unwrap_or_default();
        (key, ObservedRepository { facts, tags })
    });
    merged.collect()
}

async fn observe_builder<B: Builder>(first: &Plan, builder: Option<&B>) -> Fact<ObservedBuilder> {
    let missing = first
        .images
        .iter()
        .filter(|image| image.action == ImageAction::Build);
    let fingerprints: BTreeSet<Fingerprint> = missing
        .filter_map(|image| image.fingerprint().cloned())
        .collect();
    let Some(builder) = builder.filter(|_| !fingerprints.is_empty()) else {
        return Fact::Absent;
    };
    let (facts, images) = join(builder.describe(), builder.local_images(&fingerprints)).await;
    match (facts, images) {
        (Ok(facts), Ok(images)) => {
            let missing = fingerprints
                .into_iter()
                .filter(|it| !images.contains_key(it))
                .collect();
            // For an explanation only: where the record cannot be read, none is given.
            let gone = builder.built_before(&missing).await.unwrap_or_default();
            Fact::Known(ObservedBuilder {
                description: facts.description,
                platforms: facts.platforms,
                images,
                gone,
            })
        }
        (Err(error), _) | (_, Err(error)) => Fact::not_read(error.to_string()),
    }
}

async fn observe_records<R: Registry>(
    first: &Plan,
    registry: &R,
) -> BTreeMap<(RepositoryKey, Digest), Fact<InputsRecord>> {
    let wanted: BTreeSet<(RepositoryKey, Digest)> =
        first.images.iter().flat_map(missing_records).collect();
    let reads = wanted.into_iter().map(|(key, digest)| async move {
        let fact = match registry.inputs_record(&key, &digest).await {
            Ok(Some(bytes)) => InputsRecord::parse(&bytes).map_or_else(Fact::not_read, Fact::Known),
            Ok(None) => Fact::Absent,
            Err(error) => error.into_fact(),
        };
        ((key, digest), fact)
    });
    join_all(reads).await.into_iter().collect()
}

/// Returns the images whose records would explain why `image` changed.
fn missing_records(image: &windlass_core::plan::ImagePlan) -> Vec<(RepositoryKey, Digest)> {
    let reasons = image.reasons.iter().filter_map(|reason| match reason {
        Reason::RecordMissing { key, tag, .. } => Some((key, tag)),
        _ => None,
    });
    reasons
        .filter_map(|(key, tag)| {
            let target = image.targets.iter().find(|target| target.key == *key)?;
            let digest = target
                .tags
                .iter()
                .find(|step| step.tag == *tag)?
                .from_digest
                .clone()?;
            Some((key.clone(), digest))
        })
        .collect()
}
