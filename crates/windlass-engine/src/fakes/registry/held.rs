//! What is read of the images that a repository in memory holds, and the records that explain them.

use windlass_core::name::{Digest, Fingerprint};
use windlass_core::observed::{ImageFacts, StoredImage};
use windlass_core::oci::{
    COMMIT_TIME_ANNOTATION, CREATED_ANNOTATION, Descriptor, EMPTY_CONFIG, FINGERPRINT_ANNOTATION,
    INPUTS_RECORD,
};

use super::{MemRepository, descriptor};
use crate::ports::{Manifest, RegistryError, SentRecord};

impl MemRepository {
    /// Holds a record that no image has yet.
    pub(super) fn take_record(&mut self, record: &[u8]) -> SentRecord {
        let sent = SentRecord {
            config: descriptor(EMPTY_CONFIG, Digest::of(b"{}"), 2),
            blob: descriptor(INPUTS_RECORD, Digest::of(record), record.len() as u64),
        };
        for blob in [&sent.config, &sent.blob] {
            self.blobs.insert(blob.digest.clone());
        }
        self.sent_records
            .insert(sent.blob.digest.clone(), record.to_owned());
        sent
    }

    /// Attaches a record that is held, unless its blob was cleaned up.
    pub(super) fn attach_record(
        &mut self,
        image: &Descriptor,
        record: &SentRecord,
    ) -> Result<(), RegistryError> {
        let digest = &record.blob.digest;
        let text = self.sent_records.get(digest);
        let Some(text) = text.filter(|_| self.blobs.contains(digest)).cloned() else {
            return Err(RegistryError::NotFound(format!("blob {digest}")));
        };
        let records = self.records.entry(image.digest.clone());
        records.or_default().push(text);
        Ok(())
    }
}

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
