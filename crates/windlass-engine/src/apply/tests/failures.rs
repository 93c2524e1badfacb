//! What goes wrong while images are brought, and runs that are ended.

use std::sync::Arc;

use windlass_core::manifest::model::Encryption;
use windlass_core::plan::NewRepository;

use super::world::{
    World, calls_of, fingerprint_of, image, key, name, plain_repository, tag, tags_with,
};
use crate::apply::{ApplyOptions, Cancel};
use crate::fakes::{Operation, StopAt};
use crate::outcome::{Cause, Status, TagResult};
use crate::ports::{BuilderError, RegistryError};

fn keep_going() -> ApplyOptions {
    ApplyOptions {
        keep_going: true,
        ..ApplyOptions::new("/workspace")
    }
}

#[tokio::test]
async fn failed_build_moves_no_tag_and_ends_the_other_builds() {
    let world = World::new();
    let plan = world
        .plan(&[
            image("bad", "x", &["latest"]),
            image("good", "y", &["latest"]),
            image("slow", "z", &["latest"]),
        ])
        .await;
    world.builder.fail(&name("bad"));
    world.builder.hang(&name("slow"));
    let options = ApplyOptions {
        parallelism: 3,
        ..ApplyOptions::new("/workspace")
    };
    let outcome = world.apply_with(&plan, &options).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(tags_with(&outcome, TagResult::Moved), [""; 0]);
    assert_eq!(tags_with(&outcome, TagResult::Unmoved).len(), 3);
    assert_eq!(world.builder.ended(), [name("slow")]);
    let failure = &outcome.failures[0];
    assert_eq!(failure.image, Some(name("bad")));
    assert!(
        matches!(&failure.cause, Cause::Builder(BuilderError::Failed(step)) if step.exit_code == Some(1))
    );
    assert!(!outcome.is_transient());
    for place in ["bad@prod", "good@prod", "slow@prod"] {
        assert_eq!(world.registry.tag(&key(place), &tag("latest")), None);
    }
}

#[tokio::test]
async fn failure_before_anything_was_written_is_failed_and_transient_where_all_causes_are() {
    let world = World::new();
    world.bring(&[image("web", "one", &["latest"])]).await;
    let plan = world.plan(&[image("web", "two", &["latest"])]).await;
    let error = RegistryError::Transient("throttled".to_owned());
    world
        .script
        .fail_registry(calls_of(Operation::PushBlobs), error);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Failed);
    assert!(outcome.is_transient());
    let again = world.apply(&plan).await.expect("still fresh");
    assert_eq!(again.status, Status::Applied);
    assert!(
        !again.images[0].built,
        "the image of the first run is pushed"
    );
}

#[tokio::test]
async fn an_image_that_is_larger_than_it_may_be_gets_no_tag() {
    let world = World::new();
    let limited = |most: u64| {
        move |wanted: &mut windlass_core::desired::Desired| {
            for image in &mut wanted.images {
                if let windlass_core::desired::DesiredInputs::Settled(spec) = &mut image.inputs {
                    spec.max_bytes = Some(most);
                }
            }
        }
    };
    let images = [image("web", "one", &["latest"])];
    let plan = world.plan_edited(&images, limited(1)).await;
    let outcome = world.apply(&plan).await.expect("fresh");
    let bytes = match outcome.failures.as_slice() {
        [failure] => match failure.cause {
            Cause::TooLarge { bytes, most: 1 } => bytes,
            ref cause => panic!("{cause}"),
        },
        failures => panic!("{failures:?}"),
    };
    assert!(!outcome.is_transient());
    assert_eq!(world.registry.tag(&key("web@prod"), &tag("latest")), None);
    let fingerprint = plan.images[0].fingerprint().expect("it is known");
    assert_eq!(
        world.registry.tag(&key("web@prod"), &fingerprint.tag()),
        None,
        "nothing names it"
    );
    let plan = world.plan_edited(&images, limited(bytes)).await;
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
}

