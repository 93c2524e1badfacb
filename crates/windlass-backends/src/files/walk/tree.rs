//! The folders of a build context, walked by all processors: each takes a folder that was found, and adds those that lie in it.

use std::collections::HashSet;
use std::fs::{DirEntry, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use windlass_core::context::{Ignore, IgnoredEntry, Matches};

use super::{Found, FoundKind};
use crate::files::cache::Stamp;
use crate::files::{FilesError, processors};

/// The setuid, setgid and sticky bits.
const SPECIAL_BITS: u32 = 0o7000;
/// A context with fewer entries than this is walked by the calling thread alone: starting threads would cost more.
const WORTH_THREADS: usize = 512;
/// More threads than this wait for each other in the system.
const MOST_THREADS: usize = 8;

/// Walks everything below `base`; returns what is kept and what is left out, each sorted by path.
pub(super) fn look(
    base: &Path,
    ignore: &Ignore,
) -> Result<(Vec<Found>, Vec<IgnoredEntry>), FilesError> {
    let tree = Tree { base, ignore };
    let mut seen = Seen::default();
    let mut open = vec![Folder {
        path: base.to_owned(),
        prefix: String::new(),
        matches: Matches::default(),
    }];
    while let Some(folder) = open.pop() {
        tree.walk(&folder, &mut seen, &mut open);
        let threads = processors();
        if seen.found.len() > WORTH_THREADS && open.len() > 1 && threads > 1 {
            tree.share(open, threads.min(MOST_THREADS), &mut seen);
            break;
        }
    }
    seen.finish()
}

/// A folder that is still to be walked.
struct Folder {
    path: PathBuf,
    /// Its path below the context with a `/` at the end; empty for the context itself.
    prefix: String,
    /// What the ignore rules say of it.
    matches: Matches,
}

/// What is walked.
#[derive(Clone, Copy)]
struct Tree<'a> {
    base: &'a Path,
    ignore: &'a Ignore,
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    found: Vec<Found>,
    ignored: Vec<IgnoredEntry>,
    /// Folders that are ignored and may hold something that is brought back: they are in `found` as well.
    doubtful: Vec<IgnoredEntry>,
    /// What could not be read, by path.
    failures: Vec<(String, FilesError)>,
}

/// The folders that are still to be walked and that no thread keeps for itself.
struct Queue {
    open: Mutex<Vec<Folder>>,
    changed: Condvar,
    threads: usize,
    /// How many threads have nothing to walk; written under the lock of `open`.
    idle: AtomicUsize,
}

impl Tree<'_> {
    /// Walks the folders in `open` and all that lies below them with several threads.
    fn share(self, open: Vec<Folder>, threads: usize, seen: &mut Seen) {
        let queue = Queue {
            open: Mutex::new(open),
            changed: Condvar::new(),
            threads,
            idle: AtomicUsize::new(0),
        };
        let worker = || {
            let mut seen = Seen::default();
            let mut own = Vec::new();
            while let Some(folder) = own.pop().or_else(|| queue.take()) {
                self.walk(&folder, &mut seen, &mut own);
                queue.share(&mut own);
            }
            seen
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            for worker in workers {
                seen.extend(worker.join().expect("a worker that walks does not panic"));
            }
        });
    }

    /// Walks one folder; those in it are added to `open`.
    fn walk(self, folder: &Folder, seen: &mut Seen, open: &mut Vec<Folder>) {
        let read = match std::fs::read_dir(&folder.path) {
            Ok(read) => read,
            Err(error) => return seen.failures.push(self.unreadable(&folder.path, &error)),
        };
        for entry in read {
            match entry {
                Ok(entry) => self.entry(folder, &entry, seen, open),
                Err(error) => seen.failures.push(self.unreadable(&folder.path, &error)),
            }
        }
    }

    fn entry(self, folder: &Folder, entry: &DirEntry, seen: &mut Seen, open: &mut Vec<Folder>) {
        let prefix = &folder.prefix;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let path = format!("{prefix}{}", String::from_utf8_lossy(name.as_bytes()));
            let why = "has a name that is not UTF-8: rename it, or ignore its folder";
            seen.found.push(unusable(path, why));
            return;
        };
        let path = format!("{prefix}{name}");
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => return seen.failures.push(self.unreadable(&entry.path(), &error)),
        };
        let (decision, matches) = self.ignore.decide_in(&folder.matches, &path);
        let line = decision.line;
        if !kind.is_dir() {
            if decision.ignored {
                seen.ignored.push(IgnoredEntry { path, line });
            } else {
                match file(entry, path) {
                    Ok(found) => seen.found.push(found),
                    Err(error) => seen.failures.push(self.unreadable(&entry.path(), &error)),
                }
            }
            return;
        }
        if decision.ignored {
            let ignored = IgnoredEntry {
                path: format!("{path}/"),
                line,
            };
            if self.ignore.may_skip(&path) {
                seen.ignored.push(ignored);
                return;
            }
            seen.doubtful.push(ignored);
        }
        open.push(Folder {
            path: entry.path(),
            prefix: format!("{path}/"),
            matches,
        });
        seen.found.push(Found {
            path,
            kind: FoundKind::Directory,
        });
    }

    fn unreadable(self, path: &Path, error: &std::io::Error) -> (String, FilesError) {
        let shown = path.strip_prefix(self.base).unwrap_or(path);
        let shown = shown.display().to_string();
        let what = format!("cannot read `{shown}` of the build context");
        (shown, FilesError::system(what, error))
    }
}

