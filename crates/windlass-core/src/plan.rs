//! The plan: what apply will do, image by image and setting by setting, and why.
//!
//! [`plan`] is pure and total: everything it may need is in [`Desired`] and [`Observed`], and what could not be read is a value there.
//! A plan leaves no choice to apply, and apply never branches on a [`Reason`].

mod after;
mod check;
mod declared;
mod dependants;
mod drift;
pub mod file;
mod image;
mod lifecycle;
mod limits;
mod model;
mod policy;
mod precondition;
mod removal;
mod replication;
mod repository;
mod source;
mod tags;
#[cfg(test)]
mod tests;
mod warnings;

use std::collections::BTreeMap;

pub use after::after;
pub use check::check;
pub use declared::Declared;
pub use drift::strangers_to_date;
pub use lifecycle::{Verdict, evaluate as evaluate_lifecycle, to_list as repositories_to_list};
pub use limits::to_count as images_to_count;
pub use model::{
    BasePlan, CopySource, ImageAction, ImagePlan, NewRepository, Plan, Reason, RegistryPlan,
    RepositoryAction, RepositoryPlan, SettingChange, SettingDiff, TagAction, TagPlan, TargetPlan,
    VariablePlan,
};
pub use policy::{
    BaseRecord, IgnoreRecord, ImageRecord, JudgedRecord, JudgedTag, JudgedValue, PolicyRecord,
    PolicySource, SettingsRecord, WaiverRecord,
};
pub use precondition::{RepositoryState, TagState, repository_state, tag_state};
pub use removal::{deletion_problem, repositories_to_delete};
pub use replication::replications_to_read;
pub use repository::WORKSPACE_TAG;
pub use source::sources_to_read;
pub use tags::is_immutable;
pub use warnings::warnings;

use crate::desired::Desired;
use crate::manifest::model::Registry;
use crate::name::RepositoryKey;
use crate::observed::{Fact, Observed};

/// Compares the wanted with the observed world.
///
/// Images and repositories come in the order of `desired`, the unchanged ones among them.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let repositories: Vec<RepositoryPlan> = desired
        .repositories
        .iter()
        .map(|repository| repository::plan_repository(&desired.workspace, repository, observed))
        .chain(removal::plan_removals(desired, observed))
        .collect();
    let by_key: BTreeMap<&RepositoryKey, &RepositoryPlan> = repositories
        .iter()
        .map(|repository| (&repository.key, repository))
        .collect();
    let mut images: Vec<ImagePlan> = desired
        .images
        .iter()
        .map(|image| image::plan_image(desired, image, &by_key, observed))
        .collect();
    lifecycle::judge(desired, observed, &repositories, &mut images);
    limits::judge(observed, &mut images);
    drift::date(observed, &mut images);
    dependants::block_dependants(&mut images);
    let (builder, builder_note) = match &observed.builder {
        Fact::Known(builder) => (Some(builder.description.clone()), None),
        Fact::Absent => (None, None),
        Fact::Unknown(why) => (None, Some(why.to_string())),
    };
    let mut notes = desired.notes.clone();
    notes.extend(source::notes(observed));
    notes.extend(limits::notes(observed));
    notes.extend(replication::notes(observed));
    let needs_builder = images
        .iter()
        .any(|image| image.action == ImageAction::Build);
    if let (Some(why), true) = (builder_note, needs_builder) {
        notes.push(format!(
            "no builder was asked for images it may already hold: {why}"
        ));
    }
    Plan {
        workspace: desired.workspace.clone(),
        environment: desired.environment.clone(),
        git_sha: desired.git_sha.clone(),
        builder,
        registries: desired.registries.iter().map(registry).collect(),
        variables: desired
            .variables
            .iter()
            .map(|variable| VariablePlan {
                name: variable.name.clone(),
                value: variable.value.clone(),
                origin: variable.origin.clone(),
            })
            .collect(),
        bases: desired
            .bases
            .iter()
            .map(|(reference, base)| BasePlan {
                reference: reference.clone(),
                digest: base.digest.clone(),
                locked: base.locked,
            })
            .collect(),
        images,
        repositories,
        notes,
        refusals: Vec::new(),
        guards: Vec::new(),
        engine: None,
        policy: PolicyRecord::default(),
    }
}

fn registry(registry: &Registry) -> RegistryPlan {
    let Registry {
        name,
        account,
        region,
        role,
        profile,
        endpoint,
        replicated_from: _,
        location: _,
    } = registry.clone();
    RegistryPlan {
        name,
        account,
        region,
        role,
        profile,
        endpoint,
    }
}
