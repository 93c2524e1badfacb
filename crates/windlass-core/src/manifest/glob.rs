//! Patterns in which `*` stands for anything, and the files of a workspace that match one.

use super::files::ManifestFiles;

/// Folders below each other that `**` looks into.
const DEEPEST: usize = 16;

/// Says whether a text matches a pattern in which `*` stands for anything.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

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
            !is_hidden && matches(part, &entry.name)
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
    fn globs_match_whole_texts() {
        for (pattern, text) in [
            ("v*", "v1"),
            ("*", ""),
            ("a*b*c", "a1b2c"),
            ("x", "x"),
            ("*.*", "1.2"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("v*", "1v"), ("a*b", "abc"), ("x", "xy"), ("a*a", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

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
