//! Subjects of a plan: what a registry was asked is known, and actions are.
//!
//! A saved plan holds everything that is judged here, so that its policies can be asked again without the manifest.

use std::collections::BTreeMap;

use windlass_core::context::{ContextOutline, IgnoreLine, OutlineEntry};
use windlass_core::desired::BuildSpec;
use windlass_core::diag::Source;
use windlass_core::lock::LockedBase;
use windlass_core::name::{Address, RepositoryKey};
use windlass_core::observed::{self, Observed};
use windlass_core::plan::{
    BaseRecord, IgnoreRecord, ImagePlan, ImageRecord, Plan, PolicyRecord, RepositoryAction,
    RepositoryPlan, SettingsRecord, TagPlan, TargetPlan,
};

use super::judged::NOT_SAVED;
use super::{
    Attestations, ContextFacts, Fact, Held, ImageSubject, RegistryFacts, RepositorySubject,
    Setting, TagFacts, TargetFacts,
};
use crate::evaluate::Subjects;

impl Subjects {
    /// Adds what a plan knows: actions, digests, and settings of repositories that were read or are about to be.
    pub fn add_plan(&mut self, plan: &Plan, observed: &Observed) {
        let planned_images: BTreeMap<&str, &ImagePlan> = plan
            .images
            .iter()
            .map(|it| (it.name.as_str(), it))
            .collect();
        for image in &mut self.images {
            let name = image.name.as_deref();
            if let Some(found) = name.and_then(|name| planned_images.get(name)) {
                add_image(image, found);
            }
        }
        let planned_repositories: BTreeMap<&RepositoryKey, &RepositoryPlan> =
            plan.repositories.iter().map(|it| (&it.key, it)).collect();
        for repository in &mut self.repositories {
            if let Some(found) = planned_repositories.get(&repository.key) {
                add_repository(repository, found, observed);
            }
        }
        // Repositories know images by their addresses.
        let planned_images: BTreeMap<String, &ImagePlan> = plan
            .images
            .iter()
            .map(|it| (Address::Image(it.name.clone()).to_string(), it))
            .collect();
        for repository in &mut self.repositories {
            for (address, tag) in &mut repository.wanted_tags {
                let image = planned_images.get(address.as_str());
                let planned = image.and_then(|it| planned_tag(it, &repository.key, &tag.tag));
                if let Some((target, planned)) = planned {
                    tag.action = Some(planned.action);
                    tag.from_digest.clone_from(&planned.from_digest);
                    tag.held = held(target, planned);
                }
            }
        }
        // What the manifest only removes is in the plan alone.
        for repository in &plan.repositories {
            let known = |it: &RepositorySubject| it.key == repository.key;
            if repository.action == RepositoryAction::Delete && !self.repositories.iter().any(known)
            {
                self.repositories.push(of_repository(plan, repository));
            }
        }
    }

    /// Returns the settings of repositories, to be asked about again.
    pub fn settings(&self) -> BTreeMap<String, SettingsRecord> {
        let record = |it: &RepositorySubject| SettingsRecord {
            tags: it.tags.known().cloned(),
            scan_on_push: it.scan_on_push.known().copied(),
            encryption: it.encryption.known().cloned(),
            lifecycle: it.lifecycle.known().cloned(),
            access: it.access.known().cloned(),
            resource_tags: it.resource_tags.clone(),
        };
        self.repositories
            .iter()
            .map(|it| (it.address.clone(), record(it)))
            .collect()
    }

    /// Returns what is known of images beside their inputs, to be asked about again.
    pub fn image_records(&self) -> BTreeMap<String, ImageRecord> {
        let records = self.images.iter().filter_map(|image| {
            let context = image.context.as_ref();
            let lines = context.map(|it| it.ignore.as_slice()).unwrap_or_default();
            let ignore = lines.iter().map(|it| IgnoreRecord {
                text: it.text.clone(),
                origin: it.origin.clone(),
                line: it.line,
            });
            let record = ImageRecord {
                file: image.dockerfile.source.name.clone(),
                pattern: image.pattern.clone(),
                ignore: ignore.collect(),
            };
            Some((image.address.clone()?, record))
        });
        records.collect()
    }

    /// Returns what the lock knows of the bases of all images, to be asked about again.
    pub fn base_records(&self) -> BTreeMap<String, BaseRecord> {
        let mut records = BTreeMap::new();
        for image in &self.images {
            for base in image.bases() {
                let reference = base.image.to_string();
                if let Some(it) = image.locked.get(&reference) {
                    let record = BaseRecord {
                        digest: it.digest.clone(),
                        platforms: it.platforms.clone(),
                        user: it.user.clone(),
                        entrypoint: it.entrypoint.clone(),
                        resolved: it.resolved.clone(),
                    };
                    records.insert(reference, record);
                }
            }
        }
        records
    }

