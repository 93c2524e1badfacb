//! The walk of a build context: one pass that yields what is sent, what is hashed and what is fingerprinted.

use std::fs::{DirEntry, ReadDir};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use windlass_core::context::{
    Candidate, CandidateKind, ContextListing, ContextOutline, Decision, Entry, EntryKind, Ignore,
    IgnoredEntry, Matches, OutlineEntry, OutlineKind, select,
};
use windlass_core::dockerfile::ContextSources;

use crate::files::cache::Stamp;
use crate::files::hash::{Aids, Job, hash_all};
use crate::files::{FilesError, inside};

/// The setuid, setgid and sticky bits.
const SPECIAL_BITS: u32 = 0o7000;

/// Lists the context in `folder` of the workspace at `root`, and hashes what of it `sources` reach. Links are kept as links; the walk
/// follows none.
///
/// # Errors
/// [`FilesError::Unusable`] names every path that would have to be sent and cannot be; the other cases concern the folder as a whole.
pub fn walk(
    root: &Path,
    folder: &str,
    ignore: &Ignore,
    sources: &ContextSources,
) -> Result<ContextListing, FilesError> {
    walk_with(root, folder, ignore, sources, Aids::default())
}

pub(super) fn walk_with(
    root: &Path,
    folder: &str,
    ignore: &Ignore,
    sources: &ContextSources,
    aids: Aids<'_>,
) -> Result<ContextListing, FilesError> {
    look(root, folder, ignore)?.finish(sources, aids)
}

/// Walks the context in `folder` without opening a file.
pub(super) fn look(root: &Path, folder: &str, ignore: &Ignore) -> Result<Walked, FilesError> {
    let base = folder_of(root, folder)?;
    let mut walk = Walk {
        base: &base,
        ignore,
        found: Vec::new(),
        ignored: Vec::new(),
    };
    walk.folder(&base, "", &Matches::default())?;
    let Walk {
        mut found,
        mut ignored,
        ..
    } = walk;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    ignored.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Walked {
        base,
        found,
        ignored,
    })
}

/// What a walk found, sorted.
pub(super) struct Walked {
    base: PathBuf,
    found: Vec<Found>,
    ignored: Vec<IgnoredEntry>,
}

/// Lists the same context by names and sizes, everything that is sent: no file is opened.
///
/// # Errors
/// As [`walk`].
pub fn outline(root: &Path, folder: &str, ignore: &Ignore) -> Result<ContextOutline, FilesError> {
    look(root, folder, ignore)?.outline()
}

fn folder_of(root: &Path, folder: &str) -> Result<PathBuf, FilesError> {
    let base = inside(root, folder)?;
    match std::fs::metadata(&base) {
        Ok(metadata) if metadata.is_dir() => Ok(base),
        Ok(_) => Err(FilesError::NotAFolder(folder.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(FilesError::MissingFolder(folder.to_owned()))
        }
        Err(error) => Err(FilesError::system(format!("cannot read {folder}"), &error)),
    }
}

struct Walk<'a> {
    base: &'a Path,
    ignore: &'a Ignore,
    found: Vec<Found>,
    ignored: Vec<IgnoredEntry>,
}

struct Found {
    path: String,
    kind: FoundKind,
}

enum FoundKind {
    File {
        executable: bool,
        stamp: Stamp,
    },
    Directory,
    Link {
        target: String,
    },
    /// It cannot be sent; says why.
    Unusable(String),
}

