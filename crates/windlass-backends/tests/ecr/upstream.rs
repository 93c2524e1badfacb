//! Base images in registries, against scripted ones.

#![expect(
    clippy::unnecessary_wraps,
    reason = "answers have the form that scripts return"
)]

use std::collections::BTreeSet;
use std::path::Path;

use hyper::{Method, Response};
use windlass_backends::docker::{Credentials, Environment};
use windlass_backends::oci::{Network, UpstreamRegistries};
use windlass_core::name::Digest;
use windlass_core::oci;
use windlass_engine::ports::{RegistryError, Upstream as _};

use crate::script::{Asked, Server, answer};

const CONFIG: &str =
    r#"{"os":"linux","architecture":"amd64","config":{"User":"nonroot","Entrypoint":["/app"]}}"#;

fn manifest() -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":{}}},"layers":[]}}"#,
        oci::IMAGE_MANIFEST,
        oci::IMAGE_CONFIG,
        Digest::of(CONFIG.as_bytes()),
        CONFIG.len()
    )
}

fn index() -> String {
    let child = |digest: &Digest, platform: &str| {
        format!(
            r#"{{"mediaType":"{}","digest":"{digest}","size":1,"platform":{platform}}}"#,
            oci::IMAGE_MANIFEST
        )
    };
    let children = [
        child(
            &Digest::of(b"arm"),
            r#"{"os":"linux","architecture":"arm64","variant":"v8"}"#,
        ),
        child(
            &Digest::of(manifest().as_bytes()),
            r#"{"os":"linux","architecture":"amd64"}"#,
        ),
        child(
            &Digest::of(b"v7"),
            r#"{"os":"linux","architecture":"arm","variant":"v7"}"#,
        ),
        child(
            &Digest::of(b"attestation"),
            r#"{"os":"unknown","architecture":"unknown"}"#,
        ),
    ];
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
        oci::IMAGE_INDEX,
        children.join(",")
    )
}

fn document(asked: &Asked, body: String) -> Option<Response<String>> {
    let digest = Digest::of(body.as_bytes());
    let body = if asked.method == Method::HEAD {
        String::new()
    } else {
        body
    };
    Some(
        Response::builder()
            .header("docker-content-digest", digest.as_str())
            .body(body)
            .unwrap(),
    )
}

/// Plays a registry that holds one image of one platform under any tag.
pub(crate) fn small_image(asked: &Asked) -> Option<Response<String>> {
    if asked.path.contains("/blobs/") {
        return document(asked, CONFIG.to_owned());
    }
    document(asked, manifest())
}

/// Plays a registry that holds an index.
fn several_platforms(asked: &Asked) -> Option<Response<String>> {
    let child = Digest::of(manifest().as_bytes());
    if asked.path.ends_with(child.as_str()) {
        return document(asked, manifest());
    }
    if asked.path.contains("/blobs/") {
        return document(asked, CONFIG.to_owned());
    }
    document(asked, index())
}

fn registries_with(config: Option<&Path>) -> UpstreamRegistries {
    let variables = config.map(|folder| ("DOCKER_CONFIG".to_owned(), folder.display().to_string()));
    let environment = Environment::from_variables(variables);
    UpstreamRegistries::new(
        Network::default(),
        Credentials::new(&environment),
        "windlass/test",
    )
}

async fn resolve(
    server: &Server,
    name: &str,
) -> Result<windlass_engine::ports::BaseFacts, RegistryError> {
    let reference = format!("{}/{name}", server.address);
    registries_with(None).resolve(&reference).await
}

#[tokio::test]
async fn an_index_gives_its_platforms_and_the_user_of_the_common_one() {
    let server = Server::start(several_platforms).await;
    let facts = resolve(&server, "library/python:3.12").await.unwrap();
    assert_eq!(facts.digest, Digest::of(index().as_bytes()));
    let platforms: Vec<&str> = facts
        .platforms
        .iter()
        .map(windlass_core::name::Platform::as_str)
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm/v7", "linux/arm64"]);
    assert_eq!(facts.user.as_deref(), Some("nonroot"));
    assert_eq!(facts.entrypoint, ["/app"]);
    assert_eq!(facts.resolved_from, server.address.to_string());
    let asked = server.asked();
    assert_eq!(asked[0].method, Method::HEAD);
    assert_eq!(asked[0].path, "/v2/library/python/manifests/3.12");
    for part in [
        oci::IMAGE_INDEX,
        oci::IMAGE_MANIFEST,
        oci::DOCKER_MANIFEST,
        oci::DOCKER_MANIFEST_LIST,
    ] {
        assert!(asked[0].header("accept").contains(part));
    }
}

#[tokio::test]
async fn an_image_of_one_platform_gives_that() {
    let server = Server::start(small_image).await;
    let facts = resolve(&server, "app").await.unwrap();
    assert_eq!(facts.digest, Digest::of(manifest().as_bytes()));
    assert_eq!(facts.platforms.len(), 1);
    let pinned = resolve(&server, &format!("app@{}", facts.digest))
        .await
        .unwrap();
    assert_eq!(pinned.digest, facts.digest);
}

#[tokio::test]
async fn a_registry_without_head_or_digest_header_is_read_all_the_same() {
    let server = Server::start(|asked| match asked.method {
        Method::HEAD => answer(405, ""),
        _ => small_image(asked).map(|answer| Response::new(answer.into_body())),
    })
    .await;
    let facts = resolve(&server, "app:1").await.unwrap();
    assert_eq!(facts.digest, Digest::of(manifest().as_bytes()));
}

