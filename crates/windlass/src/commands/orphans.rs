//! Repositories that this workspace created and that its manifest does not name any more: for information only.

use std::collections::BTreeSet;

use windlass_core::desired::Desired;
use windlass_core::name::{RegistryName, RepositoryName};

use crate::session::Session;

/// Names that a note holds before it counts.
const NAMED: usize = 8;

/// Returns a note for each registry that holds such repositories, or that cannot be asked.
pub(crate) async fn notes(desired: &Desired, session: &Session) -> Vec<String> {
    let registries = &session.registries;
    let owned = registries.owned_repositories(&desired.workspace).await;
    let notes = owned.into_iter().filter_map(|(name, owned)| match owned {
        Ok(owned) => {
            let orphans = orphans(desired, &name, &owned?);
            (!orphans.is_empty()).then(|| said(desired, &name, &orphans))
        }
        Err(error) => Some(format!(
            "whether registry {name} holds repositories that the manifest gave up is not known: {error}"
        )),
    });
    notes.collect()
}

/// Leaves out what the manifest names, also as renamed or given up.
fn orphans(
    desired: &Desired,
    registry: &RegistryName,
    owned: &BTreeSet<RepositoryName>,
) -> Vec<RepositoryName> {
    let wanted = desired
        .repositories
        .iter()
        .filter(|repository| repository.key.registry == *registry)
        .map(|repository| &repository.key.repository);
    let moved = desired.moved.iter().map(|moved| &moved.from.value);
    let removed = desired
        .removed
        .iter()
        .map(|removed| &removed.repository.value);
    let known: BTreeSet<&RepositoryName> = wanted.chain(moved).chain(removed).collect();
    let orphans = owned.iter().filter(|name| !known.contains(name));
    orphans.cloned().collect()
}

fn said(desired: &Desired, registry: &RegistryName, orphans: &[RepositoryName]) -> String {
    let mut names: Vec<String> = orphans
        .iter()
        .take(NAMED)
        .map(|name| format!("`{name}`"))
        .collect();
    if orphans.len() > NAMED {
        names.push(format!("{} more", orphans.len() - NAMED));
    }
    let environment = match &desired.environment {
        Some(environment) => format!(" for environment {environment}"),
        None => String::new(),
    };
    format!(
        "registry {registry} holds repositories that this workspace created and that the manifest does not name any more{environment}: {}; `removed \"repository\" \"NAME\"` forgets one, and with `images \"delete\"` deletes it",
        names.join(", ")
    )
}
