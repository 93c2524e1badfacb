//! Images through the API.

use serde_json::{Value, json};
use windlass_ecr_local::{Clock, Config, FixedClock, Quirks};

use crate::support::{Bed, DOCKER_MANIFEST, OCI_MANIFEST, digest, index, manifest, quiet};

fn by_tag(tag: &str) -> Value {
    json!({ "repositoryName": "app", "imageIds": [{ "imageTag": tag }] })
}

async fn bed() -> Bed {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    bed
}

#[tokio::test]
async fn a_retag_puts_the_same_bytes_under_a_new_tag() {
    let bed = bed().await;
    let digest = bed.push("app", "one", "1").await;
    let read = bed.ok("BatchGetImage", by_tag("1")).await["images"][0].clone();
    let text = read["imageManifest"].as_str().unwrap().to_owned();
    assert_eq!(crate::support::digest(text.as_bytes()), digest);
    let request = json!({
        "repositoryName": "app", "imageManifest": text, "imageTag": "2", "imageDigest": digest,
        "imageManifestMediaType": read["imageManifestMediaType"],
    });
    let put = bed.ok("PutImage", request.clone()).await;
    assert_eq!(
        put["image"]["imageId"],
        json!({ "imageDigest": digest, "imageTag": "2" })
    );
    assert_eq!(
        bed.code("PutImage", request).await,
        "ImageAlreadyExistsException"
    );
    assert_eq!(bed.listed("app", json!({})).await, ["1", "2"]);
}

#[tokio::test]
async fn refuses_manifests_that_ecr_refuses() {
    let bed = bed().await;
    let text = bed.manifest("app", "one").await;
    let put = |members: Value| {
        let mut request = json!({ "repositoryName": "app", "imageManifest": text });
        request
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        bed.call("PutImage", request)
    };
    let code =
        |result: Result<Value, String>| result.unwrap_err().split(':').next().unwrap().to_owned();
    let wrong = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        code(put(json!({ "imageDigest": wrong })).await),
        "ImageDigestDoesNotMatchException"
    );
    assert_eq!(
        code(put(json!({ "imageManifest": "{" })).await),
        "InvalidParameterException"
    );
    assert_eq!(
        code(put(json!({ "imageTag": "a/b" })).await),
        "InvalidParameterException"
    );
    assert_eq!(
        code(put(json!({ "imageManifestMediaType": DOCKER_MANIFEST })).await),
        "InvalidParameterException"
    );
    let absent = manifest(OCI_MANIFEST, (&wrong, 1), (&wrong, 1), &json!({}));
    assert_eq!(
        code(put(json!({ "imageManifest": absent })).await),
        "LayersNotFoundException"
    );
    assert_eq!(
        code(put(json!({ "imageManifest": index(&[&wrong]) })).await),
        "ReferencedImagesNotFoundException"
    );
}

#[tokio::test]
async fn an_immutable_tag_refuses_every_image() {
    let bed = bed().await;
    let one = bed.manifest("app", "one").await;
    let two = bed.manifest("app", "two").await;
    let mutability = |value: &str, filters: Value| {
        let mut request = json!({ "repositoryName": "app", "imageTagMutability": value });
        if !filters.is_null() {
            request["imageTagMutabilityExclusionFilters"] = filters;
        }
        request
    };
    bed.ok(
        "PutImageTagMutability",
        mutability("IMMUTABLE", Value::Null),
    )
    .await;
    bed.put("app", &one, Some("1")).await.unwrap();
    for text in [&one, &two] {
        let refusal = bed.put("app", text, Some("1")).await.unwrap_err();
        assert!(
            refusal.starts_with("ImageTagAlreadyExistsException")
                && refusal.contains("cannot be overwritten")
        );
    }
    let filters = json!([{ "filterType": "WILDCARD", "filter": "dev*" }]);
    bed.ok(
        "PutImageTagMutability",
        mutability("IMMUTABLE_WITH_EXCLUSION", filters),
    )
    .await;
    bed.put("app", &one, Some("dev")).await.unwrap();
    bed.put("app", &two, Some("dev")).await.unwrap();
    assert!(bed.put("app", &two, Some("1")).await.is_err());
}

