//! Repositories, their settings, policies and tags.

use serde_json::{Value, json};
use windlass_ecr_local::{Config, Quirks};

use crate::support::{ACCOUNT, Bed, quiet};

fn app() -> Value {
    json!({ "repositoryName": "app" })
}

fn with(member: &str, value: Value) -> Value {
    let mut request = app();
    request[member] = value;
    request
}

#[tokio::test]
async fn a_created_repository_is_described_with_all_its_settings() {
    let bed = Bed::start(quiet()).await;
    let request = json!({
        "repositoryName": "team/app",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "dev-*" }],
        "imageScanningConfiguration": { "scanOnPush": true },
        "tags": [{ "Key": "team", "Value": "a" }],
    });
    let created = bed.ok("CreateRepository", request).await["repository"].clone();
    let described = bed
        .ok(
            "DescribeRepositories",
            json!({ "repositoryNames": ["team/app"] }),
        )
        .await;
    assert_eq!(described["repositories"][0], created);
    assert_eq!(
        created["repositoryUri"],
        json!(format!("{}/team/app", bed.address))
    );
    assert_eq!(
        created["repositoryArn"],
        "arn:aws:ecr:us-east-1:000000000000:repository/team/app"
    );
    assert_eq!(
        created["encryptionConfiguration"],
        json!({ "encryptionType": "AES256" })
    );
    assert_eq!(
        created["imageScanningConfiguration"],
        json!({ "scanOnPush": true })
    );
    assert_eq!(created["registryId"], ACCOUNT);
    let tags = bed
        .ok(
            "ListTagsForResource",
            json!({ "resourceArn": created["repositoryArn"] }),
        )
        .await;
    assert_eq!(tags["tags"], json!([{ "Key": "team", "Value": "a" }]));
}

#[tokio::test]
async fn refuses_what_ecr_refuses_of_repositories() {
    let bed = Bed::start(quiet()).await;
    assert_eq!(
        bed.code(
            "DescribeRepositories",
            json!({ "repositoryNames": ["app"] })
        )
        .await,
        "RepositoryNotFoundException"
    );
    bed.create("app").await;
    assert_eq!(
        bed.code("CreateRepository", app()).await,
        "RepositoryAlreadyExistsException"
    );
    let both = json!({ "repositoryNames": ["app"], "maxResults": 5 });
    assert_eq!(
        bed.code("DescribeRepositories", both).await,
        "InvalidParameterException"
    );
    let one_missing = json!({ "repositoryNames": ["app", "other"] });
    assert_eq!(
        bed.code("DescribeRepositories", one_missing).await,
        "RepositoryNotFoundException"
    );
    let filters = with("imageTagMutability", json!("IMMUTABLE_WITH_EXCLUSION"));
    assert_eq!(
        bed.code("PutImageTagMutability", filters).await,
        "InvalidParameterException"
    );
    assert_eq!(
        bed.code("FlyToTheMoon", app()).await,
        "UnknownOperationException"
    );
    assert_eq!(
        bed.code("StartImageScan", app()).await,
        "UnknownOperationException"
    );
}

#[tokio::test]
async fn a_repository_with_images_is_deleted_only_by_force() {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    bed.push("app", "one", "1").await;
    assert_eq!(
        bed.code("DeleteRepository", app()).await,
        "RepositoryNotEmptyException"
    );
    let deleted = bed.ok("DeleteRepository", with("force", json!(true))).await;
    assert_eq!(deleted["repository"]["repositoryName"], "app");
    assert_eq!(
        bed.code("DeleteRepository", app()).await,
        "RepositoryNotFoundException"
    );
}

