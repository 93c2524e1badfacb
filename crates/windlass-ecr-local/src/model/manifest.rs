//! Reading manifests and indexes, Docker's and OCI's.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::identity::is_sha256_digest;

/// The media types that the registry knows.
pub(crate) mod media {
    /// Docker image manifest, version 2, schema 2.
    pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub(crate) const DOCKER_LIST: &str =
        "application/vnd.docker.distribution.manifest.list.v2+json";
    /// OCI image manifest.
    pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
}

/// Whether a manifest names blobs or other manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImageKind {
    /// Config and layers.
    Image,
    /// Manifests.
    Index,
}

/// A descriptor: what a manifest says about something it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// Media type, empty if unsaid.
    pub(crate) media_type: String,
    /// Digest.
    pub(crate) digest: String,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Whether the content lies elsewhere and is not pushed (foreign layers).
    pub(crate) foreign: bool,
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Media type of the manifest itself.
    pub(crate) media_type: String,
    /// Kind.
    pub(crate) kind: ImageKind,
    /// Config of an image.
    pub(crate) config: Option<Descriptor>,
    /// Layers of an image, in order.
    pub(crate) layers: Vec<Descriptor>,
    /// Manifests of an index, in order.
    pub(crate) children: Vec<Descriptor>,
    /// Digest of the subject of a referrer.
    pub(crate) subject: Option<String>,
    /// Artifact type, if said.
    pub(crate) artifact_type: Option<String>,
    /// Annotations.
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest; `declared` is the media type that came beside it. The error is a constraint in ECR's wording.
    pub(crate) fn parse(text: &str, declared: Option<&str>) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|_| "Invalid JSON syntax".to_owned())?;
        let object = value.as_object().ok_or("Invalid JSON syntax")?;
        if object.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            return Err("manifest schemaVersion must be 2".to_owned());
        }
        let media_type = media_type(object.get("mediaType").and_then(Value::as_str), declared)?;
        let kind = kind_of(media_type)?;
        let (config, layers, children) = match kind {
            ImageKind::Image => (
                Some(one(&value, "config")?),
                many(&value, "layers")?,
                Vec::new(),
            ),
            ImageKind::Index => (None, Vec::new(), many(&value, "manifests")?),
        };
        let subject = value.get("subject").filter(|subject| !subject.is_null());
        Ok(Self {
            media_type: media_type.to_owned(),
            kind,
            config,
            layers,
            children,
            subject: subject
                .map(|subject| descriptor(subject, "subject"))
                .transpose()?
                .map(|found| found.digest),
            artifact_type: value
                .get("artifactType")
                .and_then(Value::as_str)
                .map(str::to_owned),
            annotations: annotations(value.get("annotations")),
        })
    }

    /// Returns config and layers.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers)
    }

    /// Returns the artifact type: the manifest's own, else the config's media type.
    pub(crate) fn effective_artifact_type(&self) -> Option<&str> {
        let config = || {
            self.config
                .as_ref()
                .map(|config| config.media_type.as_str())
        };
        self.artifact_type
            .as_deref()
            .or_else(config)
            .filter(|found| !found.is_empty())
    }
}

/// Returns the media type of the manifest: its own, which must agree with the declared one, else the declared one.
fn media_type<'a>(own: Option<&'a str>, declared: Option<&'a str>) -> Result<&'a str, String> {
    let declared = declared.filter(|declared| !declared.is_empty());
    match (own, declared) {
        (Some(own), Some(declared)) if own != declared => Err(format!(
            "manifest mediaType {own} does not match the media type {declared}"
        )),
        (Some(found), _) | (None, Some(found)) => Ok(found),
        (None, None) => Err("manifest without mediaType needs imageManifestMediaType".to_owned()),
    }
}

fn kind_of(media_type: &str) -> Result<ImageKind, String> {
    match media_type {
        media::DOCKER_MANIFEST | media::OCI_MANIFEST => Ok(ImageKind::Image),
        media::DOCKER_LIST | media::OCI_INDEX => Ok(ImageKind::Index),
        other => Err(format!("unsupported manifest media type {other}")),
    }
}

fn one(manifest: &Value, member: &str) -> Result<Descriptor, String> {
    descriptor(
        manifest
            .get(member)
            .ok_or_else(|| format!("manifest member {member} is missing"))?,
        member,
    )
}

fn many(manifest: &Value, member: &str) -> Result<Vec<Descriptor>, String> {
    let list = manifest.get(member).and_then(Value::as_array);
    let list = list.ok_or_else(|| format!("manifest member {member} is missing"))?;
    list.iter().map(|entry| descriptor(entry, member)).collect()
}

fn descriptor(value: &Value, member: &str) -> Result<Descriptor, String> {
    let digest = value
        .get("digest")
        .and_then(Value::as_str)
        .filter(|digest| is_sha256_digest(digest));
    let digest = digest.ok_or_else(|| format!("manifest member {member} has no sha256 digest"))?;
    let size = value.get("size").and_then(Value::as_u64);
    let media_type = value
        .get("mediaType")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let urls = value
        .get("urls")
        .and_then(Value::as_array)
        .is_some_and(|urls| !urls.is_empty());
    Ok(Descriptor {
        media_type: media_type.to_owned(),
        digest: digest.to_owned(),
        size: size.ok_or_else(|| format!("manifest member {member} has no size"))?,
        foreign: urls || media_type.contains("foreign") || media_type.contains("nondistributable"),
    })
}

fn annotations(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor_text(digit: &str) -> String {
        format!(
            r#"{{"mediaType":"m/{digit}","digest":"sha256:{}","size":3}}"#,
            digit.repeat(64)
        )
    }

    #[test]
    fn reads_an_oci_manifest_with_a_subject() {
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","artifactType":"a/b","config":{},"layers":[{}],"subject":{}}}"#,
            media::OCI_MANIFEST,
            descriptor_text("1"),
            descriptor_text("2"),
            descriptor_text("3"),
        );
        let manifest = Manifest::parse(&text, None).unwrap();
        assert_eq!(manifest.kind, ImageKind::Image);
        assert_eq!(manifest.blobs().count(), 2);
        assert_eq!(manifest.subject, Some(format!("sha256:{}", "3".repeat(64))));
        assert_eq!(manifest.effective_artifact_type(), Some("a/b"));
    }

    #[test]
    fn refuses_what_is_no_manifest() {
        let refusal = |text: &str, declared| Manifest::parse(text, declared).unwrap_err();
        assert_eq!(refusal("{", None), "Invalid JSON syntax");
        assert_eq!(refusal("[]", None), "Invalid JSON syntax");
        assert_eq!(
            refusal(r#"{"schemaVersion":1}"#, None),
            "manifest schemaVersion must be 2"
        );
        let bare = r#"{"schemaVersion":2}"#;
        assert_eq!(
            refusal(bare, None),
            "manifest without mediaType needs imageManifestMediaType"
        );
        assert_eq!(
            refusal(bare, Some("text/plain")),
            "unsupported manifest media type text/plain"
        );
        assert_eq!(
            refusal(bare, Some(media::OCI_MANIFEST)),
            "manifest member config is missing"
        );
        let other = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}"}}"#,
            media::OCI_INDEX
        );
        assert!(refusal(&other, Some(media::OCI_MANIFEST)).contains("does not match"));
    }
}
