//! Scenarios of the design's rules that show only on the whole program; `tests/suite/decisions.rs` says which rule each holds.

#[path = "common/mod.rs"]
mod common;

use common::Workspace;
use serde_json::Value;

const MANIFEST: &str = r#"workspace "hello"
registry "dev" { account "111122223333"; region "eu-west-1" }
image "api" { dockerfile "Dockerfile"; tag "v1"; target "dev" }
"#;

const SCRATCH: &str = "FROM scratch\nCOPY f /f\n";

/// A base image that is locked, so that no registry is asked.
const LOCK: &str = concat!(
    "lock format-version=1\n",
    "base \"docker.io/library/alpine:3.20\" digest=\"sha256:",
    "1111111111111111111111111111111111111111111111111111111111111111\"",
    " from=\"docker.io\" resolved=\"2026-11-01\" { platform \"linux/amd64\" }\n"
);

fn workspace(manifest: &str, dockerfile: &str) -> Workspace {
    let workspace = Workspace::new(&[
        ("windlass.kdl", manifest),
        ("Dockerfile", dockerfile),
        ("f", "hello"),
    ]);
    // Contexts of the tests hold the Dockerfile and `f` only.
    workspace.write("Dockerfile.dockerignore", "*\n!f\n");
    workspace
}

fn plan(workspace: &Workspace, arguments: &[&str]) -> Value {
    let all = [&["--local", "plan", "--format", "json"], arguments].concat();
    workspace.run(&all).exits(0).json()
}

fn fingerprint(workspace: &Workspace, arguments: &[&str]) -> String {
    let plan = plan(workspace, arguments);
    let fingerprint = plan["images"][0]["fingerprint"].as_str();
    fingerprint.expect("a fingerprint").to_owned()
}

fn first_tag(workspace: &Workspace) -> String {
    let plan = plan(workspace, &[]);
    let tag = plan["images"][0]["targets"][0]["tags"][0]["tag"].as_str();
    tag.expect("a tag").to_owned()
}

#[test]
fn a_mirror_does_not_change_the_fingerprint() {
    let workspace = workspace(MANIFEST, "FROM alpine:3.20\nCOPY f /f\nUSER 10001\n");
    workspace.write("windlass.lock", LOCK);
    let plain = fingerprint(&workspace, &[]);
    let mirrored = fingerprint(&workspace, &["--mirror", "docker.io=127.0.0.1:5999"]);
    assert_eq!(plain, mirrored);
    let mirror = "mirror \"docker.io\" to=\"127.0.0.1:5998\"\n";
    workspace.write("windlass.kdl", &format!("{MANIFEST}{mirror}"));
    assert_eq!(fingerprint(&workspace, &[]), plain);
    // The digest is what counts.
    workspace.replace("windlass.lock", "sha256:1111", "sha256:2222");
    assert_ne!(fingerprint(&workspace, &[]), plain);
}

#[test]
fn an_image_without_a_platform_is_linux_amd64() {
    let workspace = workspace(MANIFEST, SCRATCH);
    let silent = fingerprint(&workspace, &[]);
    workspace.replace(
        "windlass.kdl",
        "tag \"v1\";",
        "tag \"v1\"; platform \"linux/amd64\";",
    );
    assert_eq!(fingerprint(&workspace, &[]), silent);
    workspace.replace("windlass.kdl", "linux/amd64", "linux/arm64");
    let other = workspace
        .run(&["--local", "plan", "--format", "json"])
        .json();
    assert_ne!(other["images"][0]["fingerprint"], silent.as_str());
}

#[test]
fn own_files_do_not_make_a_checkout_dirty() {
    let workspace = workspace(MANIFEST, SCRATCH);
    workspace.replace(
        "windlass.kdl",
        "tag \"v1\"",
        "tag \"dirty-{{ git.dirty }}\"",
    );
    workspace.init_git();
    assert_eq!(first_tag(&workspace), "dirty-false");
    workspace
        .run(&["--local", "plan", "--out", "one.windlass"])
        .exits(0);
    assert!(workspace.path(".windlass").is_dir() && workspace.path("one.windlass").is_file());
    assert_eq!(first_tag(&workspace), "dirty-false");
    workspace.write("stray", "not ignored, not tracked");
    assert_eq!(first_tag(&workspace), "dirty-true");
    workspace.write(".gitignore", "stray\n");
    workspace.commit();
    assert_eq!(first_tag(&workspace), "dirty-false");
    workspace.write("f", "changed");
    assert_eq!(first_tag(&workspace), "dirty-true");
}