#[tokio::test]
async fn keep_going_moves_the_tags_of_images_that_are_complete_with_their_needs() {
    let images = || {
        [
            image("bad", "x", &["latest"]),
            image("good", "y", &["latest"]),
            image("child", "z", &["latest"]).needing(&["bad"]),
            image("grandchild", "z", &["latest"]).needing(&["child"]),
        ]
    };
    let world = World::new();
    let plan = world.plan(&images()).await;
    world.builder.fail(&name("bad"));
    let outcome = world.apply_with(&plan, &keep_going()).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(tags_with(&outcome, TagResult::Moved), ["good:latest"]);
    let failed: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        failed,
        [
            "image.bad: build: `[2/2] RUN false` failed with exit code 1",
            "image.child: build: it needs image.bad, which failed",
            "image.grandchild: build: it needs image.child, which failed",
        ]
    );
    world.builder.heal();
    let again = world
        .apply_with(&plan, &keep_going())
        .await
        .expect("half applied, not stale");
    assert_eq!(again.status, Status::Applied);
    assert!(world.is_settled(&images()).await);
}

#[tokio::test]
async fn keep_going_leaves_tags_of_an_image_whose_base_was_not_pushed() {
    let world = World::new();
    let plan = world
        .plan(&[
            image("base", "x", &["latest"]),
            image("child", "z", &["latest"]).needing(&["base"]),
        ])
        .await;
    let refused = RegistryError::Denied("ecr:PutImage".to_owned());
    world.script.fail_registry(
        |call| call.operation == Operation::PutManifest && call.key == Some(key("base@prod")),
        refused,
    );
    let outcome = world.apply_with(&plan, &keep_going()).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(tags_with(&outcome, TagResult::Moved), [""; 0]);
}

#[tokio::test]
async fn keep_going_leaves_tags_of_a_held_image_whose_base_failed_later() {
    let images = || {
        [
            image("base", "x", &["latest"]),
            image("child", "z", &["latest"]).needing(&["base"]),
        ]
    };
    let world = World::new();
    world.bring(&images()).await;
    world.registry.remove_repository(&key("base@prod"));
    world.registry.remove_repository(&key("child@prod"));
    let plan = world.plan(&images()).await;
    world.script.fail_registry(
        |call| call.operation == Operation::PutManifest && call.key == Some(key("base@prod")),
        RegistryError::Denied("ecr:PutImage".to_owned()),
    );
    let outcome = world.apply_with(&plan, &keep_going()).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert!(
        outcome.images[1].targets[0].digest.is_some(),
        "the child is held"
    );
    assert_eq!(tags_with(&outcome, TagResult::Moved), [""; 0]);
}

#[tokio::test]
async fn image_that_another_run_held_while_ours_was_built_is_adopted_without_a_push() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["v1"])]).await;
    let other = World::seeded("two");
    let theirs = other.bring(&[image("web", "one", &[])]).await.images[0].targets[0]
        .digest
        .clone();
    let theirs = theirs.expect("held");
    let manifest = other.registry.snapshot()[&key("web@prod")].manifests[&theirs].clone();
    let (registry, in_tag) = (world.registry.clone(), fingerprint_of(&plan, "web").tag());
    world.script.before(calls_of(Operation::Build), move || {
        registry.force(&key("web@prod"), &in_tag, manifest);
    });
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(world.script.count(Operation::PushBlobs), 0);
    assert_eq!(
        world.registry.tag(&key("web@prod"), &tag("v1")),
        Some(theirs)
    );
}

#[tokio::test]
async fn repository_that_somebody_made_meanwhile_is_compared_and_not_overwritten() {
    for (equal, status) in [(true, Status::Applied), (false, Status::Failed)] {
        let world = World::new();
        let plan = world.plan(&[image("web", "one", &["latest"])]).await;
        let registry = world.registry.clone();
        let encryption = if equal {
            Encryption::Aes256
        } else {
            Encryption::Kms(None)
        };
        let theirs = NewRepository {
            encryption,
            ..plain_repository()
        };
        world
            .script
            .before(calls_of(Operation::CreateRepository), move || {
                registry.add_repository(&key("web@prod"), &theirs);
            });
        let outcome = world.apply(&plan).await.expect("fresh");
        assert_eq!(outcome.status, status);
        assert_eq!(world.script.count(Operation::ChangeSetting), 0);
        assert_eq!(world.script.count(Operation::Build), usize::from(equal));
    }
}

