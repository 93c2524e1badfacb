//! Creating repositories and changing their settings.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType as FilterType,
    Tag as ResourceTag,
};
use windlass_core::manifest::model::{Encryption, LifecycleRule, TagMutability};
use windlass_core::name::RepositoryName;
use windlass_core::observed::RepositoryFacts;
use windlass_core::plan::{NewRepository, SettingChange};
use windlass_engine::ports::{RegistryError, SettingsToRead};

use super::account::Account;
use super::failure::Failure;
use super::lifecycle;
use crate::oci::transport::backoff;

/// How often a repository that was just created is asked for: about a minute in all.
const VISIBLE_ATTEMPTS: u32 = 35;

impl Account {
    /// Deletes a repository with everything in it (`force`); one that is not there is done.
    pub(crate) async fn delete_repository(
        &self,
        name: &RepositoryName,
    ) -> Result<(), RegistryError> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .delete_repository()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .force(true)
            .send();
        match self.call("ecr:DeleteRepository", Some(name), request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is("RepositoryNotFoundException") => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    /// Creates a repository and waits until it is visible; one that exists already is left as it is.
    pub(crate) async fn create_repository(
        &self,
        name: &RepositoryName,
        repository: &NewRepository,
    ) -> Result<RepositoryFacts, RegistryError> {
        let created = match self.create(name, repository).await {
            Ok(()) => true,
            Err(failure) if failure.is("RepositoryAlreadyExistsException") => false,
            Err(failure) => return Err(failure.error),
        };
        let facts = self.visible(name).await?;
        if created && !repository.lifecycle.is_empty() {
            self.put_lifecycle(name, &repository.lifecycle).await?;
        }
        if created && !repository.access.is_none() {
            self.set_access(name, &repository.access).await?;
        }
        // What is not managed is not read, and needs no permission.
        let read = SettingsToRead {
            lifecycle: !repository.lifecycle.is_empty(),
            access: !repository.access.is_none(),
            resource_tags: true,
        };
        Ok(self
            .repository(name, read)
            .await
            .known()
            .cloned()
            .unwrap_or(facts))
    }

    async fn create(
        &self,
        name: &RepositoryName,
        repository: &NewRepository,
    ) -> Result<(), Failure> {
        let NewRepository {
            tags,
            scan_on_push,
            encryption,
            lifecycle: _,
            access: _,
            resource_tags,
        } = repository;
        let clients = self.clients().await;
        let request = clients
            .ecr
            .create_repository()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .set_tags((!resource_tags.is_empty()).then(|| sdk_tags(resource_tags)))
            .image_tag_mutability(sdk_mutability(tags))
            .set_image_tag_mutability_exclusion_filters(sdk_filters(tags))
            .image_scanning_configuration(
                ImageScanningConfiguration::builder()
                    .scan_on_push(*scan_on_push)
                    .build(),
            )
            .encryption_configuration(sdk_encryption(encryption))
            .send();
        self.call("ecr:CreateRepository", Some(name), request)
            .await
            .map(|_| ())
    }

    /// Waits until a repository is there: ECR may not show one for some seconds after it was created.
    async fn visible(&self, name: &RepositoryName) -> Result<RepositoryFacts, RegistryError> {
        for attempt in 0..VISIBLE_ATTEMPTS {
            if let Some(facts) = self.described(name).await? {
                return Ok(facts);
            }
            tokio::time::sleep(backoff(attempt, Duration::from_secs(2))).await;
        }
        Err(RegistryError::Transient(format!(
            "repository {name} was created in registry {} and is still not visible; try again later",
            self.name
        )))
    }

    pub(crate) async fn change_setting(
        &self,
        name: &RepositoryName,
        change: &SettingChange,
    ) -> Result<(), RegistryError> {
        match change {
            SettingChange::Tags(tags) => self.put_mutability(name, tags).await?,
            SettingChange::ScanOnPush(scan) => self.put_scanning(name, *scan).await?,
            SettingChange::Lifecycle(rules) if rules.is_empty() => {
                self.delete_lifecycle(name).await?;
            }
            SettingChange::Lifecycle(rules) => self.put_lifecycle(name, rules).await?,
            SettingChange::Access(policy) if policy.is_none() => {
                self.delete_access(name).await?;
            }
            SettingChange::Access(policy) => self.set_access(name, policy).await?,
            SettingChange::ResourceTags(tags) => self.tag_resource(name, tags).await?,
        }
        Ok(())
    }

    async fn put_mutability(
        &self,
        name: &RepositoryName,
        tags: &TagMutability,
    ) -> Result<(), Failure> {
        let clients = self.clients().await;
        // The call replaces value and filters together: both are always sent.
        let request = clients
            .ecr
            .put_image_tag_mutability()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .image_tag_mutability(sdk_mutability(tags))
            .set_image_tag_mutability_exclusion_filters(sdk_filters(tags))
            .send();
        self.call("ecr:PutImageTagMutability", Some(name), request)
            .await
            .map(|_| ())
    }

    async fn put_scanning(&self, name: &RepositoryName, scan: bool) -> Result<(), Failure> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .put_image_scanning_configuration()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .image_scanning_configuration(
                ImageScanningConfiguration::builder()
                    .scan_on_push(scan)
                    .build(),
            )
            .send();
        self.call("ecr:PutImageScanningConfiguration", Some(name), request)
            .await
            .map(|_| ())
    }

