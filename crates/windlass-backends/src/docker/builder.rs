//! The Docker Engine as the engine's [`Builder`] port.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use windlass_core::context;
use windlass_core::name::{Digest, Fingerprint, ImageName, Platform};
use windlass_engine::event::{self, Event, Events};
use windlass_engine::ports::{self, Builder, BuilderError, BuilderFacts, FailedStep, LocalImage};

use crate::docker::address::{Address, Environment};
use crate::docker::cache::Cache;
use crate::docker::credentials::{Credential, Credentials};
use crate::docker::engine::Engine;
use crate::docker::error::DockerError;
use crate::docker::images::digest;
use crate::docker::layers::LayerStore;
use crate::docker::progress::{BuildEvent, StepState};
use crate::docker::session::SecretValues;
use crate::docker::solve::{BuildRequest, Network};
use crate::docker::tree::{ContextEntry, EntryKind, Source};

/// Images looked at together.
const LOOKS: usize = 8;

/// The Docker Engine that the environment names, with what windlass remembers of it. Connects when first asked.
pub struct DockerBuilder {
    environment: Environment,
    /// Where the Engine answers; what the environment says where `None`.
    address: Option<Address>,
    cache: Cache,
    engine: Arc<OnceCell<Engine>>,
    layers: OnceCell<Arc<LayerStore>>,
}

impl DockerBuilder {
    /// Prepares a builder; `cache` is the folder for its own files, which may be missing. Nothing is contacted.
    pub fn new(environment: Environment, cache: PathBuf) -> Self {
        Self {
            environment,
            address: None,
            cache: Cache::new(cache),
            engine: Arc::default(),
            layers: OnceCell::new(),
        }
    }

    /// The builder at an address of the manifest, whatever the environment says.
    #[must_use]
    pub fn at(self, address: Address) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }

    /// Returns the Engine, connecting to it at the first call.
    ///
    /// # Errors
    ///
    /// As [`Engine::connect`].
    pub async fn engine(&self) -> Result<&Engine, DockerError> {
        let address = self.address.as_ref();
        let connect = || connect(address, &self.environment);
        self.engine.get_or_try_init(connect).await
    }

    async fn still_there(
        &self,
        fingerprint: Fingerprint,
    ) -> Result<Option<(Fingerprint, Digest)>, BuilderError> {
        let engine = self.engine().await?;
        let Some(id) = self.cache.built(&engine.address().text, &fingerprint) else {
            return Ok(None);
        };
        let image = engine.image(id.as_str()).await?;
        Ok(image.map(|image| (fingerprint, image.id)))
    }

    fn request(&self, request: ports::BuildRequest) -> Result<BuildRequest, BuilderError> {
        let ports::BuildRequest {
            image: _,
            shared_key,
            fingerprint: _,
            dockerfile,
            context,
            entries,
            sources,
            args,
            labels,
            stage,
            platform,
            secrets,
            network,
            timeout_seconds: _,
            use_cache,
            credentials,
            local_name,
        } = request;
        let mut known = Credentials::new(&self.environment);
        for given in credentials {
            let credential = Credential {
                username: given.user,
                secret: given.password,
            };
            known = known.with(given.host, credential);
        }
        Ok(BuildRequest {
            dockerfile,
            context: entries
                .iter()
                .map(|entry| context_entry(&context, entry.clone()))
                .collect(),
            sources,
            shared_key,
            args,
            labels,
            stage,
            platform: Some(platform.as_str().to_owned()),
            network: parse_network(network.as_deref())?,
            no_cache: !use_cache,
            name: Some(local_name),
            secrets: SecretValues::new(
                secrets
                    .into_iter()
                    .map(|(id, value)| (id, value.bytes().to_vec().into()))
                    .collect(),
            ),
            credentials: known,
        })
    }
}

async fn connect(
    address: Option<&Address>,
    environment: &Environment,
) -> Result<Engine, DockerError> {
    match address {
        Some(address) => Engine::connect_to(address.clone()).await,
        None => Engine::connect(environment).await,
    }
}

impl Builder for DockerBuilder {
    fn expect_questions(&self) {
        let (address, environment) = (self.address.clone(), self.environment.clone());
        let engine = Arc::clone(&self.engine);
        tokio::spawn(async move {
            let connect = || connect(address.as_ref(), &environment);
            // What fails here fails again when it is asked for, and is told then.
            if let Ok(engine) = engine.get_or_try_init(connect).await {
                drop(engine.capabilities().await);
            }
        });
    }

    async fn describe(&self) -> Result<BuilderFacts, BuilderError> {
        let engine = self.engine().await?;
        let capabilities = engine.capabilities().await?;
        Ok(BuilderFacts {
            description: format!(
                "Docker Engine {} at {}",
                capabilities.engine_version,
                engine.address().text
            ),
            platforms: capabilities
                .platforms
                .iter()
                .filter_map(|platform| Platform::new(platform.as_str()).ok())
                .collect(),
        })
    }

    async fn local_images(
        &self,
        fingerprints: &BTreeSet<Fingerprint>,
    ) -> Result<BTreeMap<Fingerprint, Digest>, BuilderError> {
        stream::iter(fingerprints.iter().cloned())
            .map(|fingerprint| self.still_there(fingerprint))
            .buffer_unordered(LOOKS)
            .try_filter_map(|found| std::future::ready(Ok(found)))
            .try_collect()
            .await
    }