#[test]
fn git_facts_are_those_of_the_checkout() {
    let workspace = workspace(MANIFEST, SCRATCH);
    let with = |expression: &str| {
        workspace.write(
            "windlass.kdl",
            &MANIFEST.replace("tag \"v1\"", &format!("tag \"x-{{{{ {expression} }}}}\"")),
        );
    };
    // Outside git what can be missing is missing, and windlass works.
    with("git.branch | default('none')");
    assert_eq!(first_tag(&workspace), "x-none");
    workspace.init_git();
    workspace.git(&["checkout", "-q", "-b", "feature"]);
    assert_eq!(first_tag(&workspace), "x-feature");
    workspace.git(&["tag", "v1.9.0"]);
    workspace.git(&["tag", "v1.10.0"]);
    with("git.tag | default('none')");
    assert_eq!(first_tag(&workspace), "x-v1.10.0");
    with("git.short");
    let tag = first_tag(&workspace);
    assert_eq!(tag.len(), "x-".len() + 12, "{tag}");
    // A detached HEAD takes the branch from the CI it runs in, and says so.
    with("git.branch | default('none')");
    workspace.git(&["checkout", "-q", "--detach"]);
    assert_eq!(first_tag(&workspace), "x-none");
    let variables = [("CI_COMMIT_BRANCH", "from-ci")];
    workspace
        .run_with(&variables, &["--local", "plan"])
        .exits(0)
        .says("x-from-ci")
        .says("CI_COMMIT_BRANCH");
}

#[test]
fn describe_in_a_shallow_clone_names_the_fetch_depth() {
    let origin = workspace(MANIFEST, SCRATCH);
    origin.replace("windlass.kdl", "tag \"v1\"", "tag \"{{ git.describe }}\"");
    origin.init_git();
    origin.commit();
    let clone = Workspace::new(&[]);
    let from = format!("file://{}", origin.path("").display());
    clone.git(&["clone", "-q", "--depth", "1", &from, "shallow"]);
    clone
        .run(&["--chdir", "shallow", "--local", "plan"])
        .exits(1)
        .says("fetch-depth: 0");
}

#[test]
fn a_plan_of_another_commit_is_stale() {
    let workspace = workspace(MANIFEST, SCRATCH);
    workspace.replace("windlass.kdl", "tag \"v1\"", "tag \"b-{{ git.branch }}\"");
    workspace.init_git();
    workspace
        .run(&["--local", "plan", "--out", "p.windlass"])
        .exits(0);
    workspace.commit();
    workspace
        .run(&["--local", "apply", "p.windlass"])
        .exits(4)
        .says("HEAD is at");
}

#[test]
fn a_plan_writes_nothing_anywhere() {
    let workspace = workspace(MANIFEST, SCRATCH);
    let ecr = workspace.serve();
    let before = workspace.files();
    plan(&workspace, &[]);
    assert_eq!(workspace.files(), before, "no lock, no cache, no file");
    let reads = [
        "Describe",
        "Get",
        "BatchGet",
        "BatchCheck",
        "List",
        "sts:GetCallerIdentity",
        "tag:GetResources",
    ];
    let calls = ecr.calls();
    assert!(!calls.is_empty(), "a plan asks ECR");
    let others: Vec<&String> = calls
        .keys()
        .filter(|name| !reads.iter().any(|read| name.starts_with(read)))
        .collect();
    assert_eq!(
        others,
        Vec::<&String>::new(),
        "no write, no lifecycle preview"
    );
}

#[test]
fn what_is_rendered_is_not_pinned() {
    let workspace = workspace(MANIFEST, "FROM alpine:3.20\nCOPY f /f\nUSER 10001\n");
    workspace.write("windlass.lock", LOCK);
    let rendered = workspace.run(&["render", "api"]).exits(0);
    assert!(
        rendered.out.contains("FROM alpine:3.20\n"),
        "{}",
        rendered.out
    );
    assert!(!rendered.out.contains("sha256:"), "{}", rendered.out);
}

#[test]
fn every_summary_has_every_key() {
    let plan = plan(&workspace(MANIFEST, SCRATCH), &[]);
    let images = [
        "none", "retag", "copy", "push", "restore", "build", "blocked", "unknown",
    ];
    let repositories = ["none", "create", "update", "delete", "blocked", "unknown"];
    for (group, keys) in [("images", &images[..]), ("repositories", &repositories)] {
        for key in keys {
            assert!(plan["summary"][group][key].is_u64(), "{group}.{key}");
        }
    }
    let tag = &plan["images"][0]["targets"][0]["tags"][0];
    assert_eq!(tag["action"], "create");
    assert_eq!(tag["from_digest"], Value::Null);
    assert_eq!(tag["to_digest"], Value::Null, "nothing is built yet");
}

