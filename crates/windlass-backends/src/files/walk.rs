//! The walk of a build context: one pass that yields what is sent, what is hashed and what is fingerprinted.

use std::fs::ReadDir;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use windlass_core::context::{
    Candidate, CandidateKind, ContextListing, Decision, Entry, EntryKind, Ignore, IgnoredEntry,
    Matches, select,
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
    let base = inside(root, folder)?;
    match std::fs::metadata(&base) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(FilesError::NotAFolder(folder.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(FilesError::MissingFolder(folder.to_owned()));
        }
        Err(error) => return Err(FilesError::system(format!("cannot read {folder}"), &error)),
    }
    let mut walk = Walk {
        base: &base,
        ignore,
        found: Vec::new(),
        ignored: Vec::new(),
    };
    walk.folder(&base, "", &Matches::default())?;
    walk.finish(sources, aids)
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
                self.file(&entry.path(), path)?;
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

    fn file(&mut self, full: &Path, path: String) -> Result<(), FilesError> {
        let metadata =
            std::fs::symlink_metadata(full).map_err(|error| self.unreadable(full, &error))?;
        let kind = metadata.file_type();
        if kind.is_symlink() {
            let target = std::fs::read_link(full).map_err(|error| self.unreadable(full, &error))?;
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

    fn finish(
        mut self,
        sources: &ContextSources,
        aids: Aids<'_>,
    ) -> Result<ContextListing, FilesError> {
        self.found.sort_by(|a, b| a.path.cmp(&b.path));
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
        let (entries, pointers) = hashed(self.base, read, aids)?;
        self.ignored.sort_by(|a, b| a.path.cmp(&b.path));
        let warnings = warnings(self.base, &entries, &pointers);
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
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use windlass_core::context::IgnoreLine;
    use windlass_core::name::Digest;

    use super::*;
    use crate::files::HashProgress;
    use crate::files::cache::HashCache;

    fn context(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        folder
    }

    fn list(folder: &Path, ignore: &str) -> Result<ContextListing, FilesError> {
        let (ignore, _) = Ignore::new(IgnoreLine::split(".dockerignore", ignore), Vec::new());
        walk(folder, ".", &ignore, &ContextSources::default())
    }

    fn paths(listing: &ContextListing) -> Vec<&str> {
        listing
            .entries
            .iter()
            .map(|entry| entry.path.as_str())
            .collect()
    }

    #[test]
    fn lists_files_folders_and_links_sorted_with_normalised_modes() {
        let folder = context(&[("b/run.sh", "x"), ("a.txt", "hello")]);
        std::fs::create_dir(folder.path().join("empty")).expect("a folder");
        std::os::unix::fs::symlink("a.txt", folder.path().join("link")).expect("a link");
        std::fs::set_permissions(
            folder.path().join("b/run.sh"),
            std::os::unix::fs::PermissionsExt::from_mode(0o711),
        )
        .expect("mode");
        let listing = list(folder.path(), "").expect("a listing");
        assert_eq!(paths(&listing), ["a.txt", "b", "b/run.sh", "empty", "link"]);
        assert_eq!(
            listing.entries[0].kind,
            EntryKind::File {
                executable: false,
                bytes: 5,
                digest: Digest::of(b"hello")
            }
        );
        assert!(matches!(
            listing.entries[2].kind,
            EntryKind::File {
                executable: true,
                ..
            }
        ));
        assert_eq!(
            listing.entries[4].kind,
            EntryKind::Link {
                target: "a.txt".to_owned()
            }
        );
    }

    #[test]
    fn an_ignored_folder_is_kept_only_for_what_is_brought_back() {
        let folder = context(&[
            ("a/b/keep", ""),
            ("a/b/drop", ""),
            ("a/c/drop", ""),
            ("d/x", ""),
        ]);
        let listing = list(folder.path(), "a\n!a/b/keep\nd").expect("a listing");
        assert_eq!(paths(&listing), ["a", "a/b", "a/b/keep"]);
        let ignored: Vec<&str> = listing
            .ignored
            .iter()
            .map(|entry| entry.path.as_str())
            .collect();
        assert_eq!(ignored, ["a/b/drop", "a/c/", "d/"]);
    }

    #[test]
    fn everything_that_cannot_be_sent_is_named() {
        let folder = context(&[("ok", ""), ("suid", "")]);
        std::fs::set_permissions(
            folder.path().join("suid"),
            std::os::unix::fs::PermissionsExt::from_mode(0o4755),
        )
        .expect("mode");
        let _socket =
            std::os::unix::net::UnixListener::bind(folder.path().join("sock")).expect("a socket");
        std::fs::write(
            folder.path().join(std::ffi::OsStr::from_bytes(b"bad\xff")),
            "",
        )
        .expect("a file");
        let Err(FilesError::Unusable(problems)) = list(folder.path(), "") else {
            panic!("three files cannot be sent");
        };
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            list(folder.path(), "*\n!ok").is_err(),
            "a name that is not UTF-8 cannot be matched"
        );
    }

    #[test]
    fn only_what_the_sources_reach_is_read_and_can_be_unusable() {
        let folder = context(&[("src/a", "x"), ("other/b", "y"), ("top", "z")]);
        let _socket =
            std::os::unix::net::UnixListener::bind(folder.path().join("sock")).expect("a socket");
        std::os::unix::fs::symlink("src", folder.path().join("link")).expect("a link");
        let list = |sources: &[&str]| {
            let sources = sources.iter().map(|&it| it.to_owned()).collect();
            let sources = ContextSources::Paths(sources);
            walk(folder.path(), ".", &Ignore::default(), &sources)
        };
        let listing = list(&["link/*"]).expect("a listing");
        assert_eq!(paths(&listing), ["link", "src", "src/a"]);
        assert_eq!(listing.unread, ["other", "other/b", "sock", "top"]);
        assert!(matches!(list(&["s*"]), Err(FilesError::Unusable(_))));
    }

    #[test]
    fn the_context_must_be_a_folder_of_the_workspace() {
        let folder = context(&[("file", "")]);
        let ignore = Ignore::default();
        assert_eq!(
            walk(
                folder.path(),
                "missing",
                &ignore,
                &ContextSources::default()
            ),
            Err(FilesError::MissingFolder("missing".to_owned()))
        );
        assert_eq!(
            walk(folder.path(), "file", &ignore, &ContextSources::default()),
            Err(FilesError::NotAFolder("file".to_owned()))
        );
        std::os::unix::fs::symlink("/etc", folder.path().join("out")).expect("a link");
        assert_eq!(
            walk(folder.path(), "out", &ignore, &ContextSources::default()),
            Err(FilesError::Outside("out".to_owned()))
        );
    }

    #[test]
    fn many_files_are_hashed_as_one_would_be() {
        let files: Vec<(String, String)> = (0..500)
            .map(|at| (format!("f{at:03}"), format!("content {at}")))
            .collect();
        let borrowed: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let folder = context(&borrowed);
        let listing = list(folder.path(), "").expect("a listing");
        for (entry, (path, text)) in listing.entries.iter().zip(&files) {
            assert_eq!(&entry.path, path);
            assert!(
                matches!(&entry.kind, EntryKind::File { digest, .. } if *digest == Digest::of(text.as_bytes()))
            );
        }
    }

    #[test]
    fn what_is_remembered_is_not_read_again_and_what_changed_is() {
        let folder = context(&[("a", "one"), ("b/c", "two")]);
        let remembered = tempfile::tempdir().expect("a folder");
        // As if an hour had gone by since the files were written.
        let cache = HashCache::open(remembered.path(), true).an_hour_ahead();
        let list = |told: &AtomicU64| {
            let progress = |it: HashProgress| told.store(it.done, Ordering::Relaxed);
            let aids = Aids {
                cache: Some(&cache),
                progress: Some(&progress),
            };
            let (ignore, all) = (Ignore::default(), ContextSources::default());
            walk_with(folder.path(), ".", &ignore, &all, aids).expect("a listing")
        };
        let (first, second, third) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        assert_eq!(list(&first), list(&second));
        assert_eq!(first.into_inner(), 6);
        assert_eq!(second.into_inner(), 0, "nothing was hashed again");
        // Of the same size and with the time it had: when its inode changed tells.
        let path = folder.path().join("a");
        let before = std::fs::metadata(&path).and_then(|it| it.modified());
        std::fs::write(&path, "eno").expect("a file");
        let file = std::fs::File::options().append(true).open(&path);
        let file = file.expect("a file");
        file.set_modified(before.expect("a time")).expect("a time");
        let changed = list(&third);
        assert_eq!(third.into_inner(), 3);
        let EntryKind::File { digest, .. } = &changed.entries[0].kind else {
            panic!("{changed:?}");
        };
        assert_eq!(*digest, Digest::of(b"eno"));
    }

    #[test]
    fn pointers_of_git_lfs_and_empty_submodules_are_warned_of() {
        let pointer = format!(
            "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n",
            "ab".repeat(32)
        );
        let folder = context(&[
            ("model.bin", &pointer),
            (
                ".gitmodules",
                "[submodule \"x\"]\n\tpath = third/x\n\turl = u\n",
            ),
        ]);
        std::fs::create_dir_all(folder.path().join("third/x")).expect("a folder");
        assert_eq!(
            list(folder.path(), "").expect("a listing").warnings.len(),
            2
        );
    }
}
