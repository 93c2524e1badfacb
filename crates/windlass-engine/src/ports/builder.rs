//! What is asked of the builder: images it holds, builds, and layers to push.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use windlass_core::context::Entry;
use windlass_core::dockerfile::ContextSources;
use windlass_core::name::{Digest, Fingerprint, ImageName, Platform};

use crate::event::Events;
use crate::ports::{Boxed, PullCredentials};
use crate::secrets::SecretValue;
/// An image in the builder, ready to be pushed.
pub trait LocalImage: Send + Sync {
    /// Returns the image config, byte for byte.
    fn config(&self) -> &[u8];

    /// Returns the digests of the uncompressed layers, lowest first.
    fn diff_ids(&self) -> &[Digest];

    /// Returns digest and size of the compressed layer, where an earlier run remembered it.
    fn known(&self, diff_id: &Digest) -> Option<(Digest, u64)>;

    /// Compresses a layer into a file; deterministic: the same layer gives the same bytes.
    fn compress(&self, diff_id: Digest) -> Boxed<'_, Result<CompressedLayer, BuilderError>>;
}

/// A compressed layer in a file. The file lives as long as the image it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressedLayer {
    /// Digest of the compressed bytes.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// Where they are.
    pub path: PathBuf,
}

/// Why a builder failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuilderError {
    /// No builder answers; the text says what to start or set.
    #[error("{0}")]
    Unreachable(String),
    /// A step of the build failed.
    #[error("{0}")]
    Failed(Box<FailedStep>),
    /// A base image cannot be pulled.
    #[error("{0}")]
    Base(String),
    /// A file of the context changed since it was planned; the build is stale.
    #[error("{0}")]
    Stale(String),
    /// The build took longer than the image's `timeout`.
    #[error("{0}")]
    Timeout(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// The step at which a build failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedStep {
    /// The step as BuildKit names it: `[builder 3/4] RUN go build`.
    pub step: String,
    /// Exit code of the command, where it was one.
    pub exit_code: Option<i32>,
    /// What the builder says.
    pub message: String,
    /// The last log lines of the step.
    pub log: Vec<String>,
    /// Line in the Dockerfile, 1-based.
    pub line: Option<usize>,
}

impl std::fmt::Display for FailedStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.exit_code {
            Some(code) => write!(f, "`{}` failed with exit code {code}", self.step),
            None => write!(f, "`{}` failed: {}", self.step, self.message),
        }
    }
}

/// One build, with everything it may read.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The image, for progress and for the name in the builder.
    pub image: ImageName,
    /// Names workspace and image for incremental transfers; stable between runs.
    pub shared_key: String,
    /// Its fingerprint; the builder remembers the image under it.
    pub fingerprint: Fingerprint,
    /// The Dockerfile as it is sent: bases and needed images replaced by digests.
    pub dockerfile: String,
    /// Absolute folder of the context.
    pub context: PathBuf,
    /// What of it is sent, sorted by path.
    pub entries: Arc<[Entry]>,
    /// The sources that `entries` were chosen by; a build that asks for others fails.
    pub sources: ContextSources,
    /// Build args.
    pub args: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The stage; the last one where `None`.
    pub stage: Option<String>,
    /// The platform.
    pub platform: Platform,
    /// The values of secrets that RUN steps may mount, by id; never shown.
    pub secrets: BTreeMap<String, SecretValue>,
    /// The network of RUN steps.
    pub network: Option<String>,
    /// After how many seconds to give up.
    pub timeout_seconds: Option<u64>,
    /// Whether cached steps may be used.
    pub use_cache: bool,
    /// Credentials for registries that the build pulls workspace images from.
    pub credentials: Vec<PullCredentials>,
    /// The name to give the image in the builder, such as `windlass/shop/web:in-0123456789abcdef`.
    pub local_name: String,
}

/// What a builder says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuilderFacts {
    /// For people: `Docker Engine 20.10.24 at unix:///var/run/docker.sock`.
    pub description: String,
    /// Platforms that it can run.
    pub platforms: Vec<Platform>,
}

/// The Docker Engine or another BuildKit.
pub trait Builder: Send + Sync {
    /// Says that the builder will most likely be asked soon, so that it can connect meanwhile. Nothing is waited for, and nothing fails.
    fn expect_questions(&self) {}

    /// Asks the builder who it is.
    ///
    /// # Errors
    /// [`BuilderError::Unreachable`] where none answers.
    fn describe(&self) -> impl Future<Output = Result<BuilderFacts, BuilderError>> + Send;

    /// Returns the images that windlass built here for these fingerprints and that are still there.
    /// Only windlass's own build record counts, and only while the builder still has the image.
    ///
    /// # Errors
    /// [`BuilderError::Unreachable`] where none answers.
    fn local_images(
        &self,
        fingerprints: &BTreeSet<Fingerprint>,
    ) -> impl Future<Output = Result<BTreeMap<Fingerprint, Digest>, BuilderError>> + Send;

    /// Returns those of the fingerprints that windlass's build record of this builder tells of, whether or not the image is still there.
    ///
    /// # Errors
    /// [`BuilderError::Unreachable`] where none answers.
    fn built_before(
        &self,
        fingerprints: &BTreeSet<Fingerprint>,
    ) -> impl Future<Output = Result<BTreeSet<Fingerprint>, BuilderError>> + Send;

    /// Builds an image, remembers it under its fingerprint and returns its id. Dropping the future ends the build.
    ///
    /// # Errors
    /// Any [`BuilderError`].
    fn build(
        &self,
        request: BuildRequest,
        events: &Events,
    ) -> impl Future<Output = Result<Digest, BuilderError>> + Send;

    /// Opens an image for pushing.
    ///
    /// # Errors
    /// Any [`BuilderError`].
    fn open(
        &self,
        id: &Digest,
    ) -> impl Future<Output = Result<Arc<dyn LocalImage>, BuilderError>> + Send;

    /// Gives an image a second name in the builder, so that a build of this run can start FROM it.
    ///
    /// # Errors
    /// Any [`BuilderError`].
    fn tag(&self, id: &Digest, name: &str)
    -> impl Future<Output = Result<(), BuilderError>> + Send;
}
