//! The file tree a build is served: sorted, complete with parent folders, and already filtered.
//!
//! Modes, owners and times are made equal for all machines here, so that a fresh checkout is no change. `BuildKit`
//! keeps the last tree of a shared key and compares mode, owner, size, time and link; the time we send therefore
//! carries bits of the content hash in its nanoseconds, while tars keep its constant seconds only.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bollard_buildkit_proto::fsutil::types::Stat;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::docker::error::DockerError;

/// 1980-01-02, the first day every archive format can write in every time zone.
const CONSTANT_SECONDS: i64 = 315_619_200;
/// The bits of Go's `os.FileMode`, which the protocol carries.
const GO_DIRECTORY: u32 = 1 << 31;
const GO_SYMLINK: u32 = 1 << 27;

/// One entry of a build context.
#[derive(Debug, Clone)]
pub struct ContextEntry {
    /// The path inside the context, with `/` between its parts and none at either end.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry of a build context is.
#[derive(Debug, Clone)]
pub enum EntryKind {
    /// A folder, possibly empty.
    Directory,
    /// A symbolic link, sent as it is.
    Symlink {
        /// The link's text.
        target: String,
    },
    /// A file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
        /// Its size in bytes when it was listed.
        size: u64,
        /// The SHA-256 of its content when it was listed.
        sha256: [u8; 32],
        /// Where its content is.
        source: Source,
    },
}

/// Where a file's content is.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file of this machine, read when `BuildKit` asks for it.
    Path(PathBuf),
    /// Bytes in memory.
    Bytes(Bytes),
}

impl ContextEntry {
    /// Makes a file entry of bytes in memory.
    pub fn from_bytes(path: impl Into<String>, executable: bool, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            path: path.into(),
            kind: EntryKind::File {
                executable,
                size: bytes.len() as u64,
                sha256: Sha256::digest(&bytes).into(),
                source: Source::Bytes(bytes),
            },
        }
    }
}

/// A tree in the order the protocol wants, each entry with the metadata that is sent.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) stat: Stat,
    pub(crate) content: Option<Content>,
}

#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) source: Source,
}

impl Tree {
    /// Sorts entries, adds missing parent folders and checks every path.
    ///
    /// # Errors
    ///
    /// [`DockerError::Context`] for a path that leaves the context, comes twice, or lies under a file.
    pub(crate) fn new(entries: Vec<ContextEntry>) -> Result<Self, DockerError> {
        // `/` sorts below every other byte, so that a folder's entries follow it directly.
        let mut sorted = BTreeMap::new();
        for entry in entries {
            check_path(&entry.path)?;
            let directory = matches!(entry.kind, EntryKind::Directory);
            match sorted.insert(sort_key(&entry.path), entry.kind) {
                None => {}
                Some(EntryKind::Directory) if directory => {}
                Some(_) => {
                    return Err(DockerError::Context {
                        path: entry.path,
                        reason: "it is listed twice".to_owned(),
                    });
                }
            }
        }
        let mut missing = Vec::new();
        for key in sorted.keys() {
            for (end, _) in key.iter().enumerate().filter(|(_, byte)| **byte == 0) {
                match sorted.get(&key[..end]) {
                    None => missing.push(key[..end].to_vec()),
                    Some(EntryKind::Directory) => {}
                    Some(_) => {
                        return Err(DockerError::Context {
                            path: path_of(key),
                            reason: format!("`{}` is not a folder", path_of(&key[..end])),
                        });
                    }
                }
            }
        }
        sorted.extend(missing.into_iter().map(|key| (key, EntryKind::Directory)));
        Ok(Self {
            nodes: sorted
                .into_iter()
                .map(|(key, kind)| Node::new(path_of(&key), kind))
                .collect(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }
}

impl Node {
    fn new(path: String, kind: EntryKind) -> Self {
        let mut stat = Stat {
            path,
            mod_time: CONSTANT_SECONDS * 1_000_000_000,
            ..Stat::default()
        };
        let content = match kind {
            EntryKind::Directory => {
                stat.mode = GO_DIRECTORY | 0o755;
                None
            }
            EntryKind::Symlink { target } => {
                stat.mode = GO_SYMLINK | 0o777;
                stat.size = i64::try_from(target.len()).unwrap_or(i64::MAX);
                stat.linkname = target;
                None
            }
            EntryKind::File {
                executable,
                size,
                sha256,
                source,
            } => {
                stat.mode = if executable { 0o755 } else { 0o644 };
                stat.size = i64::try_from(size).unwrap_or(i64::MAX);
                stat.mod_time += nanoseconds(&sha256);
                Some(Content {
                    size,
                    sha256,
                    source,
                })
            }
        };
        Self { stat, content }
    }
}

/// Turns a content hash into nanoseconds within the constant second.
fn nanoseconds(sha256: &[u8; 32]) -> i64 {
    let bits = sha256[..8]
        .iter()
        .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    i64::try_from(bits % 1_000_000_000).expect("less than a second of nanoseconds")
}

fn sort_key(path: &str) -> Vec<u8> {
    path.bytes()
        .map(|byte| if byte == b'/' { 0 } else { byte })
        .collect()
}

fn path_of(key: &[u8]) -> String {
    let bytes = key
        .iter()
        .map(|byte| if *byte == 0 { b'/' } else { *byte })
        .collect();
    String::from_utf8(bytes).expect("keys are made of UTF-8 paths")
}

fn check_path(path: &str) -> Result<(), DockerError> {
    let reason = if path.contains('\0') {
        "its name holds a zero byte"
    } else if path
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
    {
        "it is not a plain path inside the context"
    } else {
        return Ok(());
    };
    Err(DockerError::Context {
        path: path.escape_debug().to_string(),
        reason: reason.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(entries: Vec<ContextEntry>) -> Vec<String> {
        let tree = Tree::new(entries).unwrap();
        tree.nodes
            .iter()
            .map(|node| node.stat.path.clone())
            .collect()
    }

    fn file(path: &str) -> ContextEntry {
        ContextEntry::from_bytes(path, false, path.to_owned())
    }

    #[test]
    fn parents_come_first_and_slash_sorts_lowest() {
        assert_eq!(
            paths(vec![file("a-b"), file("a/z/y"), file("a.txt"), file("a/b")]),
            ["a", "a/b", "a/z", "a/z/y", "a-b", "a.txt"]
        );
    }

    #[test]
    fn content_of_equal_size_changes_the_time_but_not_its_second() {
        let time = |content: &str| {
            let entry = ContextEntry::from_bytes("a", false, content.to_owned());
            Tree::new(vec![entry])
                .unwrap()
                .get(0)
                .unwrap()
                .stat
                .mod_time
        };
        assert_ne!(time("one"), time("two"));
        assert_eq!(time("one") / 1_000_000_000, time("two") / 1_000_000_000);
        assert_eq!(time("one"), time("one"));
    }

    #[test]
    fn refuses_paths_that_leave_the_context_and_files_under_files() {
        for path in ["", "/a", "a/", "a//b", "../a", "a/./b", "a\0b"] {
            let error = Tree::new(vec![file(path)]).unwrap_err();
            assert!(
                matches!(error, DockerError::Context { .. }),
                "{path:?}: {error}"
            );
        }
        let error = Tree::new(vec![file("a"), file("a/b")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot send `a/b` to the build: `a` is not a folder"
        );
    }
}
