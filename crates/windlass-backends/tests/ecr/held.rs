//! Images that are somewhere already: in the archive, in another repository, in an index; and what lifecycle rules do to them.

use std::collections::BTreeSet;

use windlass_core::name::{Digest, ImageName};
use windlass_core::oci;
use windlass_ecr_local::{FaultKind, Quirks};
use windlass_engine::event::Events;
use windlass_engine::ports::{Manifest, Registry as _, RegistryError};

use crate::push::TestImage;
use crate::world::{World, key, manifest_of, tag, world, world_with};

async fn copy(
    world: &World,
    from: &str,
    to: &str,
    digest: &Digest,
) -> Result<Manifest, RegistryError> {
    let image = ImageName::new("web").unwrap();
    let (from, to, events) = (key(from), key(to), Events::none());
    world
        .registries
        .copy_image(&from, &to, digest, &events, &image)
        .await
}

fn archive(world: &World, repository: &str, digest: &Digest) {
    world.api(
        "UpdateImageStorageClass",
        &format!(
            r#"{{"repositoryName":"{repository}","imageId":{{"imageDigest":"{digest}"}},"targetStorageClass":"ARCHIVE"}}"#
        ),
    );
}

#[tokio::test]
async fn an_archived_image_is_waited_for_until_it_can_be_pulled() {
    let world = world_with(Quirks {
        restore_delay: std::time::Duration::from_millis(300),
        ..Quirks::all_but_timing()
    })
    .await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    world.put("shop/web", &manifest, "1.0").await.unwrap();
    let digest = manifest.digest();
    archive(&world, "shop/web", &digest);
    let wanted = BTreeSet::from([tag("1.0")]);
    let read = world.registries.images(&key("shop/web"), &wanted).await;
    assert!(read[&tag("1.0")].known().unwrap().archived);
    let restored = world
        .registries
        .restore_image(&key("shop/web"), &digest)
        .await;
    assert_eq!(restored, Ok(()));
    let read = world.registries.images(&key("shop/web"), &wanted).await;
    let image = read[&tag("1.0")].known().unwrap();
    assert!(!image.archived && image.fingerprint.is_some(), "{image:?}");
    let again = world
        .registries
        .restore_image(&key("shop/web"), &digest)
        .await;
    assert_eq!(again, Ok(()), "one that can be pulled is left alone");
}

#[tokio::test]
async fn a_copy_is_the_same_byte_for_byte() {
    let world = world().await;
    world.create("shop/web").await;
    world.create("shop/copy").await;
    let manifest = world.image("shop/web", "ab").await;
    world.put("shop/web", &manifest, "1.0").await.unwrap();
    let copied = copy(&world, "shop/web", "shop/copy", &manifest.digest()).await;
    assert_eq!(copied.as_ref(), Ok(&manifest));
    world.put("shop/copy", &manifest, "1.0").await.unwrap();
    let read = world.manifest("shop/copy", manifest.digest()).await;
    assert_eq!(read, Ok(manifest));
}

#[tokio::test]
async fn an_index_is_copied_with_the_images_it_lists() {
    let world = world().await;
    world.create("shop/web").await;
    world.create("shop/copy").await;
    let child = world.image("shop/web", "cd").await;
    world.put("shop/web", &child, "child").await.unwrap();
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{}}}]}}"#,
        oci::IMAGE_INDEX,
        oci::IMAGE_MANIFEST,
        child.digest(),
        child.bytes.len()
    );
    let index = Manifest {
        bytes: text.into_bytes(),
        media_type: oci::IMAGE_INDEX.to_owned(),
    };
    world.put("shop/web", &index, "all").await.unwrap();
    let copied = copy(&world, "shop/web", "shop/copy", &index.digest()).await;
    assert_eq!(copied.as_ref(), Ok(&index));
    world.put("shop/copy", &index, "all").await.unwrap();
    assert_eq!(
        world.manifest("shop/copy", child.digest()).await,
        Ok(child.clone())
    );
    let listed = world
        .registries
        .stored_images(&key("shop/copy"), None)
        .await
        .unwrap();
    let of = |digest: &Digest| listed.iter().find(|it| it.digest == *digest).unwrap();
    assert_eq!(of(&index.digest()).children, [child.digest()]);
    assert_eq!(of(&child.digest()).tags, BTreeSet::new());
}

