//! What goes wrong: denied, expired, throttled, gone, another account.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use windlass_core::observed::Fact;
use windlass_ecr_local::FaultKind;
use windlass_engine::ports::{Registry as _, RegistryError, SettingsToRead};

use crate::script::{Server, answer, api_error};
use crate::world::{
    ACCOUNT, OTHER_ACCOUNT, key, name, plain_repository, prod, registries_at, tag, world,
};

#[tokio::test]
async fn a_denied_call_names_action_repository_and_request() {
    let world = world().await;
    world.create("shop/web").await;
    world
        .faults
        .always("BatchGetImage", FaultKind::AccessDenied);
    let read = world
        .registries
        .images(&key("shop/web"), &BTreeSet::from([tag("1.0")]))
        .await;
    let why = read[&tag("1.0")].unknown().unwrap();
    for part in [
        "AccessDeniedException",
        "ecr:BatchGetImage",
        "repository shop/web",
        ACCOUNT,
        "allow ecr:BatchGetImage",
        "request ",
    ] {
        assert!(why.contains(part), "{part} is not in: {why}");
    }
    assert!(!why.contains("canary"), "{why}");
}

#[tokio::test]
async fn a_denied_write_is_denied() {
    let world = world().await;
    world
        .faults
        .always("CreateRepository", FaultKind::AccessDenied);
    let error = world
        .registries
        .create_repository(&key("shop/web"), &plain_repository())
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Denied(_)), "{error:?}");
}

#[tokio::test]
async fn expired_credentials_are_told_once_and_stop_the_other_reads() {
    let world = world().await;
    world.faults.always("*", FaultKind::ExpiredToken);
    let names: BTreeMap<_, _> = (0..500)
        .map(|number| {
            (
                name(&format!("team/app-{number}")),
                SettingsToRead {
                    lifecycle: true,
                    access: false,
                    resource_tags: false,
                },
            )
        })
        .collect();
    let read = world.registries.repositories(&prod(), &names).await;
    let texts: BTreeSet<&str> = read.values().map(|fact| fact.unknown().unwrap()).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let text = texts.first().unwrap();
    assert!(
        text.contains("have expired") && text.contains("aws sso login"),
        "{text}"
    );
    let calls: u64 = world.ecr.calls().values().sum();
    assert!(calls < 60, "{calls} calls were made");
    let error = world.registries.caller_account(&prod()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Credentials(_)), "{error:?}");
}

#[tokio::test]
async fn throttling_and_server_errors_are_waited_out() {
    for fault in [
        FaultKind::Throttled,
        FaultKind::ServerError,
        FaultKind::DropConnection,
    ] {
        let world = world().await;
        world.create("shop/web").await;
        world.faults.times("BatchGetImage", fault.clone(), 2);
        let read = world
            .registries
            .images(&key("shop/web"), &BTreeSet::from([tag("1.0")]))
            .await;
        assert_eq!(read[&tag("1.0")], Fact::Absent, "{fault:?}");
    }
}

