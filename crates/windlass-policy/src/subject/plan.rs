//! Subjects of a plan: what a registry was asked is known, and actions are.
//!
//! A saved plan holds everything that is judged here, so that its policies can be asked again without the manifest.

use std::collections::BTreeMap;

use windlass_core::context::{ContextOutline, OutlineEntry};
use windlass_core::desired::BuildSpec;
use windlass_core::diag::Source;
use windlass_core::name::Address;
use windlass_core::observed::{self, Observed, ObservedLifecycle};
use windlass_core::plan::{ImagePlan, Plan, RepositoryPlan, SettingsRecord, TagPlan};

use super::{
    ContextFacts, Fact, ImageSubject, RegistryFacts, RepositorySubject, Setting, TagFacts,
    TargetFacts,
};
use crate::evaluate::Subjects;

impl Subjects {
    /// Adds what a plan knows: actions, digests, and settings of repositories that were read or are about to be.
    pub fn add_plan(&mut self, plan: &Plan, observed: &Observed) {
        for image in &mut self.images {
            let found = plan
                .images
                .iter()
                .find(|it| Some(it.name.as_str()) == image.name.as_deref());
            if let Some(found) = found {
                add_image(image, found);
            }
        }
        for repository in &mut self.repositories {
            let found = plan.repositories.iter().find(|it| it.key == repository.key);
            if let Some(found) = found {
                add_repository(repository, found, observed);
            }
        }
        for repository in &mut self.repositories {
            for (address, tag) in &mut repository.wanted_tags {
                let planned = planned_tag(plan, address, &repository.key, &tag.tag);
                if let Some(planned) = planned {
                    tag.action = Some(planned.action);
                    tag.from_digest.clone_from(&planned.from_digest);
                }
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
            resource_tags: it.resource_tags.clone(),
        };
        self.repositories
            .iter()
            .map(|it| (it.address.clone(), record(it)))
            .collect()
    }

    /// Returns what a saved plan is about.
    pub fn of_plan(plan: &Plan) -> Self {
        Self {
            images: plan.images.iter().filter_map(of_image).collect(),
            repositories: plan
                .repositories
                .iter()
                .map(|repository| of_repository(plan, repository))
                .collect(),
            plan: None,
        }
    }
}

fn planned_tag<'a>(
    plan: &'a Plan,
    address: &str,
    key: &windlass_core::name::RepositoryKey,
    tag: &str,
) -> Option<&'a TagPlan> {
    let image = plan
        .images
        .iter()
        .find(|it| Address::Image(it.name.clone()).to_string() == *address)?;
    let target = image.targets.iter().find(|it| it.key == *key)?;
    target.tags.iter().find(|it| it.tag.as_str() == tag)
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
        return;
    }
    let facts = observed.repositories.get(&plan.key).map(|it| &it.facts);
    match facts {
        Some(observed::Fact::Known(facts)) => {
            fill(&mut repository.tags, Some(facts.tags.clone()));
            fill(&mut repository.scan_on_push, Some(facts.scan_on_push));
            fill(&mut repository.encryption, Some(facts.encryption.clone()));
            let lifecycle = facts.lifecycle.as_ref().and_then(observed::Fact::known);
            if let Some(ObservedLifecycle::Rules(rules)) = lifecycle {
                fill(&mut repository.lifecycle, Some(rules.clone()));
            }
        }
        Some(observed::Fact::Unknown(why)) => unread(repository, &why.to_string()),
        Some(observed::Fact::Absent) | None => {}
    }
}

/// What the manifest says stands; what it leaves open is as it was found.
fn fill<T>(fact: &mut Fact<T>, found: Option<T>) {
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
}

/// An image whose inputs are not known has no Dockerfile to be judged; its plan cannot be applied either.
fn of_image(plan: &ImagePlan) -> Option<ImageSubject> {
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
    let source = Source::new(
        format!("image.{}/Dockerfile", plan.name),
        inputs.dockerfile.clone(),
    );
    Some(ImageSubject {
        address: Some(Address::Image(plan.name.clone()).to_string()),
        name: Some(plan.name.to_string()),
        args: settings(&inputs.args),
        stamp_args: settings(stamp_args),
        labels,
        stage: inputs.stage.clone(),
        platforms: inputs.platforms.clone(),
        needs: needs.iter().map(|it| it.as_name.clone()).collect(),
        context: Some(ContextFacts {
            folder: context.clone(),
            listing: ContextOutline {
                entries: inputs.context.iter().map(OutlineEntry::from).collect(),
                ..ContextOutline::default()
            },
            ignore: Vec::new(),
        }),
        targets: plan
            .targets
            .iter()
            .map(|target| TargetFacts {
                key: target.key.clone(),
                tags: target.tags.iter().map(tag_facts).collect(),
            })
            .collect(),
        action: Some(plan.action),
        ..ImageSubject::of_text(&source)
    })
}

fn tag_facts(plan: &TagPlan) -> TagFacts {
    TagFacts {
        tag: plan.tag.to_string(),
        place: None,
        action: Some(plan.action),
        from_digest: plan.from_digest.clone(),
    }
}

fn of_repository(plan: &Plan, repository: &RepositoryPlan) -> RepositorySubject {
    fn fact<T: Clone>(value: Option<&T>) -> Fact<T> {
        value.map_or(Fact::Unmanaged, |it| Fact::Known(it.clone(), None))
    }
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
        for tag in targets.flat_map(|it| &it.tags) {
            wanted_tags.push((
                Address::Image(image.name.clone()).to_string(),
                tag_facts(tag),
            ));
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
        tags: fact(record.tags.as_ref()),
        scan_on_push: fact(record.scan_on_push.as_ref()),
        encryption: fact(record.encryption.as_ref()),
        lifecycle: fact(record.lifecycle.as_ref()),
        resource_tags: record.resource_tags.clone(),
        wanted_tags,
        action: Some(repository.action),
    }
}
