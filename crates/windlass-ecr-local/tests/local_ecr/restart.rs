//! Data folders over restarts, clean and not.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;
use windlass_ecr_local::{Config, LocalEcr, StartError};

use crate::support::{ACCOUNT, Bed, digest, quiet};

fn kept(folder: &Path) -> Config {
    Config {
        data: Some(folder.to_owned()),
        ..quiet()
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::start(kept(folder.path())).await;
    bed.create("app").await;
    let pushed = bed.push("app", "one", "1").await;
    let token = format!("Basic {}", bed.token().await);
    let other = bed.ecr.address(ACCOUNT, "eu-west-1").await.unwrap();
    let first = bed.address;
    bed.ecr.shutdown().await;

    let bed = Bed::start(kept(folder.path())).await;
    assert_eq!(bed.address, first);
    assert_eq!(bed.ecr.address(ACCOUNT, "eu-west-1").await.unwrap(), other);
    assert_ne!(first, other);
    let read = bed
        .ok(
            "BatchGetImage",
            json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "1" }] }),
        )
        .await;
    assert_eq!(read["images"][0]["imageId"]["imageDigest"], json!(pushed));
    let blob = format!("/v2/app/blobs/{}", digest(b"layer one"));
    let redirect = bed.registry_with(&token, "GET", &blob, &[], b"").await;
    let body = bed
        .registry_with("", "GET", redirect.header("location"), &[], b"")
        .await;
    assert_eq!(body.body.as_ref(), b"layer one");
}

#[tokio::test]
async fn a_torn_journal_loses_only_its_last_change() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::start(kept(folder.path())).await;
    bed.create("app").await;
    bed.push("app", "one", "1").await;
    bed.ecr.shutdown().await;
    let journal = folder.path().join("journal.jsonl");
    let length = std::fs::metadata(&journal).unwrap().len();
    OpenOptions::new()
        .write(true)
        .open(&journal)
        .unwrap()
        .set_len(length - 5)
        .unwrap();

    let bed = Bed::start(kept(folder.path())).await;
    assert!(bed.listed("app", json!({})).await.is_empty());
    bed.push("app", "one", "1").await;
    bed.ecr.shutdown().await;
    assert_eq!(
        Bed::start(kept(folder.path()))
            .await
            .listed("app", json!({}))
            .await,
        ["1"]
    );
}

#[tokio::test]
async fn a_damaged_journal_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::start(kept(folder.path())).await;
    bed.create("app").await;
    bed.ecr.shutdown().await;
    let journal = folder.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&journal)
        .unwrap()
        .replacen("events", "evnts", 1);
    OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(&journal)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let error = LocalEcr::start(kept(folder.path())).await.unwrap_err();
    assert!(matches!(error, StartError::Journal(_)), "{error}");
    assert!(
        error.to_string().contains("is damaged at line 1"),
        "{error}"
    );
}

#[tokio::test]
async fn blobs_that_nothing_knows_are_swept_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::start(kept(folder.path())).await;
    bed.create("app").await;
    bed.push("app", "one", "1").await;
    bed.ok(
        "DeleteRepository",
        json!({ "repositoryName": "app", "force": true }),
    )
    .await;
    bed.ecr.shutdown().await;
    let blobs = || {
        std::fs::read_dir(folder.path().join("blobs/sha256"))
            .unwrap()
            .count()
    };
    assert_eq!(blobs(), 2);
    Bed::start(kept(folder.path())).await.ecr.shutdown().await;
    assert_eq!(blobs(), 0);
}

#[tokio::test]
async fn refuses_names_and_ports_that_cannot_be() {
    let odd = Config {
        account: "12".into(),
        ..quiet()
    };
    assert!(matches!(
        LocalEcr::start(odd).await,
        Err(StartError::Config { .. })
    ));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = LocalEcr::start(Config {
        port: Some(port),
        ..quiet()
    })
    .await
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("port {port} of 000000000000/us-east-1 is taken")),
        "{error}"
    );
}
