//! Registries that ECR itself copies images to: what a run pushes to the first region is waited for in the others.
//!
//! Everything else that is missing there is copied as from any other registry: ECR copies nothing that was pushed before.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::Desired;
use crate::manifest::model::Registry;
use crate::name::{RegistryName, RepositoryKey};
use crate::observed::{Fact, Observed, ReplicationRule};
use crate::plan::model::{ImageAction, ImagePlan, Plan, Reason};

/// Lets the targets of an image that would be pushed wait for the copies that ECR makes of it.
pub(super) fn wait_for_copies(desired: &Desired, observed: &Observed, plan: &mut ImagePlan) {
    for index in 0..plan.targets.len() {
        let target = &plan.targets[index];
        let Some(source) = pushed_source(desired, plan, &target.key) else {
            continue;
        };
        if !brings(target.action) || target.source.is_some() {
            continue;
        }
        let key = target.key.clone();
        if let Some(Fact::Known(rules)) = observed.replication.get(&source.registry)
            && !is_copied(desired, rules, &key)
        {
            block(plan, index, source);
            continue;
        }
        plan.targets[index].replicated_from = Some(source.clone());
        plan.reasons.push(Reason::Replicated { key, source });
    }
}

/// Returns the registries whose replication rules have to be read: those that images are pushed to, to be copied by ECR.
pub fn replications_to_read(desired: &Desired, plan: &Plan) -> BTreeSet<RegistryName> {
    let sources = plan.images.iter().flat_map(|image| {
        let keys = image.targets.iter().map(|target| &target.key);
        keys.filter_map(|key| Some(pushed_source(desired, image, key)?.registry))
    });
    sources.collect()
}

/// Returns notes on rules that could not be read: the copies are waited for nevertheless.
pub(super) fn notes(observed: &Observed) -> Vec<String> {
    let unread: BTreeMap<&RegistryName, &str> = observed
        .replication
        .iter()
        .filter_map(|(name, rules)| Some((name, rules.unknown()?)))
        .collect();
    let notes = unread.into_iter().map(|(name, why)| {
        format!(
            "whether ECR copies from registry {name} is not known, its rules were not read: {why}"
        )
    });
    notes.collect()
}

/// Returns the target that the image is pushed to, where ECR copies it from there to `key`.
fn pushed_source(
    desired: &Desired,
    plan: &ImagePlan,
    key: &RepositoryKey,
) -> Option<RepositoryKey> {
    let registry = find(desired, &key.registry)?;
    let source = RepositoryKey {
        registry: registry.replicated_from.clone()?,
        repository: key.repository.clone(),
    };
    let mut targets = plan.targets.iter();
    let pushed = targets.find(|target| target.key == source)?;
    (brings(pushed.action) && pushed.source.is_none()).then_some(source)
}

fn brings(action: ImageAction) -> bool {
    matches!(action, ImageAction::Build | ImageAction::Push)
}

fn find<'a>(desired: &'a Desired, name: &RegistryName) -> Option<&'a Registry> {
    desired.registries.iter().find(|it| &it.name == name)
}

fn is_copied(desired: &Desired, rules: &[ReplicationRule], key: &RepositoryKey) -> bool {
    let Some(registry) = find(desired, &key.registry) else {
        return false;
    };
    rules.iter().any(|rule| {
        let ReplicationRule {
            account,
            region,
            prefixes,
        } = rule;
        let fits = |prefix: &String| key.repository.as_str().starts_with(prefix.as_str());
        *account == registry.account
            && *region == registry.region
            && (prefixes.is_empty() || prefixes.iter().any(fits))
    })
}

/// Waiting would be in vain: better said before anything is built.
fn block(plan: &mut ImagePlan, index: usize, source: RepositoryKey) {
    let target = &mut plan.targets[index];
    target.action = ImageAction::Blocked;
    let key = target.key.clone();
    plan.action = plan.action.min(ImageAction::Blocked);
    plan.reasons.push(Reason::NotReplicated { key, source });
}
