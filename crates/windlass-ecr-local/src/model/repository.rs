//! The state: registries, repositories, images.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::lifecycle::Decision;
use crate::model::manifest::{ImageKind, Manifest};

/// How far behind a late reader is.
const LATE: Duration = Duration::from_secs(2);

/// One registry: an account in a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Scope {
    /// Account, 12 digits.
    pub(crate) account: String,
    /// Region.
    pub(crate) region: String,
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.account, self.region)
    }
}

impl Scope {
    /// Returns the ARN of a repository of this registry.
    pub(crate) fn arn(&self, repository: &str) -> String {
        format!(
            "arn:{}:ecr:{}:{}:repository/{repository}",
            self.partition(),
            self.region,
            self.account
        )
    }

    /// Returns the partition that the region lies in.
    pub(crate) fn partition(&self) -> &'static str {
        match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

/// All that one account has in one region.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Loopback port allotted to it.
    pub(crate) port: Option<u16>,
    /// Settings of the registry as a whole.
    pub(crate) settings: RegistrySettings,
    /// Repositories by name.
    pub(crate) repositories: BTreeMap<String, Repository>,
}

/// Settings of a registry as a whole; values are kept as the API gave them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RegistrySettings {
    /// Registry policy text.
    pub(crate) policy: Option<String>,
    /// Scanning configuration.
    pub(crate) scanning: Option<Value>,
    /// Replication configuration.
    pub(crate) replication: Option<Value>,
    /// Signing configuration.
    pub(crate) signing: Option<Value>,
    /// Account settings by name.
    pub(crate) account: BTreeMap<String, String>,
    /// Principals whose pulls leave no pull time.
    pub(crate) pull_time_exclusions: BTreeSet<String>,
}

/// The mutability of a repository's tags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mutability {
    /// Every tag may move.
    #[default]
    Mutable,
    /// No tag may move.
    Immutable,
    /// Only tags that match a filter may move.
    ImmutableWithExclusion,
    /// Tags that match a filter may not move.
    MutableWithExclusion,
}

/// A filter of tags excluded from the mutability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExclusionFilter {
    /// `WILDCARD`.
    pub(crate) filter_type: String,
    /// Tag pattern in which `*` stands for any characters.
    pub(crate) filter: String,
}

/// Settings of a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RepositorySettings {
    /// When it was created.
    pub(crate) created: Timestamp,
    /// Tag mutability.
    pub(crate) mutability: Mutability,
    /// Exclusion filters, empty for the plain mutabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) exclusions: Vec<ExclusionFilter>,
    /// Whether images are scanned on push.
    pub(crate) scan_on_push: bool,
    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub(crate) encryption: String,
    /// ARN of the key, absent for `AES256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key: Option<String>,
    /// Repository policy text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// Lifecycle policy text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifecycle: Option<String>,
    /// When the lifecycle policy was last evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) evaluated: Option<Timestamp>,
    /// When it is evaluated next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<Timestamp>,
    /// Resource tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

impl RepositorySettings {
    /// Returns whether an existing `tag` may be put on another image.
    pub(crate) fn may_move(&self, tag: &str) -> bool {
        let excluded = || {
            self.exclusions
                .iter()
                .any(|exclusion| wildcard_matches(&exclusion.filter, tag))
        };
        match self.mutability {
            Mutability::Mutable => true,
            Mutability::Immutable => false,
            Mutability::ImmutableWithExclusion => excluded(),
            Mutability::MutableWithExclusion => !excluded(),
        }
    }
}

/// Returns whether `text` matches `pattern`, in which `*` stands for any characters, none included.
pub(crate) fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(found) = rest.find(part) else {
            return false;
        };
        rest = &rest[found + part.len()..];
    }
    rest.ends_with(last)
}

/// A repository.
#[derive(Debug)]
pub(crate) struct Repository {
    /// Its settings.
    pub(crate) settings: RepositorySettings,
    /// Images by digest.
    pub(crate) images: BTreeMap<String, Image>,
    /// Digests by tag.
    pub(crate) tags: BTreeMap<String, String>,
    /// Sizes of layers (and configs) by digest.
    pub(crate) layers: BTreeMap<String, u64>,
    /// From when on calls find it; `None` after a restart.
    pub(crate) visible_from: Option<Instant>,
    /// The lifecycle preview last started; not kept over a restart.
    pub(crate) preview: Option<LifecyclePreview>,
    /// When a tag was last written, and the digest it was on before; not kept over a restart.
    pub(crate) earlier: BTreeMap<String, (Instant, Option<String>)>,
}

/// A lifecycle preview.
#[derive(Debug)]
pub(crate) struct LifecyclePreview {
    /// Text that is previewed.
    pub(crate) text: String,
    /// From when on it is complete.
    pub(crate) ready: Instant,
    /// What the rules would do.
    pub(crate) decisions: Vec<Decision>,
}

/// Whether an image can be pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ImageStatus {
    /// It can.
    Active,
    /// It lies in the archive.
    Archived,
}