#[tokio::test]
async fn a_new_repository_is_not_found_at_once() {
    let quirks = Quirks {
        creation_delay: std::time::Duration::from_hours(1),
        ..Quirks::all_but_timing()
    };
    let bed = Bed::start(Config {
        quirks,
        ..Config::default()
    })
    .await;
    bed.create("app").await;
    assert_eq!(
        bed.code(
            "DescribeRepositories",
            json!({ "repositoryNames": ["app"] })
        )
        .await,
        "RepositoryNotFoundException"
    );
    assert_eq!(
        bed.code("CreateRepository", app()).await,
        "RepositoryAlreadyExistsException"
    );
    assert_eq!(
        bed.ok("DescribeRepositories", json!({})).await["repositories"],
        json!([])
    );
}

#[tokio::test]
async fn repositories_come_in_pages() {
    let bed = Bed::start(quiet()).await;
    for name in ["a1", "b1", "c1"] {
        bed.create(name).await;
    }
    let first = bed
        .ok("DescribeRepositories", json!({ "maxResults": 2 }))
        .await;
    let second = json!({ "maxResults": 2, "nextToken": first["nextToken"] });
    let second = bed.ok("DescribeRepositories", second).await;
    assert_eq!(first["repositories"].as_array().unwrap().len(), 2);
    assert_eq!(second["repositories"][0]["repositoryName"], "c1");
    assert_eq!(second["nextToken"], Value::Null);
}

#[tokio::test]
async fn absent_policies_are_exceptions_and_present_ones_come_back_rewritten() {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    assert_eq!(
        bed.code("GetRepositoryPolicy", app()).await,
        "RepositoryPolicyNotFoundException"
    );
    assert_eq!(
        bed.code("GetLifecyclePolicy", app()).await,
        "LifecyclePolicyNotFoundException"
    );
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "ecr:BatchGetImage",
        "Principal": { "AWS": ["111111111111", "arn:aws:iam::222222222222:root"] },
    }]});
    bed.ok(
        "SetRepositoryPolicy",
        with("policyText", json!(policy.to_string())),
    )
    .await;
    let read = bed.ok("GetRepositoryPolicy", app()).await;
    let read: Value = serde_json::from_str(read["policyText"].as_str().unwrap()).unwrap();
    let principals = json!([
        "arn:aws:iam::222222222222:root",
        "arn:aws:iam::111111111111:root"
    ]);
    assert_eq!(read["Statement"][0]["Principal"]["AWS"], principals);
    let bad = with("policyText", json!(r#"{"Statement":[{"Resource":"*"}]}"#));
    assert_eq!(
        bed.code("SetRepositoryPolicy", bad).await,
        "InvalidParameterException"
    );
    bed.ok("DeleteRepositoryPolicy", app()).await;
    assert_eq!(
        bed.code("DeleteRepositoryPolicy", app()).await,
        "RepositoryPolicyNotFoundException"
    );
}

#[tokio::test]
async fn lifecycle_rules_come_back_in_order_of_priority() {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    let rule = |priority: u64, tag: &str| {
        json!({
            "rulePriority": priority,
            "selection": { "tagStatus": "tagged", "tagPrefixList": [tag], "countType": "imageCountMoreThan", "countNumber": 5 },
            "action": { "type": "expire" },
        })
    };
    let text = json!({ "rules": [rule(9, "v"), rule(2, "dev-")] }).to_string();
    bed.ok(
        "PutLifecyclePolicy",
        with("lifecyclePolicyText", json!(text)),
    )
    .await;
    let read = bed.ok("GetLifecyclePolicy", app()).await;
    assert_eq!(read["lastEvaluatedAt"], 0.0);
    let read: Value = serde_json::from_str(read["lifecyclePolicyText"].as_str().unwrap()).unwrap();
    assert_eq!(read["rules"], json!([rule(2, "dev-"), rule(9, "v")]));
    let short = with("lifecyclePolicyText", json!(r#"{"rules":[]}"#));
    assert_eq!(
        bed.code("PutLifecyclePolicy", short).await,
        "InvalidParameterException"
    );
    bed.ok("DeleteLifecyclePolicy", app()).await;
    assert_eq!(
        bed.code("GetLifecyclePolicy", app()).await,
        "LifecyclePolicyNotFoundException"
    );
}

#[tokio::test]
async fn tags_are_added_removed_and_found_by_the_tagging_api() {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    bed.create("bare").await;
    let arn = "arn:aws:ecr:us-east-1:000000000000:repository/app";
    let add = json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }] });
    bed.ok("TagResource", add).await;
    bed.ok(
        "UntagResource",
        json!({ "resourceArn": arn, "tagKeys": ["a", "absent"] }),
    )
    .await;
    let found = bed
        .ok(
            "tag:GetResources",
            json!({ "ResourceTypeFilters": ["ecr:repository"] }),
        )
        .await;
    let expected = json!([{ "ResourceARN": arn, "Tags": [{ "Key": "b", "Value": "2" }] }]);
    assert_eq!(found["ResourceTagMappingList"], expected);
    let reserved = json!({ "resourceArn": arn, "tags": [{ "Key": "aws:x", "Value": "1" }] });
    assert_eq!(
        bed.code("TagResource", reserved).await,
        "InvalidTagParameterException"
    );
}

