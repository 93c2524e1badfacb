//! One build on the Engine's `BuildKit`, from the request to the image in the Engine.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::{
    CacheOptions, SolveRequest, StatusRequest, StatusResponse,
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc::UnboundedSender;
use tonic::Status;
use windlass_core::dockerfile::ContextSources;

use crate::docker::credentials::Credentials;
use crate::docker::engine::Engine;
use crate::docker::error::{DockerError, innermost};
use crate::docker::failure::explain;
use crate::docker::filesync::{Files, Outcome};
use crate::docker::progress::{BuildEvent, Progress};
use crate::docker::session::{SecretValues, Services, Session};
use crate::docker::tree::{ContextEntry, Tree};

/// How long the rest of the progress may take once the build itself has ended.
const LAST_PROGRESS: Duration = Duration::from_secs(1);
/// The same, if no progress has come at all: a build that ended before we could ask for it.
const NO_PROGRESS: Duration = Duration::from_millis(50);

/// All that a build needs.
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// The Dockerfile as it is sent; it need not be in the context.
    pub dockerfile: String,
    /// The context, already filtered.
    pub context: Vec<ContextEntry>,
    /// The sources that the context was chosen by; a build that asks for others fails.
    pub sources: ContextSources,
    /// Equal for builds whose contexts should be compared with each other, different for all others: one for each
    /// workspace and image.
    pub shared_key: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The stage to build; `None` is the last.
    pub stage: Option<String>,
    /// The platform, as `linux/amd64`; `None` is the Engine's own.
    pub platform: Option<String>,
    /// The network of RUN steps.
    pub network: Network,
    /// Whether `BuildKit` must run every step again.
    pub no_cache: bool,
    /// The name the image gets in the Engine, as `windlass/api:latest`; `None` leaves it without one.
    pub name: Option<String>,
    /// Values of `RUN --mount=type=secret`.
    pub secrets: SecretValues,
    /// Credentials for base images.
    pub credentials: Credentials,
}

/// The network of RUN steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// The builder's own.
    #[default]
    Default,
    /// None at all.
    None,
    /// The host's.
    Host,
}

/// A finished build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The image's id in the Engine, `sha256:...`.
    pub image: String,
    /// Files that had to be sent.
    pub sent_files: u64,
    /// Bytes of files that had to be sent.
    pub sent_bytes: u64,
    /// Instructions whose result was in the builder's cache.
    pub cached_steps: usize,
    /// Instructions in all.
    pub steps: usize,
}

impl Engine {
    /// Builds an image. Progress goes to `events`, whose receiver may be gone. Dropping the future ends the build.
    ///
    /// # Errors
    ///
    /// [`DockerError::Build`] for a failing step or a wrong Dockerfile, [`DockerError::BaseImage`],
    /// [`DockerError::Stale`] for a file that is not what was listed, [`DockerError::Context`], and
    /// [`DockerError::Unreachable`] when the Engine goes away.
    pub async fn build(
        &self,
        request: BuildRequest,
        events: &UnboundedSender<BuildEvent>,
    ) -> Result<Built, DockerError> {
        let outcome = Arc::new(Outcome::default());
        let files = Files {
            dockerfile: Arc::new(dockerfile_tree(&request.dockerfile)?),
            context: Arc::new(Tree::new(request.context)?),
            sources: Arc::new(request.sources),
            outcome: Arc::clone(&outcome),
        };
        let mut progress = Progress::new(request.secrets.masked());
        let session_id = random_id();
        let session = Session::open(
            self.connector(),
            &session_id,
            &request.shared_key,
            Services::new(files, request.credentials, request.secrets),
        )
        .await
        .map_err(|error| self.no_session(&error))?;
        let dockerfile = request.dockerfile;
        let solve = SolveRequest {
            r#ref: random_id(),
            exporter_deprecated: "moby".to_owned(),
            exporter_attrs_deprecated: request
                .name
                .map(|name| ("name".to_owned(), name))
                .into_iter()
                .collect(),
            session: session_id,
            frontend: "dockerfile.v0".to_owned(),
            entitlements: match request.network {
                Network::Host => vec!["network.host".to_owned()],
                Network::Default | Network::None => Vec::new(),
            },
            frontend_attrs: frontend_attributes(
                request.args,
                request.labels,
                request.stage,
                request.platform,
                request.network,
                request.no_cache,
            ),
            cache: Some(CacheOptions::default()),
            ..SolveRequest::default()
        };
        let answer = self.solve(solve, &mut progress, events).await;
        drop(session);
        match answer {
            Ok(image) => {
                let (cached_steps, steps) = progress.cached();
                Ok(Built {
                    image,
                    sent_files: outcome.files.load(Ordering::Relaxed),
                    sent_bytes: outcome.bytes.load(Ordering::Relaxed),
                    cached_steps,
                    steps,
                })
            }
            Err(status) => Err(match (outcome.stale.get(), outcome.unforeseen.get()) {
                (Some(path), _) => DockerError::Stale { path: path.clone() },
                (None, Some(path)) => DockerError::Unforeseen { path: path.clone() },
                (None, None) => self.explain(&status, &progress, &dockerfile),
            }),
        }
    }