    async fn put_lifecycle(
        &self,
        name: &RepositoryName,
        rules: &[LifecycleRule],
    ) -> Result<(), Failure> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .put_lifecycle_policy()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .lifecycle_policy_text(lifecycle::render(rules))
            .send();
        self.call("ecr:PutLifecyclePolicy", Some(name), request)
            .await
            .map(|_| ())
    }

    async fn delete_lifecycle(&self, name: &RepositoryName) -> Result<(), Failure> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .delete_lifecycle_policy()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .send();
        match self
            .call("ecr:DeleteLifecyclePolicy", Some(name), request)
            .await
        {
            Ok(_) => Ok(()),
            Err(failure) if failure.is("LifecyclePolicyNotFoundException") => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn tag_resource(
        &self,
        name: &RepositoryName,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError> {
        let arn = self.existing(name).await?.arn;
        let clients = self.clients().await;
        let request = clients
            .ecr
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(sdk_tags(tags)))
            .send();
        self.call("ecr:TagResource", Some(name), request).await?;
        Ok(())
    }
}

fn sdk_mutability(tags: &TagMutability) -> ImageTagMutability {
    match (tags.mutable, tags.except.is_empty()) {
        (true, true) => ImageTagMutability::Mutable,
        (true, false) => ImageTagMutability::MutableWithExclusion,
        (false, true) => ImageTagMutability::Immutable,
        (false, false) => ImageTagMutability::ImmutableWithExclusion,
    }
}

/// Filters belong only to the values with exclusion; an empty list would be refused.
fn sdk_filters(tags: &TagMutability) -> Option<Vec<ImageTagMutabilityExclusionFilter>> {
    (!tags.except.is_empty()).then(|| {
        tags.except
            .iter()
            .map(|glob| {
                ImageTagMutabilityExclusionFilter::builder()
                    .filter_type(FilterType::Wildcard)
                    .filter(glob)
                    .build()
                    .expect("type and filter are set")
            })
            .collect()
    })
}

fn sdk_encryption(encryption: &Encryption) -> EncryptionConfiguration {
    let (kind, key) = match encryption {
        Encryption::Aes256 => (EncryptionType::Aes256, None),
        Encryption::Kms(key) => (EncryptionType::Kms, key.clone()),
        Encryption::KmsDsse(key) => (EncryptionType::KmsDsse, key.clone()),
    };
    EncryptionConfiguration::builder()
        .encryption_type(kind)
        .set_kms_key(key)
        .build()
        .expect("the type is set")
}

fn sdk_tags(tags: &BTreeMap<String, String>) -> Vec<ResourceTag> {
    tags.iter()
        .map(|(key, value)| {
            ResourceTag::builder()
                .key(key)
                .value(value)
                .build()
                .expect("key and value are set")
        })
        .collect()
}
