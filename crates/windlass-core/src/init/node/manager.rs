//! Which package manager installs an application, from which lock file, and whether it is a member of a workspace.

use regex_lite::Regex;
use serde_json::Value;

use super::members;
use crate::init::tree::{Tree, folder_of};
use crate::init::{FoundImage, Setting};

const LOCKS: [(&str, &str); 5] = [
    ("package-lock.json", "npm"),
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
];
/// Versions by what the lock file says of its form; the pattern's own serve the others.
const PNPM_BY_LOCK: [(&str, &str); 2] = [("5.", "7.33.7"), ("6.", "8.15.9")];
const YARN_BY_LOCK: [(&str, &str); 2] = [("8", "4.9.2"), ("10", "4.18.1")];

/// What installs an application.
pub(super) struct Manager<'a> {
    /// Its name, as the pattern takes it.
    pub(super) name: &'static str,
    /// The lock file's name.
    lock: &'static str,
    /// The folder of the lock file.
    pub(super) root: &'a str,
}

impl Manager<'_> {
    /// Finds the manager whose lock file holds for a folder: its own, or that of the workspace it is a member of.
    ///
    /// # Errors
    /// What keeps the pattern from installing, in a sentence.
    pub(super) fn find<'a>(
        tree: &Tree,
        folder: &'a str,
        package: &Value,
    ) -> Result<Manager<'a>, String> {
        let found = match lock_of(tree, folder) {
            Some((lock, name)) => Some((lock, name, folder)),
            None => workspace_above(tree, folder),
        };
        match found {
            Some((lock, "bun", _)) => Err(format!(
                "{lock} is Bun's, which {} cannot run: use a Dockerfile that runs bun",
                super::PATTERN
            )),
            Some((lock, name, root)) => Ok(Manager { name, lock, root }),
            None => Err(without_lock(folder, package)),
        }
    }

    /// Says whether the application is a member of a workspace.
    pub(super) fn is_workspace(&self, folder: &str) -> bool {
        self.root != folder
    }

    /// Writes what the pattern has to be told; says where it cannot install.
    pub(super) fn tell(&self, tree: &Tree, folder: &str, image: &mut FoundImage) {
        let from = format!("{} is there", self.lock);
        if self.name != "npm" {
            image
                .settings
                .push(Setting::texts("manager", [self.name], from));
            self.tell_version(tree, image);
        }
        if self.is_workspace(folder) {
            self.root.clone_into(&mut image.context);
            let member = members::inside(self.root, folder);
            let why = format!("a member of the workspace with {}", self.lock);
            image
                .settings
                .push(Setting::texts("workspace", [member], why));
            image.settings.push(Setting::texts(
                "package_files",
                self.package_files(tree),
                "of all members",
            ));
        }
    }

    fn package_files(&self, tree: &Tree) -> Vec<String> {
        let of_root: &[&str] = match self.name {
            "npm" => &["package.json", "package-lock.json"],
            "pnpm" => &["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"],
            _ => &["package.json", "yarn.lock", ".yarnrc.yml"],
        };
        let there = of_root.iter().filter(|file| tree.has(self.root, file));
        there
            .map(|&file| file.to_owned())
            .chain(
                members::of(tree, self.root)
                    .into_iter()
                    .map(|member| format!("{member}/package.json")),
            )
            .collect()
    }

    fn tell_version(&self, tree: &Tree, image: &mut FoundImage) {
        let mut set = |version: &str, why: &str| {
            image
                .settings
                .push(Setting::texts("manager_version", [version], why));
        };
        let stated = stated(tree, self.root, self.name);
        let lock = tree.text(self.root, self.lock).unwrap_or_default();
        if let Some(version) = &stated {
            set(version, "from packageManager in package.json");
        } else if self.name == "pnpm" {
            let form = captured(lock, r"(?m)^lockfileVersion:\s*'?([\d.]+)");
            let known = PNPM_BY_LOCK
                .iter()
                .find(|(start, _)| form.as_deref().is_some_and(|it| it.starts_with(start)));
            if let Some((_, version)) = known {
                set(version, "reads lock files of this form");
            }
        } else if let Some(form) = captured(lock, r"(?m)^__metadata:\s*\n\s+version:\s*(\d+)") {
            match YARN_BY_LOCK.iter().find(|(it, _)| *it == form) {
                Some((_, version)) => {
                    set(version, "reads lock files of this form");
                    image.unknown.push("the Yarn version: packageManager in package.json does not state it".to_owned());
                }
                None => image.obstacles.push(format!(
                    "yarn.lock has version {form}, of a Yarn that cannot be told: write the one you use as `packageManager` in package.json and run init again, or as `manager_version` under `with`"
                )),
            }
        }
        let is_between = |version: &str| matches!(version.split('.').next(), Some("2" | "3"));
        if self.name == "yarn" && stated.as_deref().is_some_and(is_between) {
            image.obstacles.push(
                "Yarn 2 and 3 do not install production dependencies alone: run yarn set version stable, or use a Dockerfile".to_owned(),
            );
        }
    }
}

fn lock_of(tree: &Tree, folder: &str) -> Option<(&'static str, &'static str)> {
    LOCKS.into_iter().find(|(lock, _)| tree.has(folder, lock))
}

/// Returns the lock file of the nearest folder above whose workspace has `folder` as a member.
fn workspace_above<'a>(
    tree: &Tree,
    folder: &'a str,
) -> Option<(&'static str, &'static str, &'a str)> {
    let mut at = folder;
    while at != "." {
        at = folder_of(at);
        let is_member = || members::of(tree, at).contains(&members::inside(at, folder).to_owned());
        if let Some((lock, name)) = lock_of(tree, at)
            && is_member()
        {
            return Some((lock, name, at));
        }
    }
    None
}

fn without_lock(folder: &str, package: &Value) -> String {
    let manager = package["packageManager"].as_str().unwrap_or_default();
    let (lock, needs, command) = match manager.split('@').next() {
        Some("pnpm") => (
            "pnpm-lock.yaml",
            "which pnpm installs from",
            "pnpm install --lockfile-only",
        ),
        Some("yarn") => ("yarn.lock", "which Yarn installs from", "yarn install"),
        _ => (
            "package-lock.json",
            "which `npm ci` needs",
            "npm install --package-lock-only",
        ),
    };
    let place = if folder == "." { "this folder" } else { folder };
    format!(
        "there is no {lock}, {needs}; run {command} in {place}, commit it, and take the comment marks away"
    )
}

/// Returns the version that `packageManager` states for a manager of this name.
fn stated(tree: &Tree, root: &str, name: &str) -> Option<String> {
    let package: Value = serde_json::from_str(tree.text(root, "package.json")?).ok()?;
    let version = package["packageManager"]
        .as_str()?
        .strip_prefix(name)?
        .strip_prefix('@')?
        .split('+')
        .next()?;
    let is_version = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    is_version(version).then(|| version.to_owned())
}

fn captured(text: &str, pattern: &str) -> Option<String> {
    let found = Regex::new(pattern).ok()?.captures(text)?;
    Some(found.get(1)?.as_str().to_owned())
}
