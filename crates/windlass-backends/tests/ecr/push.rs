//! Pushing blobs.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use windlass_core::name::{Digest, ImageName};
use windlass_core::oci;
use windlass_ecr_local::FaultKind;
use windlass_engine::event::{Event, Events};
use windlass_engine::ports::{
    Boxed, BuilderError, CompressedLayer, LocalImage, PushedBlobs, Put, Registry as _,
    RegistryError,
};

use crate::world::{World, key, manifest_of, world};

/// An image whose layers are plain files; "compressing" one writes its bytes.
pub(crate) struct TestImage {
    config: Vec<u8>,
    diff_ids: Vec<Digest>,
    layers: Vec<Vec<u8>>,
    folder: tempfile::TempDir,
    known: bool,
    pub(crate) compressed: AtomicUsize,
}

impl TestImage {
    pub(crate) fn new(layers: &[&[u8]]) -> Self {
        let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.to_vec()).collect();
        let diff_ids: Vec<Digest> = layers
            .iter()
            .map(|layer| Digest::of(&[b"uncompressed ", layer.as_slice()].concat()))
            .collect();
        let ids: Vec<String> = diff_ids
            .iter()
            .map(|id| format!("{:?}", id.as_str()))
            .collect();
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
            ids.join(",")
        );
        Self {
            config: config.into_bytes(),
            diff_ids,
            layers,
            folder: tempfile::tempdir().unwrap(),
            known: false,
            compressed: AtomicUsize::new(0),
        }
    }

    /// The config says this label, as one that was inherited through `FROM`.
    pub(crate) fn labelled(mut self, key: &str, value: &str) -> Self {
        let config = String::from_utf8(self.config).unwrap();
        let labels = format!(r#"{{"config":{{"Labels":{{"{key}":"{value}"}}}},"#);
        self.config = config.replacen('{', &labels, 1).into_bytes();
        self
    }

    /// The digests of the compressed layers are remembered from an earlier run.
    pub(crate) fn known(mut self) -> Self {
        self.known = true;
        self
    }

    fn layer(&self, diff_id: &Digest) -> &[u8] {
        let at = self.diff_ids.iter().position(|id| id == diff_id).unwrap();
        &self.layers[at]
    }
}

impl LocalImage for TestImage {
    fn config(&self) -> &[u8] {
        &self.config
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    fn known(&self, diff_id: &Digest) -> Option<(Digest, u64)> {
        let layer = self.layer(diff_id);
        self.known.then(|| (Digest::of(layer), layer.len() as u64))
    }

    fn compress(&self, diff_id: Digest) -> Boxed<'_, Result<CompressedLayer, BuilderError>> {
        self.compressed.fetch_add(1, Ordering::SeqCst);
        let layer = self.layer(&diff_id);
        let path = self.folder.path().join(diff_id.hex());
        std::fs::File::create(&path)
            .unwrap()
            .write_all(layer)
            .unwrap();
        let compressed = CompressedLayer {
            digest: Digest::of(layer),
            size: layer.len() as u64,
            path,
        };
        Box::pin(async move { Ok(compressed) })
    }
}

async fn push(
    world: &World,
    repository: &str,
    image: Arc<TestImage>,
) -> Result<PushedBlobs, RegistryError> {
    let web = ImageName::new("web").unwrap();
    world
        .registries
        .push_blobs(&key(repository), image, &Events::none(), &web)
        .await
}

/// Layers of a size, no two alike.
fn layers(count: u8, size: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| vec![number; size]).collect()
}

