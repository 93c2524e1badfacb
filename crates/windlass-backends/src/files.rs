//! Files of a workspace: texts that windlass reads, build contexts, and files that it writes.

mod cache;
mod compare;
mod hash;
mod walk;

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cache::HashCache;
use hash::Aids;
pub use walk::{outline, walk};
use windlass_core::context::{ContextListing, ContextOutline, Entry, Ignore};
use windlass_core::dockerfile::ContextSources;
use windlass_engine::ports::Files;

/// The largest text that windlass reads as a manifest, Dockerfile or ignore file, in bytes.
pub const LARGEST_TEXT: u64 = 1024 * 1024;

/// Why files cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// A path leaves the workspace, by its text or through a link.
    #[error("`{0}` is outside the workspace")]
    Outside(String),
    /// A folder is not there.
    #[error("the folder `{0}` does not exist")]
    MissingFolder(String),
    /// What should be a folder is not.
    #[error("`{0}` is not a folder")]
    NotAFolder(String),
    /// A text is not UTF-8.
    #[error("`{path}` is not UTF-8 (byte {offset}); was it saved as UTF-16?")]
    NotText {
        /// The file.
        path: String,
        /// Where the first bad byte stands.
        offset: usize,
    },
    /// A text is larger than windlass reads.
    #[error("`{path}` is {bytes} bytes; the limit is {LARGEST_TEXT}")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: u64,
    },
    /// A file is larger than what it is for allows.
    #[error("`{path}` has more than {most} bytes")]
    Larger {
        /// The file.
        path: String,
        /// What is allowed.
        most: u64,
    },
    /// Files of a build context that cannot be sent; all of them.
    #[error("{}", .0.join("\n"))]
    Unusable(Vec<String>),
    /// The system refused something.
    #[error("{what}: {error}")]
    System {
        /// What was being done to which path.
        what: String,
        /// What the system says.
        error: String,
    },
}

impl FilesError {
    fn system(what: impl Into<String>, error: &std::io::Error) -> Self {
        Self::System {
            what: what.into(),
            error: error.to_string(),
        }
    }
}

/// How far the hashing of one context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashProgress {
    /// Bytes that were hashed.
    pub done: u64,
    /// Bytes to hash; what is remembered is not among them.
    pub total: u64,
}

/// Who is told of progress, by the threads that hash.
type Watcher = Arc<dyn Fn(HashProgress) + Send + Sync>;

/// The files below the folder of a workspace.
#[derive(Clone)]
pub struct WorkspaceFiles {
    root: PathBuf,
    memory: Option<HashMemory>,
    watcher: Option<Watcher>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// What the walk of a context saw: whoever asks for its outline next needs no walk of his own.
struct Seen {
    folder: String,
    ignore: Ignore,
    outline: ContextOutline,
}

impl Seen {
    fn is_of(&self, folder: &str, ignore: &Ignore) -> bool {
        self.folder == folder && self.ignore == *ignore
    }
}

/// The digests of files that earlier runs remembered, of all workspaces. Clones share them.
#[derive(Clone)]
pub struct HashMemory(Arc<LazyCache>);

/// The remembered digests, read when a context is first hashed.
struct LazyCache {
    folder: PathBuf,
    trust: bool,
    opened: OnceLock<HashCache>,
}

impl HashMemory {
    /// Remembers in a folder, which may be missing. Without `trust` what it holds already is not believed, and replaced.
    pub fn in_folder(folder: PathBuf, trust: bool) -> Self {
        Self(Arc::new(LazyCache {
            folder,
            trust,
            opened: OnceLock::new(),
        }))
    }

    /// Reads what is remembered of the files below a folder, beside whatever comes next: for a run that will surely hash them.
    pub fn read_ahead(&self, folder: &Path) {
        let (memory, folder) = (self.clone(), folder.to_owned());
        let read = move || memory.get().read_ahead(&folder);
        // Without a thread, it is read when it is needed.
        drop(std::thread::Builder::new().spawn(read));
    }

    fn get(&self) -> &HashCache {
        let LazyCache {
            folder,
            trust,
            opened,
        } = &*self.0;
        opened.get_or_init(|| HashCache::open(folder, *trust))
    }

    /// Does `work`, and reads what is remembered of a folder beside it where nothing was read yet.
    fn beside<T>(&self, folder: &Path, work: impl FnOnce() -> T) -> T {
        if self.0.opened.get().is_some() {
            return work();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| self.get().read_ahead(folder));
            work()
        })
    }
}