#[tokio::test]
async fn another_account_needs_a_repository_policy() {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    let digest = bed.push("app", "one", "1").await;
    let foreign = json!({
        "registryId": ACCOUNT, "repositoryName": "app", "imageIds": [{ "imageTag": "1" }]
    });
    let own = json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "1" }] });
    let other = "999999999999";
    assert!(
        bed.call_as(other, "BatchGetImage", own)
            .await
            .unwrap_err()
            .starts_with("RepositoryNotFoundException")
    );
    let denied = bed
        .call_as(other, "BatchGetImage", foreign.clone())
        .await
        .unwrap_err();
    assert!(denied.starts_with("AccessDeniedException"), "{denied}");
    let policy = json!({ "Statement": [{
        "Effect": "Allow", "Action": "ecr:BatchGetImage", "Principal": { "AWS": other }
    }]});
    bed.ok(
        "SetRepositoryPolicy",
        with("policyText", json!(policy.to_string())),
    )
    .await;
    let answer = bed.call_as(other, "BatchGetImage", foreign).await.unwrap();
    assert_eq!(answer["images"][0]["imageId"]["imageDigest"], json!(digest));
}

#[tokio::test]
async fn scanning_rules_of_the_registry_are_in_force() {
    let bed = Bed::start(quiet()).await;
    bed.create("prod/app").await;
    let names = json!({ "repositoryNames": ["prod/app", "absent"] });
    let before = bed
        .ok("BatchGetRepositoryScanningConfiguration", names.clone())
        .await;
    assert_eq!(
        before["scanningConfigurations"][0]["scanFrequency"],
        "MANUAL"
    );
    assert_eq!(before["failures"][0]["failureCode"], "REPOSITORY_NOT_FOUND");
    let rule = |frequency: &str| json!({ "scanFrequency": frequency, "repositoryFilters": [{ "filter": "prod*", "filterType": "WILDCARD" }] });
    let bad = json!({ "scanType": "BASIC", "rules": [rule("CONTINUOUS_SCAN")] });
    assert_eq!(
        bed.code("PutRegistryScanningConfiguration", bad).await,
        "InvalidParameterException"
    );
    let good = json!({ "scanType": "BASIC", "rules": [rule("SCAN_ON_PUSH")] });
    bed.ok("PutRegistryScanningConfiguration", good.clone())
        .await;
    assert_eq!(
        bed.ok("GetRegistryScanningConfiguration", json!({})).await["scanningConfiguration"],
        good
    );
    let after = bed
        .ok("BatchGetRepositoryScanningConfiguration", names)
        .await;
    assert_eq!(
        after["scanningConfigurations"][0]["scanFrequency"],
        "SCAN_ON_PUSH"
    );
}

