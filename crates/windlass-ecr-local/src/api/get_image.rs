//! `BatchGetImage`: the call that a pull makes, with its conversion of formats by tag.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Call, ImageId};
use crate::errors::ApiError;
use crate::identity::is_sha256_digest;
use crate::model::{Image, Repository, Scope, StoreGuard, media};

/// Request of `BatchGetImage`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageId>,
    accepted_media_types: Option<Vec<String>>,
}

/// Why an image of a batch is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Code of the API.
    pub(crate) code: &'static str,
    /// Text of the API.
    pub(crate) reason: &'static str,
}

/// The image is not there.
const NOT_FOUND: Failure = Failure {
    code: "ImageNotFound",
    reason: "Requested image not found",
};

/// `BatchGetImage`. Images that are not there are listed as failures.
pub(super) fn get(call: &Call<'_>, request: Get) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let accepted = Accepted::new(request.accepted_media_types.unwrap_or_default());
    let (mut images, mut failures, mut pulled) = (Vec::new(), Vec::new(), Vec::new());
    let mut store = call.server.store.lock();
    let repository = call.repository(&store, &scope, name)?;
    for id in request.image_ids {
        let found = if call.old {
            find_late(repository, &id)
        } else {
            find_active(repository, &id)
        };
        match found {
            Ok((digest, image)) => {
                let (text, media_type) = accepted.served(image, id.image_tag.is_some());
                let mut image_id = json!({ "imageDigest": digest });
                if let Some(tag) = &id.image_tag {
                    image_id["imageTag"] = json!(tag);
                }
                images.push(json!({
                    "registryId": scope.account,
                    "repositoryName": name,
                    "imageId": image_id,
                    "imageManifest": &*text,
                    "imageManifestMediaType": media_type,
                }));
                pulled.push(digest.clone());
            }
            Err(failure) => failures.push(described(&id, failure)),
        }
    }
    record_pull(call, &mut store, &scope, name, &pulled)?;
    Ok(json!({ "images": images, "failures": failures }))
}

/// Records pulls, unless the caller is excluded.
pub(crate) fn record_pull(
    call: &Call<'_>,
    store: &mut StoreGuard<'_>,
    scope: &Scope,
    name: &str,
    digests: &[String],
) -> Result<(), ApiError> {
    let excluded = store
        .registry(scope)
        .settings
        .pull_time_exclusions
        .contains(&call.principal);
    if !call.server.quirks.pull_times || excluded {
        return Ok(());
    }
    digests
        .iter()
        .try_for_each(|digest| store.record_pull(scope, name, digest, call.now))
}

/// Returns a failure as batches list it.
pub(super) fn described(id: &ImageId, failure: Failure) -> Value {
    json!({ "imageId": id, "failureCode": failure.code, "failureReason": failure.reason })
}

/// Finds the image of an id, archived ones included.
pub(super) fn find<'a>(
    repository: &'a Repository,
    id: &ImageId,
) -> Result<(&'a String, &'a Image), Failure> {
    let fail = |code, reason| Err(Failure { code, reason });
    let digest = match (&id.image_digest, &id.image_tag) {
        (None, None) => {
            return fail(
                "MissingDigestAndTag",
                "Invalid request parameters: both tag and digest cannot be null",
            );
        }
        (Some(digest), _) if !is_sha256_digest(digest) => {
            return fail(
                "InvalidImageDigest",
                "Invalid request parameters: image digest should satisfy the regex",
            );
        }
        (Some(digest), None) => digest,
        (given, Some(tag)) => {
            let tagged = repository.tagged(tag).ok_or(NOT_FOUND)?;
            if given.as_ref().is_some_and(|given| given != tagged) {
                return fail(
                    "ImageTagDoesNotMatchDigest",
                    "Requested image tag does not match the image digest",
                );
            }
            tagged
        }
    };
    repository.images.get_key_value(digest).ok_or(NOT_FOUND)
}

/// As [`find`], for what can be pulled.
pub(crate) fn find_active<'a>(
    repository: &'a Repository,
    id: &ImageId,
) -> Result<(&'a String, &'a Image), Failure> {
    let (digest, image) = find(repository, id)?;
    if image.can_be_pulled() {
        return Ok((digest, image));
    }
    Err(Failure {
        code: "ImageInaccessible",
        reason: "Requested image is archived",
    })
}

/// As [`find_active`], for a reader who does not see the last writes of tags yet.
fn find_late<'a>(
    repository: &'a Repository,
    id: &ImageId,
) -> Result<(&'a String, &'a Image), Failure> {
    let late = id.image_tag.as_ref().map(|tag| {
        let (now, late) = (repository.tagged(tag), repository.tagged_late(tag));
        (now != late, late)
    });
    let Some((true, late)) = late else {
        return find_active(repository, id);
    };
    let before = ImageId {
        image_digest: Some(late.ok_or(NOT_FOUND)?.clone()),
        image_tag: None,
    };
    find_active(repository, &before)
}

/// The media types that a reader accepts; none named means all.
#[derive(Debug, Default)]
pub(crate) struct Accepted(Vec<String>);

