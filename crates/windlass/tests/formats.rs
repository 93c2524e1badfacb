//! What windlass writes for code scanning and test reports, held against the published schemas by programs of others.

#[path = "common/mod.rs"]
mod common;

use std::path::Path;
use std::process::Command;

use common::{Workspace, has_engine};
use serde_json::Value;

/// An image that is blocked, one with findings in the Dockerfile of a pattern, one in a Dockerfile of its own, a warning of the manifest,
/// and texts that have to be escaped.
const MANIFEST: &str = r#"workspace "formats"
var "unused" { default "<&>" }
registry "dev" { account "111122223333"; region "eu-west-1" }
defaults { image { target "dev"; tag "v1" } }
image "api" pattern="go-distroless@1" { context "api"; with { version "1.22" } }
image "own" { context "own" }
image "stopped" { context "own"; platform "linux/amd64" "linux/arm64" }
"#;

fn formats() -> Workspace {
    Workspace::new(&[
        ("windlass.kdl", MANIFEST),
        (
            "windlass.lock",
            "lock format-version=1\nbase \"docker.io/library/golang:1.22-alpine\" digest=\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" from=\"registry\" resolved=\"2026-11-20\" { platform \"linux/amd64\" }\nbase \"gcr.io/distroless/static-debian12:nonroot\" digest=\"sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\" from=\"registry\" resolved=\"2026-11-20\" { platform \"linux/amd64\"; user \"65532\" }\n",
        ),
        ("api/go.mod", "module example.com/api\n\ngo 1.22\n"),
        ("api/main.go", "package main\n\nfunc main() {}\n"),
        (
            "own/Dockerfile",
            "FROM scratch\nMAINTAINER \"a <b> & 'c'\"\nADD a\\&b.txt /é/\nUSER 65532\n",
        ),
        ("own/a&b.txt", "x"),
    ])
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("`cargo xtask test` sets {name}"))
}

/// Compares a text with the schema of its format.
#[track_caller]
fn fits(workspace: &Workspace, what: &str, format: &str, text: &str) {
    let file = workspace.home().join(format!("out.{format}"));
    std::fs::write(&file, text).expect("written");
    let json = variable("WINDLASS_TEST_SCHEMAS");
    let mut command = if format == "sarif" {
        let mut command = Command::new(&json);
        // A pattern of the published schema is none for ECMAScript.
        command.args(["--regex-variant", "python", "--schemafile"]);
        command.arg(variable("WINDLASS_TEST_SARIF"));
        command
    } else {
        let mut command = Command::new(Path::new(&json).with_file_name("xmlschema-validate"));
        command.arg("--schema").arg(variable("WINDLASS_TEST_JUNIT"));
        command
    };
    let output = command.arg(&file).output().expect("it runs");
    assert!(
        output.status.success(),
        "{what} as {format}: {}{}\n{text}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn engine_sarif_and_junit_are_as_their_published_schemas_say() {
    if !has_engine() {
        return;
    }
    let workspace = formats();
    for format in ["sarif", "junit"] {
        let says = |arguments: &[&str]| {
            let arguments = [arguments, &["--format", format]].concat();
            let text = workspace.run(&arguments).out;
            fits(&workspace, &arguments.join(" "), format, &text);
            text
        };
        let plan = says(&["--local", "plan"]);
        assert!(plan.contains("plan/blocked"), "{plan}");
        says(&["--local", "plan", "--only", "image.api"]);
        let check = says(&["check"]);
        assert!(check.contains("base-end-of-life"), "{check}");
        says(&["lint", "--profile", "all", "own/Dockerfile"]);
        workspace.write("good/Dockerfile", "FROM scratch\nUSER 65532\n");
        says(&["lint", "good/Dockerfile"]);
    }
}

#[test]
fn findings_are_shown_at_lines_of_files_that_reviewers_have() {
    let workspace = formats();
    for arguments in [&["--local", "plan"][..], &["check"]] {
        let arguments = [arguments, &["--format", "sarif"]].concat();
        let done = workspace.run(&arguments);
        let document: Value = serde_json::from_str(&done.out).expect("JSON");
        let results = document["runs"][0]["results"].as_array().expect("a list");
        assert!(results.len() > 1, "{arguments:?}: {document:#}");
        for result in results {
            let place = &result["locations"][0]["physicalLocation"];
            let file = place["artifactLocation"]["uri"].as_str().expect("a file");
            assert!(workspace.path(file).is_file(), "{result:#}");
            let lines = workspace.read(file).lines().count() as u64;
            let line = place["region"]["startLine"].as_u64().expect("a line");
            assert!((1..=lines).contains(&line), "{result:#}");
            assert!(place["region"]["startColumn"].is_u64(), "{result:#}");
        }
    }
}
