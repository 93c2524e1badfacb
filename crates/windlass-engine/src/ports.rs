//! The ports: what the engine asks the world for, in core's own types.
//!
//! Adapters implement these traits in `windlass-backends`; fakes for unit tests live in [`crate::fakes`].
//! Every method is shaped by what a plan or an apply needs: one batch, not one call a tag.

mod builder;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use windlass_core::context::{ContextListing, Ignore};
use windlass_core::dockerfile::ContextSources;
use windlass_core::name::{
    Digest, ImageName, Platform, RegistryName, RepositoryKey, RepositoryName, Tag,
};
use windlass_core::observed::{
    Fact, ImageFacts, ReplicationRule, RepositoryFacts, ScanReport, Scanning, StoredImage, Unread,
};
use windlass_core::oci::Descriptor;
use windlass_core::plan::{NewRepository, SettingChange};

pub use self::builder::{
    BuildRequest, Builder, BuilderError, BuilderFacts, CompressedLayer, FailedStep, LocalImage,
};
use crate::event::Events;

/// A future that can be kept in a trait object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a call to a registry failed, by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The thing is not there (repository, image, blob).
    #[error("{0}")]
    NotFound(String),
    /// The caller may not do this; the text names the operation and, where known, the IAM action.
    #[error("{0}")]
    Denied(String),
    /// No credentials, expired ones, or ones of another account.
    #[error("{0}")]
    Credentials(String),
    /// Throttled or failed for a passing reason after all retries; exit code 75.
    #[error("{0}")]
    Transient(String),
    /// The registry could not be reached at all; exit code 75.
    #[error("{0}")]
    Unreachable(String),
    /// The world is not as the precondition says: a tag moved, a setting changed.
    #[error("{0}")]
    Changed(String),
    /// An immutable tag already holds something else.
    #[error("{0}")]
    TagImmutable(String),
    /// Anything else, with the service's own code and request id in the text.
    #[error("{0}")]
    Other(String),
}

impl RegistryError {
    /// Says whether trying again later can help without any change by a person.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_) | Self::Unreachable(_))
    }

    /// Turns the failure of a read into the fact that nothing is known.
    pub fn into_fact<T>(self) -> Fact<T> {
        Fact::Unknown(self.into())
    }
}

impl From<RegistryError> for Unread {
    fn from(error: RegistryError) -> Self {
        if error.is_transient() {
            Self::passing(error.to_string())
        } else {
            Self::new(error.to_string())
        }
    }
}

impl From<Unread> for RegistryError {
    fn from(unread: Unread) -> Self {
        if unread.is_passing() {
            Self::Transient(unread.to_string())
        } else {
            Self::Other(unread.to_string())
        }
    }
}

/// Which settings of a repository have to be read besides what `DescribeRepositories` answers anyway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SettingsToRead {
    /// The lifecycle policy.
    pub lifecycle: bool,
    /// The policy that says who may use it.
    pub access: bool,
    /// The resource tags.
    pub resource_tags: bool,
}

/// Raw bytes of a manifest with its media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The bytes, exactly as stored.
    pub bytes: Vec<u8>,
    /// The media type.
    pub media_type: String,
}

impl Manifest {
    /// Returns the digest of the bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// What putting a manifest under a tag came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The tag holds the manifest now.
    Written,
    /// It already did.
    AlreadyThere,
}

/// ECR: facts about repositories and images; settings, blobs, manifests, tags.
pub trait Registry: Send + Sync {
    /// Reads the repositories of one registry. The answer has one entry a name asked for.
    ///
    /// # Errors
    /// None as a whole: what could not be read is [`Fact::Unknown`] with the reason.
    fn repositories(
        &self,
        registry: &RegistryName,
        names: &BTreeMap<RepositoryName, SettingsToRead>,
    ) -> impl Future<Output = BTreeMap<RepositoryName, Fact<RepositoryFacts>>> + Send;

