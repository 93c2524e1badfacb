//! What grants are about: the ARNs of repositories and of the keys they are encrypted with.

use std::collections::BTreeSet;

use crate::manifest::model::{Encryption, Registry, Repository, partition};
use crate::name::RepositoryName;

/// Returns the keys that created repositories are encrypted with; an alias is no resource, so any key of the account stands for it.
pub(super) fn keys(registry: &Registry, repositories: &[&Repository]) -> Vec<String> {
    let keys = repositories
        .iter()
        .filter(|repository| repository.settings.create)
        .filter_map(
            |repository| match &repository.settings.encryption.as_ref()?.value {
                Encryption::Kms(Some(key)) | Encryption::KmsDsse(Some(key)) => Some(key),
                Encryption::Aes256 | Encryption::Kms(None) | Encryption::KmsDsse(None) => None,
            },
        );
    let resource = |key: &String| {
        if key.starts_with("arn:") && key.contains(":key/") {
            return key.clone();
        }
        let id = if key.contains("alias/") { "*" } else { key };
        let (
            partition,
            Registry {
                account, region, ..
            },
        ) = (partition(&registry.region), registry);
        format!("arn:{partition}:kms:{region}:{account}:key/{id}")
    };
    let keys: BTreeSet<String> = keys.map(resource).collect();
    keys.into_iter().collect()
}

/// Returns the resource of a repository.
pub(super) fn arn(registry: &Registry, repository: &RepositoryName) -> String {
    let partition = partition(&registry.region);
    format!(
        "arn:{partition}:ecr:{}:{}:repository/{}",
        registry.region, registry.account, repository
    )
}
