//! A run that is killed anywhere, and runs at once.

use windlass_core::plan::Plan;

use super::world::{Story, World, held, image};
use crate::apply::ApplyOptions;
use crate::fakes::StopAt;
use crate::outcome::{Outcome, Status};

fn before() -> [Story; 2] {
    [
        image("api", "one", &["latest"]),
        image("web", "one", &["latest", "v1"]),
    ]
}

/// A build, a build on top of it, a retag, a new repository, a second place.
fn after() -> [Story; 4] {
    [
        image("base", "os", &["latest"]),
        image("api", "two", &["latest"]).needing(&["base"]),
        image("both", "both", &[]).at(&[("both@backup", &["v1"]), ("both@prod", &["v1"])]),
        image("web", "one", &["latest", "v2"]),
    ]
}

async fn started() -> (World, Plan) {
    let world = World::new();
    world.bring(&before()).await;
    let plan = world.plan(&after()).await;
    world.script.resume();
    (world, plan)
}

/// Applies until the world stops; says whether it got to its end.
async fn apply_until_stopped(world: &World, plan: &Plan) -> Option<Outcome> {
    let options = ApplyOptions {
        parallelism: 2,
        ..ApplyOptions::new("/workspace")
    };
    tokio::select! {
        biased;
        outcome = world.apply_with(plan, &options) => Some(outcome.expect("the plan is fresh")),
        () = world.script.stopped() => None,
    }
}

#[tokio::test]
async fn killed_at_any_call_and_run_again_it_ends_like_an_uninterrupted_run() {
    let (world, plan) = started().await;
    world.apply(&plan).await.expect("fresh");
    let (calls, wanted) = (world.script.calls().len(), world.registry.snapshot());
    assert!(calls > 40, "{calls} calls");
    for stop in 1..=calls {
        for stop in [StopAt::Before(stop), StopAt::After(stop)] {
            let (world, plan) = started().await;
            world.script.stop_at(stop);
            let ended = apply_until_stopped(&world, &plan).await;
            world.script.resume();
            let again = world
                .apply(&plan)
                .await
                .unwrap_or_else(|error| panic!("{stop:?}: {error}"));
            let wanted_status = if ended.is_some() {
                Status::AlreadyApplied
            } else {
                again.status
            };
            assert_eq!(again.status, wanted_status, "{stop:?}");
            assert!(
                matches!(again.status, Status::Applied | Status::AlreadyApplied),
                "{stop:?}: {again:?}"
            );
            // Records included: one that a kill prevented is made up for.
            assert_eq!(world.registry.snapshot(), wanted, "{stop:?}");
            assert!(world.is_settled(&after()).await, "{stop:?}");
        }
    }
}

#[tokio::test]
async fn killed_at_any_call_no_wanted_tag_holds_a_wrong_image() {
    let (world, plan) = started().await;
    let old = held(&world.registry);
    world.apply(&plan).await.expect("fresh");
    let (calls, new) = (world.script.calls().len(), held(&world.registry));
    for stop in 1..=calls {
        let (world, plan) = started().await;
        world.script.stop_at(StopAt::After(stop));
        apply_until_stopped(&world, &plan).await;
        for (tag, fingerprint) in held(&world.registry).iter() {
            let right = old.get(tag) == Some(fingerprint) || new.get(tag) == Some(fingerprint);
            assert!(right, "after call {stop}, {tag} holds {fingerprint:?}");
        }
    }
}

#[tokio::test]
async fn two_runs_of_one_plan_at_once_end_in_the_same_state() {
    let (world, plan) = started().await;
    world.apply(&plan).await.expect("fresh");
    let wanted = held(&world.registry);
    // The second run begins after every possible number of calls of the first; its builder makes other bytes.
    for head_start in 0..60 {
        let (first, plan) = started().await;
        let second = first.other_builder("two");
        let late = async {
            wait_for_calls(&first, head_start).await;
            second.apply(&plan).await
        };
        let (one, two) = tokio::join!(first.apply(&plan), late);
        for outcome in [one.expect("fresh"), two.expect("half applied at most")] {
            let done = matches!(outcome.status, Status::Applied | Status::AlreadyApplied);
            assert!(done, "{head_start}: {outcome:?}");
        }
        assert_eq!(held(&first.registry), wanted, "{head_start}");
        assert!(first.is_settled(&after()).await, "{head_start}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_different_plans_at_once_one_is_refused_or_says_so() {
    for head_start in 0..40 {
        let (first, _) = started().await;
        let second = first.other_builder("two");
        let one = first.plan(&[image("api", "three", &["latest"])]).await;
        let two = first.plan(&[image("api", "four", &["latest"])]).await;
        let late = async {
            wait_for_calls(&first, head_start).await;
            second.apply(&two).await
        };
        let (one, two) = tokio::join!(first.apply(&one), late);
        let outcomes = [&one, &two];
        let applied = outcomes.iter().filter(|outcome| {
            outcome
                .as_ref()
                .is_ok_and(|outcome| outcome.status == Status::Applied)
        });
        assert!(applied.count() <= 1, "{head_start}: {one:?} {two:?}");
    }
}

/// Waits for that many calls, or until nothing more happens.
async fn wait_for_calls(world: &World, wanted: usize) {
    for _ in 0..5_000 {
        if world.script.calls().len() >= wanted {
            return;
        }
        tokio::task::yield_now().await;
    }
}
