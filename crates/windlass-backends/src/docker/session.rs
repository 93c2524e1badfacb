//! The session a build runs in: our gRPC services, served over a connection that the Engine calls back on.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSyncServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;
use tonic::{Request, Response, Status};
use tower_service::Service as _;

use crate::docker::credentials::Credentials;
use crate::docker::engine::WINDOW;
use crate::docker::filesync::Files;
use crate::docker::transport::Connector;

/// The values of `RUN --mount=type=secret`, by id. Never shown, also not by `Debug`.
#[derive(Clone, Default)]
pub struct SecretValues(Arc<BTreeMap<String, Bytes>>);

impl SecretValues {
    /// Takes the values by id.
    pub fn new(values: BTreeMap<String, Bytes>) -> Self {
        Self(Arc::new(values))
    }

    /// Returns the values that may be masked in logs: text long enough not to be an accident.
    pub(crate) fn masked(&self) -> Vec<String> {
        self.0
            .values()
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(str::lines)
            .map(str::trim)
            .filter(|line| line.len() >= 4)
            .map(str::to_owned)
            .collect()
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// An open session; closing it ends the build that runs in it.
pub(crate) struct Session {
    server: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Session {
    /// Opens the session `id`. Trees sent under one `shared_key` are compared with each other.
    pub(crate) async fn open(
        connector: Connector,
        id: &str,
        shared_key: &str,
        services: Services,
    ) -> io::Result<Self> {
        let mut headers = vec![
            ("x-docker-expose-session-uuid", id.to_owned()),
            ("x-docker-expose-session-name", "windlass".to_owned()),
            ("x-docker-expose-session-sharedkey", shared_key.to_owned()),
        ];
        headers.extend(
            METHODS
                .iter()
                .map(|method| ("x-docker-expose-session-grpc-method", (*method).to_owned())),
        );
        let stream = connector.upgrade("/session", headers).await?;
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .serve_connection(stream, services);
        // The build reports what goes wrong; the connection's own ending says nothing more.
        let server = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { server })
    }
}

/// What the session announces; `BuildKit` calls nothing else.
const METHODS: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
];

/// The services of one session.
#[derive(Clone)]
pub(crate) struct Services {
    files: FileSyncServer<Files>,
    auth: AuthServer<Credentials>,
    secrets: SecretsServer<SecretValues>,
    health: HealthServer<Healthy>,
}

impl Services {
    pub(crate) fn new(files: Files, credentials: Credentials, secrets: SecretValues) -> Self {
        Self {
            files: FileSyncServer::new(files),
            auth: AuthServer::new(credentials),
            secrets: SecretsServer::new(secrets),
            health: HealthServer::new(Healthy),
        }
    }
}

type Answer = http::Response<tonic::body::Body>;

impl hyper::service::Service<http::Request<Incoming>> for Services {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let service = request.uri().path().split('/').nth(1).unwrap_or_default();
        match service {
            "moby.filesync.v1.FileSync" => self.files.clone().call(request),
            "moby.filesync.v1.Auth" => self.auth.clone().call(request),
            "moby.buildkit.secrets.v1.Secrets" => self.secrets.clone().call(request),
            // It answers "unimplemented" to whatever it does not know.
            _ => self.health.clone().call(request),
        }
    }
}

#[tonic::async_trait]
impl Secrets for SecretValues {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        match self.0.get(&id) {
            Some(value) => Ok(Response::new(GetSecretResponse {
                data: value.to_vec(),
            })),
            None => Err(Status::not_found(format!("secret {id}: not found"))),
        }
    }
}

#[tonic::async_trait]
impl Auth for Credentials {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        let credential = self
            .find(&host)
            .await
            .map_err(Status::failed_precondition)?
            .unwrap_or_default();
        Ok(Response::new(CredentialsResponse {
            username: credential.username,
            secret: credential.secret,
        }))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(by_credentials())
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(by_credentials())
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(by_credentials())
    }
}

/// `BuildKit` then asks for the credentials and fetches the token itself.
fn by_credentials() -> Status {
    Status::unimplemented("windlass gives credentials, not tokens")
}

#[derive(Clone)]
struct Healthy;

#[tonic::async_trait]
impl Health for Healthy {
    type WatchStream = tokio_stream::Once<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(serving()))
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("windlass answers Check only"))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(tokio_stream::once(Ok(serving()))))
    }
}

fn serving() -> HealthCheckResponse {
    HealthCheckResponse {
        status: ServingStatus::Serving.into(),
    }
}
