//! A builder in memory: an image is made of its request alone, so the same request gives the same image.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use tempfile::NamedTempFile;
use windlass_core::name::{Digest, Fingerprint, ImageName, Platform};

use crate::event::Events;
use crate::fakes::script::{Call, Fault, Operation, Script};
use crate::ports::{
    Boxed, BuildRequest, Builder, BuilderError, BuilderFacts, CompressedLayer, FailedStep,
    LocalImage,
};

/// What the fake builder calls itself.
pub const FAKE_BUILDER: &str = "a builder in memory";

/// A builder in memory. Clones are the same builder.
#[derive(Debug, Clone)]
pub struct MemBuilder {
    state: Arc<Mutex<State>>,
    script: Script,
}

#[derive(Debug, Default)]
struct State {
    /// Goes into the config of every image: two builders with other seeds build other bytes from one request.
    seed: String,
    images: BTreeMap<Fingerprint, Digest>,
    /// What was built and removed.
    removed: BTreeSet<Fingerprint>,
    contents: BTreeMap<Digest, Content>,
    names: BTreeMap<String, Digest>,
    requests: Vec<BuildRequest>,
    failing: BTreeSet<ImageName>,
    hanging: BTreeSet<ImageName>,
    running: usize,
    most_running: usize,
    ended: Vec<ImageName>,
    /// How often it was told to expect questions.
    expecting: usize,
}

#[derive(Debug, Clone)]
struct Content {
    config: Vec<u8>,
    layer: Vec<u8>,
}

impl MemBuilder {
    /// Returns an empty builder that follows `script`. Another seed gives other image bytes for the same requests.
    pub fn new(script: &Script, seed: &str) -> Self {
        let state = State {
            seed: seed.to_owned(),
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            script: script.clone(),
        }
    }

    /// Makes every build of an image fail at a step.
    pub fn fail(&self, image: &ImageName) {
        self.lock().failing.insert(image.clone());
    }

    /// Makes every build of an image last until it is ended.
    pub fn hang(&self, image: &ImageName) {
        self.lock().hanging.insert(image.clone());
    }

    /// Takes back [`Self::fail`] and [`Self::hang`].
    pub fn heal(&self) {
        let mut state = self.lock();
        state.failing.clear();
        state.hanging.clear();
    }

    /// Removes all images, as `docker rmi` would.
    pub fn remove_images(&self) {
        let mut state = self.lock();
        let images = std::mem::take(&mut state.images);
        state.removed.extend(images.into_keys());
        state.contents.clear();
        state.names.clear();
    }

    /// Returns the requests of all builds that were begun, in order.
    pub fn requests(&self) -> Vec<BuildRequest> {
        self.lock().requests.clone()
    }

    /// Returns how many builds ran at once at most.
    pub fn most_running(&self) -> usize {
        self.lock().most_running
    }

    /// Returns the images whose builds were ended before they were done.
    pub fn ended(&self) -> Vec<ImageName> {
        self.lock().ended.clone()
    }

    /// Returns how often it was told to expect questions.
    pub fn expecting(&self) -> usize {
        self.lock().expecting
    }

    /// Returns the id behind a name that [`Builder::tag`] gave.
    pub fn named(&self, name: &str) -> Option<Digest> {
        self.lock().names.get(name).cloned()
    }

    /// Returns the image of a fingerprint.
    pub fn image(&self, fingerprint: &Fingerprint) -> Option<Digest> {
        self.lock().images.get(fingerprint).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no fake panics while it holds its state")
    }

    async fn begin(&self, call: Call) -> Result<usize, BuilderError> {
        self.script.begin(call).await.map_err(|fault| match fault {
            Fault::Builder(error) => error,
            Fault::Registry(error) => BuilderError::Other(error.to_string()),
        })
    }

    async fn call<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut State) -> Result<T, BuilderError>,
    ) -> Result<T, BuilderError> {
        let number = self.begin(Call::of(operation)).await?;
        let result = work(&mut self.lock());
        self.script.end(number).await;
        result
    }
}

/// A build that runs; ending it early is noted.
struct Running<'a> {
    builder: &'a MemBuilder,
    image: ImageName,
    done: bool,
}

impl<'a> Running<'a> {
    fn begin(builder: &'a MemBuilder, request: &BuildRequest) -> Self {
        let mut state = builder.lock();
        state.requests.push(request.clone());
        state.running += 1;
        state.most_running = state.most_running.max(state.running);
        Self {
            builder,
            image: request.image.clone(),
            done: false,
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.builder.lock();
        state.running -= 1;
        if !self.done {
            state.ended.push(self.image.clone());
        }
    }
}

impl Builder for MemBuilder {
    fn expect_questions(&self) {
        self.lock().expecting += 1;
    }

