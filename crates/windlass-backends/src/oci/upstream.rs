//! Base images: from a reference to a digest, its platforms, and what its config says of user and entrypoint.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;
use tokio::sync::Semaphore;
use windlass_core::dockerfile::trigger_reads_context;
use windlass_core::name::{Digest, Platform};
use windlass_core::oci;
use windlass_engine::ports::{BaseFacts, RegistryError, Upstream};

use super::auth::{AuthError, Authorizations, SignIn};
use super::connect::Network;
use super::problem::Problem;
use super::reference::{Reference, Selector};
use super::transport::{self, Transport, TransportError, backoff, scheme_of};
use crate::docker::{Credentials, Environment};

/// References that are resolved at once.
const CONCURRENCY: usize = 8;
/// How long a registry may think.
const PATIENCE: Duration = Duration::from_secs(20);
/// Largest manifest or config that is read.
const LIMIT: usize = 16 * 1024 * 1024;
/// Attempts at a request that fails for a passing reason.
const ATTEMPTS: u32 = 4;
/// Redirects followed.
const REDIRECTS: usize = 5;

/// Registries of base images.
#[derive(Debug)]
pub struct UpstreamRegistries {
    transport: Transport,
    credentials: Credentials,
    user_agent: String,
    authorizations: Authorizations,
    calls: Semaphore,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    manifests: Option<Vec<Child>>,
    #[serde(default)]
    config: Option<Link>,
}

#[derive(Deserialize)]
struct Child {
    digest: Digest,
    #[serde(default)]
    platform: Option<PlatformText>,
}

#[derive(Deserialize)]
struct Link {
    digest: Digest,
}

#[derive(Deserialize, Default)]
struct PlatformText {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(flatten)]
    platform: PlatformText,
    #[serde(default)]
    config: Option<Inner>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Inner {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    entrypoint: Option<Vec<String>>,
    #[serde(default)]
    on_build: Option<Vec<String>>,
}

impl PlatformText {
    fn platform(&self) -> Option<Platform> {
        if self.os == "unknown" || self.architecture == "unknown" {
            return None;
        }
        // `v8` is the only arm64 there is; leaving it out is how platforms are written.
        let variant = self.variant.as_deref().filter(|variant| {
            !variant.is_empty() && (self.architecture.as_str(), *variant) != ("arm64", "v8")
        });
        let text = match variant {
            Some(variant) => format!("{}/{}/{variant}", self.os, self.architecture),
            None => format!("{}/{}", self.os, self.architecture),
        };
        Platform::new(text).ok()
    }
}

/// One question to a registry.
struct Ask<'a> {
    reference: &'a Reference,
    method: Method,
    path: String,
}

impl UpstreamRegistries {
    /// Uses proxies and certificates of `network`, and credentials of the Docker configuration.
    pub fn new(network: Network, credentials: Credentials, user_agent: impl Into<String>) -> Self {
        Self {
            transport: Transport::new(network),
            credentials,
            user_agent: user_agent.into(),
            authorizations: Authorizations::default(),
            calls: Semaphore::new(CONCURRENCY),
        }
    }

    /// Takes everything from the environment: `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`, `DOCKER_CONFIG`.
    pub fn from_environment(user_agent: impl Into<String>) -> Self {
        Self::new(
            Network::from_environment(),
            Credentials::new(&Environment::from_process()),
            user_agent,
        )
    }

    async fn facts(&self, reference: &Reference) -> Result<BaseFacts, RegistryError> {
        let (digest, document) = self.named(reference).await?;
        let mut facts = BaseFacts {
            digest,
            platforms: Vec::new(),
            user: None,
            entrypoint: Vec::new(),
            onbuild: None,
            resolved_from: reference.host.clone(),
        };
        let Some(children) = document.manifests else {
            let link = document.config.ok_or_else(|| not_an_image(reference))?;
            let config = self.config(reference, &link.digest).await?;
            facts.platforms.extend(config.platform.platform());
            describe(&mut facts, config.config);
            return Ok(facts);
        };
        let platforms: Vec<(Platform, Digest)> = children
            .into_iter()
            .filter_map(|child| Some((child.platform?.platform()?, child.digest)))
            .collect();
        let shown = platforms
            .iter()
            .find(|(platform, _)| *platform == Platform::default())
            .or_else(|| platforms.first())
            .map(|(_, digest)| digest.clone());
        facts.platforms = platforms
            .into_iter()
            .map(|(platform, _)| platform)
            .collect();
        facts.platforms.sort();
        facts.platforms.dedup();
        // User and entrypoint are for information: an index whose child cannot be read is still resolved.
        if let Some(digest) = shown
            && let Ok(config) = self.child_config(reference, &digest).await
        {
            describe(&mut facts, config.config);
        }
        Ok(facts)
    }