fn image(layers: &[Vec<u8>]) -> TestImage {
    TestImage::new(&layers.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[tokio::test]
async fn layers_and_config_arrive_in_order_and_make_an_image() {
    let world = world().await;
    world.create("shop/web").await;
    let mut bytes = layers(5, 700_000);
    bytes.push(bytes[1].clone());
    let image = Arc::new(image(&bytes));
    let pushed = push(&world, "shop/web", Arc::clone(&image)).await.unwrap();
    let digests: Vec<Digest> = pushed
        .layers
        .iter()
        .map(|layer| layer.digest.clone())
        .collect();
    let expected: Vec<Digest> = bytes.iter().map(|layer| Digest::of(layer)).collect();
    assert_eq!(digests, expected, "equal layers stand twice");
    assert!(
        pushed
            .layers
            .iter()
            .all(|layer| layer.media_type == oci::LAYER_GZIP)
    );
    assert_eq!(pushed.config.digest, Digest::of(image.config()));
    assert_eq!(pushed.config.media_type, oci::IMAGE_CONFIG);
    let config = image.config().len() as u64;
    assert_eq!(
        pushed.sent_bytes,
        5 * 700_000 + config,
        "equal layers are sent once"
    );
    assert_eq!(image.compressed.load(Ordering::SeqCst), 5);
    let manifest = manifest_of(&pushed.config, &pushed.layers, "ab");
    let put = world.put("shop/web", &manifest, "1.0");
    assert_eq!(put.await.unwrap(), Put::Written);
}

#[tokio::test]
async fn known_layers_that_are_there_are_neither_compressed_nor_sent() {
    let world = world().await;
    world.create("shop/web").await;
    let bytes = layers(4, 10_000);
    push(&world, "shop/web", Arc::new(image(&bytes)))
        .await
        .unwrap();
    let known = Arc::new(image(&bytes).known());
    let uploads = world.calls("registry:StartUpload");
    let pushed = push(&world, "shop/web", Arc::clone(&known)).await.unwrap();
    assert_eq!(pushed.sent_bytes, 0);
    assert_eq!(known.compressed.load(Ordering::SeqCst), 0);
    assert_eq!(world.calls("registry:StartUpload"), uploads);
}

#[tokio::test]
async fn known_layers_that_are_missing_are_compressed_and_sent() {
    let world = world().await;
    world.create("shop/web").await;
    let known = Arc::new(image(&layers(2, 10_000)).known());
    let pushed = push(&world, "shop/web", Arc::clone(&known)).await.unwrap();
    assert_eq!(known.compressed.load(Ordering::SeqCst), 2);
    assert!(pushed.sent_bytes > 20_000);
}

#[tokio::test]
async fn layers_of_another_repository_are_mounted_where_ecr_allows_it() {
    let world = world().await;
    world.create("shop/web").await;
    world.create("shop/api").await;
    let bytes = layers(3, 50_000);
    let pushed = push(&world, "shop/web", Arc::new(image(&bytes)))
        .await
        .unwrap();
    let manifest = manifest_of(&pushed.config, &pushed.layers, "ab");
    let put = world.put("shop/web", &manifest, "1.0");
    put.await.unwrap();
    let refused = push(&world, "shop/api", Arc::new(image(&bytes).known()))
        .await
        .unwrap();
    assert!(refused.sent_bytes > 150_000, "mounting is off: {refused:?}");
    world.api(
        "PutAccountSetting",
        r#"{"name":"BLOB_MOUNTING","value":"ENABLED"}"#,
    );
    world.create("shop/cron").await;
    let image = Arc::new(image(&bytes).known());
    let mounted = push(&world, "shop/cron", Arc::clone(&image)).await.unwrap();
    assert_eq!(image.compressed.load(Ordering::SeqCst), 0);
    assert_eq!(
        mounted.sent_bytes,
        image.config().len() as u64,
        "only the config"
    );
}

#[tokio::test]
async fn a_layer_that_an_earlier_run_pushed_elsewhere_is_mounted() {
    let world = world().await;
    world.api(
        "PutAccountSetting",
        r#"{"name":"BLOB_MOUNTING","value":"ENABLED"}"#,
    );
    world.create("shop/web").await;
    let bytes = layers(3, 50_000);
    let pushed = push(&world, "shop/web", Arc::new(image(&bytes))).await;
    let pushed = pushed.unwrap();
    let manifest = manifest_of(&pushed.config, &pushed.layers, "ab");
    world.put("shop/web", &manifest, "1.0").await.unwrap();
    // Another run knows nothing but what its plan reads.
    let later =
        crate::world::registries_at(&format!("http://{}", world.address), crate::world::ACCOUNT);
    later
        .images(
            &key("shop/web"),
            &std::iter::once(crate::world::tag("1.0")).collect(),
        )
        .await;
    world.create("shop/api").await;
    let image = Arc::new(image(&bytes).known());
    let web = ImageName::new("web").unwrap();
    let api = key("shop/api");
    let source: Arc<dyn LocalImage> = Arc::<TestImage>::clone(&image);
    let mounted = later.push_blobs(&api, source, &Events::none(), &web).await;
    assert!(mounted.unwrap().sent_bytes < 1_000);
    assert_eq!(image.compressed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn progress_grows_to_the_total() {
    let world = world().await;
    world.create("shop/web").await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let events = Events::new(move |event| {
        if let Event::Pushed { done, total, .. } = event {
            sink.lock().unwrap().push((done, total));
        }
    });
    let image = Arc::new(image(&layers(3, 1_000_000)));
    let total = 3_000_000 + image.config().len() as u64;
    let web = ImageName::new("web").unwrap();
    world
        .registries
        .push_blobs(&key("shop/web"), image, &events, &web)
        .await
        .unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(done, total)| done <= total), "{seen:?}");
    assert!(seen.contains(&(total, total)), "{seen:?}");
    assert!(seen.len() > 10, "{seen:?}");
}

#[tokio::test]
async fn blobs_travel_beside_each_other() {
    let world = world().await;
    world.create("shop/web").await;
    world.faults.always(
        "registry:FinishUpload",
        FaultKind::Delay(Duration::from_millis(300)),
    );
    let started = Instant::now();
    push(&world, "shop/web", Arc::new(image(&layers(5, 1_000))))
        .await
        .unwrap();
    let elapsed = started.elapsed();
    assert!(
        elapsed < Duration::from_millis(900),
        "six blobs of 0.3 s each took {elapsed:?}"
    );
}

#[tokio::test]
async fn passing_faults_of_the_registry_are_overcome() {
    for fault in [
        FaultKind::Throttled,
        FaultKind::ServerError,
        FaultKind::DropConnection,
        FaultKind::ExpiredToken,
    ] {
        for operation in [
            "registry:HeadBlob",
            "registry:StartUpload",
            "registry:FinishUpload",
        ] {
            let world = world().await;
            world.create("shop/web").await;
            world.faults.times(operation, fault.clone(), 1);
            let image = Arc::new(image(&layers(2, 300_000)));
            let pushed = push(&world, "shop/web", image).await;
            let pushed = pushed.unwrap_or_else(|error| panic!("{fault:?} at {operation}: {error}"));
            let manifest = manifest_of(&pushed.config, &pushed.layers, "ab");
            let put = world.put("shop/web", &manifest, "1.0");
            put.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_push_that_is_refused_says_why() {
    let world = world().await;
    let error = push(&world, "shop/none", Arc::new(image(&layers(1, 10))))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::NotFound(_)), "{error:?}");
    world.create("shop/web").await;
    world
        .faults
        .always("registry:StartUpload", FaultKind::AccessDenied);
    let error = push(&world, "shop/web", Arc::new(image(&layers(1, 10))))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Denied(_)), "{error:?}");
    assert!(error.to_string().contains("shop/web"), "{error}");
}

#[tokio::test]
async fn a_builder_gets_credentials_for_the_host_of_the_repositories() {
    let world = world().await;
    let given = world
        .registries
        .pull_credentials(&crate::world::prod())
        .await
        .unwrap();
    assert_eq!(given.host, world.address.to_string());
    assert_eq!(given.user, "AWS");
    assert!(!format!("{given:?}").contains(&given.password));
    world
        .registries
        .pull_credentials(&crate::world::prod())
        .await
        .unwrap();
    assert_eq!(world.calls("GetAuthorizationToken"), 1, "the token is kept");
}
