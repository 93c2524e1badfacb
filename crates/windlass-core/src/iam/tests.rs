use super::*;
use crate::diag::{Source, has_errors, text::render_plain};
use crate::manifest::model::partition;
use crate::manifest::{ResolveInputs, load};

fn workspace(text: &str) -> Workspace {
    let host = |_: &Registry| "example".to_owned();
    let (workspace, diagnostics) = load(
        &Source::new("windlass.kdl", text),
        &ResolveInputs::new(&host),
    );
    assert!(!has_errors(&diagnostics), "{}", render_plain(&diagnostics));
    workspace.expect("a workspace")
}

const SHOP: &str = r#"workspace "shop"
registry "main" { account "111122223333"; region "eu-west-1"; role "arn:aws:iam::111122223333:role/images" }
registry "other" { account "444455556666"; region "cn-north-1" }
image "web" pattern="python@1" { target "main"; tag "v1" }
repository "tools" { target "main"; lifecycle { expire untagged=#true pushed-days=7 }; encryption "kms" key="alias/ecr"; access { allow "pull" account="444455556666" } }
repository "closed" { target "main"; access "none" }
"#;

fn actions(policy: &RegistryPolicy, needed: Needed) -> Vec<&str> {
    let grants = policy.grants.iter().filter(|grant| grant.needed == needed);
    grants.map(|grant| grant.action).collect()
}

#[test]
fn a_plan_reads_only_and_a_registry_without_anything_needs_nothing() {
    let policies = policies(&workspace(SHOP), Purpose::Plan, &[]);
    assert_eq!(policies.len(), 1);
    assert_eq!(
        actions(&policies[0], Needed::Always),
        [
            "ecr:DescribeRepositories",
            "ecr:BatchGetImage",
            "ecr:ListTagsForResource",
            "ecr:GetLifecyclePolicy",
            "ecr:GetRepositoryPolicy"
        ]
    );
    let writes = |action: &&str| action.contains(":Put") || action.contains("Create");
    assert_eq!(
        policies[0].grants.iter().map(|it| it.action).find(writes),
        None
    );
    let assume = caller_document(&policies).expect("a role to assume");
    assert_eq!(
        assume["Statement"][0]["Resource"][0],
        "arn:aws:iam::111122223333:role/images"
    );
}

#[test]
fn every_action_names_the_repositories_it_is_for() {
    let policies = policies(&workspace(SHOP), Purpose::Apply, &[]);
    let text = serde_json::to_string_pretty(&policies[0].document()).expect("JSON");
    insta::assert_snapshot!(text);
}

#[test]
fn partitions_follow_the_region() {
    assert_eq!(partition("cn-north-1"), "aws-cn");
    assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
    assert_eq!(partition("us-east-1"), "aws");
}
