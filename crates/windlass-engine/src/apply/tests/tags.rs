//! Wanted tags move last, and only forward.

use windlass_core::name::Digest;

use super::world::{World, calls_of, fingerprint_of, foreign, image, key, puts_of, tag, tags_with};
use crate::fakes::Operation;
use crate::outcome::{Status, TagResult};
use crate::ports::RegistryError;

#[tokio::test]
async fn wanted_tags_move_after_all_images_are_held() {
    let world = World::new();
    let images = ["api", "web", "worker"].map(|name| image(name, name, &["latest", "v1"]));
    world.bring(&images).await;
    let calls = world.script.calls();
    let puts: Vec<bool> = calls
        .iter()
        .filter(|call| call.operation == Operation::PutManifest)
        .filter_map(|call| call.tag.as_ref())
        .map(windlass_core::name::Tag::is_reserved)
        .collect();
    assert_eq!(
        puts,
        [true, true, true, false, false, false, false, false, false]
    );
}

#[tokio::test]
async fn retag_makes_no_build_and_no_blob_call() {
    let world = World::new();
    let before = world.bring(&[image("web", "one", &["v1"])]).await;
    let plan = world.plan(&[image("web", "one", &["v1", "v2"])]).await;
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(tags_with(&outcome, TagResult::Moved), ["web:v2"]);
    assert_eq!(tags_with(&outcome, TagResult::Held), ["web:v1"]);
    assert_eq!(
        outcome.images[0].targets[0].digest,
        before.images[0].targets[0].digest
    );
    assert_eq!(world.script.count(Operation::Build), 0);
    assert_eq!(world.script.count(Operation::PushBlobs), 0);
    assert_eq!(world.script.count(Operation::PutManifest), 1);
}

#[tokio::test(start_paused = true)]
async fn tag_that_moved_while_images_were_brought_moves_nothing() {
    let world = World::new();
    world
        .bring(&[
            image("api", "one", &["latest"]),
            image("web", "one", &["latest"]),
        ])
        .await;
    let plan = world
        .plan(&[
            image("api", "two", &["latest"]),
            image("web", "two", &["latest"]),
        ])
        .await;
    let registry = world.registry.clone();
    world.script.before(calls_of(Operation::Build), move || {
        registry.force(&key("web@prod"), &tag("latest"), foreign("somebody"));
    });
    let before = world.registry.tag(&key("api@prod"), &tag("latest"));
    let outcome = world.apply(&plan).await.expect("fresh at first");
    assert_eq!(outcome.status, Status::Stale);
    assert_eq!(tags_with(&outcome, TagResult::Moved), [""; 0]);
    assert_eq!(world.registry.tag(&key("api@prod"), &tag("latest")), before);
    assert_eq!(outcome.failures.len(), 1);
    assert!(
        outcome.failures[0]
            .to_string()
            .starts_with("image.web:latest: tag in repository.web@prod: holds sha256:")
    );
    assert!(
        outcome
            .images
            .iter()
            .all(|image| image.targets[0].digest.is_some()),
        "the images are held"
    );
}

#[tokio::test]
async fn nothing_moves_where_an_in_tag_is_taken_or_gone() {
    for taken in [true, false] {
        let world = World::new();
        world.bring(&[image("web", "one", &["v1"])]).await;
        let plan = world
            .plan(&[
                image("api", "two", &["v1"]),
                image("web", "one", &["v1", "v2"]),
            ])
            .await;
        let (registry, in_tag) = (world.registry.clone(), fingerprint_of(&plan, "web").tag());
        world.script.before(calls_of(Operation::Build), move || {
            if taken {
                registry.force(&key("web@prod"), &in_tag, foreign("somebody"));
            } else {
                registry.edit(&key("web@prod"), |repository| {
                    repository.tags.remove(&in_tag);
                });
            }
        });
        let outcome = world.apply(&plan).await.expect("fresh at first");
        assert_eq!(outcome.status, Status::Stale);
        assert_eq!(tags_with(&outcome, TagResult::Moved), [""; 0]);
        assert_eq!(world.registry.tag(&key("web@prod"), &tag("v2")), None);
        assert_eq!(world.registry.tag(&key("api@prod"), &tag("v1")), None);
    }
}

#[tokio::test]
async fn first_failed_move_stops_and_lists_how_the_moved_tags_go_back() {
    let world = World::new();
    world
        .bring(&[
            image("api", "one", &["latest"]),
            image("web", "one", &["latest"]),
        ])
        .await;
    let old = world
        .registry
        .tag(&key("api@prod"), &tag("latest"))
        .expect("held");
    let plan = world
        .plan(&[
            image("api", "two", &["latest", "v2"]),
            image("web", "two", &["latest"]),
            image("work", "two", &["latest"]),
        ])
        .await;
    let denied = RegistryError::Denied("ecr:PutImage".to_owned());
    world.script.fail_registry(
        |call| {
            call.operation == Operation::PutManifest
                && call.key == Some(key("web@prod"))
                && call.tag == Some(tag("latest"))
        },
        denied,
    );
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(
        tags_with(&outcome, TagResult::Moved),
        ["api:latest", "api:v2"]
    );
    assert_eq!(
        tags_with(&outcome, TagResult::Unmoved),
        ["web:latest", "work:latest"]
    );
    let undo: Vec<String> = outcome
        .tags_with(TagResult::Moved)
        .filter_map(|(_, _, tag)| tag.undo.clone())
        .collect();
    let place = "--region us-east-1 --registry-id 000000000000 --repository-name api";
    assert!(
        undo[0].starts_with(&format!(
            "aws ecr put-image {place} --image-tag latest --image-digest {old} "
        )),
        "{}",
        undo[0]
    );
    assert_eq!(
        undo[1],
        format!("aws ecr batch-delete-image {place} --image-ids imageTag=v2")
    );
    let again = world.apply(&plan).await.expect("half applied, not stale");
    assert_eq!(again.status, Status::Applied);
    assert_eq!(
        tags_with(&again, TagResult::Moved),
        ["web:latest", "work:latest"]
    );
}

