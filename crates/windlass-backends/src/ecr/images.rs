//! Reading images: what tags hold, and manifests by digest.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecr::types::{
    Image, ImageFailure, ImageFailureCode, ImageIdentifier, ImageStatusFilter, ListImagesFilter,
    TagStatus,
};
use futures_util::future::{join_all, try_join};
use serde::Deserialize;
use windlass_core::name::{Digest, Fingerprint, RepositoryName, Tag};
use windlass_core::observed::{Fact, ImageFacts};
use windlass_core::oci;
use windlass_engine::ports::{Manifest, RegistryError};

use super::account::Account;
use super::failure::Failure;

/// Image ids that `BatchGetImage` takes at once.
const BATCH: usize = 100;

/// Every stored type is accepted: ECR converts manifests that are read by tag to an accepted type, which changes their digest.
const ACCEPTED: [&str; 4] = [
    oci::IMAGE_MANIFEST,
    oci::IMAGE_INDEX,
    oci::DOCKER_MANIFEST,
    oci::DOCKER_MANIFEST_LIST,
];

type Facts = BTreeMap<Tag, Fact<ImageFacts>>;

/// The parts of a manifest that are looked at.
#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    config: Option<Blob>,
    #[serde(default)]
    layers: Vec<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    digest: Digest,
}

impl Account {
    /// Reads what tags hold: one call for each hundred, and one more where tags are not among the active images.
    pub(crate) async fn images(&self, name: &RepositoryName, tags: &BTreeSet<Tag>) -> Facts {
        let all: Vec<&Tag> = tags.iter().collect();
        let batches = {
            let _begun = self
                .reads
                .acquire()
                .await
                .expect("the semaphore is never closed");
            join_all(all.chunks(BATCH).map(|batch| self.image_batch(name, batch))).await
        };
        let mut facts = Facts::new();
        let mut hidden = Facts::new();
        for (read, missing) in batches {
            facts.extend(read);
            hidden.extend(missing);
        }
        if !hidden.is_empty() {
            facts.extend(self.archived(name, hidden).await);
        }
        facts
    }

