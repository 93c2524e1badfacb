//! Differences of inputs, sorted into what views show apart: files, the Dockerfile, and single values.

use std::collections::BTreeSet;

use crate::fingerprint::InputChange;

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileChangeKind {
    /// It is new.
    Added,
    /// It has other content.
    Changed,
    /// It is gone.
    Removed,
    /// It has another mode only.
    Mode,
}

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileChange<'a> {
    /// What happened.
    pub(super) kind: FileChangeKind,
    /// Its path below the context.
    pub(super) path: &'a str,
    /// Modes before and now, where only they differ.
    pub(super) modes: Option<(&'a str, &'a str)>,
}

/// Returns the changed files, in the order given, without folders that changed only because of a file in them.
pub(super) fn file_changes(changes: &[InputChange]) -> Vec<FileChange<'_>> {
    let files: Vec<FileChange<'_>> = changes.iter().filter_map(file_change).collect();
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path).collect();
    let holds_another = |path: &str| {
        let below = format!("{path}/");
        paths
            .range(below.as_str()..)
            .next()
            .is_some_and(|next| next.starts_with(&below))
    };
    files
        .into_iter()
        .filter(|file| !holds_another(file.path))
        .collect()
}

fn file_change(change: &InputChange) -> Option<FileChange<'_>> {
    let (kind, path, modes) = match change {
        InputChange::FileAdded { path } => (FileChangeKind::Added, path, None),
        InputChange::FileChanged { path } => (FileChangeKind::Changed, path, None),
        InputChange::FileRemoved { path } => (FileChangeKind::Removed, path, None),
        InputChange::ModeChanged {
            path,
            before,
            after,
        } => (
            FileChangeKind::Mode,
            path,
            Some((before.as_str(), after.as_str())),
        ),
        InputChange::Dockerfile { .. }
        | InputChange::BaseMoved { .. }
        | InputChange::NeedChanged { .. }
        | InputChange::ValueChanged { .. } => return None,
    };
    Some(FileChange { kind, path, modes })
}

/// Returns the diff of the Dockerfile, where it differs.
pub(super) fn dockerfile_diff(changes: &[InputChange]) -> Option<&str> {
    changes.iter().find_map(|change| match change {
        InputChange::Dockerfile { diff } => Some(diff.as_str()),
        _ => None,
    })
}

/// A difference of one value: its name, what it was, what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValueChange<'a> {
    /// `base python:3.12`, `arg PORT`, `needs base`.
    pub(super) name: String,
    /// Before, `None` where it was not there.
    pub(super) before: Option<&'a str>,
    /// Now, `None` where it is gone.
    pub(super) after: Option<&'a str>,
    /// Whether both sides are known; a needed image shows neither.
    pub(super) shows_values: bool,
}

/// Returns the differences of base images, needed images and single values, in the order given; digests are shortened.
pub(super) fn value_changes(changes: &[InputChange]) -> Vec<ValueChange<'_>> {
    changes.iter().filter_map(value_change).collect()
}

fn value_change(change: &InputChange) -> Option<ValueChange<'_>> {
    match change {
        InputChange::BaseMoved {
            reference,
            before,
            after,
        } => Some(ValueChange {
            name: format!("base {reference}"),
            before: before.as_ref().map(|digest| short_digest(digest.as_str())),
            after: after.as_ref().map(|digest| short_digest(digest.as_str())),
            shows_values: true,
        }),
        InputChange::NeedChanged { name } => Some(ValueChange {
            name: format!("needs {name}"),
            before: None,
            after: None,
            shows_values: false,
        }),
        InputChange::ValueChanged {
            name,
            before,
            after,
        } => Some(ValueChange {
            name: name.clone(),
            before: before.as_deref(),
            after: after.as_deref(),
            shows_values: true,
        }),
        InputChange::FileAdded { .. }
        | InputChange::FileChanged { .. }
        | InputChange::FileRemoved { .. }
        | InputChange::ModeChanged { .. }
        | InputChange::Dockerfile { .. } => None,
    }
}

/// Returns `sha256:` and the first 12 hex digits.
pub(super) fn short_digest(digest: &str) -> &str {
    digest.get(.."sha256:".len() + 12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_is_not_told_beside_its_files() {
        let added = |path: &str| InputChange::FileAdded {
            path: path.to_owned(),
        };
        let changes = [added("src"), added("src-2"), added("src/a"), added("srcs")];
        let paths: Vec<&str> = file_changes(&changes).iter().map(|it| it.path).collect();
        assert_eq!(paths, ["src-2", "src/a", "srcs"]);
    }
}