#[tokio::test]
async fn registry_settings_start_with_defaults_and_are_kept() {
    let bed = Bed::start(quiet()).await;
    assert_eq!(
        bed.ok("DescribeRegistry", json!({})).await["replicationConfiguration"],
        json!({ "rules": [] })
    );
    assert_eq!(
        bed.code("GetRegistryPolicy", json!({})).await,
        "RegistryPolicyNotFoundException"
    );
    assert_eq!(
        bed.code("GetSigningConfiguration", json!({})).await,
        "SigningConfigurationNotFoundException"
    );
    let mounting = json!({ "name": "BLOB_MOUNTING" });
    assert_eq!(
        bed.ok("GetAccountSetting", mounting.clone()).await["value"],
        "DISABLED"
    );
    bed.ok(
        "PutAccountSetting",
        json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" }),
    )
    .await;
    assert_eq!(
        bed.ok("GetAccountSetting", mounting).await["value"],
        "ENABLED"
    );
    let odd = json!({ "name": "BLOB_MOUNTING", "value": "MAYBE" });
    assert_eq!(
        bed.code("PutAccountSetting", odd).await,
        "ValidationException"
    );
    let role = json!({ "principalArn": "arn:aws:iam::000000000000:role/ci" });
    bed.ok("RegisterPullTimeUpdateExclusion", role.clone())
        .await;
    assert_eq!(
        bed.code("RegisterPullTimeUpdateExclusion", role.clone())
            .await,
        "ExclusionAlreadyExistsException"
    );
    let listed = bed.ok("ListPullTimeUpdateExclusions", json!({})).await;
    assert_eq!(
        listed["pullTimeUpdateExclusions"],
        json!(["arn:aws:iam::000000000000:role/ci"])
    );
    bed.ok("DeregisterPullTimeUpdateExclusion", role.clone())
        .await;
    assert_eq!(
        bed.code("DeregisterPullTimeUpdateExclusion", role).await,
        "ExclusionNotFoundException"
    );
}

/// Operations named in the documentation.
fn documented_operations() -> Vec<&'static str> {
    let page = include_str!("../../../../docs/local-ecr.md");
    let after = page.split("## Operations").nth(1);
    let section = after
        .and_then(|text| text.split("All others").next())
        .expect("the page has it");
    section.split('`').skip(1).step_by(2).collect()
}

#[tokio::test]
async fn odd_requests_of_every_operation_are_answered() {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    bed.push("app", "one", "1").await;
    let huge = i64::MAX;
    let bodies = [
        json!(null),
        json!([]),
        json!({}),
        json!({ "repositoryName": 5, "resourceArn": [], "name": {} }),
        json!({ "repositoryName": "app", "registryId": "x", "imageIds": [null], "maxResults": -1 }),
        json!({
            "repositoryName": "app", "repositoryNames": ["app"], "imageIds": [{}, { "imageDigest": "x" }],
            "imageId": {}, "subjectId": { "imageDigest": "" }, "layerDigests": ["a:0"], "layerDigest": "a:0",
            "uploadId": "00000000-0000-0000-0000-000000000000", "partFirstByte": huge, "partLastByte": huge,
            "layerPartBlob": "====", "policyText": "[1]", "resourceArn": "arn:aws:ecr:::repository/", "tagKeys": [],
            "tags": [], "name": "x", "value": "y", "nextToken": "x", "imageManifest": "{\"schemaVersion\":2}",
            "targetStorageClass": "ARCHIVE", "imageTagMutability": "IMMUTABLE", "signingConfiguration": { "rules": [] },
            "replicationConfiguration": { "rules": [] }, "imageScanningConfiguration": {}, "force": true,
            "lifecyclePolicyText": format!("{{\"rules\":[{{}}]}}{}", " ".repeat(100)),
            "principalArn": "arn:aws:iam::000000000000:role/a",
        }),
    ];
    let operations = documented_operations();
    assert!(operations.len() > 40);
    for operation in operations
        .into_iter()
        .filter(|name| *name != "UnknownOperationException")
    {
        for body in &bodies {
            if let Err(error) = bed.call(operation, body.clone()).await {
                let fault =
                    error.starts_with("ServerException") || error.starts_with("connection dropped");
                assert!(!fault, "{operation} {body}: {error}");
            }
        }
    }
}