    /// Returns what a saved plan is about.
    pub fn of_plan(plan: &Plan) -> Self {
        let mut subjects = Self {
            images: plan
                .images
                .iter()
                .filter_map(|image| of_image(image, &plan.policy))
                .collect(),
            repositories: plan
                .repositories
                .iter()
                .map(|repository| of_repository(plan, repository).with_judged(&plan.policy))
                .collect(),
            plan: None,
        };
        subjects.settle_needs();
        subjects
    }
}

fn planned_tag<'a>(
    image: &'a ImagePlan,
    key: &RepositoryKey,
    tag: &str,
) -> Option<(&'a TargetPlan, &'a TagPlan)> {
    let target = image.targets.iter().find(|it| it.key == *key)?;
    let tag = target.tags.iter().find(|it| it.tag.as_str() == tag)?;
    Some((target, tag))
}

/// An image that is built or pushed first is nowhere yet.
fn held(target: &TargetPlan, tag: &TagPlan) -> Option<Held> {
    let (key, digest) = match &target.source {
        Some(source) => (&source.key, &source.digest),
        None => (&target.key, tag.to_digest.as_ref()?),
    };
    Some(Held {
        key: key.clone(),
        digest: digest.clone(),
        bytes: Fact::Unmanaged,
        bytes_before: Fact::Unmanaged,
        scan: Fact::Unmanaged,
    })
}

fn add_image(image: &mut ImageSubject, plan: &ImagePlan) {
    image.action = Some(plan.action);
    for target in &mut image.targets {
        let found = plan.targets.iter().find(|it| it.key == target.key);
        for planned in found.iter().flat_map(|it| &it.tags) {
            let tag = target
                .tags
                .iter_mut()
                .find(|it| it.tag == planned.tag.as_str());
            if let Some(tag) = tag {
                tag.action = Some(planned.action);
                tag.from_digest.clone_from(&planned.from_digest);
            }
        }
    }
}

fn add_repository(repository: &mut RepositorySubject, plan: &RepositoryPlan, observed: &Observed) {
    repository.action = Some(plan.action);
    if let Some(new) = &plan.create {
        fill(&mut repository.tags, Some(new.tags.clone()));
        fill(&mut repository.scan_on_push, Some(new.scan_on_push));
        fill(&mut repository.encryption, Some(new.encryption.clone()));
        fill(&mut repository.lifecycle, Some(new.lifecycle.clone()));
        fill(&mut repository.access, Some(new.access.clone()));
        return;
    }
    let facts = observed.repositories.get(&plan.key).map(|it| &it.facts);
    match facts {
        Some(observed::Fact::Known(facts)) => {
            fill(&mut repository.tags, Some(facts.tags.clone()));
            fill(&mut repository.scan_on_push, Some(facts.scan_on_push));
            fill(&mut repository.encryption, Some(facts.encryption.clone()));
            repository.add_facts(facts);
        }
        Some(observed::Fact::Unknown(why)) => unread(repository, &why.to_string()),
        Some(observed::Fact::Absent) | None => {}
    }
}

/// What the manifest says stands; what it leaves open is as it was found.
pub(super) fn fill<T>(fact: &mut Fact<T>, found: Option<T>) {
    if let (Fact::Unmanaged, Some(value)) = (&fact, found) {
        *fact = Fact::Known(value, None);
    }
}

fn unread(repository: &mut RepositorySubject, why: &str) {
    fn mark<T>(fact: &mut Fact<T>, why: &str) {
        if matches!(fact, Fact::Unmanaged) {
            *fact = Fact::Unknown(why.to_owned());
        }
    }
    mark(&mut repository.tags, why);
    mark(&mut repository.scan_on_push, why);
    mark(&mut repository.encryption, why);
    mark(&mut repository.lifecycle, why);
    mark(&mut repository.access, why);
}

