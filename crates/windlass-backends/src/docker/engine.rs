//! One Docker Engine: finding it, its versions, and what its BuildKit can do.

use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker, body_full};
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{InfoRequest, ListWorkersRequest};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::OnceCell;
use tonic::Code;
use tonic::transport::{Channel, Endpoint as GrpcEndpoint};

use crate::docker::address::{Address, DEFAULT_ORIGIN, Endpoint, Environment};
use crate::docker::error::{DockerError, innermost};
use crate::docker::transport::{Connector, GrpcConnector};

/// Seconds until an ordinary request to the Engine counts as lost; a build has no limit here.
const REQUEST_TIMEOUT: u64 = 600;
/// The first API version whose Engine has BuildKit behind `/grpc` (Docker 18.09).
const FIRST_BUILDKIT_API: ClientVersion = ClientVersion {
    major_version: 1,
    minor_version: 39,
};
/// Bytes BuildKit may send before we have read them.
pub(crate) const WINDOW: u32 = 16 << 20;

/// A Docker Engine that answered. Cheap to clone; all clones share one connection to BuildKit.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    connector: Connector,
    docker: Docker,
    /// The Engine's own version, where its ping says it.
    version: Option<String>,
    control: Channel,
    capabilities: OnceCell<Capabilities>,
}

/// What the Engine's BuildKit is known to do; unknown counts as not able.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The Engine's own version, as `20.10.24`.
    pub engine_version: String,
    /// The API version both sides speak, as `1.41`.
    pub api_version: String,
    /// BuildKit's own version; `None` where BuildKit cannot say it (Docker 20.10), which is also where heredocs,
    /// `COPY --link`, named contexts, attestations and source policies are missing or silently ignored.
    pub buildkit_version: Option<String>,
    /// The platforms it can build for, as `linux/amd64`, the Engine's own first.
    pub platforms: Vec<String>,
}

impl Capabilities {
    /// Returns whether the Dockerfile frontend is newer than 1.2 and knows named contexts.
    pub fn named_contexts(&self) -> bool {
        self.buildkit_version.is_some()
    }
}

impl Engine {
    /// Finds the Engine as the Docker command does and asks for its version.
    ///
    /// # Errors
    ///
    /// [`DockerError::Address`], [`DockerError::Unreachable`], or [`DockerError::Unsupported`] for an Engine without BuildKit.
    pub async fn connect(environment: &Environment) -> Result<Self, DockerError> {
        Self::connect_to(Address::resolve(environment)?).await
    }

    /// Connects to the Engine at a known address.
    ///
    /// # Errors
    ///
    /// As [`Engine::connect`].
    pub async fn connect_to(address: Address) -> Result<Self, DockerError> {
        let connector = Connector::new(&address)?;
        let (docker, version) = negotiate(&address, &connector).await?;
        let control = GrpcEndpoint::from_static("http://docker")
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .connect_with_connector_lazy(GrpcConnector(connector.clone()));
        Ok(Self {
            shared: Arc::new(Shared {
                address,
                connector,
                docker,
                version,
                control,
                capabilities: OnceCell::new(),
            }),
        })
    }

    /// Returns the address, which is also the Engine's name in the build record.
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// Returns what this Engine's BuildKit can do, asked once.
    ///
    /// # Errors
    ///
    /// [`DockerError::Refused`] when BuildKit does not answer.
    pub async fn capabilities(&self) -> Result<&Capabilities, DockerError> {
        self.shared
            .capabilities
            .get_or_try_init(|| self.probe())
            .await
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.shared.docker
    }

    pub(crate) fn connector(&self) -> Connector {
        self.shared.connector.clone()
    }

    pub(crate) fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.shared.control.clone()).max_decoding_message_size(64 << 20)
    }

    async fn probe(&self) -> Result<Capabilities, DockerError> {
        let action = "say what its BuildKit can do";
        let (mut info, mut workers) = (self.control(), self.control());
        let info = async {
            match info.info(InfoRequest {}).await {
                Ok(info) => Ok(info.into_inner().buildkit_version),
                Err(status) if status.code() == Code::Unimplemented => Ok(None),
                Err(status) => Err(DockerError::from_grpc(action, &status)),
            }
        };
        let workers = async {
            let all = ListWorkersRequest { filter: Vec::new() };
            let workers = workers.list_workers(all).await;
            workers
                .map(tonic::Response::into_inner)
                .map_err(|status| DockerError::from_grpc(action, &status))
        };
        let engine = async {
            if let Some(version) = &self.shared.version {
                return Ok(version.clone());
            }
            let asked = self.shared.docker.version().await;
            let asked =
                asked.map_err(|error| DockerError::from_bollard("say its version", error))?;
            Ok(asked.version.unwrap_or_else(|| "unknown".to_owned()))
        };
        let (buildkit, workers, engine) = tokio::try_join!(info, workers, engine)?;
        let mut platforms = Vec::new();
        for platform in workers
            .record
            .into_iter()
            .flat_map(|worker| worker.platforms)
        {
            let mut text = format!("{}/{}", platform.os, platform.architecture);
            if !platform.variant.is_empty() {
                text = format!("{text}/{}", platform.variant);
            }
            if !platforms.contains(&text) {
                platforms.push(text);
            }
        }
        let api = self.shared.docker.client_version();
        Ok(Capabilities {
            engine_version: engine,
            api_version: format!("{}.{}", api.major_version, api.minor_version),
            buildkit_version: buildkit.map(|version| version.version),
            platforms,
        })
    }
}