#[tokio::test]
async fn a_copy_over_a_shaky_line_ends_right() {
    let world = world().await;
    world.create("shop/web").await;
    world.create("shop/copy").await;
    let layers: Vec<Vec<u8>> = (0..5_u8).map(|n| vec![n; 100_000]).collect();
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let pushed = world.blobs("shop/web", TestImage::new(&layers)).await;
    let manifest = manifest_of(&pushed.config, &pushed.layers, "ab");
    world.put("shop/web", &manifest, "1.0").await.unwrap();
    for operation in [
        "registry:GetBlob",
        "registry:FinishUpload",
        "registry:StartUpload",
    ] {
        world.faults.times(operation, FaultKind::DropConnection, 1);
        world.faults.times(operation, FaultKind::Throttled, 1);
    }
    let copied = copy(&world, "shop/web", "shop/copy", &manifest.digest()).await;
    assert_eq!(copied.as_ref(), Ok(&manifest));
    world.put("shop/copy", &manifest, "1.0").await.unwrap();
}

#[tokio::test]
async fn a_source_that_is_not_there_is_said() {
    let world = world().await;
    world.create("shop/web").await;
    world.create("shop/copy").await;
    let copied = copy(&world, "shop/web", "shop/copy", &Digest::of(b"none")).await;
    assert!(
        matches!(copied, Err(RegistryError::NotFound(_))),
        "{copied:?}"
    );
}

#[tokio::test]
async fn all_images_are_listed_with_their_times_and_tags() {
    let world = world().await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    for under in ["1.0", "1.1"] {
        world.put("shop/web", &manifest, under).await.unwrap();
    }
    let other = world.image("shop/web", "cd").await;
    world.put("shop/web", &other, "old").await.unwrap();
    archive(&world, "shop/web", &other.digest());
    let listed = world
        .registries
        .stored_images(&key("shop/web"), None)
        .await
        .unwrap();
    let of = |digest: &Digest| listed.iter().find(|it| it.digest == *digest).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        of(&manifest.digest()).tags,
        BTreeSet::from([tag("1.0"), tag("1.1")])
    );
    assert!(of(&manifest.digest()).pushed > 1_700_000_000);
    assert_eq!(of(&manifest.digest()).archived, None);
    assert!(of(&other.digest()).archived.is_some());
    let one = BTreeSet::from([manifest.digest()]);
    let asked = world
        .registries
        .stored_images(&key("shop/web"), Some(&one))
        .await
        .unwrap();
    assert_eq!(asked.len(), 1);
    let none = world
        .registries
        .stored_images(&key("shop/none"), None)
        .await;
    assert!(matches!(none, Err(RegistryError::NotFound(_))), "{none:?}");
}

#[tokio::test]
async fn an_index_in_the_archive_does_not_stop_a_listing() {
    let world = world().await;
    world.create("shop/web").await;
    let child = world.image("shop/web", "cd").await;
    world.put("shop/web", &child, "child").await.unwrap();
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{}}}]}}"#,
        oci::IMAGE_INDEX,
        oci::IMAGE_MANIFEST,
        child.digest(),
        child.bytes.len()
    );
    let index = Manifest {
        bytes: text.into_bytes(),
        media_type: oci::IMAGE_INDEX.to_owned(),
    };
    world.put("shop/web", &index, "all").await.unwrap();
    archive(&world, "shop/web", &index.digest());
    let listed = world
        .registries
        .stored_images(&key("shop/web"), None)
        .await
        .unwrap();
    let found = listed.iter().find(|it| it.digest == index.digest());
    assert!(found.unwrap().archived.is_some());
    assert_eq!(found.unwrap().children, []);
}