#[tokio::test]
async fn a_batch_lists_what_it_cannot_give() {
    let bed = bed().await;
    let one = bed.push("app", "one", "1").await;
    let two = bed.push("app", "two", "2").await;
    let request = json!({ "repositoryName": "app", "imageIds": [
        { "imageTag": "1", "imageDigest": one }, { "imageTag": "1", "imageDigest": two }, { "imageTag": "absent" },
        {}, { "imageDigest": "sha256:short" },
    ]});
    let answer = bed.ok("BatchGetImage", request).await;
    let codes: Vec<&str> = answer["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["failureCode"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "ImageTagDoesNotMatchDigest",
            "ImageNotFound",
            "MissingDigestAndTag",
            "InvalidImageDigest"
        ]
    );
    assert_eq!(answer["images"].as_array().unwrap().len(), 1);
    let many: Vec<Value> = (0..101)
        .map(|number| json!({ "imageTag": number.to_string() }))
        .collect();
    let many = json!({ "repositoryName": "app", "imageIds": many });
    assert_eq!(
        bed.code("BatchGetImage", many).await,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn a_read_by_tag_converts_and_its_bytes_have_another_digest() {
    let bed = bed().await;
    let stored = bed.push("app", "one", "1").await;
    let mut request = by_tag("1");
    request["acceptedMediaTypes"] = json!([DOCKER_MANIFEST]);
    let image = bed.ok("BatchGetImage", request).await["images"][0].clone();
    assert_eq!(image["imageManifestMediaType"], DOCKER_MANIFEST);
    assert_eq!(image["imageId"]["imageDigest"], json!(stored));
    assert_ne!(
        digest(image["imageManifest"].as_str().unwrap().as_bytes()),
        stored
    );
    let request = json!({
        "repositoryName": "app", "imageIds": [{ "imageDigest": stored }], "acceptedMediaTypes": [DOCKER_MANIFEST]
    });
    let image = bed.ok("BatchGetImage", request).await["images"][0].clone();
    assert_eq!(
        digest(image["imageManifest"].as_str().unwrap().as_bytes()),
        stored
    );
}

#[tokio::test]
async fn reading_an_image_records_a_pull_and_describing_does_not() {
    let clock = FixedClock::at(1_800_000_000);
    let bed = Bed::start(Config {
        clock: Clock::Fixed(clock.clone()),
        ..quiet()
    })
    .await;
    bed.create("app").await;
    bed.push("app", "one", "1").await;
    let described = || async {
        bed.ok("DescribeImages", json!({ "repositoryName": "app" }))
            .await["imageDetails"][0]
            .clone()
    };
    assert_eq!(described().await["lastRecordedPullTime"], Value::Null);
    clock.advance(std::time::Duration::from_secs(100));
    bed.ok("BatchGetImage", by_tag("1")).await;
    let detail = described().await;
    assert_eq!(detail["lastRecordedPullTime"], 1_800_000_100.0);
    assert_eq!(detail["imagePushedAt"], 1_800_000_000.0);
    assert_eq!(detail["imageSizeInBytes"], "layer oneconfig one".len());
    assert_eq!(detail["imageStatus"], "ACTIVE");
}

#[tokio::test]
async fn the_last_tag_takes_the_image_with_it() {
    let bed = bed().await;
    let one = bed.push("app", "one", "1").await;
    let text = bed.ok("BatchGetImage", by_tag("1")).await["images"][0]["imageManifest"]
        .as_str()
        .unwrap()
        .to_owned();
    bed.put("app", &text, Some("2")).await.unwrap();
    let deleted = bed.ok("BatchDeleteImage", by_tag("1")).await;
    assert_eq!(
        deleted["imageIds"],
        json!([{ "imageDigest": one, "imageTag": "1" }])
    );
    assert_eq!(bed.listed("app", json!({})).await, ["2"]);
    bed.ok("BatchDeleteImage", by_tag("2")).await;
    assert!(bed.listed("app", json!({})).await.is_empty());
    assert!(
        bed.put("app", &text, Some("3"))
            .await
            .unwrap_err()
            .starts_with("LayersNotFoundException")
    );
}

#[tokio::test]
async fn a_child_of_an_index_cannot_be_deleted_before_it() {
    let bed = bed().await;
    let child = bed.push("app", "child", "child").await;
    let list = index(&[&child]);
    bed.put("app", &list, Some("1")).await.unwrap();
    let refused = bed.ok("BatchDeleteImage", by_tag("child")).await;
    assert_eq!(
        refused["failures"][0]["failureCode"],
        "ImageReferencedByManifestList"
    );
    let reason = refused["failures"][0]["failureReason"].as_str().unwrap();
    assert_eq!(
        reason,
        format!(
            "Requested image referenced by manifest list: [{}]",
            digest(list.as_bytes())
        )
    );
    let details = bed
        .ok(
            "DescribeImages",
            json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "1" }] }),
        )
        .await;
    assert_eq!(
        details["imageDetails"][0]["imageSizeInBytes"],
        "layer childconfig child".len()
    );
    bed.ok("BatchDeleteImage", by_tag("1")).await;
    assert_eq!(
        bed.ok("BatchDeleteImage", by_tag("child")).await["failures"],
        json!([])
    );
}

