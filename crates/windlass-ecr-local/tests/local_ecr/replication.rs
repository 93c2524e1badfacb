//! Replication between the regions of an account.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use windlass_ecr_local::{Config, Quirks};

use crate::support::{ACCOUNT, Bed, call, index, quiet};

const OTHER_REGION: &str = "eu-west-3";

async fn replicating(config: Config) -> (Bed, SocketAddr) {
    let bed = Bed::start(config).await;
    let rule = json!({
        "destinations": [{ "region": OTHER_REGION, "registryId": ACCOUNT }],
        "repositoryFilters": [{ "filter": "shop/", "filterType": "PREFIX_MATCH" }],
    });
    bed.ok(
        "PutReplicationConfiguration",
        json!({ "replicationConfiguration": { "rules": [rule] } }),
    )
    .await;
    let other = bed.ecr.address(ACCOUNT, OTHER_REGION).await;
    let other = other.expect("an address");
    (bed, other)
}

async fn listed(address: SocketAddr, repository: &str) -> Result<Vec<String>, String> {
    let request = json!({ "repositoryName": repository });
    let answer = call(address, ACCOUNT, "ListImages", request).await?;
    let ids = answer["imageIds"].as_array().expect("ids");
    let tag = |id: &Value| id["imageTag"].as_str().unwrap_or("-").to_owned();
    let mut tags: Vec<String> = ids.iter().map(tag).collect();
    tags.sort();
    Ok(tags)
}

#[tokio::test]
async fn what_is_pushed_is_copied_with_tags_layers_and_children() {
    let (bed, other) = replicating(quiet()).await;
    bed.create("shop/api").await;
    let child = bed.push("shop/api", "one", "1").await;
    bed.put("shop/api", &index(&[&child]), Some("all"))
        .await
        .unwrap();
    assert_eq!(listed(other, "shop/api").await.unwrap(), ["1", "all"]);
    // The copy can be pulled there.
    let layers = json!({ "repositoryName": "shop/api", "layerDigests": [crate::support::digest(b"layer one")] });
    let layers = call(other, ACCOUNT, "BatchCheckLayerAvailability", layers).await;
    assert_eq!(
        layers.unwrap()["layers"][0]["layerAvailability"],
        "AVAILABLE"
    );
}

#[tokio::test]
async fn what_no_rule_names_stays_where_it_is() {
    let (bed, other) = replicating(quiet()).await;
    bed.create("app").await;
    bed.push("app", "one", "1").await;
    let refused = listed(other, "app").await.unwrap_err();
    assert!(refused.starts_with("RepositoryNotFound"), "{refused}");
}

#[tokio::test]
async fn a_copy_takes_its_time_and_has_a_status() {
    let (bed, other) = replicating(Config {
        quirks: Quirks {
            replication_delay: Duration::from_millis(300),
            ..Quirks::all_but_timing()
        },
        ..Config::default()
    })
    .await;
    bed.create("shop/api").await;
    let digest = bed.push("shop/api", "one", "1").await;
    let request = json!({ "repositoryName": "shop/api", "imageId": { "imageDigest": digest } });
    let status = async || {
        let answer = bed
            .ok("DescribeImageReplicationStatus", request.clone())
            .await;
        answer["replicationStatuses"][0]["status"].clone()
    };
    assert_eq!(status().await, "IN_PROGRESS");
    assert!(listed(other, "shop/api").await.is_err());
    while status().await != "COMPLETE" {
        tokio::task::yield_now().await;
    }
    assert_eq!(listed(other, "shop/api").await.unwrap(), ["1"]);
}
