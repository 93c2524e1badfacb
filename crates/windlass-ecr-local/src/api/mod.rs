//! The API plane: one function an operation.
//!
//! To add an operation: write its function in the module of its subject, and its row in [`OPERATIONS`]. Its request
//! is checked against the service model before the function sees it, its answer after (in debug builds).

mod answer;
mod availability;
mod delete_image;
mod describe_images;
mod get_image;
mod layers;
mod lifecycle;
mod page;
mod permission;
mod policy;
mod put_image;
mod referrers;
mod registry_settings;
mod repositories;
mod resource_tags;
mod scan_findings;
mod scanning;
mod storage_class;
mod sts;
mod tagging;
mod token;

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use answer::{answer, answer_query};
pub(crate) use delete_image::{ImageId, delete_one};
pub(crate) use get_image::{Accepted, find_active, record_pull};
pub(crate) use put_image::{NewImage, put};
pub(crate) use referrers::descriptors_of;
pub(crate) use repositories::plain_settings;

use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::model::{Repository, Scope, StoreGuard};
use crate::server::Shared;

/// What a function gets beside its request.
pub(crate) struct Call<'a> {
    /// The server.
    pub(crate) server: &'a Arc<Shared>,
    /// Registry of the caller in the region of the port.
    pub(crate) caller: Scope,
    /// ARN of the caller.
    pub(crate) principal: String,
    /// Name of the operation; on the registry plane, of the one that it stands for.
    pub(crate) operation: &'a str,
    /// Time of the call.
    pub(crate) now: Timestamp,
    /// Whether the answer is that of a moment ago, before the last writes.
    pub(crate) old: bool,
}

type Operation = fn(&Call<'_>, Value) -> Result<Value, ApiError>;

/// The operations that are played, by name.
const OPERATIONS: &[(&str, Operation)] = &[
    ("BatchCheckLayerAvailability", |call, request| {
        availability::check(call, &read(request)?)
    }),
    ("BatchDeleteImage", |call, request| {
        delete_image::delete(call, read(request)?)
    }),
    ("BatchGetImage", |call, request| {
        get_image::get(call, read(request)?)
    }),
    (
        "BatchGetRepositoryScanningConfiguration",
        |call, request| Ok(scanning::batch_get(call, read(request)?)),
    ),
    ("CompleteLayerUpload", |call, request| {
        layers::complete(call, &read(request)?)
    }),
    ("CreateRepository", |call, request| {
        repositories::create(call, read(request)?)
    }),
    ("DeleteLifecyclePolicy", |call, request| {
        lifecycle::delete(call, &read(request)?)
    }),
    ("DeleteRegistryPolicy", |call, _| {
        registry_settings::delete_policy(call)
    }),
    ("DeleteRepository", |call, request| {
        repositories::delete(call, &read(request)?)
    }),
    ("DeleteRepositoryPolicy", |call, request| {
        policy::delete(call, &read(request)?)
    }),
    ("DeleteSigningConfiguration", |call, _| {
        registry_settings::delete_signing(call)
    }),
    ("DeregisterPullTimeUpdateExclusion", |call, request| {
        registry_settings::deregister_exclusion(call, &read(request)?)
    }),
    ("DescribeImageReplicationStatus", |call, request| {
        describe_images::replication_status(call, &read(request)?)
    }),
    ("DescribeImageScanFindings", |call, request| {
        scan_findings::describe(call, &read(request)?)
    }),
    ("DescribeImages", |call, request| {
        describe_images::describe(call, &read(request)?)
    }),
    ("DescribeRegistry", |call, _| {
        Ok(registry_settings::describe(call))
    }),
    ("DescribeRepositories", |call, request| {
        repositories::describe(call, &read(request)?)
    }),
    ("GetAccountSetting", |call, request| {
        registry_settings::get_account_setting(call, &read(request)?)
    }),
    ("GetAuthorizationToken", |call, request| {
        token::get(call, &read(request)?)
    }),
    ("GetDownloadUrlForLayer", |call, request| {
        layers::download_url(call, &read(request)?)
    }),
    ("GetLifecyclePolicy", |call, request| {
        lifecycle::get(call, &read(request)?)
    }),
    ("GetLifecyclePolicyPreview", |call, request| {
        lifecycle::get_preview(call, &read(request)?)
    }),
    ("GetRegistryPolicy", |call, _| {
        registry_settings::get_policy(call)
    }),
    ("GetRegistryScanningConfiguration", |call, _| {
        Ok(scanning::get(call))
    }),
    ("GetRepositoryPolicy", |call, request| {
        policy::get(call, &read(request)?)
    }),
    ("GetSigningConfiguration", |call, _| {
        registry_settings::get_signing(call)
    }),
    ("InitiateLayerUpload", |call, request| {
        layers::initiate(call, &read(request)?)
    }),
    ("ListImageReferrers", |call, request| {
        referrers::list(call, &read(request)?)
    }),
    ("ListImages", |call, request| {
        describe_images::list(call, &read(request)?)
    }),
    ("ListPullTimeUpdateExclusions", |call, request| {
        registry_settings::list_exclusions(call, &read(request)?)
    }),
    ("ListTagsForResource", |call, request| {
        resource_tags::list(call, &read(request)?)
    }),
    ("PutAccountSetting", |call, request| {
        registry_settings::put_account_setting(call, read(request)?)
    }),
    ("PutImage", |call, request| {
        put_image::put_image(call, &read(request)?)
    }),
    ("PutImageScanningConfiguration", |call, request| {
        repositories::put_scanning(call, &read(request)?)
    }),
    ("PutImageTagMutability", |call, request| {
        repositories::put_mutability(call, read(request)?)
    }),
    ("PutLifecyclePolicy", |call, request| {
        lifecycle::put(call, read(request)?)
    }),
    ("PutRegistryPolicy", |call, request| {
        registry_settings::put_policy(call, read(request)?)
    }),
    ("PutRegistryScanningConfiguration", |call, request| {
        scanning::put(call, read(request)?)
    }),
    ("PutReplicationConfiguration", |call, request| {
        registry_settings::put_replication(call, &read(request)?)
    }),
    ("PutSigningConfiguration", |call, request| {
        registry_settings::put_signing(call, &read(request)?)
    }),
    ("RegisterPullTimeUpdateExclusion", |call, request| {
        registry_settings::register_exclusion(call, read(request)?)
    }),
    ("SetRepositoryPolicy", |call, request| {
        policy::set(call, read(request)?)
    }),
    ("StartLifecyclePolicyPreview", |call, request| {
        lifecycle::start_preview(call, read(request)?)
    }),
    ("TagResource", |call, request| {
        resource_tags::tag(call, read(request)?)
    }),
    ("UntagResource", |call, request| {
        resource_tags::untag(call, &read(request)?)
    }),
    ("UpdateImageStorageClass", |call, request| {
        storage_class::update(call, &read(request)?)
    }),
    ("UploadLayerPart", |call, request| {
        layers::upload_part(call, &read(request)?)
    }),
];

/// The part that most requests have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Target {
    /// Account of the registry; absent means the caller's.
    pub(crate) registry_id: Option<String>,
    /// Repository.
    pub(crate) repository_name: String,
}

