//! Registries of several regions, of which ECR copies the first one's images to the others.

use std::time::Duration;

use windlass_core::desired::Desired;
use windlass_core::diag::{Location, Source};
use windlass_core::manifest::model::{Endpoint, Registry};
use windlass_core::name::RegistryName;
use windlass_core::observed::ReplicationRule;
use windlass_core::plan::{ImageAction, Plan, Reason};

use super::world::{Story, World, fingerprint_of, image, key, plain_repository, tag};
use crate::fakes::Operation;
use crate::outcome::{Cause, Status, TagResult};
use crate::ports::RegistryError;

const FIRST: &str = "web@prod/eu-west-1";
const SECOND: &str = "web@prod/eu-west-3";

fn registry(region: &str, replicated_from: Option<&str>) -> Registry {
    let name = |region: &str| RegistryName::new(format!("prod/{region}")).expect("a registry name");
    Registry {
        name: name(region),
        account: "000000000000".to_owned(),
        region: region.to_owned(),
        role: None,
        profile: None,
        endpoint: Endpoint::default(),
        replicated_from: replicated_from.map(name),
        location: Location::new(&Source::new("windlass.kdl", ""), 0..0),
    }
}

fn replicated(desired: &mut Desired) {
    desired.registries = vec![
        registry("eu-west-1", None),
        registry("eu-west-3", Some("eu-west-1")),
    ];
}

fn web() -> Story {
    image("web", "one", &[]).at(&[(FIRST, &["v1"]), (SECOND, &["v1"])])
}

/// A world with both repositories, and a rule that copies those that begin with `prefix`.
fn world(prefix: &str) -> World {
    let world = World::new();
    for place in [FIRST, SECOND] {
        world
            .registry
            .add_repository(&key(place), &plain_repository());
    }
    let rule = ReplicationRule {
        account: "000000000000".to_owned(),
        region: "eu-west-3".to_owned(),
        prefixes: vec![prefix.to_owned()],
    };
    world
        .registry
        .set_replication(&key(FIRST).registry, vec![rule]);
    world
}

fn actions(plan: &Plan) -> Vec<ImageAction> {
    plan.images[0].targets.iter().map(|it| it.action).collect()
}

/// Does what ECR does, some time later.
async fn replicate_after(world: &World, time: Duration) {
    tokio::time::sleep(time).await;
    let first = world.registry.snapshot()[&key(FIRST)].clone();
    world.registry.edit(&key(SECOND), |second| {
        second.blobs.extend(first.blobs);
        second.manifests.extend(first.manifests);
        second.tags.extend(first.tags);
    });
}

#[tokio::test(start_paused = true)]
async fn what_this_run_pushed_is_waited_for_and_is_not_pushed_again() {
    let world = world("we");
    let plan = world.plan_edited(&[web()], replicated).await;
    assert_eq!(actions(&plan), [ImageAction::Build, ImageAction::Build]);
    let copied = Duration::from_secs(100);
    let (outcome, ()) = tokio::join!(world.apply(&plan), replicate_after(&world, copied));
    assert_eq!(outcome.expect("fresh").status, Status::Applied);
    assert_eq!(world.script.count(Operation::PushBlobs), 1);
    assert_eq!(world.script.count(Operation::CopyImage), 0);
    let digest = world.registry.tag(&key(FIRST), &tag("v1"));
    assert!(digest.is_some());
    assert_eq!(world.registry.tag(&key(SECOND), &tag("v1")), digest);
    let again = world.plan_edited(&[web()], replicated).await;
    assert!(!again.has_changes());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_copied_in_time_moves_no_tag_and_the_next_apply_copies_it() {
    let world = world("web");
    let plan = world.plan_edited(&[web()], replicated).await;
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Partial);
    assert!(
        matches!(
            &outcome.failures[0].cause,
            Cause::Registry(RegistryError::Transient(_))
        ),
        "{:?}",
        outcome.failures
    );
    assert_eq!(outcome.tags_with(TagResult::Unmoved).count(), 2);
    let in_tag = fingerprint_of(&plan, "web").tag();
    assert!(world.registry.tag(&key(FIRST), &in_tag).is_some());
    // What was pushed by an earlier run is not waited for, neither by the same plan nor by another one.
    let outcome = world.apply(&plan).await.expect("still fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(world.script.count(Operation::CopyImage), 1);
    let again = world.plan_edited(&[web()], replicated).await;
    assert!(!again.has_changes());
}

#[tokio::test]
async fn what_was_pushed_before_is_copied() {
    let world = world("web");
    let first_only = || image("web", "one", &[]).at(&[(FIRST, &["v1"])]);
    world.bring(&[first_only()]).await;
    let plan = world.plan_edited(&[web()], replicated).await;
    assert_eq!(actions(&plan), [ImageAction::None, ImageAction::Copy]);
    assert_eq!(world.script.count(Operation::ReplicationRules), 0);
}

#[tokio::test]
async fn where_no_rule_copies_the_repository_nothing_is_built() {
    let world = world("other/");
    let plan = world.plan_edited(&[web()], replicated).await;
    assert_eq!(plan.images[0].action, ImageAction::Blocked);
    let said = |reason: &Reason| matches!(reason, Reason::NotReplicated { .. });
    assert!(plan.images[0].reasons.iter().any(said));
    assert!(!plan.is_applicable());
}

#[tokio::test(start_paused = true)]
async fn rules_that_cannot_be_read_are_a_note_and_the_copy_is_waited_for() {
    let world = world("web");
    world.script.fail_registry(
        |call| call.operation == Operation::ReplicationRules,
        RegistryError::Other("not allowed".to_owned()),
    );
    let plan = world.plan_edited(&[web()], replicated).await;
    assert!(plan.is_applicable());
    assert!(
        plan.notes.iter().any(|note| note.contains("not allowed")),
        "{:?}",
        plan.notes
    );
    assert!(plan.images[0].targets[1].replicated_from.is_some());
}
