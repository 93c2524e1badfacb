//! What `pyproject.toml` and the lock files beside it say: dependencies and programs.

use regex_lite::Regex;

use super::requirements::package;
use crate::init::tree::{Tree, folder_of};

/// The lines of a table of `pyproject.toml`, up to the next one.
fn table<'a>(text: &'a str, name: &'a str) -> Option<impl Iterator<Item = &'a str>> {
    let is_head = move |line: &&str| line.trim() == format!("[{name}]");
    text.lines().find(is_head)?;
    Some(
        text.lines()
            .skip_while(move |line| !is_head(line))
            .skip(1)
            .take_while(|line| !line.starts_with('['))
            .map(str::trim),
    )
}

/// Returns the programs that installing the project makes, those of the project's own name first.
pub(super) fn programs(tree: &Tree, folder: &str) -> Vec<String> {
    let text = tree.text(folder, "pyproject.toml").unwrap_or_default();
    let key = |line: &str| {
        let (key, _) = line.split_once('=')?;
        let key = key.trim().trim_matches('"');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        (!key.is_empty() && key.chars().all(is_plain)).then(|| key.to_owned())
    };
    let mut found: Vec<String> = ["project.scripts", "tool.poetry.scripts"]
        .into_iter()
        .filter_map(|name| table(text, name))
        .flat_map(|lines| lines.filter_map(key).collect::<Vec<_>>())
        .collect();
    let own = ["project", "tool.poetry"].into_iter().find_map(|name| {
        let mut lines = table(text, name)?;
        lines.find_map(|line| {
            let value = line.strip_prefix("name")?.trim_start().strip_prefix('=')?;
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        })
    });
    found.sort_by_key(|it| Some(it) != own.as_ref());
    found
}

/// Says whether pip can install the project: it says what builds it.
pub(super) fn can_be_installed(tree: &Tree, folder: &str) -> bool {
    let text = tree.text(folder, "pyproject.toml").unwrap_or_default();
    table(text, "build-system").is_some() && !text.contains("package-mode = false")
}

/// Returns the file that the pattern takes dependencies from: what locks them, or else the project's own table.
pub(super) fn file(tree: &Tree, folder: &str) -> Option<&'static str> {
    let text = tree.text(folder, "pyproject.toml")?;
    // What is dynamic is known only to what builds the project, which needs the whole tree.
    let names_them = || {
        let is_dynamic = |it: &str| it.starts_with("dynamic") && it.contains("\"dependencies\"");
        table(text, "project").is_some_and(|mut lines| !lines.any(is_dynamic))
    };
    match tree.first(folder, &["uv.lock", "poetry.lock"]) {
        Some(lock) => Some(lock),
        None if is_left_to_others(tree, folder) || member_of(tree, folder).is_some() => None,
        None => names_them().then_some("pyproject.toml"),
    }
}

/// Says whether a tool that the pattern does not run keeps the dependencies.
fn is_left_to_others(tree: &Tree, folder: &str) -> bool {
    let others = ["Pipfile", "Pipfile.lock", "pdm.lock"];
    tree.first(folder, &others).is_some()
}

/// Returns the folder above whose uv.lock holds for this one too.
pub(super) fn member_of<'a>(tree: &Tree, folder: &'a str) -> Option<&'a str> {
    let mut at = folder;
    while at != "." {
        at = folder_of(at);
        let text = tree.text(at, "pyproject.toml").unwrap_or_default();
        if tree.has(at, "uv.lock") && table(text, "tool.uv.workspace").is_some() {
            return Some(at);
        }
    }
    None
}

/// Returns the names of the packages that a file names, as far as it can be told.
pub(super) fn names(tree: &Tree, folder: &str, file: &str) -> Vec<String> {
    let text = tree.text(folder, file).unwrap_or_default();
    let pattern = if file == "pyproject.toml" {
        r#""([A-Za-z0-9][A-Za-z0-9._-]*)[^"]*""#
    } else {
        r#"(?m)^name = "([^"]+)""#
    };
    let Ok(pattern) = Regex::new(pattern) else {
        return Vec::new();
    };
    let found = pattern.captures_iter(text);
    found
        .filter_map(|it| package(it.get(1)?.as_str()))
        .collect()
}

/// Returns what a lock file installs from the tree, besides the project itself.
pub(super) fn local(tree: &Tree, folder: &str, file: &str) -> Option<String> {
    let text = tree.text(folder, file)?;
    let pattern = match file {
        "uv.lock" => r#"source = \{ (?:editable|directory|virtual|path) = "([^"]+)""#,
        "poetry.lock" => r#"(?m)^type = "(?:directory|file)"\s*\nurl = "([^"]+)""#,
        _ => return None,
    };
    let found = Regex::new(pattern).ok()?;
    let mut places = found
        .captures_iter(text)
        .filter_map(|it| Some(it.get(1)?.as_str().to_owned()));
    places.find(|place| place != ".")
}
