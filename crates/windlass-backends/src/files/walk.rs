//! The walk of a build context: one pass that yields what is sent, what is hashed and what is fingerprinted.

mod tree;

use std::path::{Path, PathBuf};

use windlass_core::context::{
    Candidate, CandidateKind, ContextListing, ContextOutline, ContextWarning, Entry, EntryKind,
    Ignore, IgnoredEntry, OutlineEntry, OutlineKind, select,
};
use windlass_core::dockerfile::ContextSources;

use crate::files::cache::Stamp;
use crate::files::hash::{Aids, Job, hash_all};
use crate::files::{FilesError, inside};

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
    let (found, ignored) = tree::look(&base, ignore)?;
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

#[derive(Debug)]
struct Found {
    path: String,
    kind: FoundKind,
}

#[derive(Debug)]
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
fn warnings(base: &Path, entries: &[Entry], pointers: &[String]) -> Vec<ContextWarning> {
    let mut warnings: Vec<ContextWarning> = pointers
        .iter()
        .map(|path| ContextWarning::LfsPointer(path.clone()))
        .collect();
    for path in submodules(base) {
        let below = format!("{path}/");
        let is_empty_folder = entries
            .iter()
            .any(|entry| entry.path == path && entry.kind == EntryKind::Directory)
            && !entries.iter().any(|entry| entry.path.starts_with(&below));
        if is_empty_folder {
            warnings.push(ContextWarning::EmptySubmodule(path));
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
