//! `PutImage`, and the push of a manifest through the registry, which is the same.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Call;
use crate::errors::ApiError;
use crate::identity::sha256_digest;
use crate::model::{Event, Image, ImageKind, ImageStatus, Manifest, Repository, Scope, StoreGuard};
use crate::replication;

/// Longest manifest, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;
/// Most tags of an image; not adjustable.
const MOST_TAGS: usize = 1000;

/// A manifest to be put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewImage<'a> {
    /// Repository.
    pub(crate) repository: &'a str,
    /// Exact bytes of the manifest.
    pub(crate) text: &'a str,
    /// Media type that came beside it.
    pub(crate) media_type: Option<&'a str>,
    /// Tag to put on it.
    pub(crate) tag: Option<&'a str>,
    /// Digest that the caller expects.
    pub(crate) digest: Option<&'a str>,
}

/// What became of a manifest.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its digest.
    pub(crate) digest: String,
    /// What it says.
    pub(crate) manifest: Manifest,
    /// Whether image or tag are new.
    pub(crate) changed: bool,
}

/// Request of `PutImage`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutImage {
    registry_id: Option<String>,
    repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

/// `PutImage`. What changes nothing is refused.
pub(super) fn put_image(call: &Call<'_>, request: &PutImage) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let new = NewImage {
        repository: &request.repository_name,
        text: &request.image_manifest,
        media_type: request.image_manifest_media_type.as_deref(),
        tag: request.image_tag.as_deref(),
        digest: request.image_digest.as_deref(),
    };
    let mut store = call.server.store.lock();
    let outcome = put(call, &mut store, &scope, new)?;
    let Outcome {
        digest,
        manifest,
        changed,
    } = outcome;
    if !changed {
        return Err(already_there(&scope, new, &digest));
    }
    let mut id = json!({ "imageDigest": digest });
    if let Some(tag) = new.tag {
        id["imageTag"] = json!(tag);
    }
    Ok(json!({ "image": {
        "registryId": scope.account,
        "repositoryName": request.repository_name,
        "imageId": id,
        "imageManifest": request.image_manifest,
        "imageManifestMediaType": manifest.media_type,
    }}))
}

/// Puts a manifest, with everything that ECR checks before.
pub(crate) fn put(
    call: &Call<'_>,
    store: &mut StoreGuard<'_>,
    scope: &Scope,
    new: NewImage<'_>,
) -> Result<Outcome, ApiError> {
    let repository = call.repository(store, scope, new.repository)?;
    if new.text.len() > LONGEST {
        return Err(ApiError::parameter(
            "imageManifest",
            "must have length less than or equal to 4194304",
        ));
    }
    let manifest = Manifest::parse(new.text, new.media_type)
        .map_err(|constraint| ApiError::parameter("ImageManifest", &constraint))?;
    let digest = sha256_digest(new.text.as_bytes());
    check_digest(new, &digest)?;
    if let Some(tag) = new.tag {
        check_tag(repository, new.repository, tag)?;
    }
    check_references(repository, scope, new, &manifest)?;
    let events = changes(call, repository, new, &manifest, &digest)?;
    let changed = !events.is_empty();
    let before = new
        .tag
        .map(|tag| (tag.to_owned(), repository.tagged(tag).cloned()));
    store.commit(scope, events)?;
    if changed {
        note_change(call, store, scope, new, before, &digest);
    }
    Ok(Outcome {
        digest,
        manifest,
        changed,
    })
}

/// What follows from a push: late readers see the tag where it was, and replication begins.
fn note_change(
    call: &Call<'_>,
    store: &mut StoreGuard<'_>,
    scope: &Scope,
    new: NewImage<'_>,
    before: Option<(String, Option<String>)>,
    digest: &str,
) {
    let repository = store.transient(scope, new.repository);
    if let (Some(repository), Some((tag, before))) = (repository, before) {
        repository.earlier.insert(tag, (Instant::now(), before));
    }
    replication::note(call.server, store, scope, new.repository, digest, new.tag);
}

fn check_digest(new: NewImage<'_>, digest: &str) -> Result<(), ApiError> {
    match new.digest {
        Some(expected) if expected != digest => Err(ApiError::new(
            "ImageDigestDoesNotMatchException",
            format!(
                "The provided image digest '{expected}' does not match the calculated image digest '{digest}'"
            ),
        )),
        _ => Ok(()),
    }
}