    /// Returns digest and manifest behind the reference: HEAD for the digest, which Docker Hub does not count as a pull, then the bytes.
    async fn named(&self, reference: &Reference) -> Result<(Digest, Document), RegistryError> {
        let digest = match &reference.selector {
            Selector::Digest(digest) => Some(digest.clone()),
            Selector::Tag(tag) => self.head(reference, tag.as_str()).await?,
        };
        let name = digest
            .as_ref()
            .map_or_else(|| reference.selector.to_string(), ToString::to_string);
        let bytes = self.get(reference, format!("manifests/{name}")).await?;
        let actual = Digest::of(&bytes);
        if digest.is_some_and(|digest| digest != actual) {
            return Err(RegistryError::Other(format!(
                "{}: {} answered other bytes than {name} names",
                shown(reference),
                reference.host
            )));
        }
        let document = serde_json::from_slice(&bytes).map_err(|_| not_an_image(reference))?;
        Ok((actual, document))
    }

    async fn head(
        &self,
        reference: &Reference,
        tag: &str,
    ) -> Result<Option<Digest>, RegistryError> {
        let ask = Ask {
            reference,
            method: Method::HEAD,
            path: format!("manifests/{tag}"),
        };
        let answer = match self.ask(&ask).await {
            Ok(answer) => answer,
            // Some registries know no HEAD: the GET will tell.
            Err(RegistryError::Other(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let digest = answer.headers().get("docker-content-digest");
        Ok(digest
            .and_then(|value| value.to_str().ok())
            .and_then(|text| Digest::new(text).ok()))
    }

    async fn child_config(
        &self,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<Config, RegistryError> {
        let bytes = self.get(reference, format!("manifests/{digest}")).await?;
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|_| not_an_image(reference))?;
        let link = document.config.ok_or_else(|| not_an_image(reference))?;
        self.config(reference, &link.digest).await
    }

    async fn config(
        &self,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<Config, RegistryError> {
        let bytes = self.get(reference, format!("blobs/{digest}")).await?;
        if Digest::of(&bytes) != *digest {
            return Err(RegistryError::Other(format!(
                "{}: {} answered other bytes than its config {digest} names",
                shown(reference),
                reference.host
            )));
        }
        serde_json::from_slice(&bytes).map_err(|_| not_an_image(reference))
    }

    async fn get(&self, reference: &Reference, path: String) -> Result<Bytes, RegistryError> {
        let ask = Ask {
            reference,
            method: Method::GET,
            path,
        };
        let mut attempt = 1;
        loop {
            let answer = self.ask(&ask).await?;
            match transport::read(answer.into_body(), &reference.host, LIMIT, PATIENCE).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) if attempt == ATTEMPTS => return Err(unreachable(reference, &error)),
                Err(_) => tokio::time::sleep(backoff(attempt, PATIENCE)).await,
            }
            attempt += 1;
        }
    }

    /// Asks until there is an answer of success, or an error that stays.
    async fn ask(&self, ask: &Ask<'_>) -> Result<Response<Incoming>, RegistryError> {
        let mut attempt = 1;
        loop {
            let error = match self.ask_signed_in(ask).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = matches!(error, RegistryError::Transient(_));
            if !again || attempt == ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(backoff(attempt, PATIENCE)).await;
            attempt += 1;
        }
    }

    async fn ask_signed_in(&self, ask: &Ask<'_>) -> Result<Response<Incoming>, RegistryError> {
        let reference = ask.reference;
        let host = reference.api_host();
        let text = format!(
            "{}://{host}/v2/{}/{}",
            scheme_of(host),
            reference.repository,
            ask.path
        );
        let mut url: Uri = text.parse().map_err(|_| not_an_image(reference))?;
        let home = url.authority().cloned();
        let mut asked_again = false;
        let mut redirects = 0;
        loop {
            let authorization = self
                .authorizations
                .get(&reference.host, &reference.repository)
                .filter(|_| url.authority() == home.as_ref());
            let answer = self.send(ask, &url, authorization).await;
            let answer = answer.map_err(|error| unreachable(reference, &error))?;
            let status = answer.status();
            if status == StatusCode::UNAUTHORIZED
                && !asked_again
                && url.authority() == home.as_ref()
            {
                asked_again = true;
                if self.sign_in(reference, &answer).await? {
                    continue;
                }
            }
            if status.is_redirection() && redirects < REDIRECTS {
                redirects += 1;
                let location = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
                url = location
                    .and_then(|location| follow(&url, location))
                    .ok_or_else(|| not_an_image(reference))?;
                continue;
            }
            if status.is_success() {
                return Ok(answer);
            }
            return Err(refusal(reference, answer).await);
        }
    }

    async fn send(
        &self,
        ask: &Ask<'_>,
        url: &Uri,
        authorization: Option<hyper::header::HeaderValue>,
    ) -> Result<Response<Incoming>, TransportError> {
        let accepted = [
            oci::IMAGE_INDEX,
            oci::IMAGE_MANIFEST,
            oci::DOCKER_MANIFEST_LIST,
            oci::DOCKER_MANIFEST,
        ];
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(url)
            .header(USER_AGENT, &self.user_agent)
            .header(ACCEPT, accepted.join(", "));
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request
            .body(transport::empty())
            .map_err(|error| TransportError::Unreachable(error.to_string()))?;
        self.transport.send_within(PATIENCE, request).await
    }

    async fn sign_in(
        &self,
        reference: &Reference,
        answer: &Response<Incoming>,
    ) -> Result<bool, RegistryError> {
        let client = SignIn {
            transport: &self.transport,
            credentials: &self.credentials,
            user_agent: &self.user_agent,
            host: &reference.host,
        };
        match self
            .authorizations
            .answer(&client, answer.headers(), &reference.repository)
            .await
        {
            Ok(found) => Ok(found.is_some()),
            Err(AuthError::Transport(error)) => Err(unreachable(reference, &error)),
            Err(AuthError::Refused(why)) => Err(RegistryError::Credentials(format!(
                "{}: no login to {}: {why}; try `docker login {}`",
                shown(reference),
                reference.host,
                reference.host
            ))),
        }
    }
}

impl Upstream for UpstreamRegistries {
    async fn resolve(&self, reference: &str) -> Result<BaseFacts, RegistryError> {
        let parsed = Reference::parse(reference).map_err(|why| {
            RegistryError::Other(format!("`{reference}` is no image reference: {why}"))
        })?;
        let _permit = self
            .calls
            .acquire()
            .await
            .expect("the semaphore is never closed");
        self.facts(&parsed).await
    }
}

fn describe(facts: &mut BaseFacts, config: Option<Inner>) {
    let Inner {
        user,
        entrypoint,
        on_build,
    } = config.unwrap_or_default();
    let triggers = on_build.unwrap_or_default();
    facts.onbuild = Some(triggers.iter().any(|it| trigger_reads_context(it)));
    facts.user = Some(user.unwrap_or_default());
    facts.entrypoint = entrypoint.unwrap_or_default();
}

fn shown(reference: &Reference) -> String {
    let separator = match reference.selector {
        Selector::Tag(_) => ':',
        Selector::Digest(_) => '@',
    };
    format!(
        "{}/{}{separator}{}",
        reference.host, reference.repository, reference.selector
    )
}

fn follow(from: &Uri, location: &str) -> Option<Uri> {
    let target: Uri = if location.starts_with('/') {
        format!("{}://{}{location}", from.scheme_str()?, from.authority()?)
            .parse()
            .ok()?
    } else {
        location.parse().ok()?
    };
    // From https only to https.
    let downgrade = from.scheme_str() == Some("https") && target.scheme_str() != Some("https");
    (target.authority().is_some() && !downgrade).then_some(target)
}

fn not_an_image(reference: &Reference) -> RegistryError {
    RegistryError::Other(format!(
        "{}: {} answered something that is no image of the OCI or Docker format",
        shown(reference),
        reference.host
    ))
}

fn mirror_help(reference: &Reference) -> String {
    format!(
        "to read base images elsewhere, use `--mirror {}=HOST` or a `mirror` node",
        reference.host
    )
}

fn unreachable(reference: &Reference, error: &TransportError) -> RegistryError {
    let text = format!("{}: {error}; {}", shown(reference), mirror_help(reference));
    match error {
        TransportError::Unreachable(_) | TransportError::Silent(_) => {
            RegistryError::Unreachable(text)
        }
        TransportError::Broken(_) => RegistryError::Transient(text),
    }
}

/// Tells apart: no such image, no access, and a registry that is busy.
async fn refusal(reference: &Reference, answer: Response<Incoming>) -> RegistryError {
    let status = answer.status();
    let body = transport::read(answer.into_body(), &reference.host, 64 * 1024, PATIENCE).await;
    let problem = Problem::parse(status, &body.unwrap_or_default());
    let (name, host) = (shown(reference), &reference.host);
    let answered = problem.text();
    if problem.is_passing() {
        let help = mirror_help(reference);
        return RegistryError::Transient(format!(
            "{name}: {host} answered {answered}; try again later, sign in with `docker login {host}`, or {help}"
        ));
    }
    match status {
        StatusCode::NOT_FOUND => RegistryError::NotFound(format!(
            "{name}: {host} has no such image ({answered}); check name and tag"
        )),
        StatusCode::UNAUTHORIZED => RegistryError::Credentials(format!(
            "{name}: {host} answered {answered}: there is no such image, or it needs `docker login {host}`"
        )),
        StatusCode::FORBIDDEN => RegistryError::Denied(format!(
            "{name}: {host} answered {answered}: the account of `docker login {host}` may not read it"
        )),
        _ => RegistryError::Other(format!("{name}: {host} answered {answered}")),
    }
}
