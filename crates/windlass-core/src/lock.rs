//! `windlass.lock`: the digests of base images.
//!
//! KDL, one line a base image, sorted by reference; the reference is the upstream one, so one lock fits all mirrors of the same bytes.

mod file;

use std::collections::BTreeMap;

use crate::name::{Digest, Platform};

pub use self::file::{parse, render};

/// The lock of a workspace: upstream reference (`docker.io/library/python:3.12-slim-bookworm`) to what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The entries, by normalised upstream reference.
    pub bases: BTreeMap<String, LockedBase>,
}

/// What the lock holds of one base image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedBase {
    /// Digest of the manifest or index that the reference named.
    pub digest: Digest,
    /// The platforms it holds, sorted.
    pub platforms: Vec<Platform>,
    /// The user of its config, empty for root, `None` where it was not read.
    pub user: Option<String>,
    /// The entrypoint of its config.
    pub entrypoint: Vec<String>,
    /// Whether it has ONBUILD triggers that read the context of a build, `None` where its config was not read.
    pub onbuild: Option<bool>,
    /// Where it was resolved: a registry or mirror host.
    pub resolved_from: String,
    /// The day it was resolved, `YYYY-MM-DD`; changes only with the digest.
    pub resolved: String,
}