#[tokio::test]
async fn throttling_without_end_is_transient() {
    let world = world().await;
    world
        .faults
        .always("CreateRepository", FaultKind::Throttled);
    let started = Instant::now();
    let error = world
        .registries
        .create_repository(&key("shop/web"), &plain_repository())
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Transient(_)), "{error:?}");
    assert!(error.to_string().contains("ThrottlingException"), "{error}");
    assert!(
        started.elapsed() < Duration::from_secs(40),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn an_outage_is_told_once_and_at_once() {
    let world = world().await;
    let address = world.address;
    let registries = world.registries;
    world.ecr.shutdown().await;
    let names: BTreeMap<_, _> = (0..500)
        .map(|number| {
            (
                name(&format!("team/app-{number}")),
                SettingsToRead {
                    lifecycle: true,
                    access: false,
                    resource_tags: true,
                },
            )
        })
        .collect();
    let started = Instant::now();
    let read = registries.repositories(&prod(), &names).await;
    let texts: BTreeSet<&str> = read.values().map(|fact| fact.unknown().unwrap()).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let text = texts.first().unwrap();
    assert!(
        text.contains("cannot be reached") && text.contains(&address.to_string()),
        "{text}"
    );
    let images = registries
        .images(&key("shop/web"), &BTreeSet::from([tag("1.0")]))
        .await;
    assert_eq!(
        images[&tag("1.0")].unknown(),
        Some(*text),
        "the same answer, without another try"
    );
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn credentials_of_another_account_are_named_when_they_are_denied() {
    let world = world().await;
    world.create("shop/web").await;
    let others = registries_at(&format!("http://{}", world.address), OTHER_ACCOUNT);
    assert_eq!(others.caller_account(&prod()).await.unwrap(), OTHER_ACCOUNT);
    let names = BTreeMap::from([(
        name("shop/web"),
        SettingsToRead {
            lifecycle: true,
            access: false,
            resource_tags: false,
        },
    )]);
    let read = others.repositories(&prod(), &names).await;
    let why = match &read[&name("shop/web")] {
        Fact::Unknown(unread) => unread.to_string(),
        Fact::Known(facts) => facts
            .lifecycle
            .as_ref()
            .unwrap()
            .unknown()
            .unwrap()
            .to_owned(),
        Fact::Absent => panic!("denied is not absent"),
    };
    assert!(
        why.contains(&format!(
            "account {ACCOUNT}, the credentials are of account {OTHER_ACCOUNT}"
        )),
        "{why}"
    );
    let policy = r#"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::222222222222:root\"},\"Action\":[\"ecr:BatchGetImage\",\"ecr:ListImages\"]}]}"#;
    world.api(
        "SetRepositoryPolicy",
        &format!(r#"{{"repositoryName":"shop/web","policyText":"{policy}"}}"#),
    );
    let images = others
        .images(&key("shop/web"), &BTreeSet::from([tag("1.0")]))
        .await;
    assert_eq!(
        images[&tag("1.0")],
        Fact::Absent,
        "cross-account access is legal"
    );
}

/// A status, a code, and whether an error is of the kind it must be.
type Case = (u16, &'static str, fn(&RegistryError) -> bool);

#[tokio::test]
async fn errors_are_judged_by_code_and_never_by_their_text() {
    let cases: [Case; 10] = [
        (400, "AccessDeniedException", |e| {
            matches!(e, RegistryError::Denied(_))
        }),
        (400, "ExpiredTokenException", |e| {
            matches!(e, RegistryError::Credentials(_))
        }),
        (400, "UnrecognizedClientException", |e| {
            matches!(e, RegistryError::Credentials(_))
        }),
        (403, "InvalidSignatureException", |e| {
            matches!(e, RegistryError::Credentials(_))
        }),
        (400, "RepositoryNotFoundException", |e| {
            matches!(e, RegistryError::NotFound(_))
        }),
        (400, "ThrottlingException", |e| {
            matches!(e, RegistryError::Transient(_))
        }),
        (500, "ServerException", |e| {
            matches!(e, RegistryError::Transient(_))
        }),
        (503, "NeverHeardOf", |e| {
            matches!(e, RegistryError::Transient(_))
        }),
        (400, "LimitExceededException", |e| {
            matches!(e, RegistryError::Other(_))
        }),
        (400, "InvalidParameterException", |e| {
            matches!(e, RegistryError::Other(_))
        }),
    ];
    // The text names another code, to lead a reader of texts astray.
    let misleading =
        "RepositoryAlreadyExistsException: AccessDeniedException, token expired, Rate exceeded";
    let checks = cases.map(|(status, code, expected)| async move {
        let server = Server::start(move |_| api_error(status, code, misleading)).await;
        let registries = registries_at(&server.url(), ACCOUNT);
        let error = registries
            .create_repository(&key("shop/web"), &plain_repository())
            .await
            .unwrap_err();
        assert!(expected(&error), "{code}: {error:?}");
        assert!(error.to_string().contains(code), "{error}");
        assert!(error.to_string().contains("request-42"), "{error}");
    });
    futures_util::future::join_all(checks).await;
}

#[tokio::test]
async fn an_answer_that_is_no_answer_of_ecr_is_an_error_and_no_absence() {
    for (status, body) in [
        (200, "<html>login page</html>"),
        (200, ""),
        (404, "not here"),
        (302, ""),
    ] {
        let server = Server::start(move |_| answer(status, body)).await;
        let registries = registries_at(&server.url(), ACCOUNT);
        let names = BTreeMap::from([(name("shop/web"), SettingsToRead::default())]);
        let read = registries.repositories(&prod(), &names).await;
        assert!(
            read[&name("shop/web")].unknown().is_some(),
            "{status} {body}: {read:?}"
        );
        let images = registries
            .images(&key("shop/web"), &BTreeSet::from([tag("1.0")]))
            .await;
        assert!(
            images[&tag("1.0")].unknown().is_some(),
            "{status} {body}: {images:?}"
        );
    }
}

#[tokio::test]
async fn every_call_names_the_registry_and_accepts_every_format() {
    let server = Server::start(|_| answer(200, "{}")).await;
    let registries = registries_at(&server.url(), ACCOUNT);
    registries
        .images(&key("shop/web"), &BTreeSet::from([tag("1.0")]))
        .await;
    let asked = server.asked();
    assert_eq!(asked[0].operation(), "BatchGetImage");
    let body = String::from_utf8(asked[0].body.to_vec()).unwrap();
    assert!(body.contains(r#""registryId":"111111111111""#), "{body}");
    for part in [
        "image.manifest.v1",
        "image.index.v1",
        "manifest.v2",
        "manifest.list.v2",
    ] {
        assert!(body.contains(part), "{part} is not in: {body}");
    }
    assert!(!body.contains("canary"));
    assert!(asked[0].header("user-agent").contains("aws-sdk-rust"));
}