#[tokio::test]
async fn an_archived_image_vanishes_from_what_does_not_ask_for_it() {
    let bed = bed().await;
    bed.push("app", "one", "1").await;
    let change = |class: &str| json!({ "repositoryName": "app", "imageId": { "imageTag": "1" }, "targetStorageClass": class });
    assert_eq!(
        bed.code("UpdateImageStorageClass", change("STANDARD"))
            .await,
        "ImageStorageClassUpdateNotSupportedException"
    );
    bed.ok("UpdateImageStorageClass", change("ARCHIVE")).await;
    assert!(bed.listed("app", json!({})).await.is_empty());
    assert_eq!(
        bed.listed("app", json!({ "imageStatus": "ANY" })).await,
        ["1"]
    );
    let read = bed.ok("BatchGetImage", by_tag("1")).await;
    assert_eq!(read["failures"][0]["failureCode"], "ImageInaccessible");
    assert_eq!(
        bed.registry("GET", "/v2/app/manifests/1", &[], b"")
            .await
            .refusal(),
        (404, "MANIFEST_UNKNOWN".into())
    );
    let filter = json!({ "repositoryName": "app", "filter": { "imageStatus": "ARCHIVED" } });
    let detail = bed.ok("DescribeImages", filter).await["imageDetails"][0].clone();
    let layer = digest(b"layer one");
    assert!(detail["lastArchivedAt"].is_number());
    let layers = json!({ "repositoryName": "app", "layerDigests": [layer] });
    let layers = bed.ok("BatchCheckLayerAvailability", layers).await;
    assert_eq!(layers["layers"][0]["layerAvailability"], "ARCHIVED");
    bed.ok("UpdateImageStorageClass", change("STANDARD")).await;
    assert_eq!(bed.listed("app", json!({})).await, ["1"]);
}

