//! The shape of a plan. It is written to a saved plan as it stands, so that apply reads nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::desired::BuildSpec;
use crate::fingerprint::InputChange;
use crate::manifest::model::{
    AccessPolicy, Encryption, Endpoint, LifecycleRule, Role, TagMutability,
};
use crate::name::{Digest, Fingerprint, ImageName, RegistryName, RepositoryKey, Tag};
use crate::plan::declared::Declared;
use crate::plan::policy::PolicyRecord;

/// Everything an apply does, with the reasons for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The workspace's name.
    pub workspace: String,
    /// The environment it was made for.
    pub environment: Option<String>,
    /// The commit at HEAD, where an expression used `git.*`; another HEAD makes a saved plan stale.
    pub git_sha: Option<String>,
    /// The builder that was asked for images, `None` where none answered.
    pub builder: Option<String>,
    /// Where the Engine answers that images are built on, `None` for the one that the environment of windlass names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<crate::manifest::model::BuilderAddress>,
    /// The registries in scope: what a saved plan needs to reach them again.
    pub registries: Vec<RegistryPlan>,
    /// The variables with their origins.
    pub variables: Vec<VariablePlan>,
    /// The base images with their digests, by upstream reference.
    pub bases: Vec<BasePlan>,
    /// All images in scope, the unchanged among them.
    pub images: Vec<ImagePlan>,
    /// All repositories in scope, the unchanged among them.
    pub repositories: Vec<RepositoryPlan>,
    /// Things to know that change nothing.
    pub notes: Vec<String>,
    /// Why the plan as a whole is refused, a sentence each: guards that do not hold, what is not carried out yet. Empty where it is not.
    #[serde(default)]
    pub refusals: Vec<String>,
    /// Guards of the environment that ask git (`clean-git`, `branch:main`), which hold when it is applied, too.
    #[serde(default)]
    pub guards: Vec<String>,
    /// What policies said.
    #[serde(default)]
    pub policy: PolicyRecord,
}

impl Plan {
    /// Says whether apply would write anything.
    pub fn has_changes(&self) -> bool {
        self.images
            .iter()
            .any(|image| image.action != ImageAction::None)
            || self
                .repositories
                .iter()
                .any(|repository| repository.action != RepositoryAction::None)
    }

    /// Says whether nothing but reads that failed is in the way of an apply.
    pub fn waits_for_reads(&self) -> bool {
        let images = self.images.iter().all(|image| {
            let for_a_need = matches!(image.reasons.first(), Some(Reason::NeedBlocked { .. }));
            image.action != ImageAction::Blocked || for_a_need
        });
        let repositories = self.repositories.iter();
        !self.is_applicable()
            && self.refusals.is_empty()
            && !self.policy.denies()
            && images
            && repositories
                .clone()
                .all(|repository| repository.action != RepositoryAction::Blocked)
    }

    /// Says whether it can be carried out: it is not refused, no policy denies it, and no step is blocked or unknown.
    pub fn is_applicable(&self) -> bool {
        self.refusals.is_empty()
            && !self.policy.denies()
            && !self
                .images
                .iter()
                .any(|image| matches!(image.action, ImageAction::Blocked | ImageAction::Unknown))
            && !self.repositories.iter().any(|repository| {
                matches!(
                    repository.action,
                    RepositoryAction::Blocked | RepositoryAction::Unknown
                )
            })
    }
}

/// A registry as the plan reached it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryPlan {
    /// Its name.
    pub name: RegistryName,
    /// Its account, twelve digits.
    pub account: String,
    /// Its AWS region.
    pub region: String,
    /// The role that is assumed.
    pub role: Option<Role>,
    /// The profile of the AWS configuration.
    pub profile: Option<String>,
    /// Endpoints that replace those of the SDK.
    pub endpoint: Endpoint,
}

/// A variable as the plan used it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariablePlan {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where the value came from.
    pub origin: String,
}

/// A base image as the plan used it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasePlan {
    /// Upstream reference.
    pub reference: String,
    /// Its digest.
    pub digest: Digest,
    /// Whether the digest came from the lock.
    pub locked: bool,
}

/// What is done for an image.
///
/// The order is the contract: the action of an image is the first of its targets' actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageAction {
    /// A read that the decision needs has failed.
    Unknown,
    /// It cannot be done.
    Blocked,
    /// It is nowhere: build and push.
    Build,
    /// The builder holds it: push.
    Push,
    /// It is there but archived.
    Restore,
    /// Another registry of the environment holds it.
    Copy,
    /// The repository holds it, a tag is missing or elsewhere.
    Retag,
    /// Every wanted tag holds it.
    None,
}