    async fn describe(&self) -> Result<BuilderFacts, BuilderError> {
        self.call(Operation::Describe, |_| {
            Ok(BuilderFacts {
                description: FAKE_BUILDER.to_owned(),
                platforms: vec![Platform::default()],
            })
        })
        .await
    }

    async fn local_images(
        &self,
        fingerprints: &BTreeSet<Fingerprint>,
    ) -> Result<BTreeMap<Fingerprint, Digest>, BuilderError> {
        self.call(Operation::LocalImages, |state| {
            let images = state.images.clone().into_iter();
            Ok(images
                .filter(|(fingerprint, _)| fingerprints.contains(fingerprint))
                .collect())
        })
        .await
    }

    async fn built_before(
        &self,
        fingerprints: &BTreeSet<Fingerprint>,
    ) -> Result<BTreeSet<Fingerprint>, BuilderError> {
        let state = self.lock();
        let built = state.images.keys().chain(&state.removed);
        Ok(built
            .filter(|fingerprint| fingerprints.contains(fingerprint))
            .cloned()
            .collect())
    }

    async fn build(&self, request: BuildRequest, _events: &Events) -> Result<Digest, BuilderError> {
        let call = Call {
            image: Some(request.image.clone()),
            ..Call::of(Operation::Build)
        };
        let number = self.begin(call).await?;
        let mut running = Running::begin(self, &request);
        // Long enough for others to begin.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let (fails, hangs) = {
            let state = self.lock();
            (
                state.failing.contains(&request.image),
                state.hanging.contains(&request.image),
            )
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        running.done = true;
        if fails {
            return Err(BuilderError::Failed(Box::new(failed_step())));
        }
        let id = make(&mut self.lock(), &request);
        drop(running);
        self.script.end(number).await;
        Ok(id)
    }

    async fn open(&self, id: &Digest) -> Result<Arc<dyn LocalImage>, BuilderError> {
        self.call(Operation::Open, |state| {
            let missing = || BuilderError::Other(format!("there is no image {id}"));
            let content = state.contents.get(id).cloned().ok_or_else(missing)?;
            let image: Arc<dyn LocalImage> = Arc::new(MemImage::open(content)?);
            Ok(image)
        })
        .await
    }

    async fn tag(&self, id: &Digest, name: &str) -> Result<(), BuilderError> {
        self.call(Operation::TagLocal, |state| {
            if state.contents.contains_key(id) {
                state.names.insert(name.to_owned(), id.clone());
                Ok(())
            } else {
                Err(BuilderError::Other(format!("there is no image {id}")))
            }
        })
        .await
    }
}

fn failed_step() -> FailedStep {
    FailedStep {
        step: "[2/2] RUN false".to_owned(),
        exit_code: Some(1),
        message: "process \"/bin/sh -c false\" did not complete successfully".to_owned(),
        log: vec!["it went wrong".to_owned()],
        line: Some(2),
    }
}

/// Makes an image of a request: its layer is the text of everything that was asked for.
fn make(state: &mut State, request: &BuildRequest) -> Digest {
    let layer = format!(
        "{}\n{:?}\n{:?}\n{:?}",
        request.dockerfile, request.args, request.labels, request.entries
    )
    .into_bytes();
    let config = serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "author": state.seed,
        "config": { "Labels": request.labels },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer)] },
    });
    let config = config.to_string().into_bytes();
    let id = Digest::of(&config);
    state.contents.insert(id.clone(), Content { config, layer });
    state.images.insert(request.fingerprint.clone(), id.clone());
    state.names.insert(request.local_name.clone(), id.clone());
    id
}

/// An opened image; its layer is a file while it lives.
struct MemImage {
    content: Content,
    diff_ids: Vec<Digest>,
    file: NamedTempFile,
}

impl MemImage {
    fn open(content: Content) -> Result<Self, BuilderError> {
        let diff_ids = vec![Digest::of(&content.layer)];
        let file =
            layer_file(&content.layer).map_err(|error| BuilderError::Other(error.to_string()))?;
        Ok(Self {
            content,
            diff_ids,
            file,
        })
    }
}

fn layer_file(bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}

impl LocalImage for MemImage {
    fn config(&self) -> &[u8] {
        &self.content.config
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    fn known(&self, _diff_id: &Digest) -> Option<(Digest, u64)> {
        None
    }

    fn compress(&self, _diff_id: Digest) -> Boxed<'_, Result<CompressedLayer, BuilderError>> {
        Box::pin(std::future::ready(Ok(CompressedLayer {
            digest: Digest::of(&self.content.layer),
            size: self.content.layer.len() as u64,
            path: self.file.path().to_owned(),
        })))
    }
}