    /// Reads what tags hold. The answer has one entry a tag asked for; a repository that is not there gives `Absent` for all.
    fn images(
        &self,
        key: &RepositoryKey,
        tags: &BTreeSet<Tag>,
    ) -> impl Future<Output = BTreeMap<Tag, Fact<ImageFacts>>> + Send;

    /// Reads the newest inputs record of an image: its JSON text.
    ///
    /// # Errors
    /// Any [`RegistryError`]; callers show a note, nothing is decided from a record.
    fn inputs_record(
        &self,
        key: &RepositoryKey,
        image: &Digest,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, RegistryError>> + Send;

    /// Lists the images of a repository as lifecycle rules see them, archived ones too: all of them, or those with a digest in `only`.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] where the repository, or an image that was asked for, is not there; otherwise any.
    fn stored_images(
        &self,
        key: &RepositoryKey,
        only: Option<&BTreeSet<Digest>>,
    ) -> impl Future<Output = Result<Vec<StoredImage>, RegistryError>> + Send;

    /// Reads the scanning configuration of a registry.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn scanning(
        &self,
        registry: &RegistryName,
    ) -> impl Future<Output = Result<Scanning, RegistryError>> + Send;

    /// Reads what ECR's scan found in an image, `None` where ECR knows of no scan.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn scan_report(
        &self,
        key: &RepositoryKey,
        image: &Digest,
    ) -> impl Future<Output = Result<Option<ScanReport>, RegistryError>> + Send;

    /// Reads how many bytes images have, compressed. The answer has one entry an image asked for.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] where the repository or an image is not there; otherwise any.
    fn image_sizes(
        &self,
        key: &RepositoryKey,
        images: &BTreeSet<Digest>,
    ) -> impl Future<Output = Result<BTreeMap<Digest, u64>, RegistryError>> + Send;

    /// Takes an image out of the archive and waits, within bounds, until it can be pulled. One that can be pulled already is left alone.
    ///
    /// # Errors
    /// [`RegistryError::Transient`] where it is not there in time; otherwise any.
    fn restore_image(
        &self,
        key: &RepositoryKey,
        digest: &Digest,
    ) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Brings everything an image consists of from one repository into another, byte for byte: blobs by mount or transfer, the images
    /// of an index under their digests. The manifest itself is returned, not written.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn copy_image(
        &self,
        from: &RepositoryKey,
        to: &RepositoryKey,
        digest: &Digest,
        events: &Events,
        name: &ImageName,
    ) -> impl Future<Output = Result<Manifest, RegistryError>> + Send;

    /// Creates a repository with its settings and resource tags, and waits until it is visible. Returns what is there then.
    /// A repository that exists already is returned as it is; the caller compares.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn create_repository(
        &self,
        key: &RepositoryKey,
        repository: &NewRepository,
    ) -> impl Future<Output = Result<RepositoryFacts, RegistryError>> + Send;

    /// Changes one setting of a repository.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn change_setting(
        &self,
        key: &RepositoryKey,
        change: &SettingChange,
    ) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Deletes a repository with everything in it. One that is not there is done.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn delete_repository(
        &self,
        key: &RepositoryKey,
    ) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Brings config and layers of an image into a repository: HEAD first, mount or upload what is missing. No manifest is written.
    /// The descriptors are in the order of the layers, with OCI media types.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn push_blobs(
        &self,
        key: &RepositoryKey,
        image: Arc<dyn LocalImage>,
        events: &Events,
        name: &ImageName,
    ) -> impl Future<Output = Result<PushedBlobs, RegistryError>> + Send;

    /// Reads a manifest by digest, its bytes checked against it.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn manifest(
        &self,
        key: &RepositoryKey,
        digest: &Digest,
    ) -> impl Future<Output = Result<Manifest, RegistryError>> + Send;

    /// Puts a manifest under a tag (ECR API `PutImage`, with `imageDigest`).
    ///
    /// # Errors
    /// [`RegistryError::TagImmutable`] where an immutable tag holds another image; otherwise any.
    fn put_manifest(
        &self,
        key: &RepositoryKey,
        manifest: &Manifest,
        tag: &Tag,
    ) -> impl Future<Output = Result<Put, RegistryError>> + Send;

    /// Sends an inputs record (JSON text), which no image has yet: beside the push of its image, or later.
    ///
    /// # Errors
    /// Any [`RegistryError`]; callers show a note.
    fn send_record(
        &self,
        key: &RepositoryKey,
        record: &[u8],
    ) -> impl Future<Output = Result<SentRecord, RegistryError>> + Send;

    /// Attaches a record that was sent to an image, as an OCI referrer.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] also where what was sent is gone again; callers show a note of any error.
    fn attach_record(
        &self,
        key: &RepositoryKey,
        image: &Descriptor,
        record: &SentRecord,
    ) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Returns the credentials that a builder needs to pull from the registry: host, user, password. Kept in memory only.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn pull_credentials(
        &self,
        registry: &RegistryName,
    ) -> impl Future<Output = Result<PullCredentials, RegistryError>> + Send;

    /// Reads where ECR copies the images of a registry to.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn replication_rules(
        &self,
        registry: &RegistryName,
    ) -> impl Future<Output = Result<Vec<ReplicationRule>, RegistryError>> + Send;

    /// Checks that the credentials work and belong to an account; returns the caller's account.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    fn caller_account(
        &self,
        registry: &RegistryName,
    ) -> impl Future<Output = Result<String, RegistryError>> + Send;
}