    /// Returns what was read, and the tags that ECR says it cannot give: absent, or in the archive.
    async fn image_batch(&self, name: &RepositoryName, tags: &[&Tag]) -> (Facts, Facts) {
        let ids = tags
            .iter()
            .map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()).build())
            .collect();
        let (images, failures) = match self.batch_get_image(name, ids).await {
            Ok(answer) => answer,
            Err(failure) => {
                let fact = if failure.is("RepositoryNotFoundException") {
                    Fact::Absent
                } else {
                    failure.error.into_fact()
                };
                let facts = tags.iter().map(|tag| ((*tag).clone(), fact.clone()));
                return (facts.collect(), Facts::new());
            }
        };
        let mut facts: Facts = tags
            .iter()
            .map(|tag| {
                let why = format!("ecr:BatchGetImage did not answer for {name}:{tag}");
                ((*tag).clone(), Fact::not_read(why))
            })
            .collect();
        let mut hidden = Facts::new();
        // Tags mostly hold one image, and ECR answers it once for each.
        let mut read: Vec<(&Image, Fact<ImageFacts>)> = Vec::new();
        for image in &images {
            let tag = image.image_id.as_ref().and_then(|id| id.image_tag.clone());
            if let Some(fact) = tag.and_then(|tag| facts.get_mut(&Tag::new(tag).ok()?)) {
                let known = read.iter().find(|(other, _)| is_same(other, image));
                *fact = if let Some((_, known)) = known {
                    known.clone()
                } else {
                    let found = self.read_image(name, image);
                    read.push((image, found.clone()));
                    found
                };
            }
        }
        for failure in failures {
            let tag = failure
                .image_id
                .as_ref()
                .and_then(|id| id.image_tag.clone());
            let Some(tag) = tag
                .and_then(|tag| Tag::new(tag).ok())
                .filter(|tag| facts.contains_key(tag))
            else {
                continue;
            };
            let fact = read_failure(name, &tag, &failure);
            if may_be_archived(&failure) {
                facts.remove(&tag);
                hidden.insert(tag, fact);
            } else {
                facts.insert(tag, fact);
            }
        }
        (facts, hidden)
    }

    async fn batch_get_image(
        &self,
        name: &RepositoryName,
        ids: Vec<ImageIdentifier>,
    ) -> Result<(Vec<Image>, Vec<ImageFailure>), Failure> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .batch_get_image()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .set_image_ids(Some(ids))
            .set_accepted_media_types(Some(ACCEPTED.map(str::to_owned).to_vec()))
            .send();
        let answer = self.call("ecr:BatchGetImage", Some(name), request).await?;
        Ok((
            answer.images.unwrap_or_default(),
            answer.failures.unwrap_or_default(),
        ))
    }

    /// Looks for tags among the archived images, which cannot be pulled but are there.
    async fn archived(&self, name: &RepositoryName, mut tags: Facts) -> Facts {
        let listed = match self.list_archived(name, &tags).await {
            Ok(listed) => listed,
            // Who may not list gets what BatchGetImage said.
            Err(Failure {
                error: RegistryError::Denied(_),
                ..
            }) => BTreeMap::new(),
            Err(failure) => {
                let why = failure.error.into_fact();
                return tags.into_keys().map(|tag| (tag, why.clone())).collect();
            }
        };
        for (tag, digest) in listed {
            tags.insert(
                tag,
                Fact::Known(ImageFacts {
                    digest,
                    fingerprint: None,
                    created: None,
                    commit_time: None,
                    archived: true,
                }),
            );
        }
        tags
    }

    async fn list_archived(
        &self,
        name: &RepositoryName,
        tags: &Facts,
    ) -> Result<BTreeMap<Tag, Digest>, Failure> {
        // ACTIVATING images cannot be pulled either: both states are asked for, each is nearly always one empty page.
        let (mut found, activating) = try_join(
            self.list_with_status(name, tags, ImageStatusFilter::Archived),
            self.list_with_status(name, tags, ImageStatusFilter::Activating),
        )
        .await?;
        found.extend(activating);
        Ok(found)
    }

    /// Returns the images in one status that hold any of `tags`.
    async fn list_with_status(
        &self,
        name: &RepositoryName,
        tags: &Facts,
        status: ImageStatusFilter,
    ) -> Result<BTreeMap<Tag, Digest>, Failure> {
        let clients = self.clients().await;
        let filter = ListImagesFilter::builder()
            .tag_status(TagStatus::Tagged)
            .image_status(status)
            .build();
        let mut found = BTreeMap::new();
        let mut page = None;
        loop {
            let request = clients
                .ecr
                .list_images()
                .registry_id(&self.identity.account)
                .repository_name(name.as_str())
                .max_results(1000)
                .filter(filter.clone())
                .set_next_token(page.take())
                .send();
            let answer = self.call("ecr:ListImages", Some(name), request).await?;
            for id in answer.image_ids.unwrap_or_default() {
                let tag = id.image_tag.and_then(|tag| Tag::new(tag).ok());
                let digest = id.image_digest.and_then(|digest| Digest::new(digest).ok());
                if let (Some(tag), Some(digest)) = (tag, digest)
                    && tags.contains_key(&tag)
                {
                    found.insert(tag, digest);
                }
            }
            page = answer.next_token;
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    /// Reads a manifest by digest; its bytes are checked against it.
    pub(crate) async fn manifest(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        let id = ImageIdentifier::builder()
            .image_digest(digest.as_str())
            .build();
        let (images, failures) = self.batch_get_image(name, vec![id]).await?;
        if let Some(image) = images.into_iter().next() {
            let bytes = image.image_manifest.unwrap_or_default().into_bytes();
            if Digest::of(&bytes) != *digest {
                return Err(RegistryError::Other(format!(
                    "ecr:BatchGetImage answered other bytes than {name}@{digest} asks for"
                )));
            }
            let media_type = image
                .image_manifest_media_type
                .or_else(|| media_type_of(&bytes))
                .unwrap_or_else(|| oci::IMAGE_MANIFEST.to_owned());
            return Ok(Manifest { bytes, media_type });
        }
        let failure = failures.into_iter().next();
        let code = failure
            .as_ref()
            .and_then(|failure| failure.failure_code.clone());
        let text = format!(
            "{name}@{digest} of registry {} cannot be read: {}",
            self.name,
            code.as_ref().map_or("no answer", ImageFailureCode::as_str)
        );
        Err(match code {
            Some(ImageFailureCode::ImageNotFound) => RegistryError::NotFound(text),
            _ => RegistryError::Other(text),
        })
    }

    /// Remembers which blobs a repository holds for good: those that one of its manifests names can be mounted elsewhere.
    pub(crate) fn remember_manifest(&self, name: &RepositoryName, manifest: &str) {
        let document: Document = serde_json::from_str(manifest).unwrap_or_default();
        self.remember_blobs(name, &document);
    }

    fn remember_blobs(&self, name: &RepositoryName, document: &Document) {
        for blob in document.layers.iter().chain(&document.config) {
            self.remember_blob(&blob.digest, name);
        }
    }

    fn read_image(&self, name: &RepositoryName, image: &Image) -> Fact<ImageFacts> {
        let digest = image
            .image_id
            .as_ref()
            .and_then(|id| id.image_digest.clone());
        let (Some(digest), Some(manifest)) = (digest, &image.image_manifest) else {
            return Fact::not_read(format!(
                "ecr:BatchGetImage answered an image of {name} without digest or manifest"
            ));
        };
        let actual = Digest::of(manifest.as_bytes());
        if actual.as_str() != digest {
            return Fact::not_read(format!(
                "ecr:BatchGetImage answered a manifest of {name} whose bytes are not {digest}: it is stored in a format that windlass does not read"
            ));
        }
        let document: Document = serde_json::from_str(manifest).unwrap_or_default();
        self.remember_blobs(name, &document);
        let annotations = document.annotations;
        Fact::Known(ImageFacts {
            digest: actual,
            fingerprint: annotations
                .get(oci::FINGERPRINT_ANNOTATION)
                .and_then(|text| Fingerprint::new(text.as_str()).ok()),
            created: annotations.get(oci::CREATED_ANNOTATION).cloned(),
            commit_time: annotations.get(oci::COMMIT_TIME_ANNOTATION).cloned(),
            archived: false,
        })
    }
}

/// Says whether two answers are of one image, under whatever tags.
fn is_same(one: &Image, other: &Image) -> bool {
    let digest = |image: &Image| image.image_id.as_ref()?.image_digest.clone();
    digest(one) == digest(other) && one.image_manifest == other.image_manifest
}

fn media_type_of(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: String,
    }
    serde_json::from_slice::<Typed>(bytes)
        .ok()
        .map(|typed| typed.media_type)
}

fn may_be_archived(failure: &ImageFailure) -> bool {
    matches!(
        failure.failure_code,
        Some(ImageFailureCode::ImageNotFound | ImageFailureCode::ImageInaccessible)
    )
}

fn read_failure(name: &RepositoryName, tag: &Tag, failure: &ImageFailure) -> Fact<ImageFacts> {
    match &failure.failure_code {
        Some(ImageFailureCode::ImageNotFound) => Fact::Absent,
        code => Fact::not_read(format!(
            "{name}:{tag} cannot be read: {}{}",
            code.as_ref().map_or("no code", ImageFailureCode::as_str),
            failure
                .failure_reason
                .as_ref()
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default()
        )),
    }
}