impl WorkspaceFiles {
    /// Serves the workspace in `root`; every file of a context is hashed each time.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            memory: None,
            watcher: None,
            seen: Arc::default(),
        }
    }

    /// Believes and extends what is remembered.
    #[must_use]
    pub fn with_memory(self, memory: HashMemory) -> Self {
        Self {
            memory: Some(memory),
            ..self
        }
    }

    /// Tells `watcher` how far hashing is, from several threads and often.
    #[must_use]
    pub fn with_watcher(self, watcher: impl Fn(HashProgress) + Send + Sync + 'static) -> Self {
        Self {
            watcher: Some(Arc::new(watcher)),
            ..self
        }
    }

    /// Lists a context as [`Files::context`] does, on the calling thread.
    ///
    /// # Errors
    /// As [`walk`].
    pub fn list(
        &self,
        folder: &str,
        ignore: &Ignore,
        sources: &ContextSources,
    ) -> Result<ContextListing, FilesError> {
        let look = || walk::look(&self.root, folder, ignore);
        let walked = match &self.memory {
            Some(memory) => memory.beside(&self.root.join(folder), look)?,
            None => look()?,
        };
        if let Ok(outline) = walked.outline() {
            let mut seen = self.seen();
            seen.retain(|it| !it.is_of(folder, ignore));
            seen.push(Seen {
                folder: folder.to_owned(),
                ignore: ignore.clone(),
                outline,
            });
        }
        walked.finish(sources, self.aids())
    }

    /// Lists a context by names and sizes: as it was listed before, or by a walk. What was listed counts once.
    ///
    /// # Errors
    /// As [`walk`].
    pub fn outline(&self, folder: &str, ignore: &Ignore) -> Result<ContextOutline, FilesError> {
        let mut seen = self.seen();
        let place = seen.iter().position(|it| it.is_of(folder, ignore));
        if let Some(place) = place {
            return Ok(seen.swap_remove(place).outline);
        }
        drop(seen);
        outline(&self.root, folder, ignore)
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkspaceFiles {
    /// Returns what of the entries of a context is not as it was, each as `web/main.py changed`; what was added since is no difference.
    pub fn changed(&self, folder: &str, entries: &[Entry]) -> Vec<String> {
        compare::compare(&self.root, folder, entries, self.aids())
    }

    fn aids(&self) -> Aids<'_> {
        Aids {
            cache: self.memory.as_ref().map(HashMemory::get),
            progress: self.watcher.as_deref(),
        }
    }
}

impl Files for WorkspaceFiles {
    fn text(&self, path: &str) -> Result<Option<String>, String> {
        read_text(&self.root, path).map_err(|error| error.to_string())
    }

    fn has(&self, path: &str) -> bool {
        inside(&self.root, path).is_ok_and(|path| path.exists())
    }

    async fn context(
        &self,
        folder: &str,
        ignore: Ignore,
        sources: ContextSources,
    ) -> Result<ContextListing, String> {
        let (files, folder) = (self.clone(), folder.to_owned());
        let listing = move || files.list(&folder, &ignore, &sources);
        let walked = tokio::task::spawn_blocking(listing).await;
        walked
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }
}

/// Reads a text of the workspace; `None` where there is no such file.
///
/// # Errors
/// [`FilesError`] where the path leaves `root`, or the file is too large, not UTF-8 or cannot be read.
pub fn read_text(root: &Path, path: &str) -> Result<Option<String>, FilesError> {
    let full = inside(root, path)?;
    let file = match std::fs::File::open(&full) {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(FilesError::system(format!("cannot read {path}"), &error)),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST_TEXT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| FilesError::system(format!("cannot read {path}"), &error))?;
    if bytes.len() as u64 > LARGEST_TEXT {
        let bytes = std::fs::metadata(&full).map_or(bytes.len() as u64, |metadata| metadata.len());
        return Err(FilesError::TooLarge {
            path: path.to_owned(),
            bytes,
        });
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| FilesError::NotText {
            path: path.to_owned(),
            offset: error.utf8_error().valid_up_to(),
        })
}

/// Returns the absolute path of something in the workspace, refusing what leaves it, also through links.
pub(crate) fn inside(root: &Path, path: &str) -> Result<PathBuf, FilesError> {
    let relative = Path::new(path);
    let mut depth = 0_usize;
    for component in relative.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return Err(FilesError::Outside(path.to_owned())),
        }
    }
    let full = root.join(relative);
    let Ok(root) = real(root) else {
        return Ok(full);
    };
    let real = match below(&root, relative) {
        Below::Straight(real) => return Ok(real),
        Below::Missing => return Ok(full),
        Below::Crooked => full.canonicalize(),
    };
    match real {
        Ok(real) if real.starts_with(&root) => Ok(real),
        Ok(_) => Err(FilesError::Outside(path.to_owned())),
        Err(_) => Ok(full),
    }
}

/// Where a relative path leads from a root without links.
enum Below {
    /// No part of it is a link, and all are there: to this path.
    Straight(PathBuf),
    /// Nowhere.
    Missing,
    /// The system has to say.
    Crooked,
}