/// An image whose inputs are not known has no Dockerfile to be judged; its plan cannot be applied either.
fn of_image(plan: &ImagePlan, policy: &PolicyRecord) -> Option<ImageSubject> {
    let spec = plan.spec.as_ref()?;
    let BuildSpec {
        inputs,
        stamp_args,
        stamp_labels,
        needs,
        context,
        ..
    } = spec;
    let settings = |values: &BTreeMap<String, String>| -> BTreeMap<String, Setting> {
        let setting = |value: &String| Setting {
            value: value.clone(),
            place: None,
        };
        values
            .iter()
            .map(|(name, value)| (name.clone(), setting(value)))
            .collect()
    };
    let mut labels = settings(&inputs.labels);
    labels.extend(settings(stamp_labels));
    let address = Address::Image(plan.name.clone()).to_string();
    let record = policy.images.get(&address);
    let file = record.map_or_else(|| format!("{address}/Dockerfile"), |it| it.file.clone());
    let source = Source::new(file, inputs.dockerfile.clone());
    Some(ImageSubject {
        address: Some(address),
        pattern: record.and_then(|it| it.pattern.clone()),
        locked: locked(policy),
        name: Some(plan.name.to_string()),
        args: settings(&inputs.args),
        stamp_args: settings(stamp_args),
        labels,
        stage: inputs.stage.clone(),
        platforms: inputs.platforms.clone(),
        needs: needs
            .iter()
            .map(|it| (it.as_name.clone(), it.image.to_string()))
            .collect(),
        context: Some(ContextFacts {
            folder: context.clone(),
            listing: ContextOutline {
                entries: inputs.context.iter().map(OutlineEntry::from).collect(),
                ..ContextOutline::default()
            },
            ignore: record.map_or_else(Vec::new, ignore_lines),
        }),
        targets: plan
            .targets
            .iter()
            .map(|target| TargetFacts {
                key: target.key.clone(),
                tags: target.tags.iter().map(tag_facts).collect(),
            })
            .collect(),
        attestations: Some(Attestations {
            provenance: inputs.provenance,
            sbom: inputs.sbom,
        }),
        action: Some(plan.action),
        ..ImageSubject::of_text(&source)
    })
}

fn ignore_lines(record: &ImageRecord) -> Vec<IgnoreLine> {
    let lines = record.ignore.iter().map(|it| IgnoreLine {
        text: it.text.clone(),
        origin: it.origin.clone(),
        line: it.line,
        location: None,
    });
    lines.collect()
}

fn locked(policy: &PolicyRecord) -> BTreeMap<String, LockedBase> {
    let bases = policy.bases.iter().map(|(reference, it)| {
        let base = LockedBase {
            digest: it.digest.clone(),
            platforms: it.platforms.clone(),
            user: it.user.clone(),
            entrypoint: it.entrypoint.clone(),
            onbuild: None,
            resolved_from: String::new(),
            resolved: it.resolved.clone(),
        };
        (reference.clone(), base)
    });
    bases.collect()
}

/// What becomes of a setting that a plan does not hold: it is not known, unless nothing is left to be judged.
struct Unsaved(bool);

impl Unsaved {
    fn of<T: Clone>(&self, value: Option<&T>) -> Fact<T> {
        match value {
            Some(value) => Fact::Known(value.clone(), None),
            None if self.0 => Fact::Unmanaged,
            None => Fact::Unknown(NOT_SAVED.to_owned()),
        }
    }
}

fn tag_facts(plan: &TagPlan) -> TagFacts {
    TagFacts {
        tag: plan.tag.to_string(),
        place: None,
        action: Some(plan.action),
        from_digest: plan.from_digest.clone(),
        held: None,
    }
}

fn of_repository(plan: &Plan, repository: &RepositoryPlan) -> RepositorySubject {
    // A repository that goes has no settings that matter.
    let goes = repository.action == RepositoryAction::Delete;
    let fact = Unsaved(goes);
    let address = Address::Repository(repository.key.clone()).to_string();
    let empty = SettingsRecord::default();
    let record = plan.policy.settings.get(&address).unwrap_or(&empty);
    let registry = plan
        .registries
        .iter()
        .find(|it| it.name == repository.key.registry);
    let mut wanted_tags = Vec::new();
    for image in &plan.images {
        let targets = image.targets.iter().filter(|it| it.key == repository.key);
        for (target, tag) in targets.flat_map(|it| it.tags.iter().map(move |tag| (it, tag))) {
            let facts = TagFacts {
                held: held(target, tag),
                ..tag_facts(tag)
            };
            wanted_tags.push((Address::Image(image.name.clone()).to_string(), facts));
        }
    }
    RepositorySubject {
        address,
        key: repository.key.clone(),
        place: None,
        registry: RegistryFacts {
            name: repository.key.registry.clone(),
            account: registry.map_or(String::new(), |it| it.account.clone()),
            region: registry.map_or(String::new(), |it| it.region.clone()),
            place: None,
        },
        tags: fact.of(record.tags.as_ref()),
        scan_on_push: fact.of(record.scan_on_push.as_ref()),
        encryption: fact.of(record.encryption.as_ref()),
        lifecycle: fact.of(record.lifecycle.as_ref()),
        foreign_lifecycle: false,
        access: fact.of(record.access.as_ref()),
        registry_scans: fact.of(None),
        all_resource_tags: fact.of(None),
        resource_tags: record.resource_tags.clone(),
        wanted_tags,
        action: Some(repository.action),
    }
}
