//! Lifecycle policies when the clock moves, and their preview.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_ecr_local::{Clock, Config, FixedClock};

use crate::support::{Bed, digest, quiet};

const DAY: Duration = Duration::from_hours(24);

async fn bed() -> (Bed, FixedClock) {
    let clock = FixedClock::at(1_800_000_000);
    let bed = Bed::start(Config {
        clock: Clock::Fixed(clock.clone()),
        ..quiet()
    })
    .await;
    bed.create("app").await;
    (bed, clock)
}

fn policy(action: &Value) -> String {
    json!({ "rules": [{
        "rulePriority": 1,
        "description": "old inputs",
        "selection": {
            "tagStatus": "tagged", "tagPatternList": ["in-*"],
            "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 3,
        },
        "action": action,
    }]})
    .to_string()
}

async fn put_policy(bed: &Bed, action: Value) {
    let text = policy(&action);
    bed.ok(
        "PutLifecyclePolicy",
        json!({ "repositoryName": "app", "lifecyclePolicyText": text }),
    )
    .await;
}

#[tokio::test]
async fn old_images_expire_with_all_their_tags_within_a_day() {
    let (bed, clock) = bed().await;
    let text = bed.manifest("app", "one").await;
    bed.put("app", &text, Some("in-1")).await.unwrap();
    put_policy(&bed, json!({ "type": "expire" })).await;
    clock.advance(2 * DAY);
    bed.put("app", &text, Some("1.0")).await.unwrap();
    assert_eq!(bed.listed("app", json!({})).await, ["1.0", "in-1"]);
    clock.advance(2 * DAY);
    assert!(bed.listed("app", json!({})).await.is_empty());
    let layers = json!({ "repositoryName": "app", "layerDigests": [digest(b"layer one")] });
    let layers = bed.ok("BatchCheckLayerAvailability", layers).await;
    assert_eq!(layers["layers"][0]["layerAvailability"], "UNAVAILABLE");
    let read = bed
        .ok("GetLifecyclePolicy", json!({ "repositoryName": "app" }))
        .await;
    assert_eq!(read["lastEvaluatedAt"], 1_800_345_600.0);
}

#[tokio::test]
async fn a_transition_archives() {
    let (bed, clock) = bed().await;
    bed.push("app", "one", "in-1").await;
    put_policy(
        &bed,
        json!({ "type": "transition", "targetStorageClass": "archive" }),
    )
    .await;
    clock.advance(4 * DAY);
    assert!(bed.listed("app", json!({})).await.is_empty());
    assert_eq!(
        bed.listed("app", json!({ "imageStatus": "ARCHIVED" }))
            .await,
        ["in-1"]
    );
}

#[tokio::test]
async fn a_preview_is_in_progress_first_and_changes_nothing() {
    let (bed, clock) = bed().await;
    bed.push("app", "one", "in-1").await;
    clock.advance(4 * DAY);
    let target = json!({ "repositoryName": "app" });
    assert_eq!(
        bed.code("GetLifecyclePolicyPreview", target.clone()).await,
        "LifecyclePolicyPreviewNotFoundException"
    );
    assert_eq!(
        bed.code("StartLifecyclePolicyPreview", target.clone())
            .await,
        "LifecyclePolicyNotFoundException"
    );
    let start = json!({ "repositoryName": "app", "lifecyclePolicyText": policy(&json!({ "type": "expire" })) });
    assert_eq!(
        bed.ok("StartLifecyclePolicyPreview", start.clone()).await["status"],
        "IN_PROGRESS"
    );
    assert_eq!(
        bed.code("StartLifecyclePolicyPreview", start).await,
        "LifecyclePolicyPreviewInProgressException"
    );
    let mut preview = bed.ok("GetLifecyclePolicyPreview", target.clone()).await;
    while preview["status"] == "IN_PROGRESS" {
        tokio::task::yield_now().await;
        preview = bed.ok("GetLifecyclePolicyPreview", target.clone()).await;
    }
    assert_eq!(preview["status"], "COMPLETE");
    assert_eq!(preview["previewResults"][0]["imageTags"], json!(["in-1"]));
    assert_eq!(preview["summary"]["expiringImageTotalCount"], 1);
    assert_eq!(bed.listed("app", json!({})).await, ["in-1"]);
}
