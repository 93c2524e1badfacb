//! What windlass remembers of the Engine in its cache folder: builds by fingerprint, configs by image, compressed layers.
//!
//! Everything here can be deleted at any time; it is then found out again. Files are written whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use windlass_core::name::{Digest, Fingerprint};

use crate::docker::error::DockerError;

/// The part of the cache folder that belongs to this adapter.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the image that was built for a fingerprint by the builder at an address.
    pub(crate) fn built(&self, builder: &str, fingerprint: &Fingerprint) -> Option<Digest> {
        let text = fs::read_to_string(self.build_path(builder, fingerprint)).ok()?;
        Digest::new(text.trim()).ok()
    }

    /// Remembers the image that was built for a fingerprint.
    pub(crate) fn remember_built(
        &self,
        builder: &str,
        fingerprint: &Fingerprint,
        image: &Digest,
    ) -> Result<(), DockerError> {
        let text = format!("{image}\n");
        write(&self.build_path(builder, fingerprint), text.as_bytes())
    }

    /// Returns the config of an image, byte for byte.
    pub(crate) fn config(&self, image: &Digest) -> Option<Vec<u8>> {
        fs::read(self.config_path(image)).ok()
    }

    /// Remembers the config of an image.
    pub(crate) fn remember_config(&self, image: &Digest, config: &[u8]) -> Result<(), DockerError> {
        write(&self.config_path(image), config)
    }

    /// Returns digest and size of a layer once it is compressed.
    pub(crate) fn compressed(&self, diff_id: &Digest) -> Option<(Digest, u64)> {
        let text = fs::read_to_string(self.layer_path(diff_id)).ok()?;
        let (digest, size) = text.trim().split_once(' ')?;
        Some((Digest::new(digest).ok()?, size.parse().ok()?))
    }

    /// Remembers digest and size of a compressed layer.
    pub(crate) fn remember_compressed(
        &self,
        diff_id: &Digest,
        digest: &Digest,
        size: u64,
    ) -> Result<(), DockerError> {
        if self.compressed(diff_id).as_ref() == Some(&(digest.clone(), size)) {
            return Ok(());
        }
        let text = format!("{digest} {size}\n");
        write(&self.layer_path(diff_id), text.as_bytes())
    }

    /// Makes a folder for this process's large files; it goes with the value.
    pub(crate) fn scratch(&self) -> Result<tempfile::TempDir, DockerError> {
        let parent = self.root.join("scratch");
        remove_abandoned(&parent);
        fs::create_dir_all(&parent)
            .and_then(|()| {
                tempfile::Builder::new()
                    .prefix("layers-")
                    .tempdir_in(&parent)
            })
            .map_err(|error| DockerError::cache("create a folder in", &parent, error))
    }

    fn build_path(&self, builder: &str, fingerprint: &Fingerprint) -> PathBuf {
        let builder = Digest::of(builder.as_bytes());
        self.root
            .join("builds")
            .join(&builder.hex()[..16])
            .join(fingerprint.as_str())
    }

    fn config_path(&self, image: &Digest) -> PathBuf {
        self.root.join("configs").join(image.hex())
    }

    fn layer_path(&self, diff_id: &Digest) -> PathBuf {
        self.root.join("layers").join(diff_id.hex())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DockerError> {
    let folder = path.parent().expect("cache files lie in folders");
    let written = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|error| DockerError::cache("write", path, error))
}

/// Removes what a killed process left behind a day ago or longer. Whatever cannot be removed stays.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|modified| modified.elapsed().ok());
        if age.is_some_and(|age| age.as_secs() > 24 * 3600) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_builds_by_builder_and_survives_damage() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        let fingerprint = Fingerprint::new("a".repeat(64)).unwrap();
        let image = Digest::of(b"image");
        assert_eq!(cache.built("unix:///a", &fingerprint), None);
        cache
            .remember_built("unix:///a", &fingerprint, &image)
            .unwrap();
        assert_eq!(cache.built("unix:///a", &fingerprint), Some(image));
        assert_eq!(cache.built("unix:///b", &fingerprint), None);
        fs::write(cache.build_path("unix:///a", &fingerprint), "sha256:12").unwrap();
        assert_eq!(cache.built("unix:///a", &fingerprint), None);
    }

    #[test]
    fn remembers_compressed_layers() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        let (diff_id, digest) = (Digest::of(b"a"), Digest::of(b"b"));
        assert_eq!(cache.compressed(&diff_id), None);
        cache.remember_compressed(&diff_id, &digest, 7).unwrap();
        assert_eq!(cache.compressed(&diff_id), Some((digest, 7)));
    }
}
