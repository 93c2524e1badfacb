//! What is written for others: pages, graphs, matrices, IAM policies, completions, manual pages.

#[path = "common/mod.rs"]
mod common;

#[path = "views/permissions.rs"]
mod permissions;

use common::Workspace;
use serde_json::Value;

const MANIFEST: &str = r#"workspace "family"
registry "dev" { account "111122223333"; region "eu-west-1" }
defaults {
    image { target "dev"; tag "v1" }
    repository {
        tags "immutable" { except "latest" }
        scan-on-push
        lifecycle { expire untagged=#true pushed-days=7 }
        access { allow "pull" account="222222222222" }
        resource-tag team="web"
    }
}
image "base" { context "base" }
image "app" { context "app"; needs "base" }
image "other" { context "other" }
"#;

fn family() -> Workspace {
    Workspace::new(&[
        ("windlass.kdl", MANIFEST),
        ("base/Dockerfile", "FROM scratch\nCOPY base.txt /\n"),
        ("base/base.txt", "one"),
        ("app/Dockerfile", "FROM base\nCOPY app.txt /\n"),
        ("app/app.txt", "app"),
        ("other/Dockerfile", "FROM scratch\nCOPY other.txt /\n"),
        ("other/other.txt", "other"),
    ])
}

#[test]
fn a_page_is_one_file_with_the_counts_of_the_json() {
    let workspace = family();
    let page = workspace
        .run(&["--local", "plan", "--out", "p.windlass", "--format", "html"])
        .exits(0)
        .out;
    assert!(page.starts_with("<!doctype html>"));
    assert!(
        page.contains("data-filter=\"build\"><b>3</b> to build"),
        "{page}"
    );
    let shown = workspace.run(&["show", "p.windlass", "--format", "html"]);
    assert_eq!(shown.exits(0).out, page);
}

#[test]
fn graphs_show_what_is_built_from_what() {
    let workspace = family();
    let mermaid = workspace.run(&["graph"]).exits(0).out;
    insta::assert_snapshot!(mermaid, @r##"
    flowchart LR
        n0["app"]
        n1["base"]
        n2["other"]
        n3[("app@dev")]
        n4[("base@dev")]
        n5[("other@dev")]
        n0 --> n3
        n1 --> n0
        n1 --> n4
        n2 --> n5
    "##);
    let dot = workspace.run(&["graph", "--format", "dot"]).exits(0).out;
    assert!(dot.contains("\"image.base\" -> \"image.app\";"), "{dot}");
    let svg = workspace.run(&["graph", "--format", "svg"]).exits(0).out;
    assert!(svg.starts_with("<svg "), "{svg}");
}

#[test]
fn a_matrix_has_a_stage_for_each_step_of_needs() {
    let workspace = family();
    workspace
        .run(&["--local", "plan", "--out", "p.windlass"])
        .exits(0);
    let github = workspace.run(&["matrix", "p.windlass"]).exits(0).json();
    assert_eq!(github["count"], 3);
    let images = |stage: usize| -> Vec<&str> {
        let jobs = github["stages"][stage]["include"].as_array().expect("jobs");
        jobs.iter()
            .filter_map(|job| job["image"].as_str())
            .collect()
    };
    assert_eq!(images(0), ["base", "other"]);
    assert_eq!(images(1), ["app"]);
    let gitlab = workspace
        .run(&["matrix", "p.windlass", "--format", "gitlab"])
        .exits(0)
        .json();
    assert_eq!(
        gitlab["image.app"]["needs"],
        serde_json::json!(["image.base"])
    );
    assert_eq!(gitlab["stages"], serde_json::json!(["build-1", "build-2"]));
}

/// A workspace with something to say: a warning of the manifest at its place, and an image that is blocked.
fn objected() -> Workspace {
    let workspace = family();
    workspace.replace(
        "windlass.kdl",
        "workspace",
        "var \"unused\" { default \"x\" }\nworkspace",
    );
    workspace.replace(
        "windlass.kdl",
        "image \"other\" { context \"other\" }",
        "image \"other\" { context \"other\"; platform \"linux/amd64\" \"linux/arm64\" }",
    );
    workspace
}

#[test]
fn reviewers_are_told_at_the_line_what_a_plan_says() {
    let workspace = objected();
    let summary = workspace.home().join("summary.md");
    let plan = |format: &str| {
        let variables = [("GITHUB_STEP_SUMMARY", summary.to_str().expect("UTF-8"))];
        let done = workspace.run_with(&variables, &["--local", "plan", "--format", format]);
        done.exits(1).out
    };
    let github = plan("github");
    assert!(
        github.contains("::warning file=windlass.kdl,line=1,endLine=1,col="),
        "{github}"
    );
    assert!(
        github.contains("::error file=windlass.kdl,line=16,endLine=16,col="),
        "{github}"
    );
    assert!(
        github.contains(",title=plan/blocked::image.other: "),
        "{github}"
    );
    let written = std::fs::read_to_string(&summary).expect("a summary");
    assert!(
        written.starts_with("<!-- windlass plan family -->"),
        "{written}"
    );
    let sarif: Value = serde_json::from_str(&plan("sarif")).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(
        results.iter().any(|it| it["ruleId"] == "plan/blocked"),
        "{sarif}"
    );
    let gitlab: Value = serde_json::from_str(&plan("gitlab")).expect("JSON");
    assert!(
        gitlab.as_array().is_some_and(|list| list.len() >= 2),
        "{gitlab}"
    );
    let widget: Value = serde_json::from_str(&plan("gitlab-widget")).expect("JSON");
    assert_eq!(
        widget,
        serde_json::json!({ "create": 5, "update": 0, "delete": 0 })
    );
    assert!(plan("junit").contains("<testsuite"));
}

#[test]
fn completions_and_manual_pages_are_made_of_the_command_line() {
    let workspace = Workspace::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = workspace.run(&["completions", shell]).exits(0).out;
        assert!(text.contains("detailed-exitcode"), "{shell}");
    }
    let page = workspace.run(&["man"]).exits(0).out;
    assert!(page.contains(".TH windlass 1"), "{page}");
    workspace
        .run(&["man", "--out", "man"])
        .exits(0)
        .says("man/windlass-apply.1");
    assert!(
        workspace
            .read("man/windlass-apply.1")
            .contains("auto\\-approve")
    );
}

#[test]
fn reviewers_are_told_at_the_line_what_cannot_be_read() {
    let workspace = family();
    workspace.write("broken/Dockerfile", "FROM scratch\nFRUM x\n");
    let lint = workspace
        .run(&["lint", "--format", "github", "broken/Dockerfile"])
        .exits(1);
    assert!(
        lint.out
            .contains("::error file=broken/Dockerfile,line=2,endLine=2,col=1,endColumn=5,title=dockerfile/syntax::"),
        "{}",
        lint.out
    );
    workspace.replace("windlass.kdl", "registry \"", "registri \"");
    for command in [&["check"][..], &["--local", "plan"]] {
        let run = |format: &str| {
            let arguments = [command, &["--format", format]].concat();
            workspace.run(&arguments).exits(1).out
        };
        assert!(run("github").contains(",title=structure/unknown-name::there is no `registri`"));
        let sarif: Value = serde_json::from_str(&run("sarif")).expect("JSON");
        assert_eq!(
            sarif["runs"][0]["results"][0]["ruleId"],
            "structure/unknown-name"
        );
        assert!(run("junit").contains("structure/unknown-name"));
        assert_eq!(run("text"), "", "people are told on standard error");
    }
}
