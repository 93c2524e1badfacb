//! What is read of the images that a repository in memory holds.

use windlass_core::name::{Digest, Fingerprint};
use windlass_core::observed::{ImageFacts, StoredImage};
use windlass_core::oci::{COMMIT_TIME_ANNOTATION, CREATED_ANNOTATION, FINGERPRINT_ANNOTATION};

use super::MemRepository;
use crate::ports::{Manifest, RegistryError};

/// Returns the digests of config and layers of a manifest.
pub(super) fn blobs_of(manifest: &Manifest) -> Result<Vec<Digest>, RegistryError> {
    let body = body(manifest);
    let layers = body["layers"].as_array().cloned().unwrap_or_default();
    let blobs = layers.iter().chain([&body["config"]]);
    blobs
        .map(|blob| {
            let digest = blob["digest"].as_str().unwrap_or_default();
            Digest::new(digest).map_err(|error| RegistryError::Other(error.to_string()))
        })
        .collect()
}

fn body(manifest: &Manifest) -> serde_json::Value {
    serde_json::from_slice(&manifest.bytes).unwrap_or_default()
}

/// Returns what a tag says of the image it holds.
pub(super) fn image_facts(repository: &MemRepository, digest: &Digest) -> ImageFacts {
    let body = repository
        .manifests
        .get(digest)
        .map(body)
        .unwrap_or_default();
    // An archived image cannot be read, so ECR tells nothing of it but its digest.
    let archived = repository.archived.contains(digest);
    let annotation = |name: &str| body["annotations"][name].as_str().map(str::to_owned);
    ImageFacts {
        digest: digest.clone(),
        fingerprint: annotation(FINGERPRINT_ANNOTATION)
            .filter(|_| !archived)
            .and_then(|text| Fingerprint::new(text).ok()),
        created: annotation(CREATED_ANNOTATION).filter(|_| !archived),
        commit_time: annotation(COMMIT_TIME_ANNOTATION).filter(|_| !archived),
        archived,
    }
}

/// Returns an image as lifecycle rules see it. Time stands still here: everything was pushed at the beginning.
pub(super) fn stored(repository: &MemRepository, digest: &Digest) -> StoredImage {
    let tags = repository.tags.iter().filter(|(_, held)| *held == digest);
    StoredImage {
        digest: digest.clone(),
        tags: tags.map(|(tag, _)| tag.clone()).collect(),
        pushed: 0,
        pulled: None,
        archived: repository.archived.contains(digest).then_some(0),
        children: Vec::new(),
        subject: None,
    }
}
