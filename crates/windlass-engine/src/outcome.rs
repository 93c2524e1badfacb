//! What an apply came to: per image and repository what was done, what is left, and how to take a moved tag back.
//!
//! The model is for the binary; [`Outcome::render_json`] and [`Outcome::render_dotenv`] write the file of `apply --report`.

mod dotenv;
mod report;
#[cfg(test)]
mod tests;

use windlass_core::name::{Address, Digest, Fingerprint, ImageName, RepositoryKey, Tag};
use windlass_core::plan::{ImageAction, RepositoryAction};

use crate::ports::{BuilderError, RegistryError};

/// The result of an apply that passed its checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The workspace's name.
    pub workspace: String,
    /// The environment of the plan.
    pub environment: Option<String>,
    /// What it came to as a whole.
    pub status: Status,
    /// Whether the apply was told to end before it was done.
    pub interrupted: bool,
    /// All images of the plan, in its order, the unchanged among them.
    pub images: Vec<ImageOutcome>,
    /// All repositories of the plan, in its order, the unchanged among them.
    pub repositories: Vec<RepositoryOutcome>,
    /// What went wrong, in the order it happened.
    pub failures: Vec<Failure>,
    /// Things to know that change nothing.
    pub notes: Vec<String>,
}

impl Outcome {
    /// Says whether everything that failed may go well later without any change by a person; false where nothing failed.
    /// What was given up because of something else does not count.
    pub fn is_transient(&self) -> bool {
        let mut causes = self
            .failures
            .iter()
            .filter(|failure| !matches!(failure.cause, Cause::Need(_)))
            .peekable();
        causes.peek().is_some() && causes.all(|failure| failure.cause.is_transient())
    }

    /// Returns the wanted tags with this result, with image and repository.
    pub fn tags_with(
        &self,
        result: TagResult,
    ) -> impl Iterator<Item = (&ImageOutcome, &TargetOutcome, &TagOutcome)> {
        self.images.iter().flat_map(move |image| {
            image.targets.iter().flat_map(move |target| {
                let tags = target.tags.iter().filter(move |tag| tag.result == result);
                tags.map(move |tag| (image, target, tag))
            })
        })
    }

    /// Writes the report as JSON (`docs/formats/apply-report.md`), ending in a line feed.
    pub fn render_json(&self) -> String {
        report::render(self)
    }

    /// Writes one line an image that a repository holds: `WEB_IMAGE=URI@DIGEST` (`docs/formats/apply-report.md`).
    pub fn render_dotenv(&self) -> String {
        dotenv::render(self)
    }
}

/// What an apply came to as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every step is done.
    Applied,
    /// Every step was done before; nothing was written.
    AlreadyApplied,
    /// Some steps are done, some are not; running it again finishes.
    Partial,
    /// Something failed and nothing was written to a registry.
    Failed,
    /// Wanted tags were moved by somebody else while images were brought: the images are held, no tag was moved.
    Stale,
}

impl Status {
    /// Returns the word of the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AlreadyApplied => "already-applied",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Stale => "stale",
        }
    }
}

/// What was done for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageOutcome {
    /// Its name.
    pub name: ImageName,
    /// What the plan said.
    pub action: ImageAction,
    /// Its fingerprint.
    pub fingerprint: Option<Fingerprint>,
    /// Its platforms, as `linux/amd64`; empty where its inputs are not known.
    pub platforms: Vec<String>,
    /// Whether it was built in this run. Images with one fingerprint share a build.
    pub built: bool,
    /// Seconds the build took.
    pub build_seconds: Option<f64>,
    /// Its places, in the order of the plan.
    pub targets: Vec<TargetOutcome>,
}

/// One place of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetOutcome {
    /// Registry and repository.
    pub key: RepositoryKey,
    /// The repository's URI, `None` where it is not there.
    pub uri: Option<String>,
    /// Digest of the image that the repository holds for the fingerprint, `None` where it does not hold one.
    pub digest: Option<Digest>,
    /// The wanted tags, in the order of the plan.
    pub tags: Vec<TagOutcome>,
}

/// One wanted tag after the apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagOutcome {
    /// The tag.
    pub tag: Tag,
    /// What happened to it.
    pub result: TagResult,
    /// What it held before, `None` where it was not there.
    pub from: Option<Digest>,
    /// What it holds now or should hold, `None` where the image was not brought.
    pub to: Option<Digest>,
    /// The command that takes a moved tag back to where it was.
    pub undo: Option<String>,
}

/// What happened to a wanted tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagResult {
    /// It held the image before.
    Held,
    /// This run wrote it.
    Moved,
    /// It was to be written and was not.
    Unmoved,
}

