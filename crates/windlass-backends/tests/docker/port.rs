//! The Engine as the `Builder` port: the build record, and images opened for a push.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use windlass_backends::docker::{DockerBuilder, Environment};
use windlass_core::context::{Entry, EntryKind};
use windlass_core::dockerfile::ContextSources;
use windlass_core::name::{Digest, Fingerprint, ImageName, Platform};
use windlass_engine::event::{Event, Events};
use windlass_engine::ports::{BuildRequest, Builder as _, BuilderError, LocalImage};

use crate::bench::Bench;
use crate::debian;

fn builder(cache: &Path) -> DockerBuilder {
    DockerBuilder::new(Environment::from_process(), cache.to_owned())
}

fn fingerprint(bench: &Bench) -> Fingerprint {
    Fingerprint::new(Digest::of(bench.key.as_bytes()).hex()).expect("64 hex digits")
}

fn request(bench: &Bench, dockerfile: &str, folder: &Path) -> BuildRequest {
    let content = bench.key.as_bytes();
    std::fs::write(folder.join("a"), content).expect("the folder is there");
    BuildRequest {
        image: ImageName::new("web").expect("a name"),
        shared_key: bench.key.clone(),
        fingerprint: fingerprint(bench),
        dockerfile: dockerfile.to_owned(),
        context: folder.to_owned(),
        entries: Arc::from([Entry {
            path: "a".to_owned(),
            kind: EntryKind::File {
                executable: false,
                bytes: content.len() as u64,
                digest: Digest::of(content),
            },
        }]),
        sources: ContextSources::default(),
        args: BTreeMap::new(),
        labels: BTreeMap::from([("dev.windlass.test".to_owned(), bench.key.clone())]),
        stage: None,
        platform: Platform::default(),
        network: None,
        secrets: BTreeMap::new(),
        timeout_seconds: None,
        use_cache: true,
        credentials: Vec::new(),
        local_name: format!("windlass-test/{}:in-0123456789abcdef", bench.key),
    }
}

#[tokio::test]
async fn a_local_image_counts_through_the_record_and_only_while_it_is_there() {
    let Some(bench) = Bench::open("record").await else {
        return;
    };
    let (cache, context) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let request = request(&bench, "FROM scratch\nCOPY a /\n", context.path());
    let wanted = BTreeSet::from([fingerprint(&bench)]);
    let first = builder(cache.path());
    assert_eq!(first.local_images(&wanted).await.unwrap(), BTreeMap::new());
    let id = first.build(request, &Events::none()).await.unwrap();
    let found = BTreeMap::from([(fingerprint(&bench), id.clone())]);
    assert_eq!(
        builder(cache.path()).local_images(&wanted).await.unwrap(),
        found
    );
    // Another cache folder has no record, whatever the Engine holds.
    let other = tempfile::tempdir().unwrap();
    assert_eq!(
        builder(other.path()).local_images(&wanted).await.unwrap(),
        BTreeMap::new()
    );
    bench.engine.remove(id.as_str(), true).await.unwrap();
    assert_eq!(
        builder(cache.path()).local_images(&wanted).await.unwrap(),
        BTreeMap::new()
    );
    bench.clean().await;
}

async fn check_layers(image: &dyn LocalImage) -> Vec<(Digest, u64)> {
    let compress = image.diff_ids().iter().map(async |diff_id| {
        let layer = image.compress(diff_id.clone()).await;
        let layer = layer.expect("the layer is in the Engine");
        let bytes = std::fs::read(&layer.path).expect("a file was promised");
        assert_eq!(
            (Digest::of(&bytes), bytes.len() as u64),
            (layer.digest.clone(), layer.size)
        );
        let mut content = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(bytes.as_slice());
        let read = decoder.read_to_end(&mut content);
        read.expect("it is gzip");
        assert_eq!(Digest::of(&content), *diff_id);
        assert_eq!(
            image.known(diff_id),
            Some((layer.digest.clone(), layer.size))
        );
        (layer.digest, layer.size)
    });
    futures_util::future::join_all(compress).await
}

#[tokio::test]
async fn an_image_is_opened_with_its_config_and_layers() {
    let Some(bench) = Bench::open("open").await else {
        return;
    };
    let (cache, context) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dockerfile = format!("FROM {}\nCOPY a /\nRUN echo {} >/b\n", debian(), bench.key);
    let request = request(&bench, &dockerfile, context.path());
    let first = builder(cache.path());
    let id = first.build(request, &Events::none()).await.unwrap();
    let image = first.open(&id).await.unwrap();
    assert_eq!(Digest::of(image.config()), id);
    assert!(image.diff_ids().len() >= 3);
    assert!(
        image
            .diff_ids()
            .iter()
            .all(|diff_id| image.known(diff_id).is_none())
    );
    let layers = check_layers(image.as_ref()).await;
    drop((image, first));
    // A later run knows them all without an export, and makes the same files when asked.
    let second = builder(cache.path());
    let image = second.open(&id).await.unwrap();
    assert_eq!(Digest::of(image.config()), id);
    for (diff_id, layer) in image.diff_ids().iter().zip(&layers) {
        assert_eq!(image.known(diff_id).as_ref(), Some(layer));
    }
    assert_eq!(check_layers(image.as_ref()).await, layers);
    drop((image, second));
    let left: Vec<_> = std::fs::read_dir(cache.path().join("scratch"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    bench.clean().await;
}

#[tokio::test]
async fn an_image_that_is_gone_cannot_be_opened() {
    let Some(bench) = Bench::open("gone").await else {
        return;
    };
    let cache = tempfile::tempdir().unwrap();
    let id = Digest::of(bench.key.as_bytes());
    let error = builder(cache.path())
        .open(&id)
        .await
        .err()
        .expect("no such image");
    assert_eq!(
        error.to_string(),
        format!("image `{id}` is not in the Docker Engine; build it again")
    );
    bench.clean().await;
}

#[tokio::test]
async fn a_build_ends_at_its_timeout() {
    let Some(bench) = Bench::open("timeout").await else {
        return;
    };
    let (cache, context) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dockerfile = format!("FROM {}\nRUN sleep 600\n", debian());
    let mut request = request(&bench, &dockerfile, context.path());
    request.timeout_seconds = Some(1);
    request.use_cache = false;
    let error = builder(cache.path())
        .build(request, &Events::none())
        .await
        .unwrap_err();
    assert!(matches!(error, BuilderError::Timeout(_)), "{error}");
    bench.clean().await;
}

#[tokio::test]
async fn steps_and_lines_become_events_and_failures_keep_their_log() {
    let Some(bench) = Bench::open("events").await else {
        return;
    };
    let (cache, context) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dockerfile = format!("FROM {}\nRUN echo out; exit 4\n", debian());
    let request = request(&bench, &dockerfile, context.path());
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let events_sink = Events::new(move |event| sink.lock().unwrap().push(event));
    let builder = builder(cache.path());
    let error = builder.build(request, &events_sink).await.unwrap_err();
    let BuilderError::Failed(step) = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (step.step.as_str(), step.exit_code, step.line),
        ("[2/2] RUN echo out; exit 4", Some(4), Some(2))
    );
    assert_eq!(step.log, ["out"]);
    let events = events.lock().expect("no panic").clone();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Log { line, .. } if line == "out"))
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Step { step, .. } if step.index == Some((2, 2))))
    );
    let facts = builder.describe().await.unwrap();
    assert!(facts.description.starts_with("Docker Engine "), "{facts:?}");
    assert!(facts.platforms.contains(&Platform::default()), "{facts:?}");
    bench.clean().await;
}
