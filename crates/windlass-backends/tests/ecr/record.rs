//! The inputs record of an image.

use windlass_core::name::Digest;
use windlass_core::oci::{Descriptor, IMAGE_MANIFEST};
use windlass_engine::ports::{Manifest, Registry as _};

use crate::world::{key, world};

fn subject(manifest: &Manifest) -> Descriptor {
    Descriptor {
        media_type: IMAGE_MANIFEST.to_owned(),
        digest: manifest.digest(),
        size: manifest.bytes.len() as u64,
    }
}

#[tokio::test]
async fn a_record_comes_back_and_the_newest_wins() {
    let world = world().await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    let put = world.put("shop/web", &manifest, "1.0");
    put.await.unwrap();
    let read = async || {
        let read = world.record("shop/web", manifest.digest());
        read.await.unwrap()
    };
    assert_eq!(read().await, None);
    for number in 0..3 {
        let record = format!(r#"{{"format_version":1,"number":{number}}}"#).repeat(1_000);
        for _ in 0..2 {
            let (registries, web) = (&world.registries, key("shop/web"));
            let sent = registries.send_record(&web, record.as_bytes());
            let sent = sent.await.unwrap();
            let subject = subject(&manifest);
            let attached = registries.attach_record(&web, &subject, &sent);
            attached.await.unwrap();
        }
        assert_eq!(read().await, Some(record.into_bytes()), "record {number}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_image_that_is_not_there_has_no_record() {
    let world = world().await;
    world.create("shop/web").await;
    let read = world.record("shop/web", Digest::of(b"none"));
    assert_eq!(read.await.unwrap(), None);
}