/// Returns a client that speaks the newest API both sides know, and the Engine's version where its ping says it.
async fn negotiate(
    address: &Address,
    connector: &Connector,
) -> Result<(Docker, Option<String>), DockerError> {
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(4)
        .pool_timer(TokioTimer::new())
        .build(connector.clone());
    let transport = move |request: BollardRequest| {
        let response = client.request(request);
        async move { response.await.map_err(bollard::errors::Error::from) }
    };
    let Ping { api, engine } = ping(&transport)
        .await
        .map_err(|error| unreachable(address, &error))?;
    let docker = Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        REQUEST_TIMEOUT,
        api.as_ref()
            .filter(|api| *api < API_DEFAULT_VERSION)
            .unwrap_or(API_DEFAULT_VERSION),
    )
    .map_err(|error| unreachable(address, &error))?;
    let docker = match api {
        Some(_) => docker,
        None => docker
            .negotiate_version()
            .await
            .map_err(|error| unreachable(address, &error))?,
    };
    let api = docker.client_version();
    if api < FIRST_BUILDKIT_API {
        return Err(DockerError::Unsupported {
            address: address.text.clone(),
            reason: format!(
                "speaks API {}.{} and has no BuildKit",
                api.major_version, api.minor_version
            ),
            help: "windlass needs Docker 18.09 or newer, best 20.10 or newer".to_owned(),
        });
    }
    Ok((docker, engine))
}

/// What an Engine says of itself when it is pinged, which costs it next to nothing: for `/version` it starts several programs. `None` is
/// what it does not say there.
struct Ping {
    api: Option<ClientVersion>,
    /// The Engine's own version, as `20.10.24`.
    engine: Option<String>,
}

async fn ping<F>(transport: &impl Fn(BollardRequest) -> F) -> Result<Ping, bollard::errors::Error>
where
    F: Future<Output = Result<Response<Incoming>, bollard::errors::Error>>,
{
    let ping = Request::get("http://docker/_ping").body(body_full(Bytes::new()))?;
    let limit = Duration::from_secs(REQUEST_TIMEOUT);
    let answer = tokio::time::timeout(limit, transport(ping)).await;
    let answer = answer.map_err(|_| bollard::errors::Error::RequestTimeoutError)??;
    let said = |name| answer.headers().get(name)?.to_str().ok();
    let api = said("api-version").and_then(|version| {
        let (major, minor) = version.split_once('.')?;
        Some(ClientVersion {
            major_version: major.parse().ok()?,
            minor_version: minor.parse().ok()?,
        })
    });
    // `Docker/20.10.24+dfsg1 (linux)`; others that speak this API name themselves, and are asked for the version they play.
    let engine = said("server").and_then(|server| {
        let version = server.strip_prefix("Docker/")?.split(' ').next()?;
        (!version.is_empty()).then(|| version.to_owned())
    });
    Ok(Ping { api, engine })
}

fn unreachable(address: &Address, error: &bollard::errors::Error) -> DockerError {
    let reason = innermost(error);
    let help = if reason.contains("ermission denied") {
        "add yourself to the group `docker`, or set DOCKER_HOST to an Engine you may use".to_owned()
    } else if let Endpoint::Tls { certificates, .. } = &address.endpoint {
        let folder = certificates
            .ca
            .parent()
            .unwrap_or(&certificates.ca)
            .display();
        format!("see that it runs and accepts the certificates in `{folder}`")
    } else if address.origin == DEFAULT_ORIGIN {
        "start it, or set DOCKER_HOST".to_owned()
    } else {
        format!("start it, or correct {}", address.origin)
    };
    DockerError::Unreachable {
        address: address.text.clone(),
        reason,
        help,
    }
}
