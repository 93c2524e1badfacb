//! What `windlass iam` names is enough, and nothing of it is too much: plans and applies under exactly these permissions, and with one less.

use serde_json::{Value, json};
use windlass_ecr_local::{Config, IdentityPolicy, LocalEcr};

use super::common::{Workspace, api, docker, has_engine};
use super::family;

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

/// A family that was applied, with the permissions that `iam` names for a command.
struct Applied {
    workspace: Workspace,
    identity: IdentityPolicy,
    server: LocalEcr,
    policy: Value,
}

impl Applied {
    fn new(command: &str) -> Self {
        Self::of(family(), command)
    }

    fn of(workspace: Workspace, command: &str) -> Self {
        let identity = IdentityPolicy::default();
        let server = serve(&workspace, &identity);
        workspace
            .run(&["--local", "apply", "--auto-approve"])
            .exits(0);
        let iam = iam(&workspace, command);
        Self {
            policy: iam["registries"][0].clone(),
            workspace,
            identity,
            server,
        }
    }

    /// Takes one action away, which has to be one that is needed sometimes.
    fn lacks(&self, action: &str) {
        let grants = self.policy["actions"].as_array().expect("actions");
        let sometimes = |it: &&Value| it["action"] == action && it["needed"] == "sometimes";
        assert!(grants.iter().any(|it| sometimes(&it)), "{action}");
        let less = without(&self.policy["policy"], action);
        self.identity.set(&less).expect("a policy");
    }

    /// Makes a call that nobody limits.
    fn api(&self, operation: &str, body: &Value) {
        let address = tokio::runtime::Runtime::new()
            .expect("a runtime")
            .block_on(self.server.address("111122223333", "eu-west-1"))
            .expect("an address")
            .to_string();
        self.identity.clear();
        api(&address, "111122223333", operation, body);
    }

    /// Allows what `iam` names, and no more.
    fn whole(&self) {
        let policy = self.policy["policy"].to_string();
        self.identity.set(&policy).expect("a policy");
    }
}

#[test]
fn engine_describing_images_is_needed_where_tags_are_counted_or_a_rule_can_reach_one() {
    if !has_engine() {
        return;
    }
    let family = Applied::new("plan");
    let action = "ecr:DescribeImages";
    // Nothing is tagged: nobody has to count tags.
    family.lacks(action);
    let plan = &["--local", "plan", "--format", "json"];
    family
        .workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
    // An image gets a further tag, of which it may have a thousand: what was not counted is said.
    let manifest = family.workspace.read("windlass.kdl");
    family
        .workspace
        .replace("windlass.kdl", "tag \"v1\"", "tag \"v1\" \"v2\"");
    assert!(family.workspace.run(plan).exits(0).out.contains(action));
    family.whole();
    assert!(!family.workspace.run(plan).exits(0).out.contains(action));
    // A rule can reach a wanted tag: whether it does is not known, and nothing is planned on it.
    family.workspace.write("windlass.kdl", &manifest);
    family.workspace.replace(
        "windlass.kdl",
        "expire untagged=#true pushed-days=7",
        "expire tagged=\"v*\" pushed-days=400",
    );
    family.workspace.run(plan).exits(0);
    family.lacks(action);
    assert!(family.workspace.run(plan).exits(1).out.contains(action));
}

#[test]
fn engine_downloading_layers_is_needed_where_an_image_is_built_from_one_in_the_registry() {
    if !has_engine() {
        return;
    }
    let workspace = family();
    // A name and a content of its own: what the Engine holds of it is removed below.
    workspace.replace(
        "windlass.kdl",
        "workspace \"family\"",
        "workspace \"layers\"",
    );
    let now = std::time::SystemTime::now();
    workspace.write("base/base.txt", &format!("{now:?}"));
    let family = Applied::of(workspace, "apply");
    let apply = &["--local", "apply", "--auto-approve"];
    // A tag moves: no layer is read.
    family.lacks("ecr:GetDownloadUrlForLayer");
    family
        .workspace
        .replace("windlass.kdl", "tag \"v1\"", "tag \"v1\" \"v2\"");
    family.workspace.run(apply).exits(0).says("0 built");
    // One is built again, from another that is up to date and that this Engine does not hold.
    let held = docker(&["images", "--quiet", "windlass/layers/base"]).out;
    let id = held.lines().next().expect("the Engine holds it");
    docker(&["rmi", "--force", id]).exits(0);
    family.workspace.write("app/app.txt", "two");
    family
        .workspace
        .replace("windlass.kdl", "\"v1\" \"v2\"", "\"v3\"");
    let failed = family.workspace.run(apply);
    assert_ne!(failed.code, 0, "{}", failed.err);
    family.whole();
    family.workspace.run(apply).exits(0).says("1 built");
}

