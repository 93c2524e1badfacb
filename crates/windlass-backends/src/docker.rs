//! Docker Engine and its `BuildKit`: builds, images in the Engine, and reading their layers for a push.
//!
//! This module talks to the Engine only. It knows no registry, plans nothing and renders no progress.

mod address;
mod builder;
mod cache;
mod credentials;
mod engine;
mod error;
mod export;
mod failure;
mod filesync;
mod gzip;
mod images;
mod layers;
mod progress;
mod session;
mod solve;
mod transport;
mod tree;

pub use address::{Address, Certificates, Endpoint, Environment};
pub use builder::DockerBuilder;
pub use credentials::{Credential, Credentials};
pub use engine::{Capabilities, Engine};
pub use error::{BuildFailure, DockerError};
pub use images::StoredImage;
pub use progress::{BuildEvent, LogStream, Step, StepState};
pub use session::SecretValues;
pub use solve::{BuildRequest, Built, Network};
pub use tree::{ContextEntry, EntryKind, Source};
