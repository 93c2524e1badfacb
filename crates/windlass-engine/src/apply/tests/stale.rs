//! The check before the first write.

use std::collections::BTreeMap;

use windlass_core::diag::{Location, Source, Sourced};
use windlass_core::manifest::model::{Encryption, Settings};
use windlass_core::observed::Fact;
use windlass_core::plan::{ImageAction, NewRepository, Plan};

use super::world::{
    Story, World, calls_of, fingerprint_of, foreign, image, key, mutability, plain_repository, tag,
};
use crate::apply::{ApplyError, ApplyOptions, Cancel};
use crate::fakes::Operation;
use crate::outcome::Status;
use crate::ports::{BuilderError, RegistryError};

fn settings() -> Settings {
    let location = Location::new(&Source::new("windlass.kdl", ""), 0..0);
    Settings {
        create: true,
        tags: None,
        scan_on_push: Some(Sourced::new(false, location)),
        encryption: None,
        lifecycle: None,
        access: None,
        resource_tags: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
    }
}

/// Asserts that the plan is stale, names `what`, and that nothing was written.
async fn assert_stale(world: &World, plan: &Plan, what: &str) {
    let before = world.registry.snapshot();
    world.script.forget_calls();
    let error = world.apply(plan).await.expect_err("the plan is stale");
    let ApplyError::Stale { moved } = &error else {
        panic!("{error:?}");
    };
    assert!(moved.iter().any(|moved| moved.contains(what)), "{moved:?}");
    assert_eq!(world.registry.snapshot(), before);
    assert_eq!(world.script.writes(), 0);
    assert_eq!(world.script.count(Operation::Build), 0);
}

#[tokio::test]
async fn plan_is_stale_before_the_first_write_when_a_wanted_tag_moved() {
    let world = World::new();
    world.bring(&[image("web", "one", &["latest"])]).await;
    let plan = world.plan(&[image("web", "two", &["latest"])]).await;
    world
        .registry
        .force(&key("web@prod"), &tag("latest"), foreign("somebody"));
    assert_stale(&world, &plan, "image.web:latest").await;
}

#[tokio::test]
async fn plan_is_stale_when_a_wanted_tag_appeared_or_went_away() {
    let world = World::new();
    world.bring(&[image("web", "one", &["latest"])]).await;
    let plan = world.plan(&[image("web", "one", &["latest", "v1"])]).await;
    world
        .registry
        .force(&key("web@prod"), &tag("v1"), foreign("somebody"));
    assert_stale(&world, &plan, "image.web:v1").await;
    world.registry.edit(&key("web@prod"), |repository| {
        repository.tags.remove(&tag("v1"));
        repository.tags.remove(&tag("latest"));
    });
    assert_stale(&world, &plan, "image.web:latest").await;
}

#[tokio::test]
async fn plan_is_stale_when_the_held_image_is_gone() {
    let world = World::new();
    world.bring(&[image("web", "one", &[])]).await;
    let plan = world.plan(&[image("web", "one", &["v1"])]).await;
    assert_eq!(plan.images[0].action, ImageAction::Retag);
    world
        .registry
        .edit(&key("web@prod"), |repository| repository.tags.clear());
    assert_stale(&world, &plan, "is not there now").await;
}

#[tokio::test]
async fn plan_is_stale_when_a_setting_changed_or_the_repository_is_gone() {
    let world = World::new();
    world
        .registry
        .add_repository(&key("web@prod"), &plain_repository());
    let plan = world
        .plan_with(&[image("web", "one", &[])], &settings())
        .await;
    world.registry.edit(&key("web@prod"), |repository| {
        let tags = BTreeMap::from([("team".to_owned(), "b".to_owned())]);
        repository.facts.resource_tags = Some(Fact::Known(tags));
    });
    assert_stale(&world, &plan, "resource-tag team").await;
    world.registry.edit(&key("web@prod"), |repository| {
        repository.facts.tags = mutability(false);
    });
    assert_stale(&world, &plan, "tags is").await;
    world.registry.remove_repository(&key("web@prod"));
    assert_stale(&world, &plan, "not there any more").await;
}

#[tokio::test]
async fn plan_is_stale_when_somebody_made_the_repository_otherwise() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let other = NewRepository {
        encryption: Encryption::Kms(None),
        ..plain_repository()
    };
    world.registry.add_repository(&key("web@prod"), &other);
    assert_stale(&world, &plan, "encryption").await;
}

#[tokio::test]
async fn plan_is_stale_when_the_builder_lost_the_image_to_push() {
    let world = World::new();
    world.bring(&[image("web", "one", &["latest"])]).await;
    world.registry.remove_repository(&key("web@prod"));
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    assert_eq!(plan.images[0].action, ImageAction::Push);
    world.builder.remove_images();
    assert_stale(&world, &plan, "the builder does not hold it").await;
}

#[tokio::test]
async fn applied_plan_says_already_applied_and_writes_nothing() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let first = world.apply(&plan).await.expect("fresh");
    assert_eq!(first.status, Status::Applied);
    world.script.forget_calls();
    let again = world.apply(&plan).await.expect("done");
    assert_eq!(again.status, Status::AlreadyApplied);
    assert_eq!(
        again.images[0].targets[0].digest,
        first.images[0].targets[0].digest
    );
    assert_eq!(world.script.writes(), 0);
    assert_eq!(world.script.count(Operation::Describe), 0);
}