impl TagResult {
    /// Returns the word of the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Moved => "moved",
            Self::Unmoved => "unmoved",
        }
    }
}

/// What was done for one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryOutcome {
    /// Registry and repository.
    pub key: RepositoryKey,
    /// What the plan said.
    pub action: RepositoryAction,
    /// Its URI, `None` where it is not there.
    pub uri: Option<String>,
    /// Whether this run created it.
    pub created: bool,
    /// Whether this run deleted it.
    pub deleted: bool,
    /// The settings that this run changed, by their names in the manifest.
    pub changed: Vec<&'static str>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The image, where it is about one.
    pub image: Option<ImageName>,
    /// The repository, where it is about one.
    pub key: Option<RepositoryKey>,
    /// The tag, where it is about one.
    pub tag: Option<Tag>,
    /// What was being done.
    pub phase: FailedPhase,
    /// Why it failed.
    pub cause: Cause,
}

impl std::fmt::Display for Failure {
    /// Writes what failed and why: `image.web: push to repository.web@prod: ...`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.image, &self.tag) {
            (Some(image), Some(tag)) => write!(f, "image.{image}:{tag}: ")?,
            (Some(image), None) => write!(f, "image.{image}: ")?,
            (None, _) => {}
        }
        f.write_str(self.phase.as_str())?;
        if let Some(key) = &self.key {
            write!(f, " {} {key}", self.phase.preposition())?;
        }
        write!(f, ": {}", self.cause)
    }
}

/// What was being done when something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedPhase {
    /// A repository was created or changed.
    Repository,
    /// An image was built.
    Build,
    /// An image was brought into a repository under its `in-` tag.
    Push,
    /// A wanted tag was read or moved.
    Tag,
}

impl FailedPhase {
    /// Returns the word of the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "settings",
            Self::Build => "build",
            Self::Push => "push",
            Self::Tag => "tag",
        }
    }

    fn preposition(self) -> &'static str {
        match self {
            Self::Repository => "of",
            Self::Build => "for",
            Self::Push => "to",
            Self::Tag => "in",
        }
    }
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The builder says so.
    Builder(BuilderError),
    /// The registry says so.
    Registry(RegistryError),
    /// The world was changed by somebody else meanwhile.
    Changed(String),
    /// Something it needs could not be had: an image that it is built from, or its repository.
    Need(Address),
    /// The image is larger than its `max-size`; both in bytes, compressed.
    TooLarge {
        /// What it has.
        bytes: u64,
        /// What it may have.
        most: u64,
    },
}

impl Cause {
    /// Says whether trying again later can help without any change by a person.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Registry(error) if error.is_transient())
    }

    /// Returns the word of the report.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Builder(BuilderError::Unreachable(_)) => "builder-unreachable",
            Self::Builder(BuilderError::Failed(_)) => "step-failed",
            Self::Builder(BuilderError::Base(_)) => "base-image",
            Self::Builder(BuilderError::Stale(_)) => "context-changed",
            Self::Builder(BuilderError::Timeout(_)) => "timeout",
            Self::Builder(BuilderError::Other(_)) => "builder",
            Self::Registry(RegistryError::NotFound(_)) => "not-found",
            Self::Registry(RegistryError::Denied(_)) => "denied",
            Self::Registry(RegistryError::Credentials(_)) => "credentials",
            Self::Registry(RegistryError::Transient(_)) => "transient",
            Self::Registry(RegistryError::Unreachable(_)) => "registry-unreachable",
            Self::Registry(RegistryError::Changed(_)) | Self::Changed(_) => "changed",
            Self::Registry(RegistryError::TagImmutable(_)) => "tag-immutable",
            Self::Registry(RegistryError::Other(_)) => "registry",
            Self::Need(_) => "need-failed",
            Self::TooLarge { .. } => "too-large",
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builder(error) => error.fmt(f),
            Self::Registry(error) => error.fmt(f),
            Self::Changed(what) => f.write_str(what),
            Self::Need(address) => write!(f, "it needs {address}, which failed"),
            Self::TooLarge { bytes, most } => write!(
                f,
                "it has {bytes} bytes ({}), compressed, and its `max-size` is {most} ({}): make it smaller (`docker history` shows its layers), or raise `max-size`",
                mebibytes(*bytes),
                mebibytes(*most)
            ),
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

impl From<BuilderError> for Cause {
    fn from(error: BuilderError) -> Self {
        Self::Builder(error)
    }
}

impl From<RegistryError> for Cause {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}
