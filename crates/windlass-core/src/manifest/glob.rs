//! The files of a workspace that match a pattern.

use super::files::ManifestFiles;
use crate::name::wildcard_matches;

/// Folders below each other that `**` looks into.
const DEEPEST: usize = 16;

/// Returns the files that match a pattern in plain form, sorted. `*` stays within a folder, `**` as a whole part means any folders;
/// neither finds names that start with a dot.
pub(super) fn expand(pattern: &str, files: &mut dyn ManifestFiles) -> Vec<String> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let mut found = Vec::new();
    walk(".", &parts, files, 0, &mut found);
    found.sort();
    found.dedup();
    found
}

fn walk(
    folder: &str,
    parts: &[&str],
    files: &mut dyn ManifestFiles,
    depth: usize,
    found: &mut Vec<String>,
) {
    let Some((part, rest)) = parts.split_first() else {
        return;
    };
    if depth > DEEPEST {
        return;
    }
    if *part == "**" {
        walk(folder, rest, files, depth + 1, found);
    }
    for entry in files.list(folder) {
        let is_hidden = entry.name.starts_with('.');
        let path = join(folder, &entry.name);
        if *part == "**" {
            if entry.is_folder && !is_hidden {
                walk(&path, parts, files, depth + 1, found);
            }
            continue;
        }
        let fits = if part.contains('*') {
            !is_hidden && wildcard_matches(part, &entry.name)
        } else {
            entry.name == *part
        };
        if fits && rest.is_empty() && !entry.is_folder {
            found.push(path);
        } else if fits && entry.is_folder {
            walk(&path, rest, files, depth + 1, found);
        }
    }
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "." => name.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::TextFiles;
    use super::*;

    #[test]
    fn files_are_found_part_by_part_and_sorted() {
        let names = [
            "a.kdl",
            "teams/web/b.kdl",
            "teams/api/b.kdl",
            "teams/.x/b.kdl",
            "teams/api/deep/b.kdl",
        ];
        let mut files = TextFiles::new(names.map(|it| (it.to_owned(), String::new())));
        let mut found = |pattern: &str| expand(pattern, &mut files);
        assert_eq!(found("*.kdl"), ["a.kdl"]);
        assert_eq!(
            found("teams/*/b.kdl"),
            ["teams/api/b.kdl", "teams/web/b.kdl"]
        );
        assert_eq!(found("teams/.x/b.kdl"), ["teams/.x/b.kdl"]);
        assert_eq!(
            found("**/b.kdl"),
            ["teams/api/b.kdl", "teams/api/deep/b.kdl", "teams/web/b.kdl"]
        );
        assert_eq!(found("teams"), [""; 0]);
    }
}
