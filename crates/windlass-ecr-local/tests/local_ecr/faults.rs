//! Injected faults, throttling, counted calls.

use serde_json::json;
use windlass_ecr_local::{Config, FaultKind, Faults, Quirks};

use crate::support::{Bed, quiet};

#[tokio::test]
async fn faults_replace_answers_of_both_planes() {
    let faults = Faults::default();
    let bed = Bed::start(Config {
        faults: faults.clone(),
        ..quiet()
    })
    .await;
    bed.create("app").await;
    faults.times("DescribeRepositories", FaultKind::AccessDenied, 1);
    faults.times("DescribeRepositories", FaultKind::Throttled, 1);
    faults.times("DescribeRepositories", FaultKind::ExpiredToken, 1);
    faults.times("DescribeRepositories", FaultKind::ServerError, 1);
    let codes = [
        "AccessDeniedException",
        "ThrottlingException",
        "ExpiredTokenException",
        "ServerException",
    ];
    for expected in codes {
        assert_eq!(bed.code("DescribeRepositories", json!({})).await, expected);
    }
    faults.times("DescribeRepositories", FaultKind::DropConnection, 1);
    assert_eq!(
        bed.code("DescribeRepositories", json!({})).await,
        "connection dropped"
    );
    faults.times(
        "DescribeRepositories",
        FaultKind::Delay(std::time::Duration::from_millis(1)),
        1,
    );
    bed.ok("DescribeRepositories", json!({})).await;
    faults.times("registry:ListTags", FaultKind::AccessDenied, 1);
    faults.times("registry:ListTags", FaultKind::Throttled, 1);
    let tags = || bed.registry("GET", "/v2/app/tags/list", &[], b"");
    assert_eq!(tags().await.refusal(), (403, "DENIED".into()));
    assert_eq!(tags().await.refusal(), (429, "TOOMANYREQUESTS".into()));
    assert_eq!(tags().await.status, 200);
}

#[tokio::test]
async fn put_image_is_throttled_on_both_planes_together() {
    let quirks = Quirks {
        throttling: true,
        ..Quirks::all_but_timing()
    };
    let bed = Bed::start(Config {
        quirks,
        ..Config::default()
    })
    .await;
    bed.create("app").await;
    let text = bed.manifest("app", "one").await;
    let mut refused = 0;
    for number in 0..12 {
        let result = bed.put("app", &text, Some(&format!("t{number}"))).await;
        refused += u32::from(result.is_err_and(|error| error.starts_with("ThrottlingException")));
    }
    assert!(refused >= 1, "12 calls at once are more than 10 a second");
    let path = "/v2/app/manifests/last";
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(
            bed.registry("PUT", path, &[], text.as_bytes())
                .await
                .status
                .as_u16(),
        );
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn calls_are_counted() {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    bed.ok("DescribeRepositories", json!({})).await;
    bed.ok("DescribeRepositories", json!({})).await;
    let calls = bed.ecr.calls();
    assert_eq!(
        (calls["DescribeRepositories"], calls["CreateRepository"]),
        (2, 1)
    );
}

#[tokio::test]
async fn faults_are_set_over_http_only_where_that_is_on() {
    let folder = tempfile::tempdir().unwrap();
    let config = |faults_over_http| Config {
        data: Some(folder.path().to_owned()),
        faults_over_http,
        ..quiet()
    };
    let list = br#"[{"operation":"DescribeRegistry","kind":"throttled","times":1}]"#;
    for (on, status) in [(false, 404), (true, 200)] {
        let bed = Bed::start(config(on)).await;
        let secret = std::fs::read(folder.path().join("secret")).unwrap();
        let key = secret
            .iter()
            .fold(String::new(), |key, byte| key + &format!("{byte:02x}"));
        let headers = [("x-windlass-key", key.as_str())];
        let answer = bed
            .registry_with("", "POST", "/_windlass/faults", &headers, list)
            .await;
        assert_eq!(answer.status, status);
        let refused = bed.call("DescribeRegistry", json!({})).await.is_err();
        assert_eq!(refused, on);
        bed.ecr.shutdown().await;
    }
}

#[tokio::test]
async fn a_late_answer_shows_a_tag_where_it_was() {
    let faults = Faults::default();
    let bed = Bed::start(Config {
        faults: faults.clone(),
        ..quiet()
    })
    .await;
    bed.create("app").await;
    let first = bed.push("app", "one", "1").await;
    let read = || {
        let ids = json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "1" }] });
        bed.ok("BatchGetImage", ids)
    };
    faults.times("BatchGetImage", FaultKind::Late, 1);
    assert_eq!(read().await["failures"][0]["failureCode"], "ImageNotFound");
    let second = bed.push("app", "two", "1").await;
    faults.times("BatchGetImage", FaultKind::Late, 1);
    assert_eq!(read().await["images"][0]["imageId"]["imageDigest"], first);
    assert_eq!(read().await["images"][0]["imageId"]["imageDigest"], second);
}
