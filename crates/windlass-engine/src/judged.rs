//! Reads what only rules of policies ask for, all at once. A failed read becomes a value, as in [`crate::observe`].

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, join4};
use windlass_core::name::{Digest, RegistryName, RepositoryKey, RepositoryName};
use windlass_core::observed::{
    Fact, JudgedFacts, JudgedReads, RepositoryFacts, ScanReport, Scanning,
};

use crate::ports::{Registry, RegistryError, SettingsToRead};

/// Reads what policies need.
pub async fn observe_judged<R: Registry>(reads: &JudgedReads, registry: &R) -> JudgedFacts {
    let (repositories, scanning, sizes, scans) = join4(
        repositories(reads, registry),
        scanning(&reads.scanning, registry),
        sizes(&reads.sizes, registry),
        scans(&reads.scans, registry),
    )
    .await;
    JudgedFacts {
        repositories,
        scanning,
        sizes,
        scans,
    }
}

async fn repositories<R: Registry>(
    reads: &JudgedReads,
    registry: &R,
) -> BTreeMap<RepositoryKey, Fact<RepositoryFacts>> {
    let mut by_registry: BTreeMap<&RegistryName, BTreeMap<RepositoryName, SettingsToRead>> =
        BTreeMap::new();
    let keys = [&reads.lifecycle, &reads.access, &reads.resource_tags];
    for key in keys.into_iter().flatten().collect::<BTreeSet<_>>() {
        let wanted = SettingsToRead {
            lifecycle: reads.lifecycle.contains(key),
            access: reads.access.contains(key),
            resource_tags: reads.resource_tags.contains(key),
        };
        let names = by_registry.entry(&key.registry).or_default();
        names.insert(key.repository.clone(), wanted);
    }
    let answers = by_registry
        .iter()
        .map(|(name, names)| async move { (*name, registry.repositories(name, names).await) });
    let mut found = BTreeMap::new();
    for (name, facts) in join_all(answers).await {
        for (repository, fact) in facts {
            let registry = name.clone();
            let key = RepositoryKey {
                registry,
                repository,
            };
            found.insert(key, fact);
        }
    }
    found
}

async fn scanning<R: Registry>(
    registries: &BTreeSet<RegistryName>,
    registry: &R,
) -> BTreeMap<RegistryName, Fact<Scanning>> {
    let reads = registries.iter().map(|name| async move {
        let fact = match registry.scanning(name).await {
            Ok(found) => Fact::Known(found),
            Err(error) => error.into_fact(),
        };
        (name.clone(), fact)
    });
    join_all(reads).await.into_iter().collect()
}

async fn sizes<R: Registry>(
    images: &BTreeSet<(RepositoryKey, Digest)>,
    registry: &R,
) -> BTreeMap<(RepositoryKey, Digest), Fact<u64>> {
    let mut wanted: BTreeMap<&RepositoryKey, BTreeSet<Digest>> = BTreeMap::new();
    for (key, digest) in images {
        wanted.entry(key).or_default().insert(digest.clone());
    }
    let reads = wanted.into_iter().map(|(key, digests)| async move {
        let found = registry.image_sizes(key, &digests).await;
        let facts = digests.into_iter().map(|digest| {
            let fact = match &found {
                Ok(sizes) => sizes
                    .get(&digest)
                    .map_or(Fact::Absent, |it| Fact::Known(*it)),
                Err(error) => error.clone().into_fact(),
            };
            ((key.clone(), digest), fact)
        });
        facts.collect::<Vec<_>>()
    });
    join_all(reads).await.into_iter().flatten().collect()
}

async fn scans<R: Registry>(
    images: &BTreeSet<(RepositoryKey, Digest)>,
    registry: &R,
) -> BTreeMap<(RepositoryKey, Digest), Fact<ScanReport>> {
    let reads = images.iter().map(|(key, digest)| async move {
        let fact = match registry.scan_report(key, digest).await {
            Ok(Some(report)) => Fact::Known(report),
            Ok(None) | Err(RegistryError::NotFound(_)) => Fact::Absent,
            Err(error) => error.into_fact(),
        };
        ((key.clone(), digest.clone()), fact)
    });
    join_all(reads).await.into_iter().collect()
}