impl ImageAction {
    /// All actions in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Blocked,
        Self::Build,
        Self::Push,
        Self::Restore,
        Self::Copy,
        Self::Retag,
        Self::None,
    ];

    /// Returns the word of plan and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Blocked => "blocked",
            Self::Build => "build",
            Self::Push => "push",
            Self::Restore => "restore",
            Self::Copy => "copy",
            Self::Retag => "retag",
            Self::None => "none",
        }
    }
}

/// What is done for a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryAction {
    /// It could not be read.
    Unknown,
    /// It cannot be done.
    Blocked,
    /// It is created.
    Create,
    /// Settings are changed.
    Update,
    /// It is deleted.
    Delete,
    /// Nothing.
    None,
}

impl RepositoryAction {
    /// All actions in the order of the contract.
    pub const ALL: [Self; 6] = [
        Self::Unknown,
        Self::Blocked,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::None,
    ];

    /// Returns the word of plan and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Blocked => "blocked",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::None => "none",
        }
    }
}

/// What is done for a wanted tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagAction {
    /// It already holds an image with the fingerprint.
    None,
    /// It is not there yet.
    Create,
    /// It holds another image.
    Move,
    /// It is immutable and holds another image.
    Blocked,
    /// It could not be read.
    Unknown,
}

impl TagAction {
    /// Returns the word of plan and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Create => "create",
            Self::Move => "move",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
        }
    }
}

/// An image of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePlan {
    /// Its name.
    pub name: ImageName,
    /// Where it stands in the manifest; `None` in plans of older versions.
    #[serde(default)]
    pub declared: Option<Declared>,
    /// What is done.
    pub action: ImageAction,
    /// Why; for people only.
    pub reasons: Vec<Reason>,
    /// Everything a build needs; `None` where the inputs are not known.
    pub spec: Option<BuildSpec>,
    /// The Dockerfile of the image that a wanted tag holds now, where its record tells.
    pub dockerfile_before: Option<String>,
    /// When the image that wanted tags hold was built, RFC 3339, where the image tells.
    pub built_at: Option<String>,
    /// The image in the builder that is pushed, where the action is a push.
    pub local_image: Option<Digest>,
    /// Where it is held, by key.
    pub targets: Vec<TargetPlan>,
}

impl ImagePlan {
    /// Returns the fingerprint, where the inputs are known.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.spec.as_ref().map(|spec| &spec.fingerprint)
    }
}

/// One place that holds an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetPlan {
    /// Registry and repository.
    pub key: RepositoryKey,
    /// The repository's URI, `None` where it is not there yet.
    pub uri: Option<String>,
    /// What is done here.
    pub action: ImageAction,
    /// Digest of the image with the fingerprint that the repository holds already.
    pub held: Option<Digest>,
    /// Where the image is copied from, where the action is a copy.
    #[serde(default)]
    pub source: Option<CopySource>,
    /// The repository that this run pushes the image to, and that ECR copies it from; nothing is pushed here.
    #[serde(default)]
    pub replicated_from: Option<RepositoryKey>,
    /// Whether the `in-` tag has to be written.
    pub write_in_tag: bool,
    /// The wanted tags, sorted.
    pub tags: Vec<TagPlan>,
}

/// Where an image is copied from, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopySource {
    /// Registry and repository.
    pub key: RepositoryKey,
    /// Its digest there, and here afterwards.
    pub digest: Digest,
}

/// One wanted tag. Precondition of a step: the tag is at `from_digest`, or already holds the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagPlan {
    /// The tag.
    pub tag: Tag,
    /// What is done.
    pub action: TagAction,
    /// What it holds now.
    pub from_digest: Option<Digest>,
    /// What it will hold; `None` until the image is built.
    pub to_digest: Option<Digest>,
}

/// A repository of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryPlan {
    /// Registry and repository.
    pub key: RepositoryKey,
    /// Where it stands in the manifest, or the image that implies it; `None` in plans of older versions.
    #[serde(default)]
    pub declared: Option<Declared>,
    /// Its URI, `None` where it is not there yet.
    pub uri: Option<String>,
    /// What is done.
    pub action: RepositoryAction,
    /// Why it is blocked or unknown.
    pub why: Option<String>,
    /// The settings that differ, for people and policies.
    pub diffs: Vec<SettingDiff>,
    /// What is created, where the action is a creation.
    pub create: Option<NewRepository>,
    /// How many images are deleted with it, where the action is a deletion.
    #[serde(default)]
    pub delete: Option<usize>,
    /// The changes that apply makes, in this order.
    pub changes: Vec<SettingChange>,
    /// Mutability of tags after the plan.
    pub tags_after: Option<TagMutability>,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingDiff {
    /// Its name in the manifest: `tags`, `scan-on-push`, `encryption`, `lifecycle`, `access`, `resource-tag owner`.
    pub path: String,
    /// The value now, JSON null where there is none.
    pub before: serde_json::Value,
    /// The value wanted.
    pub after: serde_json::Value,
    /// Whether ECR could only change it by deleting the repository.
    pub forces_replacement: bool,
}

