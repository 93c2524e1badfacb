//! The catalogue of the design (`design/policy.md`, which is not part of the project) and the rules that there are.
//!
//! Every row that the design marks is a rule that is marked here; nothing that was promised is lost unnoticed. Two rows are no rules:
//! what the builder itself refuses (ONBUILD that cannot be, an instruction that nobody knows) the reader of Dockerfiles reports.

use std::collections::BTreeSet;

use windlass_policy::rule::Rule;
use windlass_policy::rules::RULES;

/// Rules of the rows that are worth having first; a row of several subjects is several rules.
const STARRED: &[&str] = &[
    "add-not-copy",
    "apk-no-cache",
    "apt-lists-left",
    "apt-no-recommends",
    "apt-update-alone",
    "apt-yes",
    "base-end-of-life",
    "base-full-variant",
    "base-latest",
    "base-not-locked",
    "base-platform-missing",
    "base-registry-allowed",
    "base-untagged",
    "build-arg-secret",
    "build-tools-in-final",
    "chmod-world-writable",
    "context-secret-reachable",
    "context-vcs-deps",
    "copy-after-user-no-chown",
    "copy-before-deps",
    "copy-from-unknown-stage",
    "copy-ignored-file",
    "curl-pipe-shell",
    "delete-in-later-layer",
    "download-no-checksum",
    "ecr-immutable",
    "ecr-lifecycle",
    "ecr-policy-public",
    "ecr-scan-on-push",
    "entrypoint-shell-ignores-cmd",
    "env-self-ref",
    "from-undefined-arg",
    "go-cgo-static",
    "go-hardcoded-arch",
    "go-strip",
    "ignore-missing",
    "ignore-root-only-pattern",
    "image-size-budget",
    "init-missing",
    "install-remove-separate-layers",
    "json-cmd",
    "json-invalid-exec",
    "labels-schema",
    "multiple-cmd",
    "npm-dev-deps-in-final",
    "npm-install-not-ci",
    "npm-only-deprecated",
    "pip-no-cache",
    "pipefail",
    "pkg-signature-off",
    "push-latest",
    "scan-findings-gate",
    "scratch-no-ca",
    "scratch-no-tzdata",
    "secret-file-copied",
    "secret-in-arg-env",
    "secret-used-without-mount",
    "secret-value-pattern",
    "stage-name-duplicate",
    "sudo",
    "tag-move-protected",
    "tls-verify-off",
    "undefined-var",
    "user-not-in-passwd",
    "user-root-final",
    "workdir-relative",
    "wrong-account-or-region",
    "yum-yes",
];

/// Rules of the other rows; and two that share a marked row with the rule it is marked for: `tag-format` says nothing until a pack sets a
/// form, `delete-protected` would forbid by default what a manifest asks for in so many words.
const OTHERS: &[&str] = &[
    "apk-unpinned",
    "apt-not-apt-get",
    "apt-unpinned",
    "attestation-required",
    "cache-mount-advice",
    "casing",
    "cd-not-workdir",
    "consecutive-run",
    "context-size-budget",
    "copy-from-external-unpinned",
    "copy-from-self",
    "copy-multi-no-slash",
    "copy-relative-no-workdir",
    "copy-whole-fs",
    "delete-protected",
    "dist-upgrade",
    "ecr-kms",
    "ecr-resource-tags",
    "empty-continuation",
    "expose-22",
    "expose-format",
    "expose-range",
    "from-platform-const",
    "from-platform-redundant",
    "gem-unpinned",
    "go-install-unpinned",
    "healthcheck-missing",
    "heredoc-shift-operator",
    "http-download",
    "ignore-bad-pattern",
    "legacy-kv",
    "lock-stale",
    "maintainer",
    "npm-global-unpinned",
    "password-set",
    "pip-unpinned",
    "platforms-required",
    "python-env",
    "setuid-added",
    "shell-unquoted-rm",
    "shell-in-scratch",
    "stage-name-casing",
    "stage-name-reserved",
    "stage-unreachable",
    "stopsignal",
    "system-workdir",
    "tag-format",
    "user-created-unused",
    "user-nonnumeric",
    "useradd-high-uid-no-l",
    "wget-and-curl",
    "wget-progress",
    "yarn-cache",
    "yum-clean",
    "yum-unpinned",
];

/// Rules about waivers and the comments of other tools: the design describes them in its text.
const OF_WAIVERS: &[&str] = &[
    "pragma-foreign",
    "waiver-expired",
    "waiver-expires-soon",
    "waiver-malformed",
    "waiver-refused",
    "waiver-unused",
];

#[test]
fn every_row_of_the_catalogue_is_a_rule() {
    let ids = |wanted: fn(&Rule) -> bool| -> BTreeSet<&str> {
        RULES
            .iter()
            .filter(|it| wanted(it))
            .map(|it| it.id)
            .collect()
    };
    let starred: BTreeSet<&str> = [STARRED, OF_WAIVERS].concat().into_iter().collect();
    assert_eq!(ids(|it| it.starred), starred);
    assert_eq!(ids(|it| !it.starred), OTHERS.iter().copied().collect());
    assert!(STARRED.len() >= 65, "{} starred rules", STARRED.len());
}
