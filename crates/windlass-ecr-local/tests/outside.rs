//! The local ECR judged from outside: by boto3, skopeo and Docker.
//!
//! Runs when `WINDLASS_TEST_SERVICES` names `docker`; a tool that is missing then is a failure.
//! `WINDLASS_TEST_PYTHON` names a Python that has boto3, the default is `python3`.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use windlass_ecr_local::{Config, LocalEcr};

/// Runs a script against a server of its own; what the script printed is shown if it fails.
async fn judge(script: &str) {
    let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
    if !services
        .split(',')
        .any(|service| service.trim() == "docker")
    {
        let note = "not run: WINDLASS_TEST_SERVICES does not name docker\n";
        std::io::stderr()
            .write_all(note.as_bytes())
            .expect("standard error is open");
        return;
    }
    let ecr = LocalEcr::start(Config::default())
        .await
        .expect("a temporary server starts");
    let address = ecr.first_address().await.expect("the first port is open");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/outside")
        .join(script);
    let python = std::env::var("WINDLASS_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(&python);
    command
        .arg(path)
        .arg(format!("http://{address}"))
        .arg("us-east-1");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let done = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("the script does not panic");
    let done = done.unwrap_or_else(|error| panic!("cannot run {python}: {error}"));
    let (printed, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{script} failed:\n{printed}{errors}");
    assert!(
        printed.contains("ok      test_"),
        "{script} checked nothing:\n{printed}{errors}"
    );
    std::io::stderr()
        .write_all(printed.as_bytes())
        .expect("standard error is open");
    ecr.shutdown().await;
}

#[tokio::test]
async fn boto3_finds_what_the_service_model_promises() {
    judge("boto3_suite.py").await;
}

#[tokio::test]
async fn skopeo_and_docker_push_and_pull() {
    judge("push_and_pull.py").await;
}