#[test]
fn examples_commit_no_lock() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let found = common::program("find", &[examples, "-name", "windlass.lock"]);
    assert_eq!(String::from_utf8_lossy(&found), "");
}

#[test]
fn a_local_apply_ends_with_the_line_that_serves_its_ecr() {
    let workspace = workspace(MANIFEST, SCRATCH);
    workspace.replace(
        "windlass.kdl",
        "image \"api\" { dockerfile \"Dockerfile\"; tag \"v1\"; target \"dev\" }",
        "repository \"only\" { target \"dev\" }",
    );
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0)
        .says("windlass local");
}

#[test]
fn an_offline_plan_reads_no_registry_and_says_so() {
    let workspace = workspace(MANIFEST, SCRATCH);
    workspace.replace(
        "windlass.kdl",
        "region \"eu-west-1\"",
        "region \"eu-west-1\"; endpoint ecr=\"http://127.0.0.1:9\"",
    );
    // Neither an address that answers nor credentials are needed.
    let plan = workspace
        .run(&["plan", "--offline", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(plan["images"][0]["action"], "unknown");
    assert_eq!(plan["summary"]["images"]["unknown"], 1);
    workspace
        .run(&["plan", "--offline"])
        .exits(0)
        .says("`--offline` asks no registry");
}

#[test]
fn a_plan_says_what_differs_from_the_reviewed_one() {
    let workspace = workspace(MANIFEST, SCRATCH);
    workspace
        .run(&["--local", "plan", "--out", "reviewed.windlass"])
        .exits(0);
    workspace
        .run(&["--local", "plan", "--expect", "reviewed.windlass"])
        .exits(0);
    workspace.write("f", "changed after the review");
    workspace
        .run(&["--local", "plan", "--expect", "reviewed.windlass"])
        .exits(1)
        .says("this plan is not the reviewed one")
        .says("image.api");
}

#[test]
fn everything_works_outside_git_but_what_asks_for_it() {
    let workspace = workspace(MANIFEST, SCRATCH);
    assert_eq!(plan(&workspace, &[])["git_sha"], Value::Null);
    workspace.replace("windlass.kdl", "tag \"v1\"", "tag \"v{{ git.short }}\"");
    workspace
        .run(&["--local", "plan"])
        .exits(1)
        .says("windlass.kdl:3:49")
        .says("the workspace is not in a git repository");
}

#[test]
fn engine_a_lock_that_this_run_wrote_keeps_the_checkout_clean() {
    if !common::has_engine() {
        return;
    }
    let manifest = format!("{MANIFEST}environment \"prod\" {{ require \"clean-git\" }}\n");
    let workspace = workspace(
        &manifest,
        "FROM debian:bookworm-slim\nCOPY f /f\nUSER 10001\n",
    );
    workspace.init_git();
    let apply = ["--local", "--env", "prod", "apply", "--auto-approve"];
    workspace.run(&apply).exits(0).says("windlass.lock written");
    // Whoever forgets to commit it is told at the next run.
    workspace.run(&apply).exits(1).says("clean-git");
    workspace.commit();
    workspace.run(&apply).exits(0);
}

#[test]
fn engine_a_lock_is_written_only_after_every_check_has_passed() {
    if !common::has_engine() {
        return;
    }
    let denied = "FROM debian:bookworm-slim\nARG DB_PASSWORD\nCOPY f /f\nUSER 10001\n";
    let workspace = workspace(MANIFEST, denied);
    workspace.write(
        "../org.kdl",
        "pack \"org\" version=1\nrule \"secret-in-arg-env\" { level \"deny\" }\n",
    );
    let apply = [
        "--local",
        "--policy",
        "../org.kdl",
        "apply",
        "--auto-approve",
    ];
    workspace.run(&apply).exits(3).says("secret-in-arg-env");
    assert!(!workspace.path("windlass.lock").exists());
    workspace.write("Dockerfile", &denied.replace("ARG DB_PASSWORD\n", ""));
    workspace.run(&apply).exits(0).says("windlass.lock written");
    assert!(workspace.path("windlass.lock").exists());
}
