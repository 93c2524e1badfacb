//! What ECR and the builder really hold, as far as a plan needs to know it.
//!
//! A read that failed is a value here ([`Fact::Unknown`]), never an error and never an absence: the planner shows it and blocks what depends on it.

mod judged;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use self::judged::{JudgedFacts, JudgedReads, ScanReport, Scanning, Severity, Vulnerability};

use crate::fingerprint::InputsRecord;
use crate::manifest::model::{AccessPolicy, Encryption, LifecycleRule, TagMutability};
use crate::name::{Digest, Fingerprint, Platform, RegistryName, RepositoryKey, Tag};

/// What is known of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is there and this is what it is.
    Known(T),
    /// It was asked for and is not there.
    Absent,
    /// It could not be read.
    Unknown(Unread),
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    why: String,
    passing: bool,
}

impl Unread {
    /// A read that somebody has to mend: a missing permission, an answer that makes no sense.
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            passing: false,
        }
    }

    /// A read that can succeed later without anybody doing anything: throttled, not reachable.
    pub fn passing(why: impl Into<String>) -> Self {
        Self {
            passing: true,
            ..Self::new(why)
        }
    }

    /// Returns the reason, for people.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Says whether the same read can succeed later without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        self.passing
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self::new(why)
    }
}

impl<T> Fact<T> {
    /// Returns a fact that could not be read for a reason that somebody has to mend.
    pub fn not_read(why: impl Into<String>) -> Self {
        Self::Unknown(Unread::new(why))
    }

    /// Returns the value where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// Returns why it is not known, where a read failed.
    pub fn unknown(&self) -> Option<&str> {
        self.unread().map(Unread::why)
    }

    /// Returns the failed read, where one failed.
    pub fn unread(&self) -> Option<&Unread> {
        match self {
            Self::Unknown(unread) => Some(unread),
            Self::Known(_) | Self::Absent => None,
        }
    }
}

/// The observed world: what was read for one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Every repository in scope.
    pub repositories: BTreeMap<RepositoryKey, ObservedRepository>,
    /// The builder, and the images it holds that windlass built, by fingerprint.
    pub builder: Fact<ObservedBuilder>,
    /// The inputs records of images that wanted tags hold now, read only where an image changed.
    pub records: BTreeMap<(RepositoryKey, Digest), Fact<InputsRecord>>,
    /// Every image of the repositories whose managed lifecycle rules can reach tagged images.
    pub inventories: BTreeMap<RepositoryKey, Fact<Vec<StoredImage>>>,
    /// What other repositories hold that wanted images could be copied from.
    pub sources: BTreeMap<RepositoryKey, BTreeMap<Tag, Fact<ImageFacts>>>,
    /// The replication rules of registries that images are pushed to, to be copied by ECR.
    pub replication: BTreeMap<RegistryName, Fact<Vec<ReplicationRule>>>,
    /// When images under wanted tags were pushed that somebody else put there, seconds since 1970; what was not read is not in it.
    pub pushed: BTreeMap<(RepositoryKey, Digest), i64>,
    /// How many tags the images have that would get another one.
    pub tag_counts: BTreeMap<(RepositoryKey, Digest), Fact<usize>>,
}

impl Observed {
    /// Returns every failed read that a decision may have depended on. Reads for information are left out.
    pub fn unread(&self) -> Vec<&Unread> {
        let mut unread: Vec<&Unread> = Vec::new();
        for found in self.repositories.values() {
            unread.extend(found.facts.unread());
            unread.extend(found.tags.values().filter_map(Fact::unread));
            if let Fact::Known(facts) = &found.facts {
                unread.extend(facts.lifecycle.as_ref().and_then(Fact::unread));
                unread.extend(facts.access.as_ref().and_then(Fact::unread));
                unread.extend(facts.resource_tags.as_ref().and_then(Fact::unread));
            }
        }
        unread.extend(self.inventories.values().filter_map(Fact::unread));
        unread
    }
}

/// Where ECR copies images to, one for each destination of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationRule {
    /// The account.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// What the names of copied repositories begin with; empty for all.
    pub prefixes: Vec<String>,
}

/// An image of a repository as lifecycle rules see it. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Digest of the manifest or index.
    pub digest: Digest,
    /// Its tags.
    pub tags: BTreeSet<Tag>,
    /// When it was pushed; a retag does not renew it.
    pub pushed: i64,
    /// When it was last pulled, where ECR recorded a pull.
    pub pulled: Option<i64>,
    /// Since when it lies in the archive.
    pub archived: Option<i64>,
    /// The images that it lists, where it is an index.
    pub children: Vec<Digest>,
    /// The image that it refers to, where it is a referrer.
    pub subject: Option<Digest>,
}

/// One repository as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedRepository {
    /// Existence and settings; `Absent` where ECR says that it is not there.
    pub facts: Fact<RepositoryFacts>,
    /// What each tag that was asked for holds.
    pub tags: BTreeMap<Tag, Fact<ImageFacts>>,
}

/// Settings of a repository. `None` = not read, because nothing manages it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// The URI to push to and pull from, as ECR names it; never made by formatting.
    pub uri: String,
    /// The ARN.
    pub arn: String,
    /// Mutability of its tags; always known, ECR answers it with the repository.
    pub tags: TagMutability,
    /// Scan on push of the repository; always known.
    pub scan_on_push: bool,
    /// Encryption; always known.
    pub encryption: Encryption,
    /// The lifecycle policy, empty where there is none.
    pub lifecycle: Option<Fact<ObservedLifecycle>>,
    /// Who may use it besides its account; the policy that is none where there is none.
    pub access: Option<Fact<AccessPolicy>>,
    /// Resource tags, those of AWS itself left out.
    pub resource_tags: Option<Fact<BTreeMap<String, String>>>,
}

/// A lifecycle policy as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedLifecycle {
    /// Rules that the language can say, by priority; empty where there is no policy.
    Rules(Vec<LifecycleRule>),
    /// A policy with rules that the language cannot say: its canonical text.
    Foreign(String),
}

/// An image under a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// Digest of the manifest or index.
    pub digest: Digest,
    /// The annotation `dev.windlass.fingerprint`, `None` where the image is not one of windlass's.
    pub fingerprint: Option<Fingerprint>,
    /// The annotation `org.opencontainers.image.created`, as it stands.
    pub created: Option<String>,
    /// The annotation `dev.windlass.commit-time`: when the commit was made that it was built at, RFC 3339 in UTC.
    pub commit_time: Option<String>,
    /// Whether the image lies in the archive and must be restored before it can be used.
    pub archived: bool,
}

/// The builder as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedBuilder {
    /// What it is, for people: `Docker Engine 20.10.24 at unix:///var/run/docker.sock`.
    pub description: String,
    /// The platforms it can run.
    pub platforms: Vec<Platform>,
    /// Images that windlass built here and that are still there: fingerprint to image id.
    pub images: BTreeMap<Fingerprint, Digest>,
    /// Those that it built here and that are not there any more.
    pub gone: BTreeSet<Fingerprint>,
}