impl Queue {
    /// Takes a folder, or waits until there is one; `None` when all are walked.
    fn take(&self) -> Option<Folder> {
        let mut open = self.open();
        if let Some(folder) = open.pop() {
            return Some(folder);
        }
        let idle = self.idle.fetch_add(1, Ordering::Relaxed) + 1;
        if idle == self.threads {
            self.changed.notify_all();
            return None;
        }
        loop {
            open = self
                .changed
                .wait(open)
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(folder) = open.pop() {
                self.idle.fetch_sub(1, Ordering::Relaxed);
                return Some(folder);
            }
            if self.idle.load(Ordering::Relaxed) == self.threads {
                return None;
            }
        }
    }

    /// Gives what a thread found to those that have nothing to walk, all but the folder that it walks next.
    fn share(&self, own: &mut Vec<Folder>) {
        if own.len() > 1 && self.idle.load(Ordering::Relaxed) > 0 {
            self.open().extend(own.drain(..own.len() - 1));
            self.changed.notify_all();
        }
    }

    fn open(&self) -> MutexGuard<'_, Vec<Folder>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn extend(&mut self, other: Self) {
        let Self {
            found,
            ignored,
            doubtful,
            failures,
        } = other;
        self.found.extend(found);
        self.ignored.extend(ignored);
        self.doubtful.extend(doubtful);
        self.failures.extend(failures);
    }

    /// Sorts, and takes out the ignored folders in which nothing is brought back.
    fn finish(self) -> Result<(Vec<Found>, Vec<IgnoredEntry>), FilesError> {
        let Self {
            mut found,
            mut ignored,
            mut doubtful,
            failures,
        } = self;
        if let Some((_, error)) = failures.into_iter().min_by(|a, b| a.0.cmp(&b.0)) {
            return Err(error);
        }
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        // What lies deeper comes first: a folder with nothing but empty ignored folders is one itself.
        doubtful.sort_unstable_by(|a, b| b.path.cmp(&a.path));
        let mut dropped: HashSet<String> = HashSet::new();
        for folder in doubtful {
            let below = found.partition_point(|it| it.path < folder.path);
            let brings_back = found[below..]
                .iter()
                .take_while(|it| it.path.starts_with(&folder.path))
                .any(|it| !dropped.contains(&format!("{}/", it.path)));
            if !brings_back {
                dropped.insert(folder.path.clone());
                ignored.push(folder);
            }
        }
        if !dropped.is_empty() {
            found.retain(|it| !dropped.contains(&format!("{}/", it.path)));
            ignored.retain(|it| !lies_in(&it.path, &dropped));
        }
        ignored.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok((found, ignored))
    }
}

/// Says whether a path lies in one of these folders, which end in `/`.
fn lies_in(path: &str, folders: &HashSet<String>) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at + 1);
    ends.filter(|end| *end < path.len())
        .any(|end| folders.contains(&path[..end]))
}

/// Looks at something that is no folder; links are not followed.
fn file(entry: &DirEntry, path: String) -> std::io::Result<Found> {
    // By the open folder, which is cheaper than by the whole path.
    let metadata = entry.metadata()?;
    let kind = metadata.file_type();
    if kind.is_symlink() {
        let target = std::fs::read_link(entry.path())?;
        return Ok(match target.to_str() {
            Some(target) => Found {
                path,
                kind: FoundKind::Link {
                    target: target.to_owned(),
                },
            },
            None => unusable(
                path,
                "is a link to a name that is not UTF-8: remove it, or ignore it",
            ),
        });
    }
    if !kind.is_file() {
        let what = if kind.is_socket() {
            "a socket"
        } else if kind.is_fifo() {
            "a named pipe"
        } else {
            "a device"
        };
        return Ok(unusable(
            path,
            &format!("is {what}: remove it, or ignore it"),
        ));
    }
    Ok(regular_file(&metadata, path))
}

fn regular_file(metadata: &Metadata, path: String) -> Found {
    // A setgid or sticky folder is how shared checkouts look; only on files would the bits reach the image.
    if metadata.mode() & SPECIAL_BITS != 0 {
        let mode = metadata.mode() & 0o7777;
        return unusable(
            path,
            &format!(
                "has a setuid, setgid or sticky bit (mode {mode:04o}): take it away with chmod, or ignore the file"
            ),
        );
    }
    Found {
        path,
        kind: FoundKind::File {
            executable: metadata.mode() & 0o100 != 0,
            stamp: Stamp::of(metadata),
        },
    }
}

fn unusable(path: String, why: &str) -> Found {
    let problem = format!("`{path}` {why}");
    Found {
        path,
        kind: FoundKind::Unusable(problem),
    }
}