    async fn built_before(
        &self,
        fingerprints: &BTreeSet<Fingerprint>,
    ) -> Result<BTreeSet<Fingerprint>, BuilderError> {
        let engine = self.engine().await?;
        let address = &engine.address().text;
        let built = fingerprints.iter();
        Ok(built
            .filter(|fingerprint| self.cache.built(address, fingerprint).is_some())
            .cloned()
            .collect())
    }

    async fn build(
        &self,
        request: ports::BuildRequest,
        events: &Events,
    ) -> Result<Digest, BuilderError> {
        let engine = self.engine().await?;
        let begun = Instant::now();
        let (image, fingerprint) = (request.image.clone(), request.fingerprint.clone());
        let limit = request.timeout_seconds;
        let request = self.request(request)?;
        let (sender, receiver) = unbounded_channel();
        let solving = async {
            let solved = engine.build(request, &sender).await;
            drop(sender);
            solved
        };
        let work = Box::pin(async { tokio::join!(solving, pass_on(&image, receiver, events)).0 });
        let built = match limit {
            None => work.await,
            Some(seconds) => tokio::time::timeout(Duration::from_secs(seconds), work)
                .await
                .map_err(|_| {
                    BuilderError::Timeout(format!(
                        "the build of `{image}` took longer than its timeout of {seconds} seconds; raise `timeout`, or make the build faster"
                    ))
                })?,
        }?;
        let id = digest(&built.image)?;
        log::info!(
            "engine: built image {image} for {} as {id}: {} ms",
            fingerprint.short(),
            begun.elapsed().as_millis()
        );
        self.cache
            .remember_built(&engine.address().text, &fingerprint, &id)?;
        Ok(id)
    }

    async fn open(&self, id: &Digest) -> Result<Arc<dyn LocalImage>, BuilderError> {
        let engine = self.engine().await?;
        let layers = self
            .layers
            .get_or_try_init(|| async {
                Ok::<_, DockerError>(Arc::new(LayerStore::new(self.cache.clone())?))
            })
            .await?;
        Ok(Arc::new(layers.open(engine, id).await?))
    }

    async fn tag(&self, id: &Digest, name: &str) -> Result<(), BuilderError> {
        Ok(self.engine().await?.tag(id.as_str(), name).await?)
    }
}

fn context_entry(folder: &Path, entry: context::Entry) -> ContextEntry {
    let kind = match entry.kind {
        context::EntryKind::Directory => EntryKind::Directory,
        context::EntryKind::Link { target } => EntryKind::Symlink { target },
        context::EntryKind::File {
            executable,
            bytes,
            digest,
        } => EntryKind::File {
            executable,
            size: bytes,
            sha256: hash_bytes(&digest),
            source: Source::Path(folder.join(&entry.path)),
        },
    };
    ContextEntry {
        path: entry.path,
        kind,
    }
}

fn hash_bytes(digest: &Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    let digits = digest.hex().as_bytes().chunks_exact(2);
    for (byte, digits) in bytes.iter_mut().zip(digits) {
        let digits = std::str::from_utf8(digits).expect("a digest is ASCII");
        *byte = u8::from_str_radix(digits, 16).expect("a digest is hexadecimal");
    }
    bytes
}

fn parse_network(network: Option<&str>) -> Result<Network, BuilderError> {
    match network {
        None | Some("default") => Ok(Network::Default),
        Some("none") => Ok(Network::None),
        Some("host") => Ok(Network::Host),
        Some(other) => Err(BuilderError::Other(format!(
            "the Docker Engine's BuildKit has no network `{other}`; use `default`, `none` or `host`"
        ))),
    }
}

async fn pass_on(image: &ImageName, mut receiver: UnboundedReceiver<BuildEvent>, events: &Events) {
    while let Some(change) = receiver.recv().await {
        let event = match change {
            BuildEvent::Step(step) => Event::Step {
                image: image.clone(),
                step: event::BuildStep {
                    index: step.index.zip(step.total),
                    seconds: step.started.zip(step.completed).map(|(from, to)| {
                        to.duration_since(from).unwrap_or_default().as_secs_f64()
                    }),
                    digest: step.digest,
                    name: step.label,
                    state: match step.state {
                        StepState::Waiting => event::StepState::Waiting,
                        StepState::Running => event::StepState::Running,
                        StepState::Cached => event::StepState::Cached,
                        StepState::Done => event::StepState::Done,
                        StepState::Failed | StepState::Canceled => event::StepState::Failed,
                    },
                },
            },
            BuildEvent::Log { step, line, .. } => Event::Log {
                image: image.clone(),
                step,
                line,
            },
            BuildEvent::Warning { message } => Event::Note(format!("{image}: {message}")),
            BuildEvent::Transfer { .. } => continue,
        };
        events.send(event);
    }
}

impl From<DockerError> for BuilderError {
    fn from(error: DockerError) -> Self {
        let text = error.to_string();
        match error {
            DockerError::Unreachable { .. } | DockerError::Address { .. } => {
                Self::Unreachable(text)
            }
            DockerError::BaseImage { .. } => Self::Base(text),
            DockerError::Stale { .. } => Self::Stale(text),
            DockerError::Build(failure) => Self::Failed(Box::new(FailedStep {
                step: failure.step.unwrap_or_else(|| "Dockerfile".to_owned()),
                exit_code: failure.exit_code,
                message: failure.message,
                log: failure.log,
                line: failure.line.and_then(|line| usize::try_from(line).ok()),
            })),
            DockerError::Unsupported { .. }
            | DockerError::Refused { .. }
            | DockerError::NotFound { .. }
            | DockerError::Context { .. }
            | DockerError::Unforeseen { .. }
            | DockerError::Cache { .. }
            | DockerError::Damaged { .. } => Self::Other(text),
        }
    }
}