#[tokio::test]
async fn other_bytes_than_the_digest_names_are_refused() {
    let server = Server::start(|asked| match asked.method {
        Method::HEAD => document(asked, "something else".to_owned()),
        _ => small_image(asked),
    })
    .await;
    let error = resolve(&server, "app:1").await.unwrap_err();
    assert!(error.to_string().contains("other bytes"), "{error}");
}

#[tokio::test]
async fn a_token_is_fetched_once_with_the_credentials_of_the_docker_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| {
        if asked.path.starts_with("/token") {
            return answer(200, r#"{"token":"token-canary","expires_in":300}"#);
        }
        if asked.header("authorization") == "Bearer token-canary" {
            return small_image(asked);
        }
        let host = asked.header("host");
        let challenge = format!(
            r#"Bearer realm="http://{host}/token",service="{host}",scope="repository:app:pull""#
        );
        Some(
            Response::builder()
                .status(401)
                .header("www-authenticate", challenge)
                .body(String::new())
                .unwrap(),
        )
    })
    .await;
    // "ann:pass-canary" in base64.
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"YW5uOnBhc3MtY2FuYXJ5"}}}}}}"#,
        server.address
    );
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let registries = registries_with(Some(folder.path()));
    registries
        .resolve(&format!("{}/app:1", server.address))
        .await
        .unwrap();
    let asked = server.asked();
    let tokens: Vec<&Asked> = asked
        .iter()
        .filter(|asked| asked.path.starts_with("/token"))
        .collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(
        tokens[0].header("authorization"),
        "Basic YW5uOnBhc3MtY2FuYXJ5"
    );
    assert!(
        tokens[0].path.contains("scope=repository:app:pull"),
        "{}",
        tokens[0].path
    );
}

#[tokio::test]
async fn basic_credentials_are_sent_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| {
        if asked.header("authorization") == "Basic YW5uOnBhc3MtY2FuYXJ5" {
            return small_image(asked);
        }
        Some(
            Response::builder()
                .status(401)
                .header("www-authenticate", "Basic realm=\"x\"")
                .body(String::new())
                .unwrap(),
        )
    })
    .await;
    let reference = format!("{}/app:1", server.address);
    let error = registries_with(None).resolve(&reference).await.unwrap_err();
    assert!(matches!(error, RegistryError::Credentials(_)), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&format!("docker login {}", server.address)),
        "{error}"
    );
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"YW5uOnBhc3MtY2FuYXJ5"}}}}}}"#,
        server.address
    );
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    registries_with(Some(folder.path()))
        .resolve(&reference)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_credential_is_not_sent_to_where_a_redirect_leads() {
    let far = Server::start(small_image).await;
    let to = far.url();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(move |asked| {
        if asked.header("authorization").is_empty() {
            return Some(
                Response::builder()
                    .status(401)
                    .header("www-authenticate", "Basic realm=\"x\"")
                    .body(String::new())
                    .unwrap(),
            );
        }
        if asked.path.contains("/blobs/") {
            return Some(
                Response::builder()
                    .status(307)
                    .header("location", format!("{to}{}", asked.path))
                    .body(String::new())
                    .unwrap(),
            );
        }
        small_image(asked)
    })
    .await;
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"YW5uOnBhc3MtY2FuYXJ5"}}}}}}"#,
        server.address
    );
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let registries = registries_with(Some(folder.path()));
    registries
        .resolve(&format!("{}/app:1", server.address))
        .await
        .unwrap();
    let asked = far.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("authorization"), "");
}

#[tokio::test]
async fn what_is_not_there_not_allowed_and_not_reachable_is_told_apart() {
    let codes = [
        (404, "MANIFEST_UNKNOWN"),
        (403, "DENIED"),
        (429, "TOOMANYREQUESTS"),
    ];
    let mut kinds = BTreeSet::new();
    for (status, code) in codes {
        let server = Server::start(move |_| {
            answer(
                status,
                format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#),
            )
        })
        .await;
        let error = resolve(&server, "app:1").await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("{}/app:1: ", server.address)),
            "{error}"
        );
        kinds.insert(format!("{:?}", std::mem::discriminant(&error)));
        let expected = match status {
            404 => matches!(error, RegistryError::NotFound(_)),
            403 => matches!(error, RegistryError::Denied(_)),
            _ => {
                matches!(error, RegistryError::Transient(_))
                    && error.to_string().contains("--mirror")
            }
        };
        assert!(expected, "{error:?}");
    }
    assert_eq!(kinds.len(), 3);
    let server = Server::start(small_image).await;
    let address = server.address;
    drop(server);
    tokio::task::yield_now().await;
    let error = registries_with(None)
        .resolve(&format!("{address}/app:1"))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable(_)), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&format!("--mirror {address}=HOST")),
        "{error}"
    );
}

#[tokio::test]
async fn passing_faults_are_waited_out() {
    let counter = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        match counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => None,
            1 => answer(503, "busy"),
            _ => small_image(asked),
        }
    })
    .await;
    resolve(&server, "app:1").await.unwrap();
}

#[tokio::test]
async fn what_is_no_image_is_an_error_and_no_panic() {
    for body in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"manifests":3}"#,
        r#"{"config":{"digest":"x"}}"#,
        r#"{"fsLayers":[]}"#,
    ] {
        let server = Server::start(move |asked| document(asked, body.to_owned())).await;
        let error = resolve(&server, "app:1").await.unwrap_err();
        assert!(
            matches!(error, RegistryError::Other(_)),
            "{body}: {error:?}"
        );
    }
    let error = registries_with(None)
        .resolve("Not A Reference")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no image reference"), "{error}");
}
