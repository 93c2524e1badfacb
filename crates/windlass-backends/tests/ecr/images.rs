//! What tags hold, manifests, and putting them under tags.

use std::collections::BTreeSet;

use windlass_core::manifest::model::TagMutability;
use windlass_core::name::{Digest, Fingerprint, Tag};
use windlass_core::observed::Fact;
use windlass_core::oci::{self, Descriptor, FINGERPRINT_ANNOTATION};
use windlass_core::plan::NewRepository;
use windlass_ecr_local::Quirks;
use windlass_engine::ports::{Manifest, Put, Registry as _, RegistryError};

use crate::push::TestImage;
use crate::world::{key, manifest_of, plain_repository, tag, world, world_with};

fn tags(texts: &[&str]) -> BTreeSet<Tag> {
    texts.iter().map(|text| tag(text)).collect()
}

fn immutable() -> NewRepository {
    NewRepository {
        tags: TagMutability {
            mutable: false,
            except: vec![],
        },
        ..plain_repository()
    }
}

#[tokio::test]
async fn a_tag_says_digest_fingerprint_and_time() {
    let world = world().await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    let put = world.put("shop/web", &manifest, "1.0");
    assert_eq!(put.await.unwrap(), Put::Written);
    let read = world
        .registries
        .images(&key("shop/web"), &tags(&["1.0", "2.0"]))
        .await;
    assert_eq!(read.len(), 2);
    assert_eq!(read[&tag("2.0")], Fact::Absent);
    let image = read[&tag("1.0")].known().unwrap();
    assert_eq!(image.digest, manifest.digest());
    assert_eq!(
        image.fingerprint,
        Some(Fingerprint::new("ab".repeat(32)).unwrap())
    );
    assert_eq!(image.created.as_deref(), Some("2026-11-23T09:00:00Z"));
    assert!(!image.archived);
}

/// A label is inherited by every image that is built `FROM` this one; an annotation is not.
#[tokio::test]
async fn a_fingerprint_in_a_label_decides_nothing() {
    let world = world().await;
    world.create("shop/web").await;
    let image = TestImage::new(&[b"layer"]).labelled(FINGERPRINT_ANNOTATION, &"ab".repeat(32));
    let pushed = world.blobs("shop/web", image).await;
    let with = manifest_of(&pushed.config, &pushed.layers, "cd");
    let text = String::from_utf8(with.bytes).unwrap();
    let without = text.replace(FINGERPRINT_ANNOTATION, "example.other");
    let manifest = Manifest {
        bytes: without.into_bytes(),
        media_type: with.media_type,
    };
    world.put("shop/web", &manifest, "1.0").await.unwrap();
    let read = world
        .registries
        .images(&key("shop/web"), &tags(&["1.0"]))
        .await;
    let image = read[&tag("1.0")].known().unwrap();
    assert_eq!(image.digest, manifest.digest());
    assert_eq!(image.fingerprint, None);
}

#[tokio::test]
async fn a_repository_that_is_not_there_holds_no_tag() {
    let world = world().await;
    let read = world
        .registries
        .images(&key("shop/none"), &tags(&["1", "2"]))
        .await;
    assert!(
        read.len() == 2 && read.values().all(|fact| *fact == Fact::Absent),
        "{read:?}"
    );
}

#[tokio::test]
async fn many_tags_take_one_call_a_hundred() {
    let world = world().await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    let wanted: BTreeSet<Tag> = (0..130).map(|number| tag(&format!("t{number}"))).collect();
    for tag in wanted.iter().take(3) {
        let put = world.put("shop/web", &manifest, tag.as_str());
        put.await.unwrap();
    }
    let before = world.calls("BatchGetImage");
    let read = world.registries.images(&key("shop/web"), &wanted).await;
    assert_eq!(
        read.values().filter(|fact| fact.known().is_some()).count(),
        3
    );
    assert_eq!(
        read.values().filter(|fact| **fact == Fact::Absent).count(),
        127
    );
    assert_eq!(world.calls("BatchGetImage") - before, 2);
}

#[tokio::test]
async fn an_archived_image_is_there_and_no_absence() {
    let world = world().await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    let put = world.put("shop/web", &manifest, "1.0");
    put.await.unwrap();
    world.api(
        "UpdateImageStorageClass",
        r#"{"repositoryName":"shop/web","imageId":{"imageTag":"1.0"},"targetStorageClass":"ARCHIVE"}"#,
    );
    let read = world
        .registries
        .images(&key("shop/web"), &tags(&["1.0", "2.0"]))
        .await;
    let image = read[&tag("1.0")].known().unwrap();
    assert!(image.archived);
    assert_eq!(image.digest, manifest.digest());
    assert_eq!(read[&tag("2.0")], Fact::Absent);
}

