//! What the tests of a real Engine share: whether they run, builds with all their events, cleaning up.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::unbounded_channel;
use windlass_backends::docker::{
    BuildEvent, BuildRequest, Built, ContextEntry, DockerError, Engine, Environment,
};

/// The label by which everything these tests leave behind is found; its value names the test.
const LABEL: &str = "dev.windlass.test";

/// One test on the Engine: its images carry its key as a label, and go with [`Bench::clean`].
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) key: String,
}

impl Bench {
    /// Returns the Engine if this run is meant to use one; a missing Engine is then a failure.
    pub(crate) async fn open(name: &str) -> Option<Self> {
        let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
        if !services.split(',').any(|service| service == "docker") {
            let note = format!("{name}: not run, WINDLASS_TEST_SERVICES does not name docker\n");
            std::io::stderr()
                .write_all(note.as_bytes())
                .expect("standard error takes a line");
            return None;
        }
        let engine = Engine::connect(&Environment::from_process()).await;
        Some(Self {
            engine: engine.expect("WINDLASS_TEST_SERVICES names docker"),
            key: unique(name),
        })
    }

    /// Makes a request whose image carries this test's label.
    pub(crate) fn request(&self, dockerfile: &str, context: Vec<ContextEntry>) -> BuildRequest {
        BuildRequest {
            dockerfile: dockerfile.to_owned(),
            context,
            labels: BTreeMap::from([(LABEL.to_owned(), self.key.clone())]),
            shared_key: self.key.clone(),
            ..BuildRequest::default()
        }
    }

    /// Builds and returns the result with all events.
    pub(crate) async fn try_build(
        &self,
        request: BuildRequest,
    ) -> (Result<Built, DockerError>, Vec<BuildEvent>) {
        let (sender, mut receiver) = unbounded_channel();
        let result = self.engine.build(request, &sender).await;
        drop(sender);
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        (result, events)
    }

    /// Builds what must succeed.
    pub(crate) async fn build(&self, request: BuildRequest) -> Built {
        let (result, events) = self.try_build(request).await;
        result.unwrap_or_else(|error| panic!("{error}\n{events:#?}"))
    }

    /// Removes this test's images.
    pub(crate) async fn clean(self) {
        let label = format!("{LABEL}={}", self.key);
        let images = self.engine.images_with_label(&label).await;
        for image in images.expect("the Engine lists images") {
            let removed = self.engine.remove(image.as_str(), true).await;
            removed.expect("nothing else uses the test's images");
        }
    }
}

/// A word that no other run uses.
fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("the clock is past 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{now}-{count}", std::process::id())
}