#[tokio::test]
async fn move_whose_answer_was_lost_counts_as_moved() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let (registry, in_tag) = (world.registry.clone(), fingerprint_of(&plan, "web").tag());
    world.script.before(puts_of("latest"), move || {
        registry.edit(&key("web@prod"), |repository| {
            let digest = repository.tags[&in_tag].clone();
            repository.tags.insert(tag("latest"), digest);
        });
    });
    let lost = RegistryError::Transient("connection reset".to_owned());
    world.script.fail_registry(puts_of("latest"), lost);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
}

#[tokio::test]
async fn tag_that_somebody_moved_after_us_is_named() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest", "v1"])]).await;
    let registry = world.registry.clone();
    // `latest` moves first; somebody takes it while `v1` is put.
    world.script.before(puts_of("v1"), move || {
        registry.force(&key("web@prod"), &tag("latest"), foreign("somebody"));
    });
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(outcome.failures.len(), 1);
    assert_eq!(outcome.failures[0].tag, Some(tag("latest")));
    assert!(outcome.failures[0].to_string().contains("by somebody else"));
}

#[tokio::test]
async fn nothing_moves_where_an_image_to_move_to_cannot_be_read() {
    let world = World::new();
    world.bring(&[image("web", "one", &[])]).await;
    let plan = world
        .plan(&[
            image("api", "one", &["latest"]),
            image("web", "one", &["latest"]),
        ])
        .await;
    let gone = RegistryError::NotFound("no such image".to_owned());
    world
        .script
        .fail_registry(calls_of(Operation::Manifest), gone);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(tags_with(&outcome, TagResult::Moved), [""; 0]);
}

#[tokio::test]
async fn of_two_digests_with_one_fingerprint_the_one_under_the_in_tag_wins() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let other = World::seeded("two");
    let theirs = other.bring(&[image("web", "one", &[])]).await.images[0].targets[0]
        .digest
        .clone()
        .expect("held");
    let manifest = other.registry.snapshot()[&key("web@prod")].manifests[&theirs].clone();
    let (registry, in_tag) = (world.registry.clone(), fingerprint_of(&plan, "web").tag());
    // Another run overwrites the mutable `in-` tag after we held our image.
    world
        .script
        .before(calls_of(Operation::AttachRecord), move || {
            registry.force(&key("web@prod"), &in_tag, manifest);
        });
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(
        world.registry.tag(&key("web@prod"), &tag("latest")),
        Some(theirs.clone())
    );
    assert_eq!(outcome.images[0].targets[0].digest, Some(theirs));
}

#[tokio::test]
async fn report_lists_images_tags_digests_and_failures() {
    let world = World::new();
    world.bring(&[image("api", "one", &["latest"])]).await;
    let plan = world
        .plan(&[
            image("api", "one", &["latest", "v1"]),
            image("web-ui", "two", &["v1"]),
        ])
        .await;
    let denied = RegistryError::Denied("ecr:PutImage".to_owned());
    world.script.fail_registry(
        |call| call.key == Some(key("web-ui@prod")) && call.tag == Some(tag("v1")),
        denied,
    );
    let outcome = world.apply(&plan).await.expect("fresh");
    let mut report: serde_json::Value = serde_json::from_str(&outcome.render_json()).expect("JSON");
    let seconds = report["images"][1]["build_seconds"].take();
    assert!(seconds.as_f64().is_some_and(|seconds| seconds >= 0.0));
    report["windlass_version"].take();
    insta::assert_snapshot!(
        "report",
        serde_json::to_string_pretty(&report).expect("JSON")
    );
    let digest = |index: usize| {
        outcome.images[index].targets[0]
            .digest
            .clone()
            .expect("held")
    };
    assert_eq!(
        outcome.render_dotenv(),
        format!(
            "API_IMAGE=prod.registry.test/api@{}\nWEB_UI_IMAGE=prod.registry.test/web-ui@{}\n",
            digest(0),
            digest(1)
        )
    );
    assert_ne!(digest(0), Digest::of(b""));
}

#[tokio::test(start_paused = true)]
async fn own_writes_that_are_seen_late_are_waited_for() {
    for late in ["latest", "in-"] {
        let world = World::new();
        let plan = world.plan(&[image("web", "one", &["latest"])]).await;
        let (registry, in_tag) = (world.registry.clone(), fingerprint_of(&plan, "web").tag());
        let hidden = if late == "latest" {
            tag("latest")
        } else {
            in_tag
        };
        // From the put on, the tag is not to be seen; after a while it is.
        let after = hidden.clone();
        let put = if late == "latest" {
            Operation::Images
        } else {
            Operation::AttachRecord
        };
        let armed = world.script.clone();
        world.script.before(
            puts_of(if late == "latest" {
                "latest"
            } else {
                hidden.as_str()
            }),
            move || {
                armed.before(calls_of(put), move || {
                    let digest = registry.tag(&key("web@prod"), &after).expect("it was put");
                    registry.edit(&key("web@prod"), |repository| {
                        drop(repository.tags.remove(&after));
                    });
                    tokio::spawn(async move {
                        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                        registry.edit(&key("web@prod"), |repository| {
                            drop(repository.tags.insert(after, digest));
                        });
                    });
                });
            },
        );
        let outcome = world.apply(&plan).await.expect("fresh");
        assert_eq!(
            outcome.status,
            Status::Applied,
            "{late}: {:?}",
            outcome.failures
        );
    }
}
