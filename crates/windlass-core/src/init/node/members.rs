//! Members of a workspace of npm, pnpm or Yarn.

use serde_json::Value;

use crate::init::tree::{Tree, join};
use crate::name::wildcard_matches;

/// Returns the folders of the members of the workspace whose root is `root`, relative to it and sorted; empty where it is none.
pub(super) fn of(tree: &Tree, root: &str) -> Vec<String> {
    let patterns = patterns(tree, root);
    let (without, with): (Vec<&String>, Vec<&String>) =
        patterns.iter().partition(|it| it.starts_with('!'));
    let is_one = |folder: &str| {
        with.iter().any(|pattern| is_match(pattern, folder))
            && !without.iter().any(|it| is_match(&it[1..], folder))
    };
    tree.folders()
        .into_iter()
        .filter(|folder| tree.has(folder, "package.json"))
        .filter(|folder| *folder != root && (root == "." || is_below(root, folder)))
        .map(|folder| inside(root, folder).to_owned())
        .filter(|folder| is_one(folder))
        .collect()
}

/// Says whether another member of the workspace depends on the one with this name.
pub(super) fn is_used(tree: &Tree, root: &str, name: &str) -> bool {
    of(tree, root).iter().any(|member| {
        let text = tree.text(&join(root, member), "package.json");
        let package: Value = serde_json::from_str(text.unwrap_or_default()).unwrap_or_default();
        !package["dependencies"][name].is_null()
    })
}

/// Returns the path of a folder below `root`, relative to it.
pub(super) fn inside<'a>(root: &str, folder: &'a str) -> &'a str {
    if root == "." {
        return folder;
    }
    folder
        .strip_prefix(root)
        .and_then(|it| it.strip_prefix('/'))
        .unwrap_or(folder)
}

fn is_below(root: &str, folder: &str) -> bool {
    folder
        .strip_prefix(root)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn patterns(tree: &Tree, root: &str) -> Vec<String> {
    let plain = |text: &str| {
        let text = text.trim_end_matches('/');
        text.strip_prefix("./").unwrap_or(text).to_owned()
    };
    if let Some(text) = tree.text(root, "pnpm-workspace.yaml") {
        return of_pnpm(text).map(|it| plain(&it)).collect();
    }
    let text = tree.text(root, "package.json").unwrap_or_default();
    let package: Value = serde_json::from_str(text).unwrap_or_default();
    let workspaces = &package["workspaces"];
    let listed = workspaces
        .as_array()
        .or_else(|| workspaces["packages"].as_array());
    let texts = listed.into_iter().flatten().filter_map(Value::as_str);
    texts.map(plain).collect()
}

/// Reads the list under `packages:`, which pnpm writes one a line.
fn of_pnpm(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .skip_while(|line| line.trim_end() != "packages:")
        .skip(1)
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map_while(|line| line.strip_prefix('-'))
        .map(|item| {
            let item = item.split(" #").next().unwrap_or_default();
            item.trim().trim_matches(['"', '\'']).to_owned()
        })
}

/// Says whether a folder is meant: `*` stands for part of a name, `**` for any folders.
fn is_match(pattern: &str, folder: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let folder: Vec<&str> = folder.split('/').collect();
    parts_match(&pattern, &folder)
}

fn parts_match(pattern: &[&str], folder: &[&str]) -> bool {
    match (pattern, folder) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            (0..=folder.len()).any(|skipped| parts_match(rest, &folder[skipped..]))
        }
        ([first, pattern @ ..], [name, folder @ ..]) => {
            wildcard_matches(first, name) && parts_match(pattern, folder)
        }
        _ => false,
    }
}
