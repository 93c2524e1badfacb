//! Build contexts: ignore rules exactly as the builder applies them, and the list of what a build would see.
//!
//! Nothing here touches a disk: the walk is an adapter's, which asks [`Ignore`] and makes [`Entry`] values.

mod ignore;
mod pattern;
mod select;

use std::fmt;

pub use ignore::{Decision, Ignore, IgnoreLine, Matches, is_never_sent};
pub use select::{Candidate, CandidateKind, select};
use serde::{Deserialize, Serialize};

use crate::diag::{Code, Diagnostic};
use crate::name::{Digest, ImageName};

/// One thing in a build context, after the ignore rules, with normalised mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path below the context, `/` between parts, no leading `/`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry of a build context is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A regular file.
    File {
        /// Whether it is sent as 0755 (the owner may execute it) or as 0644.
        executable: bool,
        /// Its size in bytes.
        bytes: u64,
        /// SHA-256 of its content.
        digest: Digest,
    },
    /// A directory, sent as 0755.
    Directory,
    /// A symbolic link, sent as 0777.
    Link {
        /// The target as it stands in the link.
        target: String,
    },
}

/// What a build of a context would see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextListing {
    /// Everything that the build can read, sorted by path: what is sent, and what is fingerprinted.
    pub entries: Vec<Entry>,
    /// What the ignore rules keep and no instruction reads, sorted.
    pub unread: Vec<String>,
    /// Everything that is left out, sorted by path.
    pub ignored: Vec<IgnoredEntry>,
    /// Things that look like mistakes: LFS pointers, submodules that were not checked out.
    pub warnings: Vec<ContextWarning>,
}

/// Something in a context that is probably not meant to be built as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextWarning {
    /// A pointer of Git LFS, by its path below the context.
    LfsPointer(String),
    /// The folder of a submodule that is not checked out.
    EmptySubmodule(String),
}

impl ContextWarning {
    /// Returns it as a diagnostic of an image, without a place.
    pub fn diagnostic(&self, image: &ImageName) -> Diagnostic {
        let (code, command) = match self {
            Self::LfsPointer(_) => (Code::ContextLfsPointer, "git lfs pull"),
            Self::EmptySubmodule(_) => (Code::ContextSubmodule, "git submodule update --init"),
        };
        Diagnostic::warning(code, format!("image `{image}`: {self}"))
            .help(format!("run `{command}`, or leave it out with `ignore`"))
    }
}

impl fmt::Display for ContextWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LfsPointer(path) => {
                write!(f, "`{path}` is a Git LFS pointer, not the file")
            }
            Self::EmptySubmodule(path) => {
                write!(f, "`{path}` is a submodule that is not checked out")
            }
        }
    }
}

/// What a build of a context would see by names and sizes: no content is read for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextOutline {
    /// Everything that is sent, sorted by path.
    pub entries: Vec<OutlineEntry>,
    /// What the ignore rules keep and no instruction reads, sorted.
    pub unread: Vec<String>,
    /// Everything that is left out, sorted by path.
    pub ignored: Vec<IgnoredEntry>,
}

/// One thing in an outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineEntry {
    /// Path below the context, `/` between parts, no leading `/`.
    pub path: String,
    /// What it is.
    pub kind: OutlineKind,
}

/// What an entry of an outline is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutlineKind {
    /// A regular file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
        /// Its size in bytes.
        bytes: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Link {
        /// The target as it stands in the link.
        target: String,
    },
}

impl From<&Entry> for OutlineEntry {
    fn from(entry: &Entry) -> Self {
        let kind = match &entry.kind {
            EntryKind::File {
                executable,
                bytes,
                digest: _,
            } => OutlineKind::File {
                executable: *executable,
                bytes: *bytes,
            },
            EntryKind::Directory => OutlineKind::Directory,
            EntryKind::Link { target } => OutlineKind::Link {
                target: target.clone(),
            },
        };
        Self {
            path: entry.path.clone(),
            kind,
        }
    }
}

/// Something of a context that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredEntry {
    /// Its path; a folder stands for all that is in it and ends in `/`.
    pub path: String,
    /// Index of the line that decided; `None` where it is windlass's own.
    pub line: Option<usize>,
}
