//! One data folder, several handles.

use serde_json::json;
use windlass_ecr_local::Config;

use crate::support::{ACCOUNT, Bed, call, quiet};

#[tokio::test]
async fn a_second_handle_uses_the_server_of_the_first_and_takes_over_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        data: Some(folder.path().to_owned()),
        ..quiet()
    };
    let first = Bed::start(config.clone()).await;
    let second = Bed::start(config).await;
    assert!(first.ecr.is_serving() && !second.ecr.is_serving());
    assert_eq!(first.address, second.address);
    let other = second.ecr.address(ACCOUNT, "eu-west-1").await.unwrap();
    assert_eq!(
        first.ecr.address(ACCOUNT, "eu-west-1").await.unwrap(),
        other
    );
    second.create("app").await;
    first
        .ok(
            "DescribeRepositories",
            json!({ "repositoryNames": ["app"] }),
        )
        .await;

    first.ecr.shutdown().await;
    assert_eq!(
        second.ecr.address(ACCOUNT, "eu-west-1").await.unwrap(),
        other
    );
    assert!(second.ecr.is_serving());
    second
        .ok(
            "DescribeRepositories",
            json!({ "repositoryNames": ["app"] }),
        )
        .await;
}

#[tokio::test]
async fn the_access_key_id_names_the_account_and_the_port_the_region() {
    let bed = Bed::start(quiet()).await;
    let europe = bed.ecr.address(ACCOUNT, "eu-west-1").await.unwrap();
    let created = call(
        europe,
        "111111111111",
        "CreateRepository",
        json!({ "repositoryName": "app" }),
    )
    .await
    .unwrap();
    let repository = &created["repository"];
    assert_eq!(
        repository["repositoryArn"],
        "arn:aws:ecr:eu-west-1:111111111111:repository/app"
    );
    let own = bed.ecr.address("111111111111", "eu-west-1").await.unwrap();
    assert_eq!(repository["repositoryUri"], json!(format!("{own}/app")));
    let by_port = call(own, "AKIAEXAMPLE", "DescribeRepositories", json!({}))
        .await
        .unwrap();
    assert_eq!(by_port["repositories"].as_array().unwrap().len(), 1);
    let elsewhere = call(
        bed.address,
        "111111111111",
        "DescribeRepositories",
        json!({}),
    )
    .await
    .unwrap();
    assert_eq!(elsewhere["repositories"], json!([]));
}

#[tokio::test]
async fn an_assumed_role_calls_as_its_account() {
    let bed = Bed::start(quiet()).await;
    let role = "arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2Fci";
    let form = format!("Action=AssumeRole&Version=2011-06-15&RoleSessionName=test&RoleArn={role}");
    let signed = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/sts/aws4_request, \
                  SignedHeaders=host, Signature=00";
    let answer = bed
        .registry_with(signed, "POST", "/", &[], form.as_bytes())
        .await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        text.contains("<AccessKeyId>222222222222</AccessKeyId>"),
        "{text}"
    );
    let session = text
        .split("<SessionToken>")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap();
    let signed = signed.replace("Credential=000000000000", "Credential=222222222222");
    let form = b"Action=GetCallerIdentity&Version=2011-06-15";
    let answer = bed
        .registry_with(
            &signed,
            "POST",
            "/",
            &[("x-amz-security-token", session)],
            form,
        )
        .await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        text.contains("<Arn>arn:aws:sts::222222222222:assumed-role/ci/local</Arn>"),
        "{text}"
    );
    assert!(text.contains("<Account>222222222222</Account>"), "{text}");
}

#[tokio::test]
async fn the_admin_endpoint_needs_the_secret_of_the_folder() {
    let bed = Bed::start(quiet()).await;
    let body = br#"{"account":"000000000000","region":"eu-west-1"}"#;
    let answer = bed
        .registry_with("", "POST", "/_windlass/address", &[], body)
        .await;
    assert_eq!(answer.status, 403);
}
