//! Uploads of layers: a file that grows, and the hash of what it holds.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::identity::{hex, random_uuid};
use crate::model::blobs::Blobs;
use crate::model::repository::Scope;

/// A layer on its way in. Its file goes with it, unless it became a blob.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Registry it is for.
    pub(crate) scope: Scope,
    /// Repository it is for.
    pub(crate) repository: String,
    /// How many chunks or parts came, dropped ones included.
    pub(crate) chunks: u32,
    /// Whether a part shorter than 5 MiB came.
    pub(crate) short_part: bool,
    file: File,
    path: PathBuf,
    hash: Sha256,
    length: u64,
}

impl Upload {
    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Returns how many bytes it holds.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the digest of what it holds.
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{}", hex(&self.hash.clone().finalize()))
    }

    /// Makes it a blob under its own digest.
    pub(crate) fn finish(&mut self, blobs: &Blobs) -> io::Result<()> {
        self.file.flush()?;
        blobs.adopt(&self.path, &self.digest())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // After `finish` the file has another name, and there is nothing to remove.
        let _ignored = fs::remove_file(&self.path);
    }
}

/// The uploads that nobody works on at the moment, by id.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<String, Upload>>);

impl Uploads {
    /// Starts an upload and returns its id.
    pub(crate) fn start(
        &self,
        blobs: &Blobs,
        scope: &Scope,
        repository: &str,
    ) -> io::Result<String> {
        let id = random_uuid();
        let path = blobs.upload_path(&id);
        let upload = Upload {
            scope: scope.clone(),
            repository: repository.to_owned(),
            chunks: 0,
            short_part: false,
            file: File::create(&path)?,
            path,
            hash: Sha256::new(),
            length: 0,
        };
        self.put_back(&id, upload);
        Ok(id)
    }

    /// Takes an upload out to work on it; another request meanwhile finds nothing.
    pub(crate) fn take(&self, id: &str, scope: &Scope, repository: &str) -> Option<Upload> {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = uploads.get(id)?;
        if found.scope != *scope || found.repository != repository {
            return None;
        }
        uploads.remove(id)
    }

    /// Puts an upload back after work.
    pub(crate) fn put_back(&self, id: &str, upload: Upload) {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.insert(id.to_owned(), upload);
    }
}
