//! Fingerprints: one SHA-256 over everything that can change an image, and the record that later explains a difference.
//!
//! The encoding is documented in `docs/formats/fingerprint.md`, pinned by a golden test, and numbered: changing it rebuilds
//! every image and is a release note. Values under `stamp`, mtimes, owners and the path of the checkout are never part of it.

mod explain;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::context::{Entry, EntryKind};
use crate::name::{Digest, Fingerprint, Platform};

pub use self::explain::{InputChange, explain, unified_diff};

/// Number of the canonical encoding; the first thing that is hashed.
pub const ENCODING: u64 = 1;

/// Everything that can change an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The rendered Dockerfile, before digests are put in.
    pub dockerfile: String,
    /// What the build can read of its context, sorted by path. Shared: it can be thousands of files, and a plan keeps what is desired.
    #[serde(with = "shared")]
    pub context: Arc<[Entry]>,
    /// Build args.
    pub args: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Manifest annotations.
    pub annotations: BTreeMap<String, String>,
    /// The stage; the last one where `None`.
    pub stage: Option<String>,
    /// The platforms, sorted.
    pub platforms: Vec<Platform>,
    /// The network of RUN steps.
    pub network: Option<String>,
    /// The number that forces a rebuild.
    pub epoch: u64,
    /// Whether a provenance attestation is made.
    pub provenance: bool,
    /// Whether an SBOM attestation is made.
    pub sbom: bool,
    /// Ids of secrets, sorted; never values.
    pub secrets: Vec<String>,
    /// Ids of SSH agents, sorted.
    pub ssh: Vec<String>,
    /// Digest of each image that the build can pull, by the reference it has in the Dockerfile.
    pub bases: BTreeMap<String, Digest>,
    /// Named contexts.
    pub named_contexts: BTreeMap<String, String>,
    /// Fingerprints of the workspace images it is built from, by the name that stands for them.
    pub needs: BTreeMap<String, Fingerprint>,
}

/// Writes and reads what is shared as if it were not.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::context::Entry;

    pub(super) fn serialize<S: Serializer>(
        entries: &[Entry],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        entries.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<[Entry]>, D::Error> {
        Vec::deserialize(deserializer).map(Arc::from)
    }
}

/// Returns the fingerprint of `inputs`: SHA-256 of their canonical encoding.
pub fn fingerprint(inputs: &Inputs) -> Fingerprint {
    let Inputs {
        dockerfile,
        context,
        args,
        labels,
        annotations,
        stage,
        platforms,
        network,
        epoch,
        provenance,
        sbom,
        secrets,
        ssh,
        bases,
        named_contexts,
        needs,
    } = inputs;
    let mut encoder = Encoder(Sha256::new());
    encoder.number(ENCODING);
    encoder.text(dockerfile);
    encoder.number(context.len() as u64);
    for entry in context.iter() {
        encoder.entry(entry);
    }
    encoder.map(args);
    encoder.map(labels);
    encoder.map(annotations);
    encoder.option(stage.as_deref());
    encoder.list(platforms.iter().map(Platform::as_str));
    encoder.option(network.as_deref());
    encoder.number(*epoch);
    encoder.number(u64::from(*provenance));
    encoder.number(u64::from(*sbom));
    encoder.list(secrets.iter().map(String::as_str));
    encoder.list(ssh.iter().map(String::as_str));
    encoder.pairs(
        bases
            .iter()
            .map(|(reference, digest)| (reference.as_str(), digest.as_str())),
    );
    encoder.map(named_contexts);
    encoder.pairs(
        needs
            .iter()
            .map(|(name, fingerprint)| (name.as_str(), fingerprint.as_str())),
    );
    Fingerprint::new(format!("{:x}", encoder.0.finalize())).expect("SHA-256 has 64 hex digits")
}

/// Writes the canonical encoding into a hash: numbers as 8 bytes little-endian, texts and lists with their length before them.
struct Encoder(Sha256);

impl Encoder {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn list<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a str>) {
        self.number(texts.len() as u64);
        for text in texts {
            self.text(text);
        }
    }

    fn pairs<'a>(&mut self, pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>) {
        self.number(pairs.len() as u64);
        for (key, value) in pairs {
            self.text(key);
            self.text(value);
        }
    }

    fn map(&mut self, map: &BTreeMap<String, String>) {
        self.pairs(
            map.iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        );
    }

    fn entry(&mut self, entry: &Entry) {
        self.text(&entry.path);
        match &entry.kind {
            EntryKind::File {
                executable,
                bytes: _,
                digest,
            } => {
                self.text(if *executable {
                    "file 0755"
                } else {
                    "file 0644"
                });
                self.text(digest.as_str());
            }
            EntryKind::Directory => self.text("directory 0755"),
            EntryKind::Link { target } => {
                self.text("link 0777");
                self.text(target);
            }
        }
    }
}

/// The inputs of an image as they travel with it: for explanations only, nothing is decided from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputsRecord {
    /// Version of this format: 1. Minor additions keep it.
    pub format_version: u32,
    /// The fingerprint of the inputs.
    pub fingerprint: Fingerprint,
    /// The inputs.
    pub inputs: Inputs,
    /// The pattern that the Dockerfile was rendered from; `None` where it is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeRecord>,
}

/// What a Dockerfile was rendered from. Not part of a fingerprint: what it comes to is the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeRecord {
    /// The pattern: `python@1`.
    pub pattern: String,
    /// The parameters that the manifest gives, each as one text.
    pub parameters: BTreeMap<String, String>,
}

impl InputsRecord {
    /// Makes the record of some inputs.
    pub fn new(inputs: Inputs, recipe: Option<RecipeRecord>) -> Self {
        Self {
            format_version: 1,
            fingerprint: fingerprint(&inputs),
            inputs,
            recipe,
        }
    }
}

impl InputsRecord {
    /// Writes the record as JSON.
    pub fn render(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record of texts and numbers is JSON")
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Says why the bytes are not a record of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("the inputs record cannot be read: {error}"))?;
        if record.format_version == 1 {
            Ok(record)
        } else {
            Err(format!(
                "the inputs record has format {}; this windlass reads 1",
                record.format_version
            ))
        }
    }
}

#[cfg(test)]
mod tests;
