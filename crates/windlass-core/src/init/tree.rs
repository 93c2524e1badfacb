//! A listing of files with the texts of those that say something.

use std::collections::{BTreeMap, BTreeSet};

/// Folders that hold no source of the tree's own.
const SKIPPED: [&str; 18] = [
    "__pycache__",
    "bower_components",
    "build",
    "coverage",
    "dist",
    "docs",
    "e2e",
    "env",
    "fixtures",
    "htmlcov",
    "node_modules",
    "site-packages",
    "target",
    "test",
    "testdata",
    "tests",
    "vendor",
    "venv",
];

/// Files that are read wherever they lie.
const READ: [&str; 17] = [
    ".node-version",
    ".nvmrc",
    ".python-version",
    "Dockerfile",
    "Pipfile",
    "Procfile",
    "go.mod",
    "go.sum",
    "package-lock.json",
    "package.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "poetry.lock",
    "pyproject.toml",
    "runtime.txt",
    "uv.lock",
    "yarn.lock",
];

/// Says whether a folder is not looked into: it is hidden, generated, or holds what others wrote.
pub fn is_skipped(folder: &str) -> bool {
    folder.starts_with('.') || SKIPPED.contains(&folder)
}

/// Says whether the text of a file is needed: it describes a project, or is source.
pub fn is_read(path: &str) -> bool {
    let name = file_name(path);
    let ends = |ending: &str| name.len() > ending.len() && name.ends_with(ending);
    let is_requirements =
        name.starts_with("requirements") || folder_of(path).ends_with("requirements");
    let is_source = [".py", ".go", ".js", ".mjs", ".cjs", ".ts"]
        .into_iter()
        .any(ends);
    READ.contains(&name) || is_source || (is_requirements && ends(".txt"))
}

/// Files of a tree, each with its text where it was read. Paths are relative, with `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Takes a listing; the text is `None` where [`is_read`] does not ask for it, or the file cannot be read. Paths that a manifest could
    /// not write down as they are do not count.
    pub fn new(files: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        Self {
            files: files
                .into_iter()
                .filter(|(path, _)| can_be_written(path))
                .collect(),
        }
    }

    /// Returns every folder that holds a file, `.` first, sorted.
    pub(super) fn folders(&self) -> BTreeSet<&str> {
        self.files.keys().map(|path| folder_of(path)).collect()
    }

    pub(super) fn has(&self, folder: &str, name: &str) -> bool {
        self.files.contains_key(&join(folder, name))
    }

    /// Returns the text of a file of a folder.
    pub(super) fn text(&self, folder: &str, name: &str) -> Option<&str> {
        self.files.get(&join(folder, name))?.as_deref()
    }

    /// Returns the first of `names` that the folder has.
    pub(super) fn first<'a>(&self, folder: &str, names: &[&'a str]) -> Option<&'a str> {
        names.iter().copied().find(|name| self.has(folder, name))
    }

    /// Returns the text of a file of the folder or of the nearest folder above that has it.
    pub(super) fn above(&self, folder: &str, name: &str) -> Option<&str> {
        let mut at = folder;
        loop {
            if let Some(text) = self.text(at, name) {
                return Some(text);
            }
            if at == "." {
                return None;
            }
            at = folder_of(at);
        }
    }

    /// Returns the files below a folder with their texts, paths relative to it, those of the folder itself first.
    pub(super) fn below<'a>(&'a self, folder: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut files: Vec<(&str, &str)> = self
            .files
            .iter()
            .filter_map(|(path, text)| Some((inside(folder, path)?, text.as_deref()?)))
            .collect();
        files.sort_by_key(|(path, _)| (path.matches('/').count(), *path));
        files
    }

    /// Returns the names of the files that lie directly in a folder.
    pub(super) fn names<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.files
            .keys()
            .filter_map(|path| inside(folder, path))
            .filter(|path| !path.contains('/'))
    }

    /// Says whether another folder below `folder`, on the way to `path`, has one of `names`: then the file is not this folder's.
    pub(super) fn is_others(&self, folder: &str, path: &str, names: &[&str]) -> bool {
        let mut at = folder_of(path);
        while at != "." {
            if self.first(&join(folder, at), names).is_some() {
                return true;
            }
            at = folder_of(at);
        }
        false
    }
}

fn can_be_written(path: &str) -> bool {
    let is_plain = |c: char| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
    path.chars().all(is_plain) && !path.contains("{{") && !path.contains('\\')
}

fn inside<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    if folder == "." {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// Returns the folder of a path, `.` where it has none.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// Returns what stands behind the last dot of a file's name; empty where there is none.
pub(super) fn extension(path: &str) -> &str {
    file_name(path).rsplit_once('.').map_or("", |(_, it)| it)
}

/// Returns the last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Joins a folder and a path below it.
pub(super) fn join(folder: &str, path: &str) -> String {
    match (folder, path) {
        (".", path) => path.to_owned(),
        (folder, ".") => folder.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    }
}