    async fn solve(
        &self,
        request: SolveRequest,
        progress: &mut Progress,
        events: &UnboundedSender<BuildEvent>,
    ) -> Result<String, Status> {
        let tell = |changes: Vec<BuildEvent>| {
            for change in changes {
                // Nobody may be watching.
                drop(events.send(change));
            }
        };
        let mut status = pin!(self.status(request.r#ref.clone()));
        let mut control = self.control();
        let mut solve = pin!(control.solve(request));
        let mut heard = false;
        let mut open = true;
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut solve => break answer,
                message = status.next(), if open => match message {
                    Some(message) => {
                        heard = true;
                        tell(progress.fold(message));
                    }
                    None => open = false,
                },
            }
        };
        let patience = if heard { LAST_PROGRESS } else { NO_PROGRESS };
        while open {
            match tokio::time::timeout(patience, status.next()).await {
                Ok(Some(message)) => tell(progress.fold(message)),
                Ok(None) | Err(_) => open = false,
            }
        }
        tell(progress.finish());
        let mut response = answer?.into_inner().exporter_response;
        response
            // The image's id in either store: the config's digest, or the manifest's with containerd's store.
            .remove("containerimage.digest")
            .ok_or_else(|| Status::internal("the Engine did not name the image it built"))
    }

    /// Follows a build. A build that is not known (any more) has no progress.
    fn status(&self, reference: String) -> impl Stream<Item = StatusResponse> + use<> {
        let mut control = self.control();
        stream::once(async move {
            let request = StatusRequest { r#ref: reference };
            Ok::<_, Status>(control.status(request).await?.into_inner())
        })
        .try_flatten()
        .take_while(|message| std::future::ready(message.is_ok()))
        .filter_map(|message| std::future::ready(message.ok()))
    }

    fn explain(&self, status: &Status, progress: &Progress, dockerfile: &str) -> DockerError {
        let mut source = std::error::Error::source(status);
        while let Some(error) = source {
            if error.is::<tonic::transport::Error>() || error.is::<hyper::Error>() {
                return self.lost(&innermost(error));
            }
            source = error.source();
        }
        explain(status.message(), progress, dockerfile)
    }

    fn no_session(&self, error: &std::io::Error) -> DockerError {
        if error.kind() != std::io::ErrorKind::Unsupported {
            return self.lost(&innermost(error));
        }
        DockerError::Unsupported {
            address: self.address().text.clone(),
            reason: format!("has no BuildKit that windlass can use: {error}"),
            help: "use Docker Engine 20.10 or newer; Podman does not offer it".to_owned(),
        }
    }

    fn lost(&self, reason: &str) -> DockerError {
        DockerError::Unreachable {
            address: self.address().text.clone(),
            reason: format!("the connection to BuildKit failed: {reason}"),
            help: "see whether it still runs, then try again".to_owned(),
        }
    }
}

/// The folder with the Dockerfile, and an ignore file that ignores nothing: the context is filtered already, and without
/// this file the frontend would look for one in the context.
fn dockerfile_tree(dockerfile: &str) -> Result<Tree, DockerError> {
    Tree::new(vec![
        ContextEntry::from_bytes("Dockerfile", false, dockerfile.to_owned()),
        ContextEntry::from_bytes("Dockerfile.dockerignore", false, "# nothing\n"),
    ])
}

fn frontend_attributes(
    args: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    stage: Option<String>,
    platform: Option<String>,
    network: Network,
    no_cache: bool,
) -> std::collections::HashMap<String, String> {
    let args = args
        .into_iter()
        .map(|(name, value)| (format!("build-arg:{name}"), value));
    let labels = labels
        .into_iter()
        .map(|(name, value)| (format!("label:{name}"), value));
    let network = match network {
        Network::Default => None,
        Network::None => Some("none"),
        Network::Host => Some("host"),
    };
    let single = [
        ("filename", Some("Dockerfile".to_owned())),
        ("target", stage),
        ("platform", platform),
        ("force-network-mode", network.map(str::to_owned)),
        ("no-cache", no_cache.then(String::new)),
    ];
    let single = single
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    args.chain(labels).chain(single).collect()
}

/// Returns 25 characters like those of `BuildKit`'s own ids, different each time.
fn random_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())[..25].to_owned()
}
