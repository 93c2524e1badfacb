//! The one stream of events that progress bars, JSON lines and the final report are made from.

use std::sync::Arc;

use windlass_core::name::{Digest, Fingerprint, ImageName, RepositoryKey, Tag};

/// Something that happened during an observation, a build or an apply.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An image enters a phase.
    Phase {
        /// The image.
        image: ImageName,
        /// What begins.
        phase: Phase,
    },
    /// A build step changed; the last event of a digest wins.
    Step {
        /// The image that is built.
        image: ImageName,
        /// The step.
        step: BuildStep,
    },
    /// A log line of a build step, without its line end.
    Log {
        /// The image that is built.
        image: ImageName,
        /// Digest of the step's vertex.
        step: String,
        /// The text.
        line: String,
    },
    /// Bytes of an image's layers were sent or found to be there.
    Pushed {
        /// The image.
        image: ImageName,
        /// Bytes done so far, those already there included.
        done: u64,
        /// Bytes in all, as far as known.
        total: u64,
    },
    /// A repository was created or changed.
    Repository {
        /// The repository.
        key: RepositoryKey,
        /// `created`, or the setting that changed.
        what: String,
    },
    /// An image was built.
    Built {
        /// The image.
        image: ImageName,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// Seconds it took.
        seconds: f64,
    },
    /// An image is in a repository under its `in-` tag.
    Held {
        /// The image.
        image: ImageName,
        /// The repository.
        key: RepositoryKey,
        /// Digest of its manifest.
        digest: Digest,
    },
    /// A wanted tag was moved or created.
    Tagged {
        /// The image.
        image: ImageName,
        /// The repository.
        key: RepositoryKey,
        /// The tag.
        tag: Tag,
        /// What it holds now.
        digest: Digest,
    },
    /// An image is finished, or failed for the reason given.
    Finished {
        /// The image.
        image: ImageName,
        /// Why it failed, `None` where it did not.
        failure: Option<String>,
    },
    /// Something to know that changes nothing.
    Note(String),
}

/// What is done for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its turn or for an image it needs.
    Waiting,
    /// It is built.
    Building,
    /// Its layers are compressed and pushed.
    Pushing,
    /// Its tags are written.
    Tagging,
}

/// A step of a build as BuildKit reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildStep {
    /// Digest of the vertex; the key.
    pub digest: String,
    /// The whole name: `[builder 2/4] RUN pip install`.
    pub name: String,
    /// Its place and the number of steps of its stage, where the name tells.
    pub index: Option<(u32, u32)>,
    /// How far it is.
    pub state: StepState,
    /// Seconds it ran, once it is done.
    pub seconds: Option<f64>,
}

/// How far a build step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Running.
    Running,
    /// Done, from the cache.
    Cached,
    /// Done.
    Done,
    /// Failed.
    Failed,
}

/// Where events go: cheap to clone, never blocks, never fails.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// Sends every event to `sink`, which must return at once.
    pub fn new(sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Drops every event.
    pub fn none() -> Self {
        Self::new(|_| ())
    }

    /// Sends one event.
    pub fn send(&self, event: Event) {
        (self.0)(event);
    }
}
