//! Changed files by folder, so that long lists can be read: `12 of 340 files in src/`.

use std::collections::BTreeMap;

use crate::context::{Entry, EntryKind};
use crate::fingerprint::InputChange;
use crate::report::changes::{FileChange, FileChangeKind, file_changes};
use crate::report::wire::Folder;

/// Groups changed files by the folders directly below the deepest folder that holds them all.
///
/// Files directly in that folder have their own entry. Folders are sorted by path.
pub(super) fn folders(changes: &[InputChange], context: &[Entry]) -> Vec<Folder> {
    let files = file_changes(changes);
    let common = common_folder(&files);
    let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
    for change in &files {
        let path = folder_below(common, change.path);
        let folder = folders.entry(path.to_owned()).or_insert_with(|| Folder {
            path: if path.is_empty() { "./" } else { path }.to_owned(),
            added: 0,
            changed: 0,
            removed: 0,
            mode_changed: 0,
            files: 0,
        });
        match change.kind {
            FileChangeKind::Added => folder.added += 1,
            FileChangeKind::Changed => folder.changed += 1,
            FileChangeKind::Removed => {
                folder.removed += 1;
                folder.files += 1;
            }
            FileChangeKind::Mode => folder.mode_changed += 1,
        }
    }
    // Where all of them lie directly in one folder, the folder counts with everything below it.
    let alone = folders.len() == 1 && folders.contains_key(common);
    let entries = context
        .iter()
        .filter(|entry| entry.kind != EntryKind::Directory && entry.path.starts_with(common));
    for entry in entries {
        let path = if alone {
            common
        } else {
            folder_below(common, &entry.path)
        };
        if let Some(folder) = folders.get_mut(path) {
            folder.files += 1;
        }
    }
    folders.into_values().collect()
}

/// Returns the deepest folder that holds all paths, empty or ending in `/`.
fn common_folder<'a>(changes: &[FileChange<'a>]) -> &'a str {
    let folder = |path: &'a str| &path[..path.rfind('/').map_or(0, |at| at + 1)];
    let Some((first, rest)) = changes.split_first() else {
        return "";
    };
    rest.iter().fold(folder(first.path), |common, change| {
        let mut common = common;
        while !change.path.starts_with(common) {
            common = folder(common.trim_end_matches('/'));
        }
        common
    })
}

/// Returns the folder directly below `common` in which `path` lies, or `common` where it lies in none.
fn folder_below<'a>(common: &str, path: &'a str) -> &'a str {
    let rest = &path[common.len()..];
    let end = rest.find('/').map_or(0, |at| at + 1);
    &path[..common.len() + end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Digest;

    fn context(paths: &[&str]) -> Vec<Entry> {
        paths
            .iter()
            .map(|path| Entry {
                path: (*path).to_owned(),
                kind: EntryKind::File {
                    executable: false,
                    bytes: 1,
                    digest: Digest::of(path.as_bytes()),
                },
            })
            .collect()
    }

    fn counts(changes: &[InputChange], paths: &[&str]) -> Vec<String> {
        folders(changes, &context(paths))
            .iter()
            .map(|folder| {
                let count = folder.added + folder.changed + folder.removed + folder.mode_changed;
                format!("{count} of {} in {}", folder.files, folder.path)
            })
            .collect()
    }

    fn changed(path: &str) -> InputChange {
        InputChange::FileChanged {
            path: path.to_owned(),
        }
    }

    #[test]
    fn files_of_one_folder_count_against_everything_below_it() {
        let paths = ["README", "src/a", "src/b", "src/deep/c"];
        assert_eq!(
            counts(&[changed("src/a"), changed("src/b")], &paths),
            ["2 of 3 in src/"]
        );
        assert_eq!(counts(&[changed("README")], &paths), ["1 of 4 in ./"]);
    }

    #[test]
    fn folders_stand_beside_the_files_of_their_parent() {
        let paths = ["README", "docs/x", "src/a", "src/deep/c"];
        let removed = InputChange::FileRemoved {
            path: "src/old/gone".to_owned(),
        };
        assert_eq!(
            counts(&[changed("README"), changed("src/a"), removed], &paths),
            ["1 of 1 in ./", "2 of 3 in src/"]
        );
    }

    #[test]
    fn the_deepest_common_folder_is_found_by_whole_names() {
        let paths = ["src/ab/x", "src/abc/y"];
        assert_eq!(
            counts(&[changed("src/ab/x"), changed("src/abc/y")], &paths),
            ["1 of 1 in src/ab/", "1 of 1 in src/abc/"]
        );
    }
}
