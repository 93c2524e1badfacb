//! The report against its page, and the names of its variables.

use std::collections::BTreeSet;

use serde_json::Value;
use windlass_core::name::{Digest, ImageName, RegistryName, RepositoryKey, RepositoryName, Tag};
use windlass_core::plan::{ImageAction, RepositoryAction};

use crate::outcome::{
    Cause, FailedPhase, Failure, ImageOutcome, Outcome, RepositoryOutcome, Status, TagOutcome,
    TagResult, TargetOutcome,
};
use crate::ports::{BuilderError, RegistryError};

fn key(registry: &str, repository: &str) -> RepositoryKey {
    RepositoryKey {
        registry: RegistryName::new(registry).expect("a name"),
        repository: RepositoryName::new(repository).expect("a name"),
    }
}

fn target(registry: &str, held: bool) -> TargetOutcome {
    TargetOutcome {
        key: key(registry, "shop/web"),
        uri: Some(format!("{registry}.test/shop/web")),
        digest: held.then(|| Digest::of(b"image")),
        tags: vec![TagOutcome {
            tag: Tag::new("v1").expect("a tag"),
            result: TagResult::Unmoved,
            from: None,
            to: None,
            undo: None,
        }],
    }
}

fn image(name: &str, targets: Vec<TargetOutcome>) -> ImageOutcome {
    ImageOutcome {
        name: ImageName::new(name).expect("a name"),
        action: ImageAction::Build,
        fingerprint: None,
        platforms: vec!["linux/amd64".to_owned()],
        built: true,
        build_seconds: Some(1.5),
        targets,
    }
}

fn failure(cause: Cause) -> Failure {
    Failure {
        image: Some(ImageName::new("web").expect("a name")),
        key: None,
        tag: None,
        phase: FailedPhase::Build,
        cause,
    }
}

fn outcome(images: Vec<ImageOutcome>, failures: Vec<Failure>) -> Outcome {
    Outcome {
        workspace: "shop".to_owned(),
        environment: None,
        status: Status::Partial,
        interrupted: false,
        images,
        repositories: vec![RepositoryOutcome {
            key: key("prod", "shop/web"),
            action: RepositoryAction::None,
            uri: None,
            created: false,
            deleted: false,
            changed: Vec::new(),
        }],
        failures,
        notes: Vec::new(),
    }
}

fn keys_of(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                keys.insert(key.clone());
                keys_of(value, keys);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys_of(value, keys)),
        _ => {}
    }
}

#[test]
fn page_names_every_key_status_and_kind_of_the_report() {
    let page = include_str!("../../../../docs/formats/apply-report.md");
    let step = BuilderError::Failed(Box::default());
    let text = String::new;
    let causes = [
        Cause::Builder(step),
        Cause::Builder(BuilderError::Unreachable(text())),
        Cause::Builder(BuilderError::Base(text())),
        Cause::Builder(BuilderError::Stale(text())),
        Cause::Builder(BuilderError::Timeout(text())),
        Cause::Builder(BuilderError::Other(text())),
        Cause::Registry(RegistryError::NotFound(text())),
        Cause::Registry(RegistryError::Denied(text())),
        Cause::Registry(RegistryError::Credentials(text())),
        Cause::Registry(RegistryError::Transient(text())),
        Cause::Registry(RegistryError::Unreachable(text())),
        Cause::Registry(RegistryError::TagImmutable(text())),
        Cause::Registry(RegistryError::Other(text())),
        Cause::Changed(text()),
        Cause::Need(windlass_core::name::Address::Repository(key("prod", "web"))),
        Cause::TooLarge { bytes: 2, most: 1 },
    ];
    let mut words: BTreeSet<String> = causes
        .iter()
        .map(|cause| cause.as_str().to_owned())
        .collect();
    let statuses = [
        Status::Applied,
        Status::AlreadyApplied,
        Status::Partial,
        Status::Failed,
        Status::Stale,
    ];
    words.extend(statuses.map(|status| status.as_str().to_owned()));
    let outcome = outcome(
        vec![image("web", vec![target("prod", true)])],
        causes.into_iter().map(failure).collect(),
    );
    keys_of(
        &serde_json::from_str(&outcome.render_json()).expect("JSON"),
        &mut words,
    );
    let missing: Vec<&String> = words
        .iter()
        .filter(|word| !page.contains(&format!("`{word}`")))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn variables_name_the_first_place_and_each_of_several() {
    let outcome = outcome(
        vec![
            image("a-b", vec![target("prod", true)]),
            image("a.b", vec![target("prod", true)]),
            image("gone", vec![target("prod", false)]),
            image(
                "many",
                vec![target("backup", false), target("prod/eu-west-1", true)],
            ),
            image("2nd", vec![target("prod", true)]),
        ],
        Vec::new(),
    );
    let digest = Digest::of(b"image");
    let lines = outcome.render_dotenv().replace(digest.as_str(), "DIGEST");
    insta::assert_snapshot!(lines, @r"
    A_B_IMAGE=prod.test/shop/web@DIGEST
    A_B_IMAGE_2=prod.test/shop/web@DIGEST
    MANY_IMAGE=prod/eu-west-1.test/shop/web@DIGEST
    MANY_IMAGE_PROD_EU_WEST_1=prod/eu-west-1.test/shop/web@DIGEST
    _2ND_IMAGE=prod.test/shop/web@DIGEST
    ");
}

#[test]
fn outcome_is_transient_where_every_cause_of_its_own_is() {
    let passing = || {
        failure(Cause::Registry(RegistryError::Transient(
            "later".to_owned(),
        )))
    };
    let follows = || {
        let address = windlass_core::name::Address::Repository(key("prod", "web"));
        failure(Cause::Need(address))
    };
    let lasting = || failure(Cause::Registry(RegistryError::Denied("no".to_owned())));
    let transient = |failures| outcome(Vec::new(), failures).is_transient();
    assert!(!transient(Vec::new()));
    assert!(transient(vec![passing(), follows()]));
    assert!(!transient(vec![passing(), lasting()]));
    assert!(!transient(vec![follows()]));
}