impl Walk<'_> {
    /// Walks one folder; says whether anything in it is kept.
    fn folder(
        &mut self,
        folder: &Path,
        prefix: &str,
        parent: &Matches,
    ) -> Result<bool, FilesError> {
        let read: ReadDir =
            std::fs::read_dir(folder).map_err(|error| self.unreadable(folder, &error))?;
        let mut any = false;
        for entry in read {
            let entry = entry.map_err(|error| self.unreadable(folder, &error))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                let shown = String::from_utf8_lossy(entry.file_name().as_bytes()).into_owned();
                let path = format!("{prefix}{shown}");
                let why = "has a name that is not UTF-8: rename it, or ignore its folder";
                self.unusable(path, why);
                any = true;
                continue;
            };
            let path = format!("{prefix}{name}");
            let kind = entry
                .file_type()
                .map_err(|error| self.unreadable(&entry.path(), &error))?;
            let (decision, matches) = self.ignore.decide_in(parent, &path);
            if kind.is_dir() {
                any |= self.sub_folder(&entry.path(), path, decision, &matches)?;
            } else if decision.ignored {
                self.ignored.push(IgnoredEntry {
                    path,
                    line: decision.line,
                });
            } else {
                any = true;
                self.file(&entry, path)?;
            }
        }
        Ok(any)
    }

    /// Walks a folder in a folder; an ignored one counts only where something in it is brought back.
    fn sub_folder(
        &mut self,
        folder: &Path,
        path: String,
        decision: Decision,
        matches: &Matches,
    ) -> Result<bool, FilesError> {
        if decision.ignored && self.ignore.may_skip(&path) {
            self.ignored.push(IgnoredEntry {
                path: format!("{path}/"),
                line: decision.line,
            });
            return Ok(false);
        }
        let left_out = self.ignored.len();
        let any = self.folder(folder, &format!("{path}/"), matches)?;
        if decision.ignored && !any {
            self.ignored.truncate(left_out);
            self.ignored.push(IgnoredEntry {
                path: format!("{path}/"),
                line: decision.line,
            });
            return Ok(false);
        }
        self.found.push(Found {
            path,
            kind: FoundKind::Directory,
        });
        Ok(true)
    }

    fn file(&mut self, entry: &DirEntry, path: String) -> Result<(), FilesError> {
        let unreadable = |walk: &Self, error| walk.unreadable(&entry.path(), &error);
        // By the open folder, which is cheaper than by the whole path; links are not followed.
        let metadata = entry.metadata().map_err(|error| unreadable(self, error))?;
        let kind = metadata.file_type();
        if kind.is_symlink() {
            let target =
                std::fs::read_link(entry.path()).map_err(|error| unreadable(self, error))?;
            match target.to_str() {
                Some(target) => self.found.push(Found {
                    path,
                    kind: FoundKind::Link {
                        target: target.to_owned(),
                    },
                }),
                None => self.unusable(
                    path,
                    "is a link to a name that is not UTF-8: remove it, or ignore it",
                ),
            }
            return Ok(());
        }
        if !kind.is_file() {
            let what = if kind.is_socket() {
                "a socket"
            } else if kind.is_fifo() {
                "a named pipe"
            } else {
                "a device"
            };
            self.unusable(path, &format!("is {what}: remove it, or ignore it"));
            return Ok(());
        }
        // A setgid or sticky folder is how shared checkouts look; only on files would the bits reach the image.
        if metadata.mode() & SPECIAL_BITS != 0 {
            let mode = metadata.mode() & 0o7777;
            self.unusable(path, &format!("has a setuid, setgid or sticky bit (mode {mode:04o}): take it away with chmod, or ignore the file"));
            return Ok(());
        }
        self.found.push(Found {
            path,
            kind: FoundKind::File {
                executable: metadata.mode() & 0o100 != 0,
                stamp: Stamp::of(&metadata),
            },
        });
        Ok(())
    }

    fn unusable(&mut self, path: String, why: &str) {
        let problem = format!("`{path}` {why}");
        self.found.push(Found {
            path,
            kind: FoundKind::Unusable(problem),
        });
    }

    fn unreadable(&self, path: &Path, error: &std::io::Error) -> FilesError {
        let shown = path.strip_prefix(self.base).unwrap_or(path);
        FilesError::system(
            format!("cannot read `{}` of the build context", shown.display()),
            error,
        )
    }
}

impl Walked {
    /// Returns names and sizes.
    pub(super) fn outline(&self) -> Result<ContextOutline, FilesError> {
        let mut entries = Vec::with_capacity(self.found.len());
        let mut problems = Vec::new();
        for Found { path, kind } in &self.found {
            let kind = match kind {
                FoundKind::File { executable, stamp } => OutlineKind::File {
                    executable: *executable,
                    bytes: stamp.size(),
                },
                FoundKind::Directory => OutlineKind::Directory,
                FoundKind::Link { target } => OutlineKind::Link {
                    target: target.clone(),
                },
                FoundKind::Unusable(problem) => {
                    problems.push(problem.clone());
                    continue;
                }
            };
            entries.push(OutlineEntry {
                path: path.clone(),
                kind,
            });
        }
        if !problems.is_empty() {
            return Err(FilesError::Unusable(problems));
        }
        Ok(ContextOutline {
            entries,
            unread: Vec::new(),
            ignored: self.ignored.clone(),
        })
    }

