//! Image manifests as windlass writes them: OCI, with `mediaType` in the bytes and the fingerprint as an annotation.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::name::{Digest, Fingerprint};

/// Media type of an OCI image manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image index.
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an OCI image config.
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a compressed layer.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Media type of a Docker manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of a Docker manifest list.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Media type of the empty config of an artifact (OCI image specification 1.1).
pub const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";
/// Artifact type of the inputs record.
pub const INPUTS_RECORD: &str = "application/vnd.windlass.inputs.v1+zstd";
/// The annotation that holds the fingerprint; decides.
pub const FINGERPRINT_ANNOTATION: &str = "dev.windlass.fingerprint";
/// The annotation with the time of the build, RFC 3339.
pub const CREATED_ANNOTATION: &str = "org.opencontainers.image.created";
/// The annotation with the time of the commit that was checked out when the image was pushed, RFC 3339 in UTC; for a warning only.
pub const COMMIT_TIME_ANNOTATION: &str = "dev.windlass.commit-time";

/// A reference to content in a registry (OCI image specification, "Descriptor").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageManifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactManifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'static str,
    config: &'a Descriptor,
    layers: [&'a Descriptor; 1],
    subject: &'a Descriptor,
}

/// Returns the bytes of an image manifest that carries `fingerprint` besides `annotations`.
pub fn image_manifest(
    config: &Descriptor,
    layers: &[Descriptor],
    annotations: &BTreeMap<String, String>,
    fingerprint: &Fingerprint,
) -> Vec<u8> {
    let mut annotations = annotations.clone();
    annotations.insert(FINGERPRINT_ANNOTATION.to_owned(), fingerprint.to_string());
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: IMAGE_MANIFEST,
        config,
        layers,
        annotations: &annotations,
    };
    serde_json::to_vec(&manifest).expect("a manifest of text and numbers is JSON")
}

/// Returns the bytes of an artifact manifest that refers to `subject` and holds one blob.
pub fn record_manifest(config: &Descriptor, record: &Descriptor, subject: &Descriptor) -> Vec<u8> {
    let manifest = ArtifactManifest {
        schema_version: 2,
        media_type: IMAGE_MANIFEST,
        artifact_type: INPUTS_RECORD,
        config,
        layers: [record],
        subject,
    };
    serde_json::to_vec(&manifest).expect("a manifest of text and numbers is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_names_its_media_type_and_carries_the_fingerprint() {
        let fingerprint = Fingerprint::new("ab".repeat(32)).expect("64 digits");
        let config = Descriptor {
            media_type: IMAGE_CONFIG.to_owned(),
            digest: Digest::of(b"{}"),
            size: 2,
        };
        let text = String::from_utf8(image_manifest(&config, &[], &BTreeMap::new(), &fingerprint))
            .expect("JSON is UTF-8");
        assert!(text.starts_with(r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"#), "{text}");
        assert!(
            text.contains(&format!(r#""dev.windlass.fingerprint":"{fingerprint}""#)),
            "{text}"
        );
    }
}
