//! One account in several regions: ECR itself copies what is pushed to the first (`distribute "replicate"`).

#[path = "common/mod.rs"]
mod common;

use common::{Workspace, api, has_engine};
use serde_json::{Value, json};
use windlass_ecr_local::LocalEcr;

const ACCOUNT: &str = "111122223333";
const MANIFEST: &str = r#"workspace "regions"
registry "prod" {
    account "111122223333"
    region "eu-west-1" "eu-west-3"
    distribute "replicate"
}
image "api" { dockerfile "Dockerfile"; tag "v1"; target "prod" }
"#;

fn workspace() -> Workspace {
    let workspace = Workspace::new(&[
        ("windlass.kdl", MANIFEST),
        ("Dockerfile", "FROM scratch\nCOPY f /f\n"),
        ("Dockerfile.dockerignore", "*\n!f\n"),
    ]);
    workspace.write("f", &format!("{}\n", workspace.home().display()));
    workspace
}

fn address(ecr: &LocalEcr, region: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = runtime.block_on(ecr.address(ACCOUNT, region));
    address.expect("an address").to_string()
}

fn replicate(ecr: &LocalEcr, prefix: &str) {
    let rule = json!({
        "destinations": [{ "region": "eu-west-3", "registryId": ACCOUNT }],
        "repositoryFilters": [{ "filter": prefix, "filterType": "PREFIX_MATCH" }],
    });
    let configuration = json!({ "replicationConfiguration": { "rules": [rule] } });
    api(
        &address(ecr, "eu-west-1"),
        ACCOUNT,
        "PutReplicationConfiguration",
        &configuration,
    );
}

/// ECR also copies the tags that were moved last.
fn wait_until_replicated(ecr: &LocalEcr, digest: &Value) {
    let address = address(ecr, "eu-west-1");
    let request = json!({ "repositoryName": "api", "imageId": { "imageDigest": digest } });
    loop {
        let answer = api(
            &address,
            ACCOUNT,
            "DescribeImageReplicationStatus",
            &request,
        );
        if answer["replicationStatuses"][0]["status"] == "COMPLETE" {
            return;
        }
    }
}

fn plan(workspace: &Workspace, code: i32) -> Value {
    let done = workspace.run(&["--local", "plan", "--format", "json"]);
    done.exits(code).json()
}

#[test]
fn what_is_pushed_to_the_first_region_is_copied_by_ecr_and_waited_for() {
    if !has_engine() {
        return;
    }
    let workspace = workspace();
    let ecr = workspace.serve();
    replicate(&ecr, "ap");
    let planned = plan(&workspace, 0);
    let second = &planned["images"][0]["targets"][1];
    assert_eq!(second["replicated_from"], "repository.api@prod/eu-west-1");
    workspace
        .run(&["--local", "plan"])
        .exits(0)
        .says("ECR copies the image here from repository.api@prod/eu-west-1");
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0);
    // Config, layer and inputs record with its empty config are pushed to the first region; to the second only what belongs to
    // the record.
    let uploads = ecr.calls()["registry:StartUpload"];
    assert!(uploads <= 6, "{uploads} uploads");
    let settled = workspace.run(&["--local", "plan", "--detailed-exitcode", "--format", "json"]);
    let settled = settled.exits(0).json();
    let targets = settled["images"][0]["targets"].as_array().expect("targets");
    assert_eq!(
        targets[0]["tags"][0]["from_digest"],
        targets[1]["tags"][0]["from_digest"]
    );
    // A region that lost the image gets it by a copy of windlass's own.
    let digest = &targets[1]["tags"][0]["from_digest"];
    wait_until_replicated(&ecr, digest);
    let ids = json!({ "repositoryName": "api", "imageIds": [{ "imageDigest": digest }] });
    api(
        &address(&ecr, "eu-west-3"),
        ACCOUNT,
        "BatchDeleteImage",
        &ids,
    );
    let planned = plan(&workspace, 0);
    assert_eq!(planned["images"][0]["action"], "copy");
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0);
    workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
}

#[test]
fn without_a_rule_that_copies_the_repository_nothing_is_built() {
    let workspace = workspace();
    let ecr = workspace.serve();
    replicate(&ecr, "other/");
    let planned = plan(&workspace, 1);
    assert_eq!(planned["images"][0]["action"], "blocked");
    workspace
        .run(&["--local", "plan"])
        .exits(1)
        .says("no replication rule of registry `prod/eu-west-1` copies this repository here")
        .says("or remove `distribute \"replicate\"`");
}
