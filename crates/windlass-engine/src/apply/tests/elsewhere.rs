//! Images that are somewhere already: in the archive, or in another repository.

use windlass_core::plan::{ImageAction, Plan};

use super::world::{World, calls_of, fingerprint_of, image, key, tag};
use crate::fakes::Operation;
use crate::outcome::{Cause, Status};
use crate::ports::RegistryError;

fn action(plan: &Plan, name: &str) -> ImageAction {
    let found = plan.images.iter().find(|it| it.name.as_str() == name);
    found.expect("the image is planned").action
}

#[tokio::test]
async fn archived_image_is_restored_and_nothing_is_built() {
    let world = World::new();
    let web = || image("web", "one", &["latest", "v1"]);
    world.bring(&[web()]).await;
    let held = world.registry.tag(&key("web@prod"), &tag("latest"));
    let digest = held.clone().expect("it was pushed");
    world
        .registry
        .edit(&key("web@prod"), |it| it.archived.extend([digest]));
    let plan = world.plan(&[web()]).await;
    assert_eq!(action(&plan, "web"), ImageAction::Restore);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(world.script.count(Operation::RestoreImage), 1);
    assert_eq!(world.script.count(Operation::Build), 0);
    assert_eq!(world.script.count(Operation::PutManifest), 0);
    assert_eq!(world.registry.tag(&key("web@prod"), &tag("latest")), held);
    assert!(world.is_settled(&[web()]).await);
}

#[tokio::test]
async fn archived_image_that_turns_out_to_be_another_moves_no_tag() {
    let world = World::new();
    world.bring(&[image("web", "one", &["latest"])]).await;
    let wanted = || image("web", "two", &["latest"]);
    let plan = world.plan(&[wanted()]).await;
    let in_tag = fingerprint_of(&plan, "web").tag();
    let before = world.registry.tag(&key("web@prod"), &tag("latest"));
    // Somebody put the image of other inputs under the `in-` tag, and it went to the archive.
    world.registry.edit(&key("web@prod"), |repository| {
        let digest = repository.tags[&tag("latest")].clone();
        repository.tags.insert(in_tag, digest.clone());
        repository.archived.insert(digest);
    });
    let plan = world.plan(&[wanted()]).await;
    assert_eq!(action(&plan, "web"), ImageAction::Restore);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert!(
        matches!(
            &outcome.failures[0].cause,
            Cause::Registry(RegistryError::Changed(_))
        ),
        "{:?}",
        outcome.failures
    );
    assert_eq!(world.registry.tag(&key("web@prod"), &tag("latest")), before);
}

#[tokio::test]
async fn image_that_one_target_holds_is_copied_to_the_other_with_its_record() {
    let world = World::new();
    world.bring(&[image("web", "one", &["v1"])]).await;
    let both =
        || image("web", "one", &[]).at(&[("web@backup", &["v1", "latest"]), ("web@prod", &["v1"])]);
    let plan = world.plan(&[both()]).await;
    assert_eq!(action(&plan, "web"), ImageAction::Copy);
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(world.script.count(Operation::Build), 0);
    assert_eq!(world.script.count(Operation::PushBlobs), 0);
    let (prod, backup) = (key("web@prod"), key("web@backup"));
    let digest = world.registry.tag(&prod, &tag("v1"));
    assert_eq!(world.registry.tag(&backup, &tag("latest")), digest);
    let snapshot = world.registry.snapshot();
    let digest = digest.expect("it is there");
    assert_eq!(
        snapshot[&backup].manifests[&digest], snapshot[&prod].manifests[&digest],
        "byte for byte"
    );
    assert_eq!(snapshot[&backup].records[&digest].len(), 1);
    assert!(world.is_settled(&[both()]).await);
}

#[tokio::test]
async fn copy_whose_blobs_were_cleaned_up_is_made_again() {
    let world = World::new();
    world.bring(&[image("web", "one", &["v1"])]).await;
    let both = || image("web", "one", &[]).at(&[("web@backup", &["v1"]), ("web@prod", &["v1"])]);
    let plan = world.plan(&[both()]).await;
    world.script.fail_registry(
        calls_of(Operation::PutManifest),
        RegistryError::NotFound("layers are gone".to_owned()),
    );
    let outcome = world.apply(&plan).await.expect("fresh");
    assert_eq!(outcome.status, Status::Applied);
    assert_eq!(world.script.count(Operation::CopyImage), 2);
}
