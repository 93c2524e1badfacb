//! Secrets: they reach the steps that mount them, and nothing that anybody reads.

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::process::Stdio;

use common::{Done, Workspace, docker, has_engine};

const TOKEN: &str = "canary-token-7c1f";
const KEY: &str = "canary-key-19ab\nsecond-line-of-canary\n";

const MANIFEST: &str = r#"workspace "hush"
registry "dev" { account "111122223333"; region "eu-west-1" }
secret "token" { from-env "HUSH_TOKEN" }
secret "key" { from-file "ci/key" }
image "api" {
    dockerfile "Dockerfile"
    tag "v1"
    secret "token"
    secret "key" id="deploy.key"
}
"#;

/// Both values are checked by their digests, printed, and must not be part of the context.
const DOCKERFILE: &str = "FROM debian:bookworm-slim
COPY . /all
RUN --mount=type=secret,id=token,required --mount=type=secret,id=deploy.key,required \\
    echo '1fe5da62661e3d3ac3e173ecdcc44cb6e6fa9952e22a0d8091d5276a329717e2  /run/secrets/token' | sha256sum -c && \\
    echo '7fc82b393cba8786648828616cf86e229d63bd2154282e1b687060f928b8047d  /run/secrets/deploy.key' | sha256sum -c && \\
    cat /run/secrets/token /run/secrets/deploy.key && test ! -e /all/ci/key && sleep 1
USER 10001:10001
";

fn workspace(dockerfile: &str) -> Workspace {
    Workspace::new(&[
        ("windlass.kdl", MANIFEST),
        ("Dockerfile", dockerfile),
        ("ci/key", KEY),
        ("f", "hello"),
    ])
}

fn hides(text: &str) {
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn a_plan_says_whether_a_secret_is_set_and_never_its_value() {
    let workspace = workspace("FROM scratch\nCOPY f /f\n");
    let plan = ["--local", "plan", "--out", "p.windlass"];
    let without = workspace.run(&plan).exits(0);
    let without = without.says(
        "secret token (env HUSH_TOKEN, not set): image.api needs it; apply stops before its first write",
    );
    without.says("secret deploy.key (file ci/key, set)");
    let with = workspace.run_with(&[("HUSH_TOKEN", TOKEN)], &plan).exits(0);
    let with = with.says("secret token (env HUSH_TOKEN, set)");
    hides(&with.out);
    hides(&with.err);
    hides(&workspace.read("p.windlass"));
}

#[test]
fn engine_a_missing_secret_stops_apply_before_its_first_write() {
    if !has_engine() {
        return;
    }
    let workspace = workspace("FROM scratch\nCOPY f /f\n");
    let apply = ["--local", "apply", "--auto-approve"];
    workspace
        .run_with(&[("HUSH_TOKEN", "")], &apply)
        .exits(1)
        .says("image.api mounts secret token, and env HUSH_TOKEN is empty");
    let plan = workspace
        .run(&["--local", "plan", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(
        plan["repositories"][0]["action"], "create",
        "nothing was written"
    );
}

#[test]
fn engine_secrets_reach_the_build_and_appear_nowhere() {
    if !has_engine() {
        return;
    }
    let workspace = workspace(DOCKERFILE);
    let token = [("HUSH_TOKEN", TOKEN)];
    let saved = workspace
        .run_with(&token, &["--local", "plan", "--out", "p.windlass"])
        .exits(0);
    let apply = [
        "--local",
        "apply",
        "p.windlass",
        "--no-cache",
        "--progress",
        "json",
        "--report",
        "../report.json",
    ];
    let mut command = workspace.command(&apply);
    command
        .envs(token)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let running = command.spawn().expect("the binary runs");
    let (applied, arguments) = watch_arguments(running);
    let applied = applied.exits(0);
    assert!(
        arguments.iter().any(|line| line.contains("p.windlass")),
        "it was watched"
    );
    for line in &arguments {
        // Other processes of the machine may well speak of canaries.
        let shown = line.contains(TOKEN) || KEY.lines().any(|it| line.contains(it));
        assert!(!shown, "{line}");
    }
    assert!(
        applied.err.contains("***"),
        "the step printed it: {}",
        applied.err
    );
    let json = workspace
        .run(&["--local", "plan", "--format", "json"])
        .exits(0);
    assert_eq!(json.json()["images"][0]["action"], "none");
    for text in [
        &saved.out,
        &saved.err,
        &applied.out,
        &applied.err,
        &json.out,
        &json.err,
    ] {
        hides(text);
    }
    for (path, bytes) in workspace.files() {
        if !path.ends_with("ci/key") {
            assert!(
                !String::from_utf8_lossy(&bytes).contains("canary"),
                "{}",
                path.display()
            );
        }
    }
    let name = json.json()["images"][0]["fingerprint"]
        .as_str()
        .map(|it| format!("windlass/hush/api:in-{}", &it[..16]));
    let name = name.expect("a fingerprint");
    hides(&docker(&["image", "inspect", &name]).exits(0).out);
    hides(&docker(&["history", "--no-trunc", &name]).exits(0).out);
    docker(&["rmi", &name]).exits(0);
}

/// Waits for a process and returns, with what it came to, the arguments of all processes that were seen meanwhile.
fn watch_arguments(running: std::process::Child) -> (Done, BTreeSet<String>) {
    let wait = std::thread::spawn(move || Done::of(running.wait_with_output().expect("it ends")));
    let mut seen = BTreeSet::new();
    while !wait.is_finished() {
        let processes = std::fs::read_dir("/proc").expect("processes");
        for process in processes.flatten() {
            let arguments = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            seen.insert(String::from_utf8_lossy(&arguments).replace('\0', " "));
        }
        std::thread::yield_now();
    }
    (wait.join().expect("it was waited for"), seen)
}