#[tokio::test]
async fn plan_without_changes_asks_nobody() {
    let world = World::new();
    world.bring(&[image("web", "one", &["latest"])]).await;
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let outcome = world.apply(&plan).await.expect("nothing to do");
    assert_eq!(outcome.status, Status::AlreadyApplied);
    assert_eq!(world.script.calls(), []);
}

#[tokio::test]
async fn blocked_plan_is_refused_before_any_call() {
    let world = World::new();
    let immutable = NewRepository {
        tags: mutability(false),
        ..plain_repository()
    };
    world.registry.add_repository(&key("web@prod"), &immutable);
    world
        .registry
        .force(&key("web@prod"), &tag("v1"), foreign("somebody"));
    let plan = world.plan(&[image("web", "one", &["v1"])]).await;
    let error = world.apply(&plan).await.expect_err("blocked");
    assert_eq!(
        error,
        ApplyError::NotApplicable(vec!["image.web is blocked".to_owned()])
    );
    assert_eq!(world.script.calls(), []);
}

#[tokio::test]
async fn unread_tag_is_never_taken_for_absent() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let error = RegistryError::Transient("try later".to_owned());
    world
        .script
        .fail_registry(calls_of(Operation::Images), error);
    let error = world.apply(&plan).await.expect_err("not read");
    let ApplyError::NotRead { what, passing } = error else {
        panic!("{error:?}");
    };
    assert!(passing, "it was only throttled");
    assert_eq!(
        what,
        ["image.web:latest in repository.web@prod and 1 more: try later"],
        "one cause is said once"
    );
    assert_eq!(world.script.writes(), 0);
}

#[tokio::test]
async fn no_builder_or_no_credentials_stop_before_the_first_write() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let silent = BuilderError::Unreachable("start Docker".to_owned());
    world
        .script
        .fail_builder(calls_of(Operation::Describe), silent.clone());
    assert_eq!(world.apply(&plan).await, Err(ApplyError::Builder(silent)));
    let expired = RegistryError::Credentials("the token has expired".to_owned());
    world
        .script
        .fail_registry(calls_of(Operation::CallerAccount), expired.clone());
    let error = world.apply(&plan).await.expect_err("no credentials");
    let registry = key("web@prod").registry;
    assert_eq!(
        error,
        ApplyError::Registry {
            registry,
            error: expired
        }
    );
    assert_eq!(world.script.writes(), 0);
}

#[tokio::test]
async fn retag_needs_no_builder() {
    let world = World::new();
    world.bring(&[image("web", "one", &["v1"])]).await;
    let plan = world.plan(&[image("web", "one", &["v1", "v2"])]).await;
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    for operation in [
        Operation::Describe,
        Operation::Build,
        Operation::Open,
        Operation::PushBlobs,
    ] {
        assert_eq!(world.script.count(operation), 0, "{operation:?}");
    }
}

#[tokio::test]
async fn cancelled_apply_ends_before_the_first_write() {
    let world = World::new();
    let plan = world.plan(&[image("web", "one", &["latest"])]).await;
    let (canceller, cancel) = Cancel::new();
    canceller.cancel();
    let options = ApplyOptions {
        cancel,
        ..ApplyOptions::new("/workspace")
    };
    assert_eq!(
        world.apply_with(&plan, &options).await,
        Err(ApplyError::Interrupted)
    );
    assert_eq!(world.script.writes(), 0);
}

/// The law: apply against any other world writes nothing.
#[tokio::test]
async fn apply_against_any_other_world_writes_nothing() {
    let before = || {
        [
            image("api", "one", &["latest"]),
            image("web", "one", &["latest", "v1"]),
        ]
    };
    let after = || -> [Story; 3] {
        [
            image("api", "two", &["latest"]),
            image("new", "one", &["latest"]),
            image("web", "one", &["latest", "v2"]),
        ]
    };
    let others: [fn(&World, &Plan); 8] = [
        |world, _| {
            drop(
                world
                    .registry
                    .force(&key("api@prod"), &tag("latest"), foreign("x")),
            );
        },
        |world, _| {
            drop(
                world
                    .registry
                    .force(&key("web@prod"), &tag("latest"), foreign("x")),
            );
        },
        |world, _| {
            drop(
                world
                    .registry
                    .force(&key("web@prod"), &tag("v2"), foreign("x")),
            );
        },
        |world, plan| {
            let taken = fingerprint_of(plan, "api").tag();
            world.registry.force(&key("api@prod"), &taken, foreign("x"));
        },
        |world, _| world.registry.remove_repository(&key("api@prod")),
        |world, _| {
            world
                .registry
                .edit(&key("web@prod"), |one| one.tags.clear());
        },
        |world, _| {
            world
                .registry
                .edit(&key("web@prod"), |one| one.facts.tags = mutability(false));
        },
        |world, _| {
            let other = NewRepository {
                scan_on_push: false,
                ..plain_repository()
            };
            world.registry.add_repository(&key("new@prod"), &other);
        },
    ];
    for (number, change) in others.into_iter().enumerate() {
        let world = World::new();
        world.bring(&before()).await;
        let plan = world.plan(&after()).await;
        change(&world, &plan);
        let held = world.registry.snapshot();
        world.script.forget_calls();
        let error = world.apply(&plan).await.expect_err("another world");
        assert!(
            matches!(error, ApplyError::Stale { .. }),
            "{number}: {error:?}"
        );
        assert_eq!(world.registry.snapshot(), held, "{number}");
        assert_eq!(world.script.writes(), 0, "{number}");
    }
}
