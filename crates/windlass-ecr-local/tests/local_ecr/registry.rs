//! The registry plane.

use serde_json::json;
use windlass_ecr_local::{Clock, Config, FixedClock, Quirks};

use crate::support::{Bed, DOCKER_MANIFEST, OCI_MANIFEST, basic, digest, quiet};

async fn bed() -> Bed {
    let bed = Bed::start(quiet()).await;
    bed.create("app").await;
    bed
}

#[tokio::test]
async fn only_a_valid_token_opens_the_registry() {
    let clock = FixedClock::at(1_800_000_000);
    let bed = Bed::start(Config {
        clock: Clock::Fixed(clock.clone()),
        ..quiet()
    })
    .await;
    let bare = bed.registry_with("", "GET", "/v2/", &[], b"").await;
    assert_eq!(bare.status, 401);
    assert!(bare.header("www-authenticate").starts_with("Basic realm="));
    let wrong = bed
        .registry_with(&basic("AWS:guess"), "GET", "/v2/", &[], b"")
        .await;
    assert_eq!(wrong.refusal(), (401, "DENIED".into()));
    let token = format!("Basic {}", bed.token().await);
    assert_eq!(
        bed.registry_with(&token, "GET", "/v2/", &[], b"")
            .await
            .status,
        200
    );
    clock.advance(std::time::Duration::from_hours(12));
    let expired = bed.registry_with(&token, "GET", "/v2/", &[], b"").await;
    assert_eq!(expired.refusal(), (401, "DENIED".into()));
    assert!(
        expired.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("has expired")
    );
}

#[tokio::test]
async fn a_call_without_a_signature_is_refused() {
    let bed = bed().await;
    let headers = [(
        "x-amz-target",
        "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
    )];
    let answer = bed.registry_with("", "POST", "/", &headers, b"{}").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["__type"].clone()),
        (400, json!("MissingAuthenticationTokenException"))
    );
}

#[tokio::test]
async fn what_is_missing_has_the_codes_of_the_specification() {
    let bed = bed().await;
    let zero = format!("sha256:{}", "0".repeat(64));
    let refusal = |method: &'static str, path: String| {
        let bed = &bed;
        async move { bed.registry(method, &path, &[], b"").await.refusal() }
    };
    assert_eq!(
        refusal("POST", "/v2/absent/blobs/uploads/".into()).await,
        (404, "NAME_UNKNOWN".into())
    );
    assert_eq!(
        refusal("GET", "/v2/app/manifests/absent".into()).await,
        (404, "MANIFEST_UNKNOWN".into())
    );
    assert_eq!(
        refusal("GET", format!("/v2/app/blobs/{zero}")).await,
        (404, "BLOB_UNKNOWN".into())
    );
    assert_eq!(
        refusal("PUT", format!("/v2/app/blobs/uploads/x?digest={zero}")).await,
        (404, "BLOB_UPLOAD_UNKNOWN".into())
    );
    assert_eq!(
        refusal("DELETE", format!("/v2/app/blobs/{zero}")).await,
        (405, "UNSUPPORTED".into())
    );
    assert_eq!(
        bed.registry("HEAD", &format!("/v2/app/blobs/{zero}"), &[], b"")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn chunks_after_the_first_are_accepted_and_dropped() {
    let bed = bed().await;
    let place = bed
        .registry("POST", "/v2/app/blobs/uploads/", &[], b"")
        .await
        .header("location")
        .to_owned();
    assert_eq!(bed.registry("PATCH", &place, &[], b"one").await.status, 201);
    assert_eq!(bed.registry("PATCH", &place, &[], b"two").await.status, 201);
    let whole = format!("{place}?digest={}", digest(b"onetwo"));
    assert_eq!(
        bed.registry("PUT", &whole, &[], b"").await.refusal(),
        (400, "DIGEST_INVALID".into())
    );
}

#[tokio::test]
async fn a_single_streamed_chunk_works_as_docker_sends_it() {
    let bed = bed().await;
    let place = bed
        .registry("POST", "/v2/app/blobs/uploads/", &[], b"")
        .await
        .header("location")
        .to_owned();
    let patched = bed.registry("PATCH", &place, &[], b"all of it").await;
    assert_eq!(patched.header("range"), "0-8");
    let whole = format!(
        "{}?digest={}",
        patched.header("location"),
        digest(b"all of it")
    );
    assert_eq!(bed.registry("PUT", &whole, &[], b"").await.status, 201);
    let head = bed
        .registry(
            "HEAD",
            &format!("/v2/app/blobs/{}", digest(b"all of it")),
            &[],
            b"",
        )
        .await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-length")),
        (200, "9")
    );
}