#[test]
fn engine_changing_the_storage_class_is_needed_where_a_wanted_image_is_archived() {
    if !has_engine() {
        return;
    }
    let family = Applied::new("apply");
    let apply = &["--local", "apply", "--auto-approve"];
    let action = "ecr:UpdateImageStorageClass";
    family.lacks(action);
    family.workspace.run(apply).exits(0).says("Already applied");
    let image = json!({
        "repositoryName": "other",
        "imageId": { "imageTag": "v1" },
        "targetStorageClass": "ARCHIVE",
    });
    family.api("UpdateImageStorageClass", &image);
    family.lacks(action);
    let failed = family.workspace.run(apply);
    assert_ne!(failed.code, 0, "{}", failed.err);
    failed.says(action);
    family.whole();
    family.workspace.run(apply).exits(0);
    family
        .workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
}

#[test]
fn engine_what_takes_things_away_is_needed_where_the_manifest_wants_them_gone() {
    if !has_engine() {
        return;
    }
    let apply = &["--local", "apply", "--auto-approve"];
    for action in [
        "ecr:DeleteLifecyclePolicy",
        "ecr:DeleteRepositoryPolicy",
        "ecr:DeleteRepository",
    ] {
        let family = Applied::new("apply");
        let workspace = &family.workspace;
        let manifest = workspace.read("windlass.kdl");
        let less = manifest
            .replace(
                "lifecycle { expire untagged=#true pushed-days=7 }",
                "lifecycle \"none\"",
            )
            .replace(
                "access { allow \"pull\" account=\"222222222222\" }",
                "access \"none\"",
            )
            .replace(
                "image \"other\" { context \"other\" }",
                "removed \"repository\" \"other\" { images \"delete\" }",
            );
        workspace.write("windlass.kdl", &less);
        let iam = iam(workspace, "apply");
        let policy = &iam["registries"][0]["policy"];
        let refused = without(policy, action);
        family.identity.set(&refused).expect("a policy");
        let failed = workspace.run(apply);
        assert_ne!(failed.code, 0, "{action} is not needed: {}", failed.err);
        failed.says(action);
        family.identity.set(&policy.to_string()).expect("a policy");
        workspace.run(apply).exits(0);
    }
}

/// Rules that read more than a plan does by itself.
const PACK: &str = r#"pack "org" version=1
rule "ecr-policy-public" { level "deny" }
rule "ecr-lifecycle" { level "deny" }
rule "ecr-resource-tags" { level "deny"; set tag="team" }
rule "ecr-scan-on-push" { level "deny" }
rule "image-size-budget" { level "deny" }
rule "scan-findings-gate" { level "deny" }
"#;

#[test]
fn engine_what_rules_read_is_named_and_without_it_they_do_not_know() {
    if !has_engine() {
        return;
    }
    let unset = family();
    // Hardly anything is managed here: what is in force is known from ECR only.
    unset.write("windlass.kdl", &unmanaged());
    let family = Applied::of(unset, "plan");
    let workspace = &family.workspace;
    workspace.write("../org/org.kdl", PACK);
    // The registry scans what its repositories do not scan by themselves.
    let filter = json!({ "filter": "*", "filterType": "WILDCARD" });
    let rule = json!({ "scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [filter] });
    let scanning = json!({ "scanType": "BASIC", "rules": [rule] });
    family.api("PutRegistryScanningConfiguration", &scanning);
    let policy = &["--policy", "../org/org.kdl"];
    let iam = workspace
        .run(&[policy, &["iam", "plan", "--format", "json"][..]].concat())
        .exits(0)
        .json();
    let registry = &iam["registries"][0];
    let plan = || {
        let done = workspace.run(&[policy, &["--local", "plan", "--format", "json"][..]].concat());
        (done.code, done.json())
    };
    let document = registry["policy"].to_string();
    family.identity.set(&document).expect("a policy");
    let (_, whole) = plan();
    let known = whole["policies"].to_string();
    let actions = registry["actions"].as_array().expect("actions");
    let mut tried = Vec::new();
    for read in [
        "ecr:GetLifecyclePolicy",
        "ecr:GetRepositoryPolicy",
        "ecr:ListTagsForResource",
        "ecr:GetRegistryScanningConfiguration",
        "ecr:DescribeImages",
        "ecr:DescribeImageScanFindings",
    ] {
        let Some(grant) = actions.iter().find(|it| it["action"] == read) else {
            continue;
        };
        tried.push(read);
        let less = without(&registry["policy"], read);
        family.identity.set(&less).expect("a policy");
        let (code, plan) = plan();
        assert_ne!(plan["policies"].to_string(), known, "without {read}");
        if grant["needed"] == "always" {
            assert_ne!(code, 0, "without {read}");
        }
    }
    assert_eq!(tried.len(), 6, "{tried:?}");
}

/// The family, whose repositories are not scanned; nothing else of them is managed.
fn unmanaged() -> String {
    let text = super::MANIFEST;
    let (before, rest) = text.split_once("    repository {").expect("settings");
    let (_, after) = rest.split_once("    }\n").expect("their end");
    format!("{before}    repository {{ scan-on-push #false }}\n{after}")
}
