//! What ECR and the builder really hold, as far as a plan needs to know it.
//!
//! A read that failed is a value here ([`Fact::Unknown`]), never an error and never an absence: the planner shows it and blocks what depends on it.

use std::collections::BTreeMap;

use crate::fingerprint::InputsRecord;
use crate::manifest::model::{Encryption, LifecycleRule, TagMutability};
use crate::name::{Digest, Fingerprint, Platform, RepositoryKey, Tag};

/// What is known of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is there and this is what it is.
    Known(T),
    /// It was asked for and is not there.
    Absent,
    /// It could not be read; the text says why, for people.
    Unknown(String),
}

impl<T> Fact<T> {
    /// Returns the value where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// Returns why it is not known, where a read failed.
    pub fn unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) => Some(why),
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
}