#[tokio::test]
async fn without_the_quirk_chunks_add_up() {
    let bed = Bed::start(Config {
        quirks: Quirks::none(),
        ..Config::default()
    })
    .await;
    bed.create("app").await;
    let place = bed
        .registry("POST", "/v2/app/blobs/uploads/", &[], b"")
        .await
        .header("location")
        .to_owned();
    for chunk in [b"one", b"two"] {
        assert_eq!(bed.registry("PATCH", &place, &[], chunk).await.status, 202);
    }
    let whole = format!("{place}?digest={}", digest(b"onetwo"));
    assert_eq!(bed.registry("PUT", &whole, &[], b"").await.status, 201);
    let read = bed
        .registry(
            "GET",
            &format!("/v2/app/blobs/{}", digest(b"onetwo")),
            &[],
            b"",
        )
        .await;
    assert_eq!(
        (read.status.as_u16(), read.body.as_ref()),
        (200, &b"onetwo"[..])
    );
}

#[tokio::test]
async fn a_blob_redirects_to_a_signed_address_that_needs_no_token() {
    let clock = FixedClock::at(1_800_000_000);
    let bed = Bed::start(Config {
        clock: Clock::Fixed(clock.clone()),
        ..quiet()
    })
    .await;
    bed.create("app").await;
    let blob = bed.push_blob("app", b"0123456789").await;
    let answer = bed
        .registry("GET", &format!("/v2/app/blobs/{blob}"), &[], b"")
        .await;
    assert_eq!(answer.status, 307);
    let place = answer.header("location").to_owned();
    assert_eq!(
        bed.registry_with("", "GET", &place, &[], b"")
            .await
            .body
            .as_ref(),
        b"0123456789"
    );
    let part = bed
        .registry_with("", "GET", &place, &[("range", "bytes=2-4")], b"")
        .await;
    assert_eq!(
        (part.status.as_u16(), part.body.as_ref()),
        (206, &b"234"[..])
    );
    let forged = place.replace("X-Amz-Signature=", "X-Amz-Signature=0");
    assert_eq!(
        bed.registry_with("", "GET", &forged, &[], b"").await.status,
        403
    );
    clock.advance(std::time::Duration::from_hours(1));
    assert_eq!(
        bed.registry_with("", "GET", &place, &[], b"").await.status,
        403
    );
}

#[tokio::test]
async fn manifests_go_in_and_out_byte_for_byte() {
    let bed = bed().await;
    let text = bed.manifest("app", "one").await;
    let expected = digest(text.as_bytes());
    let put = bed
        .registry(
            "PUT",
            "/v2/app/manifests/1",
            &[("content-type", OCI_MANIFEST)],
            text.as_bytes(),
        )
        .await;
    assert_eq!(
        (put.status.as_u16(), put.header("docker-content-digest")),
        (201, expected.as_str())
    );
    for reference in ["1", expected.as_str()] {
        let read = bed
            .registry("GET", &format!("/v2/app/manifests/{reference}"), &[], b"")
            .await;
        assert_eq!(
            (read.header("content-type"), read.body.as_ref()),
            (OCI_MANIFEST, text.as_bytes())
        );
        let head = bed
            .registry("HEAD", &format!("/v2/app/manifests/{reference}"), &[], b"")
            .await;
        assert_eq!(head.header("content-length"), text.len().to_string());
    }
    let accept = [("accept", DOCKER_MANIFEST)];
    let converted = bed
        .registry("GET", "/v2/app/manifests/1", &accept, b"")
        .await;
    assert_eq!(converted.header("content-type"), DOCKER_MANIFEST);
    assert_eq!(
        converted.header("docker-content-digest"),
        digest(&converted.body)
    );
    let by_digest = bed
        .registry(
            "GET",
            &format!("/v2/app/manifests/{expected}"),
            &accept,
            b"",
        )
        .await;
    assert_eq!(by_digest.body.as_ref(), text.as_bytes());
}

