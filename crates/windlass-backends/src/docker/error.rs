//! What can go wrong with the Docker Engine, in the cases a caller acts on.

use std::fmt;

/// A failure of the Engine, of a build, or of reading an image back.
///
/// Every message says what to do next where the reader can do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerError {
    /// Nothing answers at the Engine's address.
    #[error("no Docker Engine at `{address}`: {reason}; {help}")]
    Unreachable {
        /// The address that was tried, as in `DOCKER_HOST`.
        address: String,
        /// Why it did not answer.
        reason: String,
        /// What to do about it.
        help: String,
    },
    /// The Engine's address or its certificates cannot be used.
    #[error("{message}; {help}")]
    Address {
        /// What is wrong with the address.
        message: String,
        /// What to write instead.
        help: String,
    },
    /// The Engine answers, but cannot do what windlass needs.
    #[error("the Docker Engine at `{address}` {reason}; {help}")]
    Unsupported {
        /// The Engine's address.
        address: String,
        /// What it lacks.
        reason: String,
        /// What to do about it.
        help: String,
    },
    /// The Engine refused a request.
    #[error("the Docker Engine could not {action}: {message}")]
    Refused {
        /// What was asked, as a verb phrase.
        action: String,
        /// The HTTP status, where the Engine gave one.
        status: Option<u16>,
        /// The Engine's own words.
        message: String,
    },
    /// The image is not in the Engine (any more).
    #[error("image `{image}` is not in the Docker Engine; build it again")]
    NotFound {
        /// The id or tag that was asked for.
        image: String,
    },
    /// The build context cannot be sent.
    #[error("cannot send `{path}` to the build: {reason}")]
    Context {
        /// The path inside the context.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file is not what was fingerprinted.
    #[error("changed while building: {path}; run the plan again")]
    Stale {
        /// The path inside the context.
        path: String,
    },
    /// The build asks for a part of the context that the Dockerfile's own text does not name.
    #[error(
        "the build reads {path} of its context, which the fingerprint does not hold: a variable or trigger of a base image decides it; write the paths of COPY without variables that the base image sets, and run `windlass lock` for the base image's triggers"
    )]
    Unforeseen {
        /// What it asks for, in words or as a path in backticks.
        path: String,
    },
    /// The base image of a stage cannot be read.
    #[error(
        "cannot read the base image `{reference}`: {message}; check its name, the network and `docker login`, or name a mirror"
    )]
    BaseImage {
        /// The reference as the builder wrote it.
        reference: String,
        /// The builder's own words.
        message: String,
    },
    /// A step of the build failed, or the Dockerfile is wrong.
    #[error("{0}")]
    Build(Box<BuildFailure>),
    /// A file of windlass's own cache could not be read or written.
    #[error("cannot {action} `{path}`: {source}")]
    Cache {
        /// What was done, as a verb phrase.
        action: &'static str,
        /// The file.
        path: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// What the Engine sent does not hold together.
    #[error("the Docker Engine's answer is damaged: {message}; try again")]
    Damaged {
        /// What does not fit.
        message: String,
    },
}

impl DockerError {
    /// Makes an error for a request that failed on the way or was refused.
    pub(crate) fn from_bollard(action: &str, error: bollard::errors::Error) -> Self {
        match error {
            bollard::errors::Error::DockerResponseServerError {
                status_code,
                message,
            } => Self::Refused {
                action: action.to_owned(),
                status: Some(status_code),
                message,
            },
            other => Self::Refused {
                action: action.to_owned(),
                status: None,
                message: chain(&other),
            },
        }
    }

    /// Makes an error for a call that BuildKit did not answer.
    pub(crate) fn from_grpc(action: &str, status: &tonic::Status) -> Self {
        Self::Refused {
            action: action.to_owned(),
            status: None,
            message: status.message().to_owned(),
        }
    }

    pub(crate) fn cache(
        action: &'static str,
        path: &std::path::Path,
        source: std::io::Error,
    ) -> Self {
        Self::Cache {
            action,
            path: path.display().to_string(),
            source,
        }
    }
}

/// Writes an error with all its causes on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// Writes the innermost cause of an error, which names the thing that failed; the layers above only say who noticed.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    let text = inner.to_string();
    // rustls ends some messages with the address of its manual.
    match text.split_once(": https://") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// A build that ended without an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFailure {
    /// The failing step as `BuildKit` shows it (`[builder 2/5] RUN make`); `None` if the build failed outside a step.
    pub step: Option<String>,
    /// The exit code of the failing process.
    pub exit_code: Option<i32>,
    /// The line of the Dockerfile as sent, from 1.
    pub line: Option<u32>,
    /// `BuildKit`'s own words, without its prefixes.
    pub message: String,
    /// The last lines that the failing step wrote, oldest first, at most 50.
    pub log: Vec<String>,
}

impl fmt::Display for BuildFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.step, self.exit_code) {
            (Some(step), Some(code)) => write!(formatter, "`{step}` failed with exit code {code}")?,
            (Some(step), None) => write!(formatter, "`{step}` failed: {}", self.message)?,
            (None, _) => write!(formatter, "the build failed: {}", self.message)?,
        }
        match self.line {
            Some(line) => write!(formatter, " (Dockerfile line {line})"),
            None => Ok(()),
        }
    }
}