/// An immutable tag that is there refuses every image, the one that it is on as well.
fn check_tag(repository: &Repository, name: &str, tag: &str) -> Result<(), ApiError> {
    if !is_tag(tag) {
        let constraint = "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'";
        return Err(ApiError::parameter("imageTag", constraint));
    }
    if repository.tagged(tag).is_some() && !repository.settings.may_move(tag) {
        let text = format!(
            "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag \
             is immutable."
        );
        return Err(ApiError::new("ImageTagAlreadyExistsException", text));
    }
    Ok(())
}

/// Returns whether `text` is a tag by the OCI specification.
pub(crate) fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    (1..=128).contains(&bytes.len())
        && word(bytes[0])
        && bytes
            .iter()
            .all(|byte| word(*byte) || matches!(byte, b'.' | b'-'))
}

/// Blobs of an image and manifests of an index must be there before it.
fn check_references(
    repository: &Repository,
    scope: &Scope,
    new: NewImage<'_>,
    manifest: &Manifest,
) -> Result<(), ApiError> {
    let (missing, code, what): (Vec<&str>, _, _) = match manifest.kind {
        ImageKind::Image => {
            let needed = manifest.blobs().filter(|blob| !blob.foreign);
            let missing = needed.filter(|blob| !repository.layers.contains_key(&blob.digest));
            (
                missing.map(|blob| blob.digest.as_str()).collect(),
                "LayersNotFoundException",
                "Layers",
            )
        }
        ImageKind::Index => {
            let missing = manifest
                .children
                .iter()
                .filter(|child| !repository.images.contains_key(&child.digest));
            (
                missing.map(|child| child.digest.as_str()).collect(),
                "ReferencedImagesNotFoundException",
                "Images",
            )
        }
    };
    if missing.is_empty() {
        return Ok(());
    }
    Err(ApiError::new(
        code,
        format!(
            "{what} with digests '[{}]' required for pushing image into repository with name '{}' in the registry \
             with id '{}' do not exist",
            missing.join(", "),
            new.repository,
            scope.account
        ),
    ))
}

fn changes(
    call: &Call<'_>,
    repository: &Repository,
    new: NewImage<'_>,
    manifest: &Manifest,
    digest: &str,
) -> Result<Vec<Event>, ApiError> {
    let name = || new.repository.to_owned();
    let present = repository.images.get(digest);
    let mut events = match present {
        None => vec![Event::Image {
            repository: name(),
            digest: digest.to_owned(),
            media_type: manifest.media_type.clone(),
            text: new.text.to_owned(),
            pushed: call.now,
        }],
        Some(image) if image.status == ImageStatus::Archived => {
            let status = ImageStatus::Active;
            vec![Event::Status {
                repository: name(),
                digest: digest.to_owned(),
                status,
                at: call.now,
            }]
        }
        Some(_) => Vec::new(),
    };
    if let Some(tag) = new
        .tag
        .filter(|tag| repository.tagged(tag).map(String::as_str) != Some(digest))
    {
        check_tag_count(present)?;
        events.push(Event::Tag {
            repository: name(),
            tag: tag.to_owned(),
            digest: digest.to_owned(),
        });
    }
    Ok(events)
}

fn check_tag_count(image: Option<&Image>) -> Result<(), ApiError> {
    if image.is_some_and(|image| image.tags.len() >= MOST_TAGS) {
        let text = format!("The maximum number of tags per image ({MOST_TAGS}) has been reached");
        return Err(ApiError::new("LimitExceededException", text));
    }
    Ok(())
}

fn already_there(scope: &Scope, new: NewImage<'_>, digest: &str) -> ApiError {
    let tag = new.tag.unwrap_or("null");
    ApiError::new(
        "ImageAlreadyExistsException",
        format!(
            "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{}' in registry \
             with id '{}'",
            new.repository, scope.account
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_specification() {
        assert!(is_tag("1.0_a-b") && is_tag("_") && is_tag(&"a".repeat(128)));
        assert!(
            !is_tag("")
                && !is_tag(".a")
                && !is_tag("a/b")
                && !is_tag("ä")
                && !is_tag(&"a".repeat(129))
        );
    }
}