/// An image, index or artifact.
#[derive(Debug)]
pub(crate) struct Image {
    /// The manifest's exact bytes.
    pub(crate) text: Arc<str>,
    /// What the manifest says.
    pub(crate) manifest: Manifest,
    /// Tags on it.
    pub(crate) tags: BTreeSet<String>,
    /// When it was pushed.
    pub(crate) pushed: Timestamp,
    /// When it was last pulled.
    pub(crate) pulled: Option<Timestamp>,
    /// The pull time that the journal holds.
    pub(crate) pulled_in_journal: Option<Timestamp>,
    /// Whether it can be pulled.
    pub(crate) status: ImageStatus,
    /// Until when its restore takes; not kept over a restart.
    pub(crate) restored_at: Option<Instant>,
    /// When it was last archived.
    pub(crate) archived: Option<Timestamp>,
    /// When it was last restored.
    pub(crate) activated: Option<Timestamp>,
}

impl Image {
    /// Returns the status as the API names it, `ACTIVATING` while a restore takes.
    pub(crate) fn shown_status(&self) -> &'static str {
        match self.status {
            ImageStatus::Archived => "ARCHIVED",
            ImageStatus::Active if self.restored_at.is_some_and(|at| at > Instant::now()) => {
                "ACTIVATING"
            }
            ImageStatus::Active => "ACTIVE",
        }
    }

    /// Returns whether the image can be pulled now.
    pub(crate) fn can_be_pulled(&self) -> bool {
        self.shown_status() == "ACTIVE"
    }
}

impl Repository {
    /// Returns an empty repository.
    pub(crate) fn new(settings: RepositorySettings) -> Self {
        Self {
            settings,
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            layers: BTreeMap::new(),
            visible_from: None,
            preview: None,
            earlier: BTreeMap::new(),
        }
    }

    /// Returns the digest of the image under `tag`.
    pub(crate) fn tagged(&self, tag: &str) -> Option<&String> {
        self.tags.get(tag)
    }

    /// Returns the digest of the image under `tag` as a reader sees it who is late.
    pub(crate) fn tagged_late(&self, tag: &str) -> Option<&String> {
        match self.earlier.get(tag) {
            Some((written, before)) if written.elapsed() < LATE => before.as_ref(),
            _ => self.tagged(tag),
        }
    }

    /// Returns the size of an image: its blobs, or the largest child of an index.
    pub(crate) fn image_size(&self, image: &Image) -> u64 {
        // Sizes are what a manifest says, so that their sum may be anything.
        let own = |image: &Image| {
            let sizes = image.manifest.blobs().map(|blob| blob.size);
            sizes.fold(0, u64::saturating_add)
        };
        match image.manifest.kind {
            ImageKind::Image => own(image),
            ImageKind::Index => {
                let children = image.manifest.children.iter();
                let children = children.filter_map(|child| self.images.get(&child.digest));
                children.map(own).max().unwrap_or(0)
            }
        }
    }

    /// Returns the digests of the indexes that refer to `digest` as a child.
    pub(crate) fn indexes_of(&self, digest: &str) -> Vec<String> {
        let refers = |image: &Image| {
            image
                .manifest
                .children
                .iter()
                .any(|child| child.digest == digest)
        };
        self.images
            .iter()
            .filter(|(_, image)| refers(image))
            .map(|(index, _)| index.clone())
            .collect()
    }

    /// Returns the digests and images whose subject is `digest`, in order of digest.
    pub(crate) fn referrers_of<'a>(
        &'a self,
        digest: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Image)> {
        self.images
            .iter()
            .filter(move |(_, image)| image.manifest.subject.as_deref() == Some(digest))
    }

    /// Returns whether some image of the repository uses the blob.
    pub(crate) fn uses_blob(&self, digest: &str) -> bool {
        self.images
            .values()
            .any(|image| image.manifest.blobs().any(|blob| blob.digest == digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_whole_tags() {
        assert!(wildcard_matches("latest", "latest"));
        assert!(!wildcard_matches("latest", "latest-1"));
        assert!(wildcard_matches("dev-*", "dev-"));
        assert!(wildcard_matches("*-rc*", "1.0-rc2"));
        assert!(wildcard_matches("a*a", "aa"));
        assert!(!wildcard_matches("a*a", "a"));
        assert!(!wildcard_matches("a*b*b", "ab"));
        assert!(wildcard_matches("*", ""));
    }

    #[test]
    fn four_mutabilities_decide_which_tags_move() {
        let filter = ExclusionFilter {
            filter_type: "WILDCARD".into(),
            filter: "dev-*".into(),
        };
        let settings = |mutability| RepositorySettings {
            created: Timestamp(0),
            mutability,
            exclusions: vec![filter.clone()],
            scan_on_push: false,
            encryption: "AES256".into(),
            kms_key: None,
            policy: None,
            lifecycle: None,
            evaluated: None,
            due: None,
            tags: BTreeMap::new(),
        };
        let moves = |mutability| {
            let settings = settings(mutability);
            (settings.may_move("dev-1"), settings.may_move("1.0"))
        };
        assert_eq!(moves(Mutability::Mutable), (true, true));
        assert_eq!(moves(Mutability::Immutable), (false, false));
        assert_eq!(moves(Mutability::ImmutableWithExclusion), (true, false));
        assert_eq!(moves(Mutability::MutableWithExclusion), (false, true));
    }

    #[test]
    fn arns_name_the_partition() {
        let scope = |region: &str| Scope {
            account: "1".repeat(12),
            region: region.into(),
        };
        assert_eq!(
            scope("eu-west-1").arn("a/b"),
            "arn:aws:ecr:eu-west-1:111111111111:repository/a/b"
        );
        assert_eq!(scope("cn-north-1").partition(), "aws-cn");
        assert_eq!(scope("us-gov-west-1").partition(), "aws-us-gov");
    }
}
