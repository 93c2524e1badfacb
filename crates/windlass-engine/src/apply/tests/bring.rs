//! Repositories, builds and pushes.

use std::collections::BTreeMap;

use windlass_core::name::Digest;
use windlass_core::observed::Observed;
use windlass_core::plan::{ImageAction, NewRepository, Plan, after};

use super::world::{
    World, calls_of, fingerprint_of, image, key, plain_repository, puts_of_in_tags, tag, tags_with,
};
use crate::apply::ApplyOptions;
use crate::fakes::Operation;
use crate::outcome::{Status, TagResult};
use crate::ports::RegistryError;

#[tokio::test]
async fn apply_leads_to_a_world_in_which_nothing_is_left_to_do() {
    let images = || {
        [
            image("base", "os", &[]),
            image("api", "one", &["latest", "v1"]).needing(&["base"]),
            image("web", "two", &["latest"])
                .at(&[("shop/web@prod", &["latest"]), ("shop/web@backup", &["v1"])]),
        ]
    };
    let world = World::new();
    let outcome = world.bring(&images()).await;
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(outcome.failures, []);
    assert_eq!(
        tags_with(&outcome, TagResult::Moved),
        ["api:latest", "api:v1", "web:latest", "web:v1"]
    );
    assert!(world.is_settled(&images()).await);
}

/// The law: apply on fakes ends at the world that the plan expects.
#[tokio::test]
async fn apply_ends_at_the_expected_world() {
    let before = || {
        [
            image("api", "one", &["latest"]),
            image("web", "one", &["latest", "v1"]),
        ]
    };
    let after_images = || {
        [
            image("base", "os", &["latest"]),
            image("api", "two", &["latest"]).needing(&["base"]),
            image("both", "both", &[]).at(&[("both@backup", &["v1"]), ("both@prod", &["v1"])]),
            image("web", "one", &["latest", "v2"]),
        ]
    };
    let world = World::new();
    world.bring(&before()).await;
    let (plan, observed) = world.plan_and_observe(&after_images()).await;
    let expected = after(&observed, &plan);
    world.apply(&plan).await.expect("fresh");
    let (_, found) = world.plan_and_observe(&after_images()).await;
    assert_eq!(comparable(&found), comparable(&expected));
}

#[tokio::test]
async fn the_builder_gets_to_know_once_that_it_will_be_asked_and_only_then() {
    let world = World::new();
    let images = || {
        [
            image("api", "one", &["latest"]),
            image("web", "one", &["latest"]),
        ]
    };
    world.bring(&images()).await;
    let before = world.builder.expecting();
    assert_eq!(before, 1, "both were missing");
    world.plan(&images()).await;
    assert_eq!(world.builder.expecting(), before);
    world.plan(&images().map(|it| it.stamped("X", "y"))).await;
    assert_eq!(world.builder.expecting(), before, "stamps are no inputs");
    let changed = [
        image("api", "two", &["latest"]),
        image("web", "one", &["latest"]),
    ];
    world.plan(&changed).await;
    assert_eq!(world.builder.expecting(), before + 1);
}

/// Digests of built images and URIs of new repositories are not known before: tags are compared by what they stand for.
fn comparable(observed: &Observed) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (key, repository) in &observed.repositories {
        let facts = repository.facts.known().expect("it is there");
        let settings = format!(
            "{:?} {} {:?}",
            facts.tags, facts.scan_on_push, facts.encryption
        );
        texts.insert(key.to_string(), settings);
        for (tag, fact) in &repository.tags {
            let fingerprint = fact.known().and_then(|image| image.fingerprint.clone());
            texts.insert(format!("{key}:{tag}"), format!("{fingerprint:?}"));
        }
    }
    texts
}

#[test]
fn apply_can_be_sent_to_another_thread() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let world = World::new();
    let plan = Plan {
        workspace: "shop".to_owned(),
        environment: None,
        git_sha: None,
        builder: None,
        registries: Vec::new(),
        variables: Vec::new(),
        bases: Vec::new(),
        images: Vec::new(),
        repositories: Vec::new(),
        notes: Vec::new(),
        refusals: Vec::new(),
        guards: Vec::new(),
        engine: None,
        policy: windlass_core::plan::PolicyRecord::default(),
    };
    drop(assert_send(world.apply(&plan)));
}

#[tokio::test]
async fn pushed_image_carries_fingerprint_annotations_time_and_record() {
    let world = World::new();
    let plan = world
        .plan(&[image("web", "one", &["v1"]).stamped("revision", "abc")])
        .await;
    let outcome = world.apply(&plan).await.expect("fresh");
    let digest = outcome.images[0].targets[0].digest.clone().expect("held");
    let held = &world.registry.snapshot()[&key("web@prod")];
    let text = String::from_utf8(held.manifests[&digest].bytes.clone()).expect("JSON");
    for part in [
        format!(
            r#""dev.windlass.fingerprint":"{}""#,
            fingerprint_of(&plan, "web")
        ),
        r#""example.note":"kept""#.to_owned(),
        r#""revision":"abc""#.to_owned(),
        r#""org.opencontainers.image.created":"2026-01-02T03:04:05Z""#.to_owned(),
    ] {
        assert!(text.contains(&part), "{part} is not in {text}");
    }
    assert_eq!(held.tags[&tag("v1")], digest);
    assert_eq!(held.tags[&fingerprint_of(&plan, "web").tag()], digest);
    let spec = plan.images[0].spec.as_ref().expect("inputs");
    assert_eq!(held.records[&digest], [spec.record().render()]);
}

