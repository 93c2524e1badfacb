//! Secrets: where the value of a `RUN --mount=type=secret` comes from. No value is ever part of the model.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diag::Location;

/// A secret that a build of an image may mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSecret {
    /// The id of the mount, which the fingerprint holds.
    pub id: String,
    /// The name of the `secret` node.
    pub name: String,
    /// Where its value comes from.
    pub source: SecretSource,
    /// Where the image names it.
    pub location: Location,
}

/// Where the value of a secret comes from. A plan holds this, and never the value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum SecretSource {
    /// An environment variable of the process that applies.
    Env {
        /// Its name.
        name: String,
    },
    /// A file, relative to the workspace; never part of a build context.
    File {
        /// Its path.
        path: String,
    },
}

impl fmt::Display for SecretSource {
    /// Writes `env NPM_TOKEN` or `file ci/token`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env { name } => write!(f, "env {name}"),
            Self::File { path } => write!(f, "file {path}"),
        }
    }
}