#[tokio::test]
async fn a_manifest_that_hides_its_type_is_unsupported() {
    let bed = bed().await;
    let text = bed
        .manifest("app", "one")
        .await
        .replace(&format!(r#""mediaType":"{OCI_MANIFEST}","#), "");
    let put = bed
        .registry(
            "PUT",
            "/v2/app/manifests/1",
            &[("content-type", OCI_MANIFEST)],
            text.as_bytes(),
        )
        .await;
    assert_eq!(put.refusal(), (405, "UNSUPPORTED".into()));
    assert!(
        put.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("Invalid JSON syntax")
    );
}

#[tokio::test]
async fn an_immutable_tag_is_invalid_for_a_push() {
    let bed = Bed::start(quiet()).await;
    bed.ok(
        "CreateRepository",
        json!({ "repositoryName": "app", "imageTagMutability": "IMMUTABLE" }),
    )
    .await;
    let text = bed.manifest("app", "one").await;
    let headers = [("content-type", OCI_MANIFEST)];
    assert_eq!(
        bed.registry("PUT", "/v2/app/manifests/1", &headers, text.as_bytes())
            .await
            .status,
        201
    );
    let again = bed
        .registry("PUT", "/v2/app/manifests/1", &headers, text.as_bytes())
        .await;
    assert_eq!(again.refusal(), (400, "TAG_INVALID".into()));
    let message = again.json()["errors"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.starts_with(
        "tag invalid: The image tag '1' already exists in the 'app' repository and cannot be"
    ));
    let by_digest = format!("/v2/app/manifests/{}", digest(text.as_bytes()));
    assert_eq!(
        bed.registry("PUT", &by_digest, &headers, text.as_bytes())
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn blobs_mount_only_where_the_rules_allow_it() {
    let bed = bed().await;
    bed.create("other").await;
    bed.push("app", "one", "1").await;
    let layer = digest(b"layer one");
    let loose = bed.push_blob("app", b"loose").await;
    let mount = |digest: &str| format!("/v2/other/blobs/uploads/?mount={digest}&from=app");
    assert_eq!(
        bed.registry("POST", &mount(&layer), &[], b"").await.status,
        202
    );
    bed.ok(
        "PutAccountSetting",
        json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" }),
    )
    .await;
    assert_eq!(
        bed.registry("POST", &mount(&loose), &[], b"").await.status,
        202
    );
    let mounted = bed.registry("POST", &mount(&layer), &[], b"").await;
    assert_eq!(
        (
            mounted.status.as_u16(),
            mounted.header("docker-content-digest")
        ),
        (201, layer.as_str())
    );
    assert_eq!(
        bed.registry("HEAD", &format!("/v2/other/blobs/{layer}"), &[], b"")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn tags_come_in_pages_with_a_link() {
    let bed = bed().await;
    let text = bed.manifest("app", "one").await;
    for tag in ["a", "b", "c"] {
        bed.put("app", &text, Some(tag)).await.unwrap();
    }
    let first = bed.registry("GET", "/v2/app/tags/list?n=2", &[], b"").await;
    assert_eq!(first.json(), json!({ "name": "app", "tags": ["a", "b"] }));
    assert_eq!(
        first.header("link"),
        "</v2/app/tags/list?n=2&last=b>; rel=\"next\""
    );
    let second = bed
        .registry("GET", "/v2/app/tags/list?n=2&last=b", &[], b"")
        .await;
    assert_eq!(
        (second.json()["tags"].clone(), second.header("link")),
        (json!(["c"]), "")
    );
}

#[tokio::test]
async fn empty_blobs_are_the_services_fault() {
    let bed = bed().await;
    let place = bed
        .registry("POST", "/v2/app/blobs/uploads/", &[], b"")
        .await
        .header("location")
        .to_owned();
    let put = bed
        .registry("PUT", &format!("{place}?digest={}", digest(b"")), &[], b"")
        .await;
    assert_eq!(put.status, 500);
}

#[tokio::test]
async fn a_token_of_another_account_needs_a_repository_policy() {
    let bed = bed().await;
    bed.push("app", "one", "1").await;
    let other = "999999999999";
    let token = bed
        .call_as(other, "GetAuthorizationToken", json!({}))
        .await
        .unwrap();
    let token = token["authorizationData"][0]["authorizationToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = format!("Basic {token}");
    let read = || bed.registry_with(&token, "GET", "/v2/app/manifests/1", &[], b"");
    assert_eq!(read().await.refusal(), (403, "DENIED".into()));
    let policy = json!({ "Statement": [{
        "Effect": "Allow", "Action": "ecr:BatchGetImage", "Principal": { "AWS": other },
    }]});
    let request = json!({ "repositoryName": "app", "policyText": policy.to_string() });
    bed.ok("SetRepositoryPolicy", request).await;
    assert_eq!(read().await.status, 200);
    let push = bed
        .registry_with(&token, "POST", "/v2/app/blobs/uploads/", &[], b"")
        .await;
    assert_eq!(push.refusal(), (403, "DENIED".into()));
}

#[tokio::test]
async fn odd_requests_are_answered() {
    let bed = bed().await;
    let zero = format!("sha256:{}", "0".repeat(64));
    let places = [
        "/v2/app/manifests/",
        "/v2/app/blobs/",
        "/v2/app/blobs/uploads/",
        "/v2/app/referrers/",
        "/v2/",
    ];
    let tails = [
        "",
        "x",
        "%ff",
        "sha256:",
        &zero,
        "uploads/x",
        "list?n=0",
        "list?n=x",
        "?digest=1&mount=2&from=3",
    ];
    for place in places {
        for tail in tails {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let answer = bed
                    .registry(method, &format!("{place}{tail}"), &[], b"{\"mediaType\":1}")
                    .await;
                let known = [200, 202, 400, 404, 405];
                assert!(
                    known.contains(&answer.status.as_u16()),
                    "{method} {place}{tail}: {}",
                    answer.status
                );
            }
        }
    }
}