    /// Hashes what `sources` reach.
    pub(super) fn finish(
        self,
        sources: &ContextSources,
        aids: Aids<'_>,
    ) -> Result<ContextListing, FilesError> {
        let candidates: Vec<Candidate<'_>> = self.found.iter().map(Found::candidate).collect();
        let chosen = select(sources, &candidates);
        let mut unread = Vec::new();
        let mut read = Vec::with_capacity(self.found.len());
        for (found, chosen) in self.found.into_iter().zip(chosen) {
            if chosen {
                read.push(found);
            } else {
                unread.push(found.path);
            }
        }
        let (entries, pointers) = hashed(&self.base, read, aids)?;
        let warnings = warnings(&self.base, &entries, &pointers);
        Ok(ContextListing {
            entries,
            unread,
            ignored: self.ignored,
            warnings,
        })
    }
}

impl Found {
    fn candidate(&self) -> Candidate<'_> {
        let kind = match &self.kind {
            FoundKind::Directory => CandidateKind::Directory,
            FoundKind::Link { target } => CandidateKind::Link(target),
            FoundKind::File { .. } | FoundKind::Unusable(_) => CandidateKind::File,
        };
        Candidate {
            path: &self.path,
            kind,
        }
    }
}

/// Hashes the files among what is read; the second value are the pointers of Git LFS among them.
fn hashed(
    base: &Path,
    read: Vec<Found>,
    aids: Aids<'_>,
) -> Result<(Vec<Entry>, Vec<String>), FilesError> {
    let jobs: Vec<Job> = read
        .iter()
        .filter_map(|found| match found.kind {
            FoundKind::File { stamp, .. } => Some(Job {
                path: base.join(&found.path),
                stamp,
            }),
            _ => None,
        })
        .collect();
    let mut hashes = hash_all(&jobs, aids).into_iter();
    let mut pointers = Vec::new();
    let mut entries = Vec::with_capacity(read.len());
    let mut problems = Vec::new();
    for Found { path, kind } in read {
        let kind = match kind {
            FoundKind::Directory => EntryKind::Directory,
            FoundKind::Link { target } => EntryKind::Link { target },
            FoundKind::Unusable(problem) => {
                problems.push(problem);
                continue;
            }
            FoundKind::File { executable, .. } => {
                match hashes.next().expect("one hash for each file") {
                    Ok(file) => {
                        if file.content.is_pointer {
                            pointers.push(path.clone());
                        }
                        EntryKind::File {
                            executable,
                            bytes: file.bytes,
                            digest: file.content.digest(),
                        }
                    }
                    Err(error) => {
                        problems.push(format!(
                            "cannot read `{path}` of the build context: {error}"
                        ));
                        continue;
                    }
                }
            }
        };
        entries.push(Entry { path, kind });
    }
    if problems.is_empty() {
        Ok((entries, pointers))
    } else {
        problems.sort();
        Err(FilesError::Unusable(problems))
    }
}

/// Finds what is probably not meant to be built as it stands.
fn warnings(base: &Path, entries: &[Entry], pointers: &[String]) -> Vec<String> {
    let mut warnings: Vec<String> = pointers
        .iter()
        .map(|path| format!("`{path}` is a Git LFS pointer, not the file: run `git lfs pull`"))
        .collect();
    for path in submodules(base) {
        let below = format!("{path}/");
        let is_empty_folder = entries
            .iter()
            .any(|entry| entry.path == path && entry.kind == EntryKind::Directory)
            && !entries.iter().any(|entry| entry.path.starts_with(&below));
        if is_empty_folder {
            warnings.push(format!(
                "`{path}` is a submodule that is not checked out: run `git submodule update --init`"
            ));
        }
    }
    warnings
}

fn submodules(base: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(PathBuf::from(base).join(".gitmodules")).unwrap_or_default();
    let paths = text.lines().filter_map(|line| {
        line.trim()
            .strip_prefix("path")?
            .trim_start()
            .strip_prefix('=')
    });
    paths.map(|path| path.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests;
