//! Repositories that the manifest gives up.

use windlass_core::desired::Desired;
use windlass_core::diag::{Location, Source, Sourced};
use windlass_core::manifest::model::{Endpoint, Moved, Registry, Removed};
use windlass_core::name::{RegistryName, RepositoryName, Tag};
use windlass_core::plan::{ImageAction, RepositoryAction};

use super::world::{World, foreign, image, key, plain_repository, tag};
use crate::apply::ApplyError;
use crate::fakes::Operation;
use crate::outcome::Status;

fn at<T>(value: T) -> Sourced<T> {
    Sourced::new(value, location())
}

fn location() -> Location {
    Location::new(&Source::new("windlass.kdl", ""), 0..0)
}

fn name(text: &str) -> RepositoryName {
    RepositoryName::new(text).expect("a repository name")
}

fn with_registry(desired: &mut Desired) {
    desired.registries = vec![Registry {
        name: RegistryName::new("prod").expect("a registry name"),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        role: None,
        profile: None,
        endpoint: Endpoint::default(),
        replicated_from: None,
        location: location(),
    }];
}

fn gives_up(desired: &mut Desired) {
    with_registry(desired);
    desired.removed = vec![Removed {
        repository: at(name("legacy")),
        delete_images: true,
        location: location(),
    }];
}

fn legacy(world: &World, images: usize) {
    world
        .registry
        .add_repository(&key("legacy@prod"), &plain_repository());
    for number in 0..images {
        let under = Tag::new(format!("v{number}")).expect("a tag");
        let manifest = foreign(&format!("old {number}"));
        world.registry.force(&key("legacy@prod"), &under, manifest);
    }
}

#[tokio::test]
async fn repository_that_is_given_up_is_deleted_last() {
    let world = World::new();
    legacy(&world, 3);
    let web = || image("web", "one", &["latest"]);
    let plan = world.plan_edited(&[web()], gives_up).await;
    let step = plan
        .repositories
        .iter()
        .find(|it| it.action == RepositoryAction::Delete)
        .expect("a deletion");
    assert_eq!(step.delete, Some(3));
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    let calls = world.script.calls();
    let last_write = calls.iter().rfind(|call| call.operation.is_write());
    assert_eq!(
        last_write.map(|call| call.operation),
        Some(Operation::DeleteRepository)
    );
    assert!(!world.registry.snapshot().contains_key(&key("legacy@prod")));
    let again = world.apply(&plan).await.expect("done");
    assert_eq!(again.status, Status::AlreadyApplied);
    let plan = world.plan_edited(&[web()], gives_up).await;
    assert!(!plan.has_changes());
}

#[tokio::test]
async fn repository_with_another_number_of_images_than_planned_is_left_alone() {
    let world = World::new();
    legacy(&world, 2);
    let plan = world
        .plan_edited(&[image("web", "one", &["latest"])], gives_up)
        .await;
    world
        .registry
        .force(&key("legacy@prod"), &tag("new"), foreign("a new one"));
    let error = world.apply(&plan).await.expect_err("stale");
    assert!(
        matches!(&error, ApplyError::Stale { moved } if moved.iter().any(|it| it.contains("it holds 3 images now, the plan listed 2"))),
        "{error:?}"
    );
    assert_eq!(world.script.writes(), 0);
}

#[tokio::test]
async fn image_of_a_renamed_repository_is_copied() {
    let world = World::new();
    let old = || image("web", "one", &[]).at(&[("old@prod", &["latest"])]);
    world.bring(&[old()]).await;
    let new = || image("web", "one", &["latest"]);
    let plan = world
        .plan_edited(&[new()], |desired| {
            with_registry(desired);
            desired.moved = vec![Moved {
                from: at(name("old")),
                to: at(name("web")),
                location: location(),
            }];
        })
        .await;
    assert_eq!(plan.images[0].action, ImageAction::Copy);
    world.apply(&plan).await.expect("fresh");
    assert_eq!(world.script.count(Operation::Build), 0);
    let digest = world.registry.tag(&key("old@prod"), &tag("latest"));
    assert_eq!(world.registry.tag(&key("web@prod"), &tag("latest")), digest);
}
