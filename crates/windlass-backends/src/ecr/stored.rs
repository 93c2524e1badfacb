//! The images of a repository as lifecycle rules see them, and taking images out of the archive.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageDetail, ImageIdentifier, ImageStatus, ImageStatusFilter,
    TargetStorageClass,
};
use futures_util::future::join_all;
use serde::Deserialize;
use tokio::time::Instant;
use windlass_core::name::{Digest, RepositoryName, Tag};
use windlass_core::observed::StoredImage;
use windlass_core::oci;
use windlass_engine::ports::RegistryError;

use super::account::Account;
use super::failure::Failure;

/// Image ids that `DescribeImages` takes at once.
const BATCH: usize = 100;

/// Images that `DescribeImages` answers at once.
const PAGE: i32 = 1_000;

/// How long an image may take to come out of the archive; ECR says that it takes minutes.
const RESTORE: Duration = Duration::from_mins(30);

/// The longest pause between two looks at an image that is being restored.
const LOOK: Duration = Duration::from_secs(10);

/// The part of an index that is looked at.
#[derive(Default, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Child>,
}

#[derive(Deserialize)]
struct Child {
    digest: Digest,
}

impl Account {
    /// Lists the images of a repository, archived ones too.
    pub(crate) async fn stored_images(
        &self,
        name: &RepositoryName,
        only: Option<&BTreeSet<Digest>>,
    ) -> Result<Vec<StoredImage>, RegistryError> {
        let details = match only {
            None => self.all_details(name).await?,
            Some(only) => self.details(name, only).await?,
        };
        let mut images = Vec::new();
        let mut indexes = Vec::new();
        for detail in details {
            let media_type = detail.image_manifest_media_type.as_deref();
            let is_index = matches!(
                media_type,
                Some(oci::IMAGE_INDEX | oci::DOCKER_MANIFEST_LIST)
            );
            let image = read_detail(detail).ok_or_else(|| {
                RegistryError::Other(format!(
                    "ecr:DescribeImages answered an image of {name} without digest or time of push"
                ))
            })?;
            // What an index in the archive lists cannot be read; then its images count as held by nothing.
            if is_index && image.archived.is_none() {
                indexes.push(images.len());
            }
            images.push(image);
        }
        let children = indexes.into_iter().map(|place| {
            let digest = images[place].digest.clone();
            async move { (place, self.children(name, &digest).await) }
        });
        for (place, children) in join_all(children.collect::<Vec<_>>()).await {
            images[place].children = children?;
        }
        Ok(images)
    }

    async fn all_details(&self, name: &RepositoryName) -> Result<Vec<ImageDetail>, Failure> {
        let clients = self.clients().await;
        let mut details = Vec::new();
        let mut page = None;
        loop {
            let request = clients
                .ecr
                .describe_images()
                .registry_id(&self.identity.account)
                .repository_name(name.as_str())
                .filter(any_status())
                .max_results(PAGE)
                .set_next_token(page.take())
                .send();
            let answer = self.call("ecr:DescribeImages", Some(name), request).await?;
            details.extend(answer.image_details.unwrap_or_default());
            page = answer.next_token;
            if page.is_none() {
                return Ok(details);
            }
        }
    }

    pub(super) async fn details(
        &self,
        name: &RepositoryName,
        only: &BTreeSet<Digest>,
    ) -> Result<Vec<ImageDetail>, Failure> {
        let clients = self.clients().await;
        let digests: Vec<&Digest> = only.iter().collect();
        let mut details = Vec::new();
        for batch in digests.chunks(BATCH) {
            let ids = batch.iter().map(|digest| {
                ImageIdentifier::builder()
                    .image_digest(digest.as_str())
                    .build()
            });
            let request = clients
                .ecr
                .describe_images()
                .registry_id(&self.identity.account)
                .repository_name(name.as_str())
                .filter(any_status())
                .set_image_ids(Some(ids.collect()))
                .send();
            let answer = self.call("ecr:DescribeImages", Some(name), request).await?;
            details.extend(answer.image_details.unwrap_or_default());
        }
        Ok(details)
    }

    /// Returns the images that an index lists, none where it is not there any more.
    async fn children(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Digest>, RegistryError> {
        let manifest = match self.manifest(name, digest).await {
            Ok(manifest) => manifest,
            Err(RegistryError::NotFound(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let index: Index = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
        Ok(index.manifests.into_iter().map(|it| it.digest).collect())
    }

    /// Takes an image out of the archive and waits until it can be pulled.
    pub(crate) async fn restore_image(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let clients = self.clients().await;
        let id = ImageIdentifier::builder()
            .image_digest(digest.as_str())
            .build();
        let request = clients
            .ecr
            .update_image_storage_class()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .image_id(id)
            .target_storage_class(TargetStorageClass::Standard)
            .send();
        match self
            .call("ecr:UpdateImageStorageClass", Some(name), request)
            .await
        {
            Ok(_) => {}
            // It is on its way already, or there: another run was faster.
            Err(failure) if failure.is("ImageStorageClassUpdateNotSupportedException") => {}
            Err(failure) => return Err(failure.error),
        }
        self.wait_until_active(name, digest).await
    }

    async fn wait_until_active(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let only = BTreeSet::from([digest.clone()]);
        let deadline = Instant::now() + RESTORE;
        let mut pause = Duration::from_millis(100);
        loop {
            let details = self.details(name, &only).await?;
            let status = details.into_iter().next().and_then(|it| it.image_status);
            if matches!(status, None | Some(ImageStatus::Active)) {
                return Ok(());
            }
            if Instant::now() + pause > deadline {
                return Err(RegistryError::Transient(format!(
                    "{name}@{digest} is still not restored from the archive after {} minutes; run it again later",
                    RESTORE.as_secs() / 60
                )));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK);
        }
    }
}

/// Without this, ECR shows only images that can be pulled.
fn any_status() -> DescribeImagesFilter {
    DescribeImagesFilter::builder()
        .image_status(ImageStatusFilter::Any)
        .build()
}

fn read_detail(detail: ImageDetail) -> Option<StoredImage> {
    let archived = match detail.image_status {
        None | Some(ImageStatus::Active) => None,
        Some(_) => Some(
            detail
                .last_archived_at
                .or(detail.image_pushed_at)
                .map_or(0, |at| at.secs()),
        ),
    };
    let tags = detail.image_tags.unwrap_or_default().into_iter();
    Some(StoredImage {
        digest: Digest::new(detail.image_digest?).ok()?,
        tags: tags.filter_map(|tag| Tag::new(tag).ok()).collect(),
        pushed: detail.image_pushed_at?.secs(),
        pulled: detail.last_recorded_pull_time.map(|at| at.secs()),
        archived,
        children: Vec::new(),
        subject: detail
            .subject_manifest_digest
            .and_then(|digest| Digest::new(digest).ok()),
    })
}
