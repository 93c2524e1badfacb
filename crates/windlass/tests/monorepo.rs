//! The example of an organisation: it plans in each of its environments, without AWS, Docker or a registry of base images.

#[path = "common/mod.rs"]
mod common;

use common::Workspace;

/// Digests of base images, so that no registry is asked.
const LOCK: &str = r#"lock format-version=1
base "docker.io/library/golang:1.22-alpine" digest="sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" from="registry" resolved="2026-11-20" { platform "linux/amd64" }
base "docker.io/library/node:20-alpine" digest="sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" from="registry" resolved="2026-11-20" { platform "linux/amd64" }
base "docker.io/library/python:3.12-slim-bookworm" digest="sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc" from="registry" resolved="2026-11-20" { platform "linux/amd64" }
base "gcr.io/distroless/static-debian12:nonroot" digest="sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" from="registry" resolved="2026-11-20" { platform "linux/amd64"; user "65532" }
"#;

fn monorepo() -> Workspace {
    let workspace = Workspace::example("monorepo");
    workspace.write("windlass.lock", LOCK);
    workspace
}

#[test]
fn the_example_of_an_organisation_plans_in_each_environment() {
    let workspace = monorepo();
    for (environment, targets, tag) in [
        ("dev", 1, "snapshot"),
        ("staging", 1, "2026.11.2"),
        ("prod", 2, "2026.11.2"),
    ] {
        let plan = workspace
            .run(&[
                "--local",
                "--locked",
                "--env",
                environment,
                "plan",
                "--format",
                "json",
            ])
            .exits(0)
            .json();
        assert_eq!(plan["summary"]["images"]["build"], 40, "{environment}");
        assert_eq!(plan["summary"]["repositories"]["create"], 40 * targets);
        assert_eq!(plan["environment"], environment);
        for image in plan["images"].as_array().expect("a list") {
            let held = image["targets"].as_array().expect("a list");
            assert_eq!(held.len(), targets, "{environment} {}", image["address"]);
            assert_eq!(held[0]["tags"][0]["tag"], tag);
        }
    }
}

#[test]
fn a_worker_of_the_organisation_says_where_its_lines_come_from() {
    monorepo()
        .run(&["--env", "dev", "show", "image.worker-audit"])
        .exits(0)
        .says("of a matrix: name=\"audit\" queue=\"audit\" (teams/data/windlass.kdl:")
        .says("tag \"snapshot\" // defaults at platform/defaults.kdl:4")
        .says("queue \"audit\" // teams/data/windlass.kdl:");
}

#[test]
fn a_team_cannot_define_more_than_images_and_repositories() {
    let workspace = monorepo();
    workspace.write(
        "teams/more/windlass.kdl",
        "registry \"ours\" { account \"444444444444\"; region \"eu-west-1\" }\n",
    );
    workspace
        .run(&["--env", "dev", "validate"])
        .exits(1)
        .says("teams/more/windlass.kdl:1");
}