#[tokio::test]
async fn build_gets_stamps_pins_and_the_folder_of_its_context() {
    let world = World::new();
    world
        .bring(&[image("web", "one", &[]).stamped("VERSION", "1.2")])
        .await;
    let requests = world.builder.requests();
    let request = requests.first().expect("a build");
    assert_eq!(request.context, std::path::Path::new("/workspace/web"));
    assert_eq!(request.shared_key, "shop/web");
    assert!(
        request.local_name.starts_with("windlass/shop/web:in-"),
        "{}",
        request.local_name
    );
    assert_eq!(request.args["PORT"], "8000");
    assert_eq!(request.args["VERSION"], "1.2");
    assert_eq!(request.labels["VERSION"], "1.2");
    assert_eq!(request.labels["team"], "web");
    let base = Digest::of(b"base");
    assert_eq!(
        request.dockerfile,
        format!("FROM mirror/base:1@{base}\nRUN one\n")
    );
}

#[tokio::test]
async fn needed_image_is_built_first_and_found_by_its_private_name() {
    let world = World::new();
    let plan = world
        .plan(&[
            image("zlib", "lib", &["latest"]),
            image("base", "os", &["latest"]).needing(&["zlib"]),
            image("app", "app", &["latest"]).needing(&["base"]),
        ])
        .await;
    let options = ApplyOptions {
        parallelism: 3,
        ..ApplyOptions::new("/workspace")
    };
    world.apply_with(&plan, &options).await.expect("fresh");
    let requests = world.builder.requests();
    let order: Vec<&str> = requests
        .iter()
        .map(|request| request.image.as_str())
        .collect();
    assert_eq!(order, ["zlib", "base", "app"]);
    let id = world
        .builder
        .image(&fingerprint_of(&plan, "base"))
        .expect("built");
    let private = format!("windlass/needs/base:{}", id.hex());
    assert_eq!(world.builder.named(&private), Some(id));
    assert!(
        requests[2]
            .dockerfile
            .contains(&format!("COPY --from={private} / /"))
    );
    assert!(requests[2].credentials.is_empty());
}

#[tokio::test]
async fn needed_image_that_only_a_repository_holds_is_pulled_by_digest() {
    let world = World::new();
    let base = world.bring(&[image("base", "os", &["latest"])]).await;
    world.builder.remove_images();
    world
        .bring(&[
            image("base", "os", &["latest"]),
            image("app", "app", &["latest"]).needing(&["base"]),
        ])
        .await;
    let digest = base.images[0].targets[0].digest.clone().expect("held");
    let request = world.builder.requests().pop().expect("a build");
    let reference = format!("prod.registry.test/base@{digest}");
    assert!(
        request.dockerfile.contains(&format!("--from={reference} ")),
        "{}",
        request.dockerfile
    );
    assert_eq!(request.credentials.len(), 1);
    assert_eq!(request.credentials[0].host, "prod.registry.test");
}

#[tokio::test]
async fn needed_image_that_is_in_the_builder_is_used_from_there() {
    let world = World::new();
    world.bring(&[image("base", "os", &["latest"])]).await;
    let plan = world
        .plan(&[
            image("base", "os", &["latest"]),
            image("app", "app", &["latest"]).needing(&["base"]),
        ])
        .await;
    world.apply(&plan).await.expect("fresh");
    assert_eq!(world.script.count(Operation::PullCredentials), 0);
    assert_eq!(world.script.count(Operation::TagLocal), 1);
}

#[tokio::test]
async fn two_targets_share_one_build() {
    let world = World::new();
    let images = [
        image("web", "one", &[]).at(&[("web@backup", &["v1"]), ("web@prod", &["v1", "latest"])])
    ];
    let outcome = world.bring(&images).await;
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(world.script.count(Operation::Build), 1);
    assert_eq!(world.script.count(Operation::Open), 1);
    assert_eq!(world.script.count(Operation::PushBlobs), 2);
    let targets = &outcome.images[0].targets;
    assert_eq!(targets[0].digest, targets[1].digest);
}

#[tokio::test]
async fn two_images_with_one_fingerprint_share_build_and_push() {
    let world = World::new();
    let images = [
        image("one", "same", &[]).at(&[("shared@prod", &["one"])]),
        image("two", "same", &[]).at(&[("shared@prod", &["two"])]),
    ];
    let outcome = world.bring(&images).await;
    assert_eq!(world.script.count(Operation::Build), 1);
    assert_eq!(world.script.count(Operation::PushBlobs), 1);
    assert_eq!(
        tags_with(&outcome, TagResult::Moved),
        ["one:one", "two:two"]
    );
    assert!(outcome.images.iter().all(|image| image.built));
}