#[tokio::test]
async fn an_image_of_the_docker_format_keeps_its_digest() {
    let world = world().await;
    world.create("shop/web").await;
    let ours = world.image("shop/web", "ab").await;
    let text = String::from_utf8(ours.bytes)
        .unwrap()
        .replace(oci::IMAGE_MANIFEST, oci::DOCKER_MANIFEST)
        .replace(
            oci::IMAGE_CONFIG,
            "application/vnd.docker.container.image.v1+json",
        )
        .replace(
            oci::LAYER_GZIP,
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        );
    let manifest = Manifest {
        bytes: text.into_bytes(),
        media_type: oci::DOCKER_MANIFEST.to_owned(),
    };
    let put = world.put("shop/web", &manifest, "docker");
    put.await.unwrap();
    let read = world
        .registries
        .images(&key("shop/web"), &tags(&["docker"]))
        .await;
    assert_eq!(
        read[&tag("docker")].known().unwrap().digest,
        manifest.digest()
    );
    let again = world.manifest("shop/web", manifest.digest());
    assert_eq!(again.await.unwrap(), manifest);
}

#[tokio::test]
async fn a_retag_moves_no_blob() {
    let world = world().await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    let put = world.put("shop/web", &manifest, "1.0");
    put.await.unwrap();
    let uploads = world.calls("registry:StartUpload");
    let same = world.manifest("shop/web", manifest.digest());
    let same = same.await.unwrap();
    assert_eq!(same, manifest);
    for expected in [Put::Written, Put::AlreadyThere] {
        let put = world.put("shop/web", &same, "1.1");
        assert_eq!(put.await.unwrap(), expected);
    }
    assert_eq!(world.calls("registry:StartUpload"), uploads);
}

#[tokio::test]
async fn an_immutable_tag_takes_what_it_holds_and_nothing_else() {
    let world = world().await;
    world.create_with("shop/web", &immutable()).await;
    let (first, second) = (
        world.image("shop/web", "ab").await,
        world.image("shop/web", "cd").await,
    );
    let put = async |manifest: &Manifest| {
        let put = world.put("shop/web", manifest, "1.0");
        put.await
    };
    assert_eq!(put(&first).await, Ok(Put::Written));
    assert_eq!(put(&first).await, Ok(Put::AlreadyThere));
    let error = put(&second).await.unwrap_err();
    assert!(matches!(error, RegistryError::TagImmutable(_)), "{error:?}");
    assert!(
        error.to_string().contains(first.digest().as_str()),
        "{error}"
    );
    let read = world
        .registries
        .images(&key("shop/web"), &tags(&["1.0"]))
        .await;
    assert_eq!(read[&tag("1.0")].known().unwrap().digest, first.digest());
}

#[tokio::test]
async fn a_manifest_whose_layers_are_gone_asks_for_another_push() {
    let world = world().await;
    world.create("shop/web").await;
    let missing = Descriptor {
        media_type: oci::LAYER_GZIP.to_owned(),
        digest: Digest::of(b"gone"),
        size: 4,
    };
    let manifest = manifest_of(&missing, std::slice::from_ref(&missing), "ab");
    let put = world.put("shop/web", &manifest, "1.0");
    let error = put.await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(
        error.to_string().contains("LayersNotFoundException"),
        "{error}"
    );
}

#[tokio::test]
async fn a_manifest_that_is_not_there_is_not_found() {
    let world = world().await;
    world.create("shop/web").await;
    let read = world.manifest("shop/web", Digest::of(b"none"));
    let error = read.await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn many_puts_stay_below_the_rate_of_ecr() {
    let world = world_with(Quirks {
        throttling: true,
        ..Quirks::all_but_timing()
    })
    .await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    let started = std::time::Instant::now();
    let wanted: Vec<Tag> = (0..25).map(|number| tag(&format!("t{number}"))).collect();
    let repository = key("shop/web");
    let puts = wanted
        .iter()
        .map(|tag| world.registries.put_manifest(&repository, &manifest, tag));
    for put in futures_util::future::join_all(puts).await {
        assert_eq!(put, Ok(Put::Written));
    }
    assert_eq!(
        world.calls("PutImage"),
        25,
        "no put was throttled and repeated"
    );
    assert!(
        started.elapsed().as_secs_f64() > 3.0,
        "25 puts take four windows"
    );
}
