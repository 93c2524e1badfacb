//! Blobs: files named by digest, shared by all repositories of the data folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of blobs and of uploads that become blobs.
#[derive(Debug)]
pub(crate) struct Blobs {
    blobs: PathBuf,
    uploads: PathBuf,
}

impl Blobs {
    /// Opens the folder; what a killed server left of its uploads is removed.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let (blobs, uploads) = (folder.join("blobs").join("sha256"), folder.join("uploads"));
        fs::create_dir_all(&blobs)?;
        if uploads.exists() {
            fs::remove_dir_all(&uploads)?;
        }
        fs::create_dir_all(&uploads)?;
        Ok(Self { blobs, uploads })
    }

    /// Returns where a blob lies, if it is there; `digest` must be a SHA-256 digest.
    pub(crate) fn find(&self, digest: &str) -> Option<PathBuf> {
        let path = self.path(digest)?;
        path.is_file().then_some(path)
    }

    /// Returns where an upload is written.
    pub(crate) fn upload_path(&self, id: &str) -> PathBuf {
        self.uploads.join(id)
    }

    /// Makes a finished upload a blob, in one step.
    pub(crate) fn adopt(&self, upload: &Path, digest: &str) -> io::Result<()> {
        let path = self
            .path(digest)
            .ok_or_else(|| io::Error::other("not a digest"))?;
        fs::rename(upload, path)
    }

    /// Removes all blobs that are not in `used`.
    pub(crate) fn sweep(&self, used: &BTreeSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(&self.blobs)? {
            let entry = entry?;
            let digest = format!("sha256:{}", entry.file_name().to_string_lossy());
            if !used.contains(&digest) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: &str) -> Option<PathBuf> {
        crate::identity::is_sha256_digest(digest)
            .then(|| self.blobs.join(&digest["sha256:".len()..]))
    }
}
