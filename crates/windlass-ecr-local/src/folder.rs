//! The data folder: who may write it, where its server answers, its secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A data folder; a temporary one is removed when the value goes.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    temporary: Option<TempDir>,
}

/// The right to write a data folder, held by one process at a time.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl Folder {
    /// Opens the folder at `path`, creating it, or a temporary one.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else {
            let temporary = tempfile::Builder::new().prefix("windlass-ecr-").tempdir()?;
            return Ok(Self {
                path: temporary.path().to_owned(),
                temporary: Some(temporary),
            });
        };
        fs::create_dir_all(path)?;
        Ok(Self {
            path: path.canonicalize()?,
            temporary: None,
        })
    }

    /// Returns where the folder is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the folder goes with the server.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// Takes the lock, or returns `None` if another process (or server of this one) holds it.
    pub(crate) fn try_lock(&self) -> io::Result<Option<FolderLock>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FolderLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns the secret of the folder, made at first use; it signs tokens and opens the admin endpoint.
    pub(crate) fn secret(&self) -> io::Result<[u8; 32]> {
        let path = self.path.join("secret");
        if let Ok(bytes) = fs::read(&path)
            && let Ok(secret) = <[u8; 32]>::try_from(bytes.as_slice())
        {
            return Ok(secret);
        }
        let secret = crate::identity::random_bytes();
        write_private(&path, &secret)?;
        Ok(secret)
    }

    /// Writes the address at which the holder of the lock answers.
    pub(crate) fn write_address(&self, address: SocketAddr) -> io::Result<()> {
        write_private(&self.path.join("address"), address.to_string().as_bytes())
    }

    /// Removes the address of a former holder.
    pub(crate) fn clear_address(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join("address")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads the address of the present holder, if it has written one.
    pub(crate) fn read_address(&self) -> Option<SocketAddr> {
        fs::read_to_string(self.path.join("address"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

/// Replaces a file in one step; only its owner may read it.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)?;
    file.write_all(content)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
