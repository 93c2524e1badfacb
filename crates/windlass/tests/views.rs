//! What is written for others: pages, graphs, matrices, IAM policies, completions, manual pages.

#[path = "common/mod.rs"]
mod common;

use common::{Workspace, has_engine};
use serde_json::Value;
use windlass_ecr_local::{Config, IdentityPolicy, LocalEcr};

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

/// Serves the workspace's registries under an IAM policy.
fn serve(workspace: &Workspace, policy: &IdentityPolicy) -> LocalEcr {
    let config = Config {
        data: Some(workspace.path(".windlass/local")),
        identity_policy: policy.clone(),
        ..Config::default()
    };
    LocalEcr::start_blocking(&config).expect("the local ECR starts")
}

fn iam(workspace: &Workspace, command: &str) -> Value {
    workspace
        .run(&["iam", command, "--format", "json"])
        .exits(0)
        .json()
}

/// Returns the policy of a document without one action.
fn without(policy: &Value, action: &str) -> String {
    let mut policy = policy.clone();
    for statement in policy["Statement"].as_array_mut().expect("statements") {
        statement["Action"]
            .as_array_mut()
            .expect("actions")
            .retain(|it| it != action);
    }
    policy.to_string()
}

#[test]
fn a_plan_works_with_exactly_the_permissions_that_iam_names_and_fails_with_one_less() {
    let workspace = family();
    let policy = IdentityPolicy::default();
    let _server = serve(&workspace, &policy);
    // Repositories are there, so that everything is read that can be.
    create_repositories(&workspace);
    let iam = iam(&workspace, "plan");
    let registry = &iam["registries"][0];
    policy
        .set(&registry["policy"].to_string())
        .expect("a policy");
    let whole = workspace
        .run(&["--local", "plan", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(whole["applicable"], true);
    for grant in registry["actions"].as_array().expect("actions") {
        let action = grant["action"].as_str().expect("a name");
        if grant["needed"] == "always" {
            policy
                .set(&without(&registry["policy"], action))
                .expect("a policy");
            let plan = workspace
                .run(&["--local", "plan", "--format", "json"])
                .exits(1)
                .json();
            assert_eq!(plan["applicable"], false, "without {action}");
            assert!(plan.to_string().contains(action), "the plan names {action}");
        }
    }
}

/// Has one repository created; that builds nothing.
fn create_repositories(workspace: &Workspace) {
    workspace
        .run(&[
            "--local",
            "apply",
            "--auto-approve",
            "--only",
            "repository.other@dev",
        ])
        .exits(0);
}

#[test]
fn engine_an_apply_works_with_exactly_the_permissions_that_iam_names_and_fails_with_one_less() {
    if !has_engine() {
        return;
    }
    let iam = iam(&family(), "apply");
    let registry = &iam["registries"][0];
    let actions = registry["actions"].as_array().expect("actions");
    let apply = |policy: &str| {
        let workspace = family();
        let identity = IdentityPolicy::default();
        let _server = serve(&workspace, &identity);
        identity.set(policy).expect("a policy");
        let first = workspace.run(&["--local", "apply", "--auto-approve"]);
        if first.code != 0 {
            return first.code;
        }
        // Settings change, and an image is built again.
        workspace.replace("windlass.kdl", "except \"latest\"", "except \"dev\"");
        workspace.replace("windlass.kdl", "scan-on-push", "scan-on-push #false");
        workspace.replace("windlass.kdl", "pushed-days=7", "pushed-days=8");
        workspace.replace("windlass.kdl", "team=\"web\"", "team=\"api\"");
        workspace.replace("windlass.kdl", "account=\"222222222222\"", "org=\"o-a1b2\"");
        workspace.replace("windlass.kdl", "tag \"v1\"", "tag \"v2\"");
        workspace.write("base/base.txt", "two");
        workspace.run(&["--local", "apply", "--auto-approve"]).code
    };
    assert_eq!(apply(&registry["policy"].to_string()), 0);
    let mut seen = Vec::new();
    for grant in actions {
        let action = grant["action"].as_str().expect("a name");
        if grant["needed"] == "always" && !seen.contains(&action) {
            seen.push(action);
            let code = apply(&without(&registry["policy"], action));
            assert_ne!(code, 0, "apply works without {action}: it is not needed");
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
}

#[test]
fn engine_what_iam_calls_needed_sometimes_is_needed_then_and_only_then() {
    if !has_engine() {
        return;
    }
    let workspace = family();
    let identity = IdentityPolicy::default();
    let _server = serve(&workspace, &identity);
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0);
    let iam = iam(&workspace, "plan");
    let registry = &iam["registries"][0];
    let action = "ecr:DescribeImages";
    let grants = registry["actions"].as_array().expect("actions");
    let grant = grants.iter().find(|it| it["action"] == action);
    assert_eq!(
        grant.map(|it| &it["needed"]),
        Some(&Value::from("sometimes"))
    );
    let policy = registry["policy"].to_string();
    let less = without(&registry["policy"], action);
    // Nothing is tagged: nobody has to count tags.
    identity.set(&less).expect("a policy");
    workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
    // An image gets a further tag, of which it may have a thousand.
    workspace.replace("windlass.kdl", "tag \"v1\"", "tag \"v1\" \"v2\"");
    let plan = workspace.run(&["--local", "plan", "--format", "json"]);
    assert!(plan.out.contains(action), "{}", plan.out);
    identity.set(&policy).expect("a policy");
    let plan = workspace.run(&["--local", "plan", "--format", "json"]);
    assert!(!plan.exits(0).out.contains(action));
}