#[tokio::test]
async fn failed_repository_stops_its_images_and_with_keep_going_no_others() {
    let world = World::new();
    let plan = world
        .plan(&[
            image("bad", "x", &["latest"]),
            image("good", "y", &["latest"]),
        ])
        .await;
    let refuse = || {
        world.script.fail_registry(
            |call| {
                call.operation == Operation::CreateRepository && call.key == Some(key("bad@prod"))
            },
            RegistryError::Denied("ecr:CreateRepository".to_owned()),
        );
    };
    refuse();
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(world.script.count(Operation::Build), 0);
    refuse();
    let outcome = world.apply_with(&plan, &keep_going()).await.expect("fresh");
    assert_eq!(tags_with(&outcome, TagResult::Moved), ["good:latest"]);
    assert_eq!(outcome.failures.len(), 2);
}

#[tokio::test]
async fn no_cache_builds_what_the_builder_holds_already() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let options = ApplyOptions {
        use_cache: false,
        ..ApplyOptions::new("/workspace")
    };
    let error = RegistryError::Transient("throttled".to_owned());
    world
        .script
        .fail_registry(calls_of(Operation::PushBlobs), error);
    world.apply_with(&plan, &options).await.expect("fresh");
    world.apply_with(&plan, &options).await.expect("fresh");
    assert_eq!(world.script.count(Operation::Build), 2);
    assert!(
        world
            .builder
            .requests()
            .iter()
            .all(|request| !request.use_cache)
    );
}

#[tokio::test]
async fn cancelled_apply_ends_its_builds_and_says_what_is_held() {
    let world = World::new();
    let plan = world
        .plan(&[
            image("done", "x", &["latest"]),
            image("slow", "z", &["latest"]),
        ])
        .await;
    world.builder.hang(&name("slow"));
    let (canceller, cancel) = Cancel::new();
    let canceller = Arc::new(canceller);
    let options = ApplyOptions {
        cancel,
        ..ApplyOptions::new("/workspace")
    };
    world
        .script
        .before(calls_of(Operation::AttachRecord), move || {
            canceller.cancel();
        });
    let outcome = world.apply_with(&plan, &options).await.expect("fresh");
    assert!(outcome.interrupted);
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(world.builder.ended(), [name("slow")]);
    assert!(outcome.images[0].targets[0].digest.is_some());
    assert_eq!(outcome.images[1].targets[0].digest, None);
    assert_eq!(
        tags_with(&outcome, TagResult::Unmoved),
        ["done:latest", "slow:latest"]
    );
}

#[tokio::test]
async fn dropped_apply_ends_its_builds() {
    let world = World::new();
    let plan = world.plan(&[image("slow", "z", &["latest"])]).await;
    world.builder.hang(&name("slow"));
    world.script.stop_at(StopAt::Before(usize::MAX));
    tokio::select! {
        biased;
        outcome = world.apply(&plan) => panic!("{outcome:?}"),
        () = async {
            while world.builder.requests().is_empty() {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    assert_eq!(world.builder.ended(), [name("slow")]);
}

#[tokio::test]
async fn images_that_need_each_other_fail_instead_of_waiting_for_ever() {
    let world = World::new();
    let mut plan = world
        .plan(&[
            image("base", "x", &["latest"]),
            image("child", "z", &["latest"]).needing(&["base"]),
        ])
        .await;
    let [base, child] = &mut plan.images[..] else {
        panic!("two images");
    };
    let (base, child) = (
        base.spec.as_mut().expect("inputs"),
        child.spec.as_mut().expect("inputs"),
    );
    base.needs.push(windlass_core::desired::NeededImage {
        as_name: "child".to_owned(),
        image: name("child"),
        fingerprint: child.fingerprint.clone(),
    });
    base.pins[0].to = windlass_core::desired::PinTo::Need {
        name: "child".to_owned(),
    };
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.failures.len(), 2);
    assert_eq!(world.script.count(Operation::Build), 0);
}
