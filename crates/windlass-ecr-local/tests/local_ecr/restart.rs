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

/// Environment variable that hands the data folder to the process that is killed.
const FOLDER: &str = "WINDLASS_TEST_KILLED_FOLDER";

#[tokio::test]
#[ignore = "serves for `a_kill_loses_nothing_that_was_answered`, which starts it"]
async fn serves_until_it_is_killed() {
    let folder = std::env::var_os(FOLDER).expect("the parent names the folder");
    let _bed = Bed::start(kept(Path::new(&folder))).await;
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let program = std::env::current_exe().unwrap();
        let mut command = std::process::Command::new(program);
        command.args(["--ignored", "--exact", "restart::serves_until_it_is_killed"]);
        let output = std::process::Stdio::null;
        let mut child = command
            .env(FOLDER, folder.path())
            .stdout(output())
            .stderr(output())
            .spawn()
            .unwrap();
        while !folder.path().join("address").exists() {
            assert!(
                child.try_wait().unwrap().is_none(),
                "the server ended by itself"
            );
            tokio::task::yield_now().await;
        }
        let bed = Bed::start(kept(folder.path())).await;
        assert!(!bed.ecr.is_serving());
        bed.create(&format!("app{round}")).await;
        bed.push(&format!("app{round}"), "one", "1").await;
        // A chunk on its way makes the kill find an open upload.
        let place = bed
            .registry("POST", "/v2/app0/blobs/uploads/", &[], b"")
            .await;
        bed.registry("PATCH", place.header("location"), &[], b"half")
            .await;
        child.kill().unwrap();
        child.wait().unwrap();
        for earlier in 0..=round {
            let name = format!("app{earlier}");
            bed.ecr.first_address().await.unwrap();
            assert_eq!(bed.listed(&name, json!({})).await, ["1"]);
            let blob = format!("/v2/{name}/blobs/{}", digest(b"layer one"));
            assert_eq!(bed.registry("HEAD", &blob, &[], b"").await.status, 200);
        }
        bed.ecr.shutdown().await;
        std::fs::remove_file(folder.path().join("address")).unwrap();
    }
}