impl Accepted {
    /// Returns the accepted types as given.
    pub(crate) fn new(types: Vec<String>) -> Self {
        Self(types)
    }

    /// Returns the manifest as a reader gets it: by tag converted between Docker's and OCI's image formats if the
    /// reader takes only the other one, by digest never. A converted body has another digest than the image.
    pub(crate) fn served<'a>(&self, image: &'a Image, by_tag: bool) -> (Arc<str>, &'a str) {
        let stored = image.manifest.media_type.as_str();
        let other = match stored {
            media::DOCKER_MANIFEST => media::OCI_MANIFEST,
            media::OCI_MANIFEST => media::DOCKER_MANIFEST,
            _ => stored,
        };
        if by_tag && !self.takes(stored) && other != stored && self.takes(other) {
            return match converted(&image.text, other) {
                Some(text) => (text.into(), other),
                None => (Arc::clone(&image.text), stored),
            };
        }
        (Arc::clone(&image.text), stored)
    }

    fn takes(&self, media_type: &str) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|accepted| accepted == media_type || accepted == "*/*")
    }
}

/// Pairs of media types that mean the same: Docker's, OCI's.
const PAIRS: &[(&str, &str)] = &[
    (media::DOCKER_MANIFEST, media::OCI_MANIFEST),
    (
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.oci.image.config.v1+json",
    ),
    (
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    (
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.oci.image.layer.v1.tar",
    ),
];

/// Returns a manifest in the other format; `None` if some part has no counterpart there.
fn converted(text: &str, target: &str) -> Option<String> {
    let to_oci = target == media::OCI_MANIFEST;
    let counterpart = |media_type: &str| {
        let pair = PAIRS.iter().find(|(docker, oci)| {
            if to_oci {
                *docker == media_type
            } else {
                *oci == media_type
            }
        });
        pair.map(|(docker, oci)| if to_oci { *oci } else { *docker })
    };
    let descriptor = |value: &Value| {
        let media_type = counterpart(value["mediaType"].as_str()?)?;
        Some(json!({ "mediaType": media_type, "size": value["size"], "digest": value["digest"] }))
    };
    let manifest: Value = serde_json::from_str(text).ok()?;
    let layers = manifest["layers"]
        .as_array()?
        .iter()
        .map(descriptor)
        .collect::<Option<Vec<Value>>>()?;
    let config = descriptor(&manifest["config"])?;
    let converted =
        json!({ "schemaVersion": 2, "mediaType": target, "config": config, "layers": layers });
    serde_json::to_string_pretty(&converted).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::model::{ImageStatus, Manifest};

    fn image(media_type: &str, config: &str) -> Image {
        let digest = format!("sha256:{}", "0".repeat(64));
        let text = json!({
            "schemaVersion": 2, "mediaType": media_type, "layers": [],
            "config": { "mediaType": config, "digest": digest, "size": 1 },
        })
        .to_string();
        Image {
            manifest: Manifest::parse(&text, None).unwrap(),
            text: text.into(),
            tags: std::collections::BTreeSet::new(),
            pushed: Timestamp(0),
            pulled: None,
            pulled_in_journal: None,
            status: ImageStatus::Active,
            restored_at: None,
            archived: None,
            activated: None,
        }
    }

    fn served(image: &Image, accepted: &[&str], by_tag: bool) -> (String, bool) {
        let accepted = Accepted::new(
            accepted
                .iter()
                .map(|accepted| (*accepted).to_owned())
                .collect(),
        );
        let (text, media_type) = accepted.served(image, by_tag);
        (media_type.to_owned(), text == image.text)
    }

    #[test]
    fn converts_by_tag_only_for_readers_of_the_other_format() {
        let docker = image(media::DOCKER_MANIFEST, PAIRS[1].0);
        assert_eq!(
            served(&docker, &[media::OCI_MANIFEST], true),
            (media::OCI_MANIFEST.to_owned(), false)
        );
        assert_eq!(
            served(&docker, &[media::OCI_MANIFEST], false),
            (media::DOCKER_MANIFEST.to_owned(), true)
        );
        let both = [media::OCI_MANIFEST, media::DOCKER_MANIFEST];
        assert_eq!(
            served(&docker, &both, true),
            (media::DOCKER_MANIFEST.to_owned(), true)
        );
        assert_eq!(
            served(&docker, &[], true),
            (media::DOCKER_MANIFEST.to_owned(), true)
        );
        let oci = image(media::OCI_MANIFEST, PAIRS[1].1);
        assert_eq!(
            served(&oci, &[media::DOCKER_MANIFEST], true),
            (media::DOCKER_MANIFEST.to_owned(), false)
        );
    }

    #[test]
    fn what_has_no_counterpart_is_not_converted() {
        let artifact = image(media::OCI_MANIFEST, "application/vnd.example");
        assert_eq!(
            served(&artifact, &[media::DOCKER_MANIFEST], true),
            (media::OCI_MANIFEST.to_owned(), true)
        );
    }
}
