//! What git knows of a workspace, read by asking the `git` program: no answer is a value, windlass works outside git.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `git` in `folder`; `None` where git is not installed, the folder is no checkout, or the command fails.
pub fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(["-c", "core.quotePath=false", "-C"])
        .arg(folder)
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

/// Returns the commit at HEAD.
pub fn head(folder: &Path) -> Option<String> {
    git(folder, &["rev-parse", "--verify", "-q", "HEAD"])
}

/// Says whether the tree differs from HEAD, what windlass writes itself left out; `None` outside git.
pub fn is_dirty(folder: &Path) -> Option<bool> {
    let status = git(
        folder,
        &[
            "status",
            "--porcelain",
            "--untracked-files=normal",
            "--",
            ".",
            ":(exclude).windlass",
            ":(exclude)*.windlass",
        ],
    )?;
    Some(!status.is_empty())
}

/// Returns the tags at HEAD, in git's order.
pub fn tags_at_head(folder: &Path) -> Option<Vec<String>> {
    let tags = git(folder, &["tag", "--points-at", "HEAD"])?;
    Some(tags.lines().map(str::to_owned).collect())
}

/// Returns the branch that HEAD names; `None` where HEAD is detached.
pub fn branch(folder: &Path) -> Option<String> {
    git(folder, &["symbolic-ref", "-q", "--short", "HEAD"])
}

/// Returns the commit time of HEAD, RFC 3339 in UTC.
pub fn commit_time(folder: &Path) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "show",
            "-s",
            "--format=%cd",
            "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
            "HEAD",
        ])
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

/// Says whether the checkout is shallow; `None` outside git.
pub fn is_shallow(folder: &Path) -> Option<bool> {
    Some(git(folder, &["rev-parse", "--is-shallow-repository"])? == "true")
}

/// Returns the most recent tag reachable from HEAD with the distance, as `git describe --tags --always`.
pub fn describe(folder: &Path) -> Option<String> {
    git(folder, &["describe", "--tags", "--always"])
}