#[tokio::test]
async fn builds_run_at_once_up_to_the_limit() {
    for (parallelism, wanted) in [(0, 1), (1, 1), (2, 2), (9, 4)] {
        let world = World::new();
        let images = ["a", "b", "c", "d"].map(|name| image(name, name, &["latest"]));
        // Two-letter repositories, as ECR wants them.
        let images = images.map(|image| image.at(&[("all@prod", &[])]));
        let plan = world.plan(&images).await;
        let options = ApplyOptions {
            parallelism,
            ..ApplyOptions::new("/workspace")
        };
        world.apply_with(&plan, &options).await.expect("fresh");
        assert_eq!(world.builder.most_running(), wanted);
    }
}

#[tokio::test]
async fn push_of_an_image_in_the_builder_builds_nothing() {
    let world = World::new();
    world.bring(&[image("web", "one", &["latest"])]).await;
    world.registry.remove_repository(&key("web@prod"));
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    assert_eq!(plan.images[0].action, ImageAction::Push);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert!(!outcome.images[0].built);
    assert_eq!(world.script.count(Operation::Build), 0);
    assert_eq!(world.script.count(Operation::PushBlobs), 1);
}

#[tokio::test]
async fn missing_in_tag_is_written_without_build_and_blobs() {
    let world = World::new();
    world.bring(&[image("web", "one", &["latest"])]).await;
    world.registry.edit(&key("web@prod"), |repository| {
        repository.tags.retain(|tag, _| !tag.is_reserved());
    });
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    assert_eq!(plan.images[0].action, ImageAction::Retag);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(
        world.script.count(Operation::PushBlobs) + world.script.count(Operation::Build),
        0
    );
    assert!(world.is_settled(&[image("web", "one", &["latest"])]).await);
}

#[tokio::test]
async fn in_tag_that_another_run_wrote_meanwhile_is_adopted() {
    for immutable in [false, true] {
        let world = World::new();
        if immutable {
            let repository = NewRepository {
                tags: super::world::mutability(false),
                ..plain_repository()
            };
            world.registry.add_repository(&key("web@prod"), &repository);
        }
        let images = || [image("web", "one", &["v1"])];
        let plan = world.plan(&images()).await;
        // What another builder makes of the same inputs has other bytes and the same fingerprint.
        let other = World::seeded("two");
        let theirs = other.bring(&images()).await.images[0].targets[0]
            .digest
            .clone()
            .expect("held");
        let in_tag = fingerprint_of(&plan, "web").tag();
        let manifest = other.registry.snapshot()[&key("web@prod")].manifests[&theirs].clone();
        let registry = world.registry.clone();
        // Right before our own `in-` tag is put, after everything was checked and pushed.
        world.script.before(puts_of_in_tags(), move || {
            registry.force(&key("web@prod"), &in_tag, manifest);
        });
        let outcome = world.apply(&plan).await.expect("fresh");
        assert_eq!(outcome.status, Status::Applied);
        let in_tag = fingerprint_of(&plan, "web").tag();
        let held = world.registry.tag(&key("web@prod"), &in_tag);
        assert_eq!(world.registry.tag(&key("web@prod"), &tag("v1")), held);
        assert_eq!(outcome.images[0].targets[0].digest, held);
        if immutable {
            assert_eq!(held, Some(theirs));
        }
    }
}

#[tokio::test]
async fn blobs_that_were_cleaned_up_before_the_manifest_are_pushed_again() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let registry = world.registry.clone();
    world.script.before(puts_of_in_tags(), move || {
        registry.edit(&key("web@prod"), |repository| repository.blobs.clear());
    });
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(world.script.count(Operation::PushBlobs), 2);
}

#[tokio::test]
async fn record_that_cannot_be_attached_is_a_note() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let error = RegistryError::Other("no referrers here".to_owned());
    world
        .script
        .fail_registry(calls_of(Operation::AttachRecord), error);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(outcome.notes.len(), 1);
    assert!(outcome.notes[0].contains("no referrers here"));
}

#[tokio::test]
async fn record_that_was_sent_in_vain_is_sent_again() {
    // It could not be sent beside the image, or ECR cleaned it up before it was attached.
    for cleaned_up in [false, true] {
        let world = World::new();
        let plan = world.plan(&[image("web", "one", &["latest"])]).await;
        if cleaned_up {
            let registry = world.registry.clone();
            world
                .script
                .before(calls_of(Operation::AttachRecord), move || {
                    registry.edit(&key("web@prod"), |repository| repository.blobs.clear());
                });
        } else {
            let error = RegistryError::Other("not now".to_owned());
            world
                .script
                .fail_registry(calls_of(Operation::SendRecord), error);
        }
        let outcome = world.apply(&plan).await.expect("fresh");
        assert_eq!(outcome.status, Status::Applied);
        assert!(outcome.notes.is_empty(), "{:?}", outcome.notes);
        assert_eq!(world.script.count(Operation::SendRecord), 2);
        let digest = outcome.images[0].targets[0].digest.clone().expect("held");
        let records = world.registry.snapshot()[&key("web@prod")].records.clone();
        assert_eq!(records[&digest].len(), 1);
    }
}