/// Credentials of one registry host.
#[derive(Clone, PartialEq, Eq)]
pub struct PullCredentials {
    /// Host and port, as image references name it.
    pub host: String,
    /// User name.
    pub user: String,
    /// Password; never shown.
    pub password: String,
}

impl std::fmt::Debug for PullCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "PullCredentials {{ host: {:?}, user: {:?}, password: redacted }}",
            self.host, self.user
        )
    }
}

/// An inputs record that a repository holds, still of no image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRecord {
    /// The config of its artifact.
    pub config: Descriptor,
    /// The record.
    pub blob: Descriptor,
}

/// Config and layers of a pushed image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedBlobs {
    /// The config.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// Bytes that really went over the wire.
    pub sent_bytes: u64,
}

/// What a registry says about a base image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFacts {
    /// Digest of the manifest or index that the reference names.
    pub digest: Digest,
    /// The platforms it holds, sorted.
    pub platforms: Vec<Platform>,
    /// The user of its config, empty for root.
    pub user: Option<String>,
    /// The entrypoint of its config.
    pub entrypoint: Vec<String>,
    /// Whether its config has ONBUILD triggers that read the context of a build, `None` where it was not read.
    pub onbuild: Option<bool>,
    /// The registry or mirror host that answered.
    pub resolved_from: String,
}

/// Registries of base images.
pub trait Upstream: Send + Sync {
    /// Resolves a reference, already mapped to the mirror it is to be read from.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] where the registry says that there is no such image; otherwise any.
    fn resolve(
        &self,
        reference: &str,
    ) -> impl Future<Output = Result<BaseFacts, RegistryError>> + Send;
}

/// The files of the workspace. Paths are relative to it, `/` between parts; what leaves it is refused.
pub trait Files: Send + Sync {
    /// Reads a text; `None` where there is no such file.
    ///
    /// # Errors
    /// Says why the file cannot be used: outside the workspace, not UTF-8, too large, refused by the system.
    fn text(&self, path: &str) -> Result<Option<String>, String>;

    /// Says whether a file or folder is there.
    fn has(&self, path: &str) -> bool;

    /// Lists a build context, and hashes what of it `sources` reach.
    ///
    /// # Errors
    /// Names every file that cannot be sent, one a line.
    fn context(
        &self,
        folder: &str,
        ignore: Ignore,
        sources: ContextSources,
    ) -> impl Future<Output = Result<ContextListing, String>> + Send;
}