#[tokio::test]
async fn a_restored_image_is_activating_first() {
    let restore_delay = std::time::Duration::from_hours(1);
    let quirks = Quirks {
        restore_delay,
        ..Quirks::all_but_timing()
    };
    let bed = Bed::start(Config {
        quirks,
        ..Config::default()
    })
    .await;
    bed.create("app").await;
    bed.push("app", "one", "1").await;
    let change = |class: &str| json!({ "repositoryName": "app", "imageId": { "imageTag": "1" }, "targetStorageClass": class });
    bed.ok("UpdateImageStorageClass", change("ARCHIVE")).await;
    let restored = bed.ok("UpdateImageStorageClass", change("STANDARD")).await;
    assert_eq!(restored["imageStatus"], "ACTIVATING");
    assert!(bed.listed("app", json!({})).await.is_empty());
    assert_eq!(
        bed.listed("app", json!({ "imageStatus": "ACTIVATING" }))
            .await,
        ["1"]
    );
    let read = bed.ok("BatchGetImage", by_tag("1")).await;
    assert_eq!(read["failures"][0]["failureCode"], "ImageInaccessible");
}

#[tokio::test]
async fn referrers_come_twenty_a_page_and_by_type() {
    let bed = bed().await;
    let subject = bed.push("app", "one", "1").await;
    let (config, layer) = (digest(b"config one"), digest(b"layer one"));
    for number in 0..25 {
        let extra = json!({
            "artifactType": format!("application/vnd.test.{}", number % 2),
            "annotations": { "number": number.to_string() },
            "subject": { "mediaType": OCI_MANIFEST, "digest": subject, "size": 1 },
        });
        bed.put(
            "app",
            &manifest(OCI_MANIFEST, (&config, 10), (&layer, 9), &extra),
            None,
        )
        .await
        .unwrap();
    }
    let mut request = json!({ "repositoryName": "app", "subjectId": { "imageDigest": subject } });
    let first = bed.ok("ListImageReferrers", request.clone()).await;
    assert_eq!(first["referrers"].as_array().unwrap().len(), 20);
    assert_eq!(first["referrers"][0]["artifactStatus"], "ACTIVE");
    request["nextToken"] = first["nextToken"].clone();
    assert_eq!(
        bed.ok("ListImageReferrers", request).await["referrers"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    let path = format!("/v2/app/referrers/{subject}?artifactType=application/vnd.test.1");
    let answer = bed.registry("GET", &path, &[], b"").await;
    assert_eq!(answer.header("oci-filters-applied"), "artifactType");
    assert_eq!(answer.json()["manifests"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn layers_go_up_in_parts_through_the_api() {
    use base64::Engine as _;
    let bed = bed().await;
    let started = bed
        .ok("InitiateLayerUpload", json!({ "repositoryName": "app" }))
        .await;
    let part = |first: usize, bytes: &[u8]| {
        json!({
            "repositoryName": "app", "uploadId": started["uploadId"], "partFirstByte": first,
            "partLastByte": first + bytes.len() - 1,
            "layerPartBlob": base64::engine::general_purpose::STANDARD.encode(bytes),
        })
    };
    let complete = |digest: &str| json!({ "repositoryName": "app", "uploadId": started["uploadId"], "layerDigests": [digest] });
    let big = vec![7; 5 * 1024 * 1024];
    assert_eq!(
        bed.ok("UploadLayerPart", part(0, &big)).await["lastByteReceived"],
        big.len() - 1
    );
    assert_eq!(
        bed.code("UploadLayerPart", part(3, b"x")).await,
        "InvalidLayerPartException"
    );
    bed.ok("UploadLayerPart", part(big.len(), b"end")).await;
    assert_eq!(
        bed.code("UploadLayerPart", part(big.len() + 3, b"more"))
            .await,
        "LayerPartTooSmallException"
    );
    let whole = [big.as_slice(), b"end"].concat();
    let done = bed
        .ok("CompleteLayerUpload", complete(&digest(&whole)))
        .await;
    assert_eq!(done["layerDigest"], json!(digest(&whole)));
    assert_eq!(
        bed.code("CompleteLayerUpload", complete(&digest(&whole)))
            .await,
        "UploadNotFoundException"
    );
    let url = json!({ "repositoryName": "app", "layerDigest": digest(&whole) });
    assert_eq!(
        bed.code("GetDownloadUrlForLayer", url).await,
        "LayerInaccessibleException"
    );
}