/// A repository to be created, with every setting it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRepository {
    /// Mutability of its tags.
    pub tags: TagMutability,
    /// Scan on push.
    pub scan_on_push: bool,
    /// Encryption, fixed from then on.
    pub encryption: Encryption,
    /// Lifecycle rules by priority; empty for none.
    pub lifecycle: Vec<LifecycleRule>,
    /// Who else may use it.
    #[serde(default)]
    pub access: AccessPolicy,
    /// Resource tags, `windlass:workspace` among them.
    pub resource_tags: BTreeMap<String, String>,
}

/// A change of one setting of an existing repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingChange {
    /// Mutability and exclusions, always written together.
    Tags(TagMutability),
    /// Scan on push.
    ScanOnPush(bool),
    /// The lifecycle policy; an empty list deletes it.
    Lifecycle(Vec<LifecycleRule>),
    /// Who else may use it; the policy that is none deletes it.
    Access(AccessPolicy),
    /// Resource tags to write; others stay.
    ResourceTags(BTreeMap<String, String>),
}

/// Why an image has its action. For people; apply never looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// Every wanted tag holds an image with the fingerprint.
    UpToDate,
    /// The repository holds the image; a wanted tag is not there.
    TagMissing {
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
    },
    /// The repository holds the image; a wanted tag holds another one.
    TagElsewhere {
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
        /// What it holds.
        digest: Digest,
        /// When that was pushed, seconds since 1970, where it is known.
        #[serde(default)]
        pushed: Option<i64>,
    },
    /// A wanted tag holds the image, its `in-` tag is missing.
    InTagMissing {
        /// The repository.
        key: RepositoryKey,
    },
    /// The builder holds the image that was built for the fingerprint.
    InBuilder {
        /// Its id there.
        id: Digest,
    },
    /// ECR copies the image here once it is pushed elsewhere.
    Replicated {
        /// The repository.
        key: RepositoryKey,
        /// The repository that it is pushed to.
        source: RepositoryKey,
    },
    /// No replication rule of ECR copies the image here.
    NotReplicated {
        /// The repository.
        key: RepositoryKey,
        /// The repository that it is pushed to.
        source: RepositoryKey,
    },
    /// The repository is not there yet.
    RepositoryMissing {
        /// The repository.
        key: RepositoryKey,
    },
    /// No wanted tag is there, and no image with the fingerprint.
    NeverBuilt {
        /// The repository.
        key: RepositoryKey,
    },
    /// This machine built the image before; it is nowhere any more.
    Gone {
        /// The repository that lacks it.
        key: RepositoryKey,
    },
    /// What a wanted tag holds was built from other inputs.
    InputsChanged {
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
        /// What differs.
        changes: Vec<InputChange>,
    },
    /// What a wanted tag holds was built from other inputs, but its record is not there.
    RecordMissing {
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
        /// Why the record could not be read, where that is so.
        why: Option<String>,
    },
    /// A wanted tag holds an image that windlass did not build.
    ForeignImage {
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
        /// What it holds.
        digest: Digest,
        /// When that was pushed, seconds since 1970, where it is known.
        #[serde(default)]
        pushed: Option<i64>,
    },
    /// An immutable tag holds another image.
    Immutable {
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
        /// What it holds.
        digest: Digest,
    },
    /// The `in-` tag holds an image that does not carry the fingerprint.
    InTagTaken {
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
        /// What it holds.
        digest: Digest,
    },
    /// The image with the fingerprint is archived.
    Archived {
        /// The repository.
        key: RepositoryKey,
        /// Its digest.
        digest: Digest,
    },
    /// Another repository holds the image with the fingerprint.
    Elsewhere {
        /// The repository that lacks it.
        key: RepositoryKey,
        /// The repository that holds it.
        source: RepositoryKey,
        /// Its digest.
        digest: Digest,
    },
    /// A lifecycle rule is going to delete or archive what a wanted tag holds.
    Expires {
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
        /// The rule as the manifest writes it.
        rule: String,
    },
    /// The image has as many tags as ECR lets it have.
    TooManyTags {
        /// The repository.
        key: RepositoryKey,
        /// The image.
        digest: Digest,
        /// How many it has.
        count: usize,
    },
    /// The repository cannot be used: blocked or not readable.
    Repository {
        /// The repository.
        key: RepositoryKey,
        /// Why.
        why: String,
    },
    /// A read failed.
    NotRead {
        /// What and why.
        why: String,
    },
    /// An input cannot be used as it is.
    Unusable {
        /// What and why.
        why: String,
    },
    /// The builder cannot do it.
    Builder {
        /// Why, and what would.
        why: String,
    },
    /// An image it is built from cannot be had.
    NeedBlocked {
        /// That image.
        image: ImageName,
    },
}
