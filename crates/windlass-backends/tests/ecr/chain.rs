//! The credential chain of AWS. The environment is part of it, so each case runs in a process of its own.

use std::process::Command;

use windlass_backends::ecr::{EcrRegistries, Options};
use windlass_core::manifest::model::{Endpoint, Registry, Role};
use windlass_engine::ports::{Registry as _, RegistryError};

use crate::world::{ACCOUNT, OTHER_ACCOUNT, prod, registry_node, world};

/// Runs a test of this binary with an environment that holds nothing but `variables`.
pub(crate) fn in_child(case: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", case, "--nocapture", "--test-threads=1"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("WINDLASS_CHILD", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{case}: {text}");
    text
}

pub(crate) fn child(name: &str) -> Option<String> {
    std::env::var("WINDLASS_CHILD").ok()?;
    Some(std::env::var(name).unwrap_or_default())
}

fn registry(url: &str) -> Registry {
    Registry {
        endpoint: Endpoint {
            ecr: Some(url.to_owned()),
            sts: Some(url.to_owned()),
            ..Endpoint::default()
        },
        ..registry_node()
    }
}

async fn caller(registry: Registry) -> Result<String, RegistryError> {
    let registries = EcrRegistries::new(&[registry], &Options::default());
    registries.caller_account(&prod()).await
}

#[tokio::test]
async fn child_without_credentials() {
    let Some(url) = child("URL") else { return };
    let error = caller(registry(&url)).await.unwrap_err();
    assert!(matches!(error, RegistryError::Credentials(_)), "{error:?}");
    for part in [
        "no AWS credentials",
        "aws sso login",
        "AWS_PROFILE",
        "--local",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn without_credentials_the_error_says_where_to_get_some() {
    let world = world().await;
    let url = format!("http://{}", world.address);
    in_child(
        "chain::child_without_credentials",
        &[("URL", &url), ("HOME", "/nonexistent")],
    );
    assert!(world.ecr.calls().is_empty(), "no call was made");
}

#[tokio::test]
async fn child_with_keys_in_the_environment() {
    let Some(url) = child("URL") else { return };
    assert_eq!(caller(registry(&url)).await.unwrap(), OTHER_ACCOUNT);
    let role = Registry {
        role: Some(Role {
            arn: format!("arn:aws:iam::{ACCOUNT}:role/deploy"),
            external_id: Some("shop".to_owned()),
            session: Some("ci-run".to_owned()),
        }),
        ..registry(&url)
    };
    assert_eq!(caller(role).await.unwrap(), ACCOUNT, "of the role");
}

#[tokio::test]
async fn keys_of_the_environment_and_roles_are_used() {
    let world = world().await;
    let url = format!("http://{}", world.address);
    let variables = [
        ("URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", OTHER_ACCOUNT),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ];
    in_child("chain::child_with_keys_in_the_environment", &variables);
    assert_eq!(world.calls("sts:AssumeRole"), 1);
}

#[tokio::test]
async fn child_with_a_profile() {
    let Some(url) = child("URL") else { return };
    let profile = |name: &str| Registry {
        profile: Some(name.to_owned()),
        ..registry(&url)
    };
    assert_eq!(caller(profile("other")).await.unwrap(), OTHER_ACCOUNT);
    assert_eq!(
        caller(registry(&url)).await.unwrap(),
        ACCOUNT,
        "of AWS_PROFILE"
    );
    let error = caller(profile("missing")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Credentials(_)), "{error:?}");
    assert!(error.to_string().contains("--profile missing"), "{error}");
    let program = caller(profile("program")).await.unwrap();
    assert_eq!(program, "333333333333");
}

#[tokio::test]
async fn profiles_of_the_manifest_and_the_environment_are_used() {
    let world = world().await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let text = format!(
        "[profile main]\naws_access_key_id={ACCOUNT}\naws_secret_access_key=x\n\
         [profile other]\naws_access_key_id={OTHER_ACCOUNT}\naws_secret_access_key=x\n\
         [profile program]\ncredential_process=echo '{{\"Version\":1,\"AccessKeyId\":\"333333333333\",\"SecretAccessKey\":\"x\"}}'\n"
    );
    std::fs::write(&config, text).unwrap();
    let url = format!("http://{}", world.address);
    let variables = [
        ("URL", url.as_str()),
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_PROFILE", "main"),
        ("HOME", "/nonexistent"),
    ];
    in_child("chain::child_with_a_profile", &variables);
}
