//! Scan reports that a caller hands out: the local ECR looks into no image itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Reports by digest of the image; clones share them, so a test can change them while the server runs.
#[derive(Debug, Clone, Default)]
pub struct Scans(Arc<Mutex<BTreeMap<String, Scan>>>);

/// What a scan of an image came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// A status of the service, such as `COMPLETE`, `ACTIVE` (enhanced scanning) or `FAILED`.
    pub status: String,
    /// When it was completed, in seconds after the Unix epoch.
    pub completed: i64,
    /// Whether Amazon Inspector scanned it.
    pub enhanced: bool,
    /// What was found.
    pub vulnerabilities: Vec<Vulnerability>,
}

/// A vulnerability in a package of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vulnerability {
    /// `CVE-2026-0001`
    pub name: String,
    /// `CRITICAL`, `HIGH`, `MEDIUM`, `LOW`, `INFORMATIONAL` or `UNDEFINED`.
    pub severity: String,
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// When it was first seen, in seconds after the Unix epoch; only enhanced scanning tells it.
    pub first_observed: i64,
}

impl Scans {
    /// Hands out a report for an image, whatever was handed out before.
    pub fn set(&self, digest: &str, scan: Scan) {
        self.reports().insert(digest.to_owned(), scan);
    }

    /// Returns the report of an image.
    pub(crate) fn get(&self, digest: &str) -> Option<Scan> {
        self.reports().get(digest).cloned()
    }

    fn reports(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Scan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
