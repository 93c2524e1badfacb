//! Subjects of a manifest: what is known before any registry is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass_core::diag::{Source, Sourced};
use windlass_core::dockerfile::parse;
use windlass_core::lock::Lock;
use windlass_core::manifest::model::{Image, Recipe, Repository, Workspace};
use windlass_core::name::{Address, RegistryName, RepositoryKey};

use super::{
    Attestations, Fact, ImageSubject, RegistryFacts, RepositorySubject, Setting, TagFacts,
    TargetFacts,
};

impl ImageSubject {
    /// Joins an image of the manifest, its Dockerfile and what the lock knows of its bases.
    pub fn of_image(image: &Image, source: &Arc<Source>, lock: &Lock) -> Self {
        let pattern = match &image.recipe {
            Recipe::Pattern { pattern, .. } => Some(pattern.to_string()),
            Recipe::Dockerfile(_) => None,
        };
        let mut labels = settings(&image.labels);
        labels.extend(settings(&image.stamp.labels));
        Self {
            address: Some(Address::Image(image.name.clone()).to_string()),
            name: Some(image.name.to_string()),
            pattern,
            place: Some(image.location.clone()),
            args: settings(&image.args),
            stamp_args: settings(&image.stamp.args),
            labels,
            stage: image.stage.clone(),
            platforms: image.platforms.clone(),
            needs: image
                .needs
                .iter()
                .map(|it| (it.as_name.clone(), it.image.to_string()))
                .collect(),
            locked: lock.bases.clone(),
            context: None,
            targets: image
                .targets
                .iter()
                .map(|target| TargetFacts {
                    key: target.key.clone(),
                    tags: target.tags.iter().map(tag_facts).collect(),
                })
                .collect(),
            attestations: Some(Attestations {
                provenance: image.provenance,
                sbom: image.sbom,
            }),
            action: None,
            ..Self::of_dockerfile(parse(source).0)
        }
    }
}

fn settings(values: &BTreeMap<String, Sourced<String>>) -> BTreeMap<String, Setting> {
    let setting = |it: &Sourced<String>| Setting {
        value: it.value.clone(),
        place: Some(it.location.clone()),
    };
    values
        .iter()
        .map(|(name, value)| (name.clone(), setting(value)))
        .collect()
}

fn tag_facts(tag: &Sourced<windlass_core::name::Tag>) -> TagFacts {
    TagFacts {
        tag: tag.value.to_string(),
        place: Some(tag.location.clone()),
        action: None,
        from_digest: None,
        held: None,
    }
}

impl RepositorySubject {
    /// Returns the repositories of a workspace. What the manifest does not manage stays as ECR has it.
    pub fn of_workspace(workspace: &Workspace) -> Vec<Self> {
        let mut wanted = wanted_tags(workspace);
        workspace
            .repositories
            .iter()
            .map(|repository| Self {
                wanted_tags: wanted.remove(&repository.key).unwrap_or_default(),
                ..of_repository(
                    repository,
                    registry_of(workspace, &repository.key.registry, repository),
                )
            })
            .collect()
    }
}

fn registry_of(
    workspace: &Workspace,
    name: &RegistryName,
    repository: &Repository,
) -> RegistryFacts {
    let found = workspace.registries.iter().find(|it| it.name == *name);
    RegistryFacts {
        name: name.clone(),
        account: found.map_or(String::new(), |it| it.account.clone()),
        region: found.map_or(String::new(), |it| it.region.clone()),
        place: found.map_or_else(
            || Some(repository.location.clone()),
            |it| Some(it.location.clone()),
        ),
    }
}

fn of_repository(repository: &Repository, registry: RegistryFacts) -> RepositorySubject {
    let settings = &repository.settings;
    RepositorySubject {
        address: Address::Repository(repository.key.clone()).to_string(),
        key: repository.key.clone(),
        place: Some(repository.location.clone()),
        registry,
        tags: fact(settings.tags.as_ref()),
        scan_on_push: fact(settings.scan_on_push.as_ref()),
        encryption: fact(settings.encryption.as_ref()),
        lifecycle: fact(settings.lifecycle.as_ref()),
        foreign_lifecycle: false,
        access: fact(settings.access.as_ref()),
        registry_scans: Fact::Unmanaged,
        all_resource_tags: Fact::Unmanaged,
        resource_tags: settings.resource_tags.clone(),
        wanted_tags: Vec::new(),
        action: None,
    }
}

fn fact<T: Clone>(setting: Option<&Sourced<T>>) -> Fact<T> {
    setting.map_or(Fact::Unmanaged, |it| {
        Fact::Known(it.value.clone(), Some(it.location.clone()))
    })
}

/// Returns the tags that images want in each repository.
fn wanted_tags(workspace: &Workspace) -> BTreeMap<&RepositoryKey, Vec<(String, TagFacts)>> {
    let mut found: BTreeMap<&RepositoryKey, Vec<_>> = BTreeMap::new();
    for image in &workspace.images {
        let address = Address::Image(image.name.clone()).to_string();
        for target in &image.targets {
            let tags = target.tags.iter();
            let wanted = tags.map(|tag| (address.clone(), tag_facts(tag)));
            found.entry(&target.key).or_default().extend(wanted);
        }
    }
    found
}