/// Reads a request that has passed the service model.
fn read<T: DeserializeOwned>(request: Value) -> Result<T, ApiError> {
    serde_json::from_value(request)
        .map_err(|error| ApiError::new("SerializationException", error.to_string()))
}

impl Call<'_> {
    /// Returns the registry that a request names.
    pub(crate) fn scope(&self, registry_id: Option<&String>) -> Scope {
        let account = registry_id.unwrap_or(&self.caller.account).clone();
        Scope {
            account,
            region: self.caller.region.clone(),
        }
    }

    /// Finds a repository, if it is there, visible, and the caller may do the operation.
    pub(crate) fn repository<'s>(
        &self,
        store: &'s StoreGuard<'_>,
        scope: &Scope,
        name: &str,
    ) -> Result<&'s Repository, ApiError> {
        let found = store.registry(scope).repositories.get(name);
        let is_visible = |found: &&Repository| {
            found
                .visible_from
                .is_none_or(|from| from <= std::time::Instant::now())
        };
        let found = found
            .filter(is_visible)
            .ok_or_else(|| repository_not_found(scope, name))?;
        if scope.account != self.caller.account {
            permission::check(self, scope, name, found)?;
        }
        Ok(found)
    }
}

/// Returns the refusal of a repository that is not there.
pub(crate) fn repository_not_found(scope: &Scope, name: &str) -> ApiError {
    let account = &scope.account;
    ApiError::new(
        "RepositoryNotFoundException",
        format!(
            "The repository with name '{name}' does not exist in the registry with id '{account}'"
        ),
    )
}

/// Returns the refusal of an image that is not there.
fn image_not_found(scope: &Scope, name: &str, id: &ImageId) -> ApiError {
    let shown = |part: &Option<String>| part.clone().unwrap_or_else(|| "null".to_owned());
    let (digest, tag) = (shown(&id.image_digest), shown(&id.image_tag));
    ApiError::new(
        "ImageNotFoundException",
        format!(
            "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository \
             with name '{name}' in the registry with id '{}'",
            scope.account
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_the_services_own_and_in_order() {
        let names: Vec<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
        assert!(names.is_sorted());
        assert_eq!(
            names
                .iter()
                .filter(|name| !crate::validate::is_operation(name))
                .count(),
            0
        );
    }

    #[test]
    fn the_documentation_lists_every_operation() {
        let page = include_str!("../../../../docs/local-ecr.md");
        let missing = OPERATIONS
            .iter()
            .filter(|(name, _)| !page.contains(&format!("`{name}`")));
        assert_eq!(missing.count(), 0);
    }
}