/// Follows a path from a root, asking only about what is below it: most paths of a workspace are two parts below a root that is many
/// deep.
fn below(root: &Path, relative: &Path) -> Below {
    let mut path = root.to_owned();
    for component in relative.components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => continue,
            _ => return Below::Crooked,
        }
        match std::fs::read_link(&path) {
            // It is there, and no link.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {}
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                return Below::Missing;
            }
            _ => return Below::Crooked,
        }
    }
    Below::Straight(path)
}

/// Returns the path of a root without links. The last one is remembered: a thousand contexts lie in one workspace.
fn real(root: &Path) -> std::io::Result<PathBuf> {
    static LAST: Mutex<Option<(PathBuf, PathBuf)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((asked, real)) = &*last
        && asked == root
    {
        return Ok(real.clone());
    }
    let real = root.canonicalize()?;
    *last = Some((root.to_owned(), real.clone()));
    Ok(real)
}

/// Returns how many processors this process may use, asked of the system once: the answer costs it several files.
fn processors() -> usize {
    static KNOWN: OnceLock<usize> = OnceLock::new();
    *KNOWN.get_or_init(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

/// Reads the bytes of a small file of the workspace, at most `most` of them; `None` where there is no such file.
///
/// # Errors
/// [`FilesError`] where the path leaves `root`, or the file is larger or cannot be read.
pub fn read_small(root: &Path, path: &str, most: u64) -> Result<Option<Vec<u8>>, FilesError> {
    let full = inside(root, path)?;
    let bytes = match std::fs::File::open(&full) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(most + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| FilesError::system(format!("cannot read {path}"), &error))?;
            bytes
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FilesError::system(format!("cannot read {path}"), &error)),
    };
    if bytes.len() as u64 > most {
        return Err(FilesError::Larger {
            path: path.to_owned(),
            most,
        });
    }
    Ok(Some(bytes))
}

/// Lists a folder of the workspace, `.` for the workspace itself: names, and whether each is a folder, links followed.
///
/// Names that are not UTF-8 are left out; so is what cannot be looked at.
///
/// # Errors
/// [`FilesError`] where the path leaves `root`, or the folder cannot be read.
pub fn list(root: &Path, folder: &str) -> Result<Vec<(String, bool)>, FilesError> {
    let full = inside(root, folder)?;
    let entries = std::fs::read_dir(&full)
        .map_err(|error| FilesError::system(format!("cannot read {folder}"), &error))?;
    let entry = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let is_folder = std::fs::metadata(entry.path()).ok()?.is_dir();
        Some((name, is_folder))
    };
    Ok(entries.filter_map(entry).collect())
}

/// Writes a file as a whole: beside it first, then renamed, so that nobody sees half of it.
///
/// # Errors
/// [`FilesError::System`] where the folder cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    let what = || format!("cannot write {}", path.display());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let write = || {
        let mut file = std::fs::File::create(&beside)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error| {
        drop(std::fs::remove_file(&beside));
        FilesError::system(what(), &error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_outside_the_workspace_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        std::fs::create_dir(&root).expect("a folder");
        std::fs::write(folder.path().join("secret"), "x").expect("a file");
        std::os::unix::fs::symlink("../secret", root.join("link")).expect("a link");
        for path in ["../secret", "/etc/passwd", "link", "a/../../secret"] {
            assert_eq!(
                read_text(&root, path),
                Err(FilesError::Outside(path.to_owned())),
                "{path}"
            );
        }
        assert_eq!(read_text(&root, "missing"), Ok(None));
    }

    #[test]
    fn what_was_listed_is_outlined_without_another_walk_and_only_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("web/a");
        std::fs::create_dir(folder.path().join("web")).expect("a folder");
        std::fs::write(&file, "one").expect("a file");
        let files = WorkspaceFiles::new(folder.path().to_owned());
        let (ignore, all) = (Ignore::default(), ContextSources::default());
        files.list("web", &ignore, &all).expect("a listing");
        std::fs::remove_file(file).expect("removed");
        let entries = || files.outline("web", &ignore).expect("an outline").entries;
        assert_eq!(entries().len(), 1);
        assert_eq!(entries().len(), 0);
    }

    #[test]
    fn a_text_that_is_not_utf8_names_the_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a"), b"ab\xff").expect("a file");
        assert_eq!(
            read_text(folder.path(), "a"),
            Err(FilesError::NotText {
                path: "a".to_owned(),
                offset: 2
            })
        );
    }

    #[test]
    fn a_file_is_written_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("windlass.lock");
        write_whole(&path, b"one").expect("written");
        write_whole(&path, b"two").expect("written");
        assert_eq!(std::fs::read(&path).expect("a file"), b"two");
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            1
        );
    }
}
