//! What the namespace `git` of a manifest can know, asked for only as far as the manifest's text can use it.

use std::path::Path;

use windlass_backends::git;
use windlass_core::manifest::{GitFact, GitFacts};

/// Variables in which CI systems name the branch, with the prefix that has to be taken off.
/// GitHub Actions, GitLab CI, AWS `CodeBuild`, Jenkins, Bitbucket Pipelines, `CircleCI`, Buildkite (docs/manifest.md).
const BRANCHES: [(&str, &str); 9] = [
    ("GITHUB_HEAD_REF", ""),
    ("GITHUB_REF", "refs/heads/"),
    ("CI_COMMIT_BRANCH", ""),
    ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", ""),
    ("CODEBUILD_WEBHOOK_HEAD_REF", "refs/heads/"),
    ("BRANCH_NAME", ""),
    ("BITBUCKET_BRANCH", ""),
    ("CIRCLE_BRANCH", ""),
    ("BUILDKITE_BRANCH", ""),
];

/// Asks git about the checkout around `root`, for the facts that `manifest` mentions.
pub(crate) fn ask(root: &Path, manifest: &str) -> GitFacts {
    let mut facts = GitFacts::default();
    // The guards of an environment ask git too: `clean-git`, `branch:main`.
    if !manifest.contains("git") && !manifest.contains("branch:") {
        return facts;
    }
    let Some(sha) = git::head(root) else {
        return facts;
    };
    facts.sha = GitFact::Known(sha);
    let mentions = |word: &str| manifest.contains(word);
    if mentions("branch") {
        (facts.branch, facts.branch_origin) = branch(root);
    }
    if mentions("tag") {
        let best = git::tags_at_head(root).and_then(best_tag);
        facts.tag = best.map_or_else(
            || GitFact::Absent("no tag points at HEAD".to_owned()),
            GitFact::Known,
        );
    }
    if mentions("commit_time") {
        facts.commit_time = known(git::commit_time(root), "git does not tell the time of HEAD");
    }
    if mentions("dirty") || mentions("clean-git") {
        facts.dirty = known(
            git::is_dirty(root),
            "git does not tell whether the tree is dirty",
        );
    }
    if mentions("describe") {
        facts.is_shallow = git::is_shallow(root);
        facts.describe = if facts.is_shallow == Some(true) {
            GitFact::Unavailable("the clone is shallow: fetch the whole history (`fetch-depth: 0` in actions/checkout, `GIT_DEPTH: 0` in GitLab CI, or `git fetch --unshallow`)".to_owned())
        } else {
            known(git::describe(root), "git describes no commit here")
        };
    }
    facts
}

fn known<T>(value: Option<T>, otherwise: &str) -> GitFact<T> {
    value.map_or_else(
        || GitFact::Unavailable(otherwise.to_owned()),
        GitFact::Known,
    )
}

fn branch(root: &Path) -> (GitFact<String>, Option<String>) {
    if let Some(branch) = git::branch(root) {
        return (GitFact::Known(branch), Some("HEAD".to_owned()));
    }
    for (variable, prefix) in BRANCHES {
        let value = std::env::var(variable)
            .ok()
            .filter(|value| !value.is_empty());
        if let Some(branch) = value
            .as_deref()
            .and_then(|value| value.strip_prefix(prefix))
        {
            return (GitFact::Known(branch.to_owned()), Some(variable.to_owned()));
        }
    }
    (
        GitFact::Absent("HEAD is detached and no CI names the branch".to_owned()),
        None,
    )
}

/// Returns the highest semver tag, a leading `v` allowed; else the first by name.
fn best_tag(mut tags: Vec<String>) -> Option<String> {
    tags.sort();
    let version = |tag: &String| semver::Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok();
    let highest = tags
        .iter()
        .filter_map(|tag| Some((version(tag)?, tag)))
        .max()
        .map(|(_, tag)| tag.clone());
    highest.or_else(|| tags.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_wins_and_names_come_after() {
        let tags = |names: &[&str]| best_tag(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(
            tags(&["v1.9.0", "v1.10.0", "zeta", "v1.10.0-rc.1"]).as_deref(),
            Some("v1.10.0")
        );
        assert_eq!(tags(&["stable", "blue"]).as_deref(), Some("blue"));
        assert_eq!(tags(&[]), None);
    }
}
